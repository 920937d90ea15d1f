"""Prints the table of docs/bad-lines.md: `python -m tests.faults.lines [--server relay] [cell …]`."""

from __future__ import annotations

import argparse

from tests.faults.lines.cells import BY_NAME, CELLS
from tests.faults.lines.measuring import Heard, Result, joins, measure, possible
from tests.reference.programs import Missing

_COLUMNS = (
    *("cell", "loss / jitter / rate", "server"),
    *("sound to the point", "pictures/s", "longest freeze"),
    *("sound from it", "pictures/s", "longest freeze"),
)
SERVERS = ["relay", "livekit-server"]
HEADER = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"


def row(result: Result) -> str:
    """One line of the table."""
    return f"| {result.cell.name} | {result.cell} | {result.server} | {_heard(result.down)} | {_heard(result.up)} |"


def _heard(heard: Heard) -> str:
    return f"{heard.sound:.1%} | {heard.pictures:.1f} | {heard.freeze:.1f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", nargs="*", default=[cell.name for cell in CELLS])
    parser.add_argument("--server", action="append", choices=["relay", "livekit-server"])
    parser.add_argument("--joins", type=int, help="only join, so often each, and print the seconds sorted")
    arguments = parser.parse_args()
    if reason := possible():
        print(f"Not here: {reason}.")
        return 1
    if arguments.joins:
        for name in arguments.cells:
            for server in arguments.server or SERVERS:
                taken = sorted(joins(BY_NAME[name], server, arguments.joins))
                print(f"| {name} | {server} | {' '.join(f'{seconds:.1f}' for seconds in taken)} |", flush=True)
        return 0
    print(HEADER, flush=True)
    late = 0.0
    for name in arguments.cells:
        for server in arguments.server or SERVERS:
            try:
                result = measure(BY_NAME[name], server)
            except (AssertionError, Missing) as error:
                print(f"| {name} | {BY_NAME[name]} | {server} | failed: {error} |", flush=True)
                continue
            late = max(late, result.late_ms)
            print(row(result), flush=True)
    print(f"The line itself added at most {late:.1f} ms (p99 of the worst run).")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
