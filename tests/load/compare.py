"""Our relay beside LiveKit's server and Janus: `python -m tests.load.compare`.

The servers take turns in shuffled order within one run, each with the same streams and the same light receivers: a
true ICE and DTLS handshake, then headers counted with the kernel's time of arrival. Receivers report every second and
ask for 0.5 % of the packets again. Everything is on this machine, so a server's CPU time contains the kernel's delivery
to the receivers' sockets; what senders and receivers use themselves is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.load import machine
from tests.load.meter import Figures, measure, room_of
from tests.reference import servers
from tests.reference.network import isolate
from tests.reference.programs import Missing
from tests.reference.servers import Server

OURS = "relay"
IN_PYTHON = "relay in Python"  # as where there is no compiler
SERVERS = (OURS, IN_PYTHON, "livekit-server", "janus")
SCENARIOS = {
    "1x10": room_of("1 × 10", publishers=1, receivers=10, frames=30, packets=10),
    "1x50": room_of("1 × 50", publishers=1, receivers=50, frames=30, packets=8),
    "1x100": room_of("1 × 100", publishers=1, receivers=100, frames=25, packets=6),
    "1x200": room_of("1 × 200", publishers=1, receivers=200, frames=25, packets=3),
    "16x16": room_of("16 × 16", publishers=16, receivers=16, frames=20, packets=2),
}
USUAL = ("1x10", "1x50", "1x100", "16x16")


@dataclass(frozen=True)
class Result:
    """One turn of one server."""

    scenario: str
    server: str
    round: int
    figures: Figures


def start(name: str, address: str) -> AbstractContextManager[Server]:
    """A server set up for speed as its makers say: all are ICE-lite."""
    if name == "janus":
        return servers.janus(address)
    if name == "livekit-server":
        return servers.livekit_server(extra={"rtc": {"use_ice_lite": True}}, address=address)
    return servers.relay(address=address, compiled=name != IN_PYTHON)


def available(names: list[str], address: str) -> list[str]:
    """Those that start here; why others do not is printed."""
    found = []
    for name in names:
        try:
            with start(name, address):
                found.append(name)
        except Missing as reason:
            print(f"SKIPPED {name}: {reason}", flush=True)
    return found


def turns(scenarios: list[str], names: list[str], rounds: int) -> Iterator[tuple[str, str, int]]:
    """Which server is measured in what, in the order of the run."""
    for scenario in scenarios:
        for number in range(rounds):
            for name in random.sample(names, len(names)):
                yield scenario, name, number


def run(arguments: argparse.Namespace, address: str) -> list[Result]:
    """All turns; each prints its line."""
    results = []
    names = available(arguments.servers, address)
    print(Figures.heading("", "server"), flush=True)
    for key, name, number in turns(arguments.scenarios, names, arguments.rounds):
        scenario = SCENARIOS[key]
        with start(name, address) as server:
            figures = asyncio.run(measure(server, scenario, arguments.seconds))
        results.append(Result(scenario.name, name, number, figures))
        print(figures.line(scenario.name, name), flush=True)
    return results


def table(results: list[Result]) -> str:
    """Medians over the rounds, as Markdown."""
    head = [
        "room",
        "server",
        "packets per CPU second",
        "ours against it",
        "delay p50 / p99 ms",
        "keyframes p50 / p99 ms",
    ]
    head += ["lost", "memory MiB", "machine's pauses p99 / most ms"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for scenario in dict.fromkeys(result.scenario for result in results):
        for name in dict.fromkeys(result.server for result in results):
            rows = [result.figures for result in results if (result.scenario, result.server) == (scenario, name)]
            if rows:
                ratio = "" if name == OURS else f"{_ratio(results, scenario, name):.2f}"
                lines.append("| " + " | ".join([scenario, name, *_cells(rows, ratio)]) + " |")
    return "\n".join(lines)


def _cells(rows: list[Figures], ratio: str) -> list[str]:
    def median(name: str) -> float:
        return statistics.median(float(getattr(row, name)) for row in rows)

    return [
        f"{median('per_cpu_second'):,.0f}",
        ratio,
        f"{median('p50_ms'):.2f} / {median('p99_ms'):.1f}",
        f"{median('key_p50_ms'):.2f} / {median('key_p99_ms'):.1f}",
        f"{median('loss'):.4%}",
        f"{median('memory') / (1 << 20):.0f}",
        f"{median('pause_p99_ms'):.1f} / {max(row.pause_most_ms for row in rows):.0f}",
    ]


def _ratio(results: list[Result], scenario: str, name: str) -> float:
    """The median over rounds of ours divided by theirs."""
    by = {(one.server, one.round): one.figures.per_cpu_second for one in results if one.scenario == scenario}
    rounds = {number for _, number in by}
    ratios = [by[OURS, n] / by[name, n] for n in rounds if (OURS, n) in by and by.get((name, n))]
    return statistics.median(ratios) if ratios else float("nan")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", default=list(SERVERS), choices=SERVERS)
    parser.add_argument("--scenarios", nargs="+", default=list(USUAL), choices=list(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="measured in each turn")
    arguments = parser.parse_args()
    try:
        address = isolate()
    except Missing as reason:
        print(f"SKIPPED: {reason}")
        return 1
    results = run(arguments, address)
    print(f"\n{machine.described()}; {arguments.rounds} rounds of {arguments.seconds:g} s, medians\n")
    print(table(results))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
