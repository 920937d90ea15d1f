"""Builds the relay's compiled fan-out where there is a C compiler; without one the relay forwards in Python.

`python -m tools.build_fanout` is called by ./run and ./test before they start; a second call takes no time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from meetings.signaling.media import native

_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared")


def compiler() -> str | None:
    """The C compiler of this machine."""
    return next(
        (found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None
    )


def build(target: Path = native.LIBRARY) -> bool:
    """True when the library is there, built from today's source."""
    if not sys.platform.startswith("linux"):
        return False
    if target == native.LIBRARY and native.load() is not None:
        return True
    command = compiler()
    if command is None:
        return False
    new = target.with_name(f"{target.name}.{os.getpid()}")
    define = f'-DFANOUT_SOURCE="{native.fingerprint()}"'
    done = subprocess.run(
        [command, *_FLAGS, define, "-o", str(new), str(native.SOURCE)], capture_output=True, text=True
    )
    if done.returncode:
        print(f"The compiled fan-out was not built; the relay forwards in Python.\n{done.stderr}", file=sys.stderr)
        return False
    new.rename(target)  # whole or not at all, whoever has it open
    return True


def main() -> int:
    """Always 0: nothing needs it."""
    build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
