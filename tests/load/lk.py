"""`lk load-test`, unchanged, against our relay and LiveKit's server: `python -m tests.load.lk`.

The tool publishes pictures in layers (and sound) and counts what its subscribers got. It shares the machine's cores
with the server, so beyond some number of subscribers it is the tool that loses.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass

from tests.load import machine
from tests.load.compare import start
from tests.reference.network import isolate
from tests.reference.programs import Missing, lk
from tests.reference.servers import Server

ROOMS = {"1x50": (1, 50), "8x8": (8, 8), "1x100": (1, 100), "16x16": (16, 16)}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_LOSS = re.compile(r"(\d+) \(([\d.]+)%\)")


@dataclass(frozen=True)
class Outcome:
    """What the tool counted."""

    tracks: str
    bitrate: str
    lost: int
    cpu: float
    said: str


def run(server: Server, room: str, seconds: int, sound: bool) -> Outcome:
    """One run of the tool; raises RuntimeError when it prints no summary."""
    publishers, subscribers = ROOMS[room]
    command = [str(lk()), "load-test", "--url", server.socket_url, "--api-key", server.key, "--api-secret"]
    command += [server.secret, "--video-publishers", str(publishers), "--subscribers", str(subscribers)]
    command += ["--duration", f"{seconds}s", "--num-per-second", "20", "--yes"]
    command += ["--audio-publishers", str(publishers)] if sound else []
    before = machine.cpu_seconds(server.pids())
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90)
    cpu = machine.cpu_seconds(server.pids()) - before
    return outcome(done.stdout + done.stderr, cpu)


def outcome(said: str, cpu: float) -> Outcome:
    """The line of the summary that adds all subscribers up."""
    plain = _ESCAPES.sub("", said)
    for line in reversed(plain.splitlines()):
        if "Total" in line and "│" in line:
            cells = [cell.strip() for cell in line.strip("│ ").split("│")]
            return _read(cells, cpu, plain)
    raise RuntimeError(plain[-3000:])


def _read(cells: list[str], cpu: float, said: str) -> Outcome:
    lost = _LOSS.search(cells[-2])
    return Outcome(cells[1], cells[2], int(lost[1]) if lost else 0, cpu, said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--servers", nargs="+", default=["relay", "livekit-server"], choices=["relay", "livekit-server"]
    )
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS), choices=list(ROOMS))
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--sound", action="store_true", help="publish sound, too")
    parser.add_argument("--verbose", action="store_true", help="print what the tool prints")
    arguments = parser.parse_args()
    try:
        address = isolate()
        lk()
    except Missing as reason:
        print(f"SKIPPED: {reason}")
        return 1
    for room in arguments.rooms:
        for name in arguments.servers:
            with start(name, address) as server:
                found = run(server, room, arguments.seconds, arguments.sound)
            if arguments.verbose:
                print(found.said)
            print(
                f"{room:6} {name:15} {found.tracks} {found.bitrate} lost {found.lost} CPU {found.cpu:.1f} s", flush=True
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
