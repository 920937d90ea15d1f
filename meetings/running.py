"""Owns the note of what runs on a data folder: written by the supervisor, read by whoever asks, believed only while
the process that wrote it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from meetings.config import Settings
from meetings.ports import Port


class Running(msgspec.Struct, frozen=True):
    """`born` tells the supervisor from a later process with the same id; `children`: process ids by name."""

    pid: int
    born: int
    since: datetime
    web: str
    relay: str | None  # None: another machine's
    ports: list[Port]
    children: dict[str, int]


def hold(path: Path) -> IO[str] | None:
    """The lock of this file for as long as the process lives; None while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def note(settings: Settings, running: Running) -> None:
    """Whole or not at all. Where it cannot be written the system runs all the same."""
    path = _path(settings)
    draft = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        draft.write_bytes(msgspec.json.encode(running))
        draft.replace(path)


def forget(settings: Settings) -> None:
    with contextlib.suppress(OSError):
        _path(settings).unlink(missing_ok=True)


def running_now(settings: Settings) -> Running | None:
    """What the supervisor of this data folder last wrote; None when it is not alive any more."""
    try:
        found = msgspec.json.decode(_path(settings).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
    return found if born(found.pid) == found.born else None


def born(pid: int) -> int | None:
    """When a living process began, in clock ticks after the machine; None: there is no such process."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError, ValueError):
        return None
    return None if state in "ZX" else int(fields[18])


def own_process() -> tuple[int, int]:
    """Id and birth of this process, for its note."""
    return os.getpid(), born(os.getpid()) or 0


def _path(settings: Settings) -> Path:
    return settings.data_dir / "running.json"
