"""A meeting as a province holds it: `python -m tests.load.meeting --points 60`.

One picture of 720p, eight thumbnails, the three who speak; every point gets all of it. Goal: no packet lost by the
relay, and 99 of 100 packets not later than 40 ms, keyframes apart.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.load import machine
from tests.load.compare import OURS, SERVERS, start
from tests.load.meter import SOUND, Figures, Scenario, measure, picture
from tests.reference.network import isolate
from tests.reference.programs import Missing

GOAL_MS = 40.0
LARGE = picture(30, 8)  # 2.1 Mbit/s
SMALL = picture(15, 1, 1000)  # 120 kbit/s


def meeting(points: int) -> Scenario:
    """The first point is seen by all, eight others small; three of the nine are heard."""
    sends = {"point-0": [LARGE, SOUND]}
    for number in range(1, 9):
        sends[f"point-{number}"] = [SMALL, SOUND] if number < 3 else [SMALL]
    return Scenario(f"{points} points", sends, points, together=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[60])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--servers", nargs="+", default=[OURS], choices=SERVERS)
    arguments = parser.parse_args()
    try:
        address = isolate()
    except Missing as reason:
        print(f"SKIPPED: {reason}")
        return 1
    print(machine.described())
    print(Figures.heading("", "server"), flush=True)
    met = True
    for points in arguments.points:
        for name in arguments.servers:
            with start(name, address) as server:
                found = asyncio.run(measure(server, meeting(points), arguments.seconds))
            print(found.line(f"{points}", name), flush=True)
            print(
                f"{found.cpu / arguments.seconds:.0%} of a core, {found.forwarded / arguments.seconds:,.0f} packets/s"
            )
            met = met and not found.loss and found.p99_ms <= GOAL_MS
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
