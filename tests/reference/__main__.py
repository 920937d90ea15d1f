"""Build the reference programs and say which are there: `python -m tests.reference`."""

from __future__ import annotations

import argparse

from tests.reference.programs import NAMES, Missing, program


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    missing = 0
    for name in NAMES:
        try:
            print(f"{name}: {program(name)}")
        except Missing as reason:
            missing += 1
            print(f"{name}: {reason}")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
