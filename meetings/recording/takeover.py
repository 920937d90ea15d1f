"""The right to write into a recording's directory: held by one process, taken over from one that has lost its host.

The lock is the kernel's, so a dead process holds nothing. One that was killed while it waits for a slow disk is not
dead yet and holds on for seconds; it will never write again, so its lock is put aside instead of being waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO

NAME = "lock"
PATIENCE = 2.0  # for a holder that was asked to go
_SIGKILL_BIT = 1 << (signal.SIGKILL - 1)


def take(directory: Path) -> IO[str]:
    """The lock; closing the file gives it back. A holder is asked to go, after a while it is made to."""
    path = directory / NAME
    deadline = time.monotonic() + PATIENCE
    told: set[tuple[int, signal.Signals]] = set()
    while (lock := _try(path)) is None:
        holder = _holder(path)
        if holder is not None and is_doomed(holder):
            path.unlink(missing_ok=True)
            continue
        word = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        if holder is not None and (holder, word) not in told:
            told.add((holder, word))
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder, word)
        time.sleep(0.02)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def give_up(directory: Path, lock: IO[str]) -> None:
    """Nobody is to write here again: the lock goes while it is held, or one that takes it now would lose it."""
    (directory / NAME).unlink(missing_ok=True)
    lock.close()


def _try(path: Path) -> IO[str] | None:
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
            return lock
    except OSError:
        pass
    lock.close()
    return None


def _holder(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        words = path.read_text().strip()
        return int(words) if words.isdecimal() else None
    return None


def is_doomed(process: int) -> bool:
    """Whether a process has ended, or has been killed and only waits for the kernel to finish something for it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return True
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
    return fields["State"].strip()[:1] in "ZX" or bool(pending & _SIGKILL_BIT)
