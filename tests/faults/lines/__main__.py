"""Prints the table of docs/bad-lines.md: `python -m tests.faults.lines [--server relay] [cell …]`."""

from __future__ import annotations

import argparse

from tests.faults.lines.cells import BY_NAME, CELLS
from tests.faults.lines.measuring import Heard, Result, measure, possible
from tests.reference.programs import Missing

_COLUMNS = (
    *("cell", "loss / jitter / rate", "server"),
    *("sound to the point", "pictures/s", "longest freeze"),
    *("sound from it", "pictures/s", "longest freeze"),
)
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
    arguments = parser.parse_args()
    if reason := possible():
        print(f"Not here: {reason}.")
        return 1
    print(HEADER, flush=True)
    late = 0.0
    for name in arguments.cells:
        for server in arguments.server or ["relay", "livekit-server"]:
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
