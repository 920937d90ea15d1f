"""Whether a recording's files are as they were written: hashes read again in a thread, remembered by size and time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

REMEMBERED = 10_000


class Verdict(StrEnum):
    WHOLE = "whole"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True)
class Sealed:
    """A file and the hash it was sealed with."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Checked:
    name: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """What a check of all files found; None from `Checker.report` means it is still reading."""

    files: tuple[Checked, ...]

    @property
    def faults(self) -> list[Checked]:
        return [file for file in self.files if file.verdict is not Verdict.WHOLE]


StateKey = tuple[str, int, int]


class Checker:
    """Reads each file once for every state it has been in; a file of the same size and time is not read again
    unless somebody asks for it (`afresh`). One reader at a time: a check must not take the disk from a recorder."""

    def __init__(self) -> None:
        self._known: dict[StateKey, str] = {}
        self._reading = asyncio.Lock()
        self._running: dict[str, asyncio.Task[Report]] = {}
        self._closed = False

    async def report(self, key: str, files: Sequence[Sealed], *, wait: float, afresh: bool = False) -> Report | None:
        """The report, or None when it is not there within `wait` seconds; it goes on and the next call finds it."""
        if self._closed:
            raise RuntimeError("the house is closing")
        task = self._running.get(key)
        if task is None:
            if afresh:
                self._forget(files)
            task = asyncio.create_task(self._check(list(files)))
            self._running[key] = task
            task.add_done_callback(lambda done: self._running.pop(key, None))
        await asyncio.wait([task], timeout=wait)
        return task.result() if task.done() else None

    async def close(self) -> None:
        """End what is being read; nothing new is begun."""
        self._closed = True
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, files: list[Sealed]) -> Report:
        async with self._reading:
            return Report(tuple([await self._one(file) for file in files]))

    async def _one(self, file: Sealed) -> Checked:
        try:
            key = _key(file.path)
            found = self._known.get(key)
            if found is None:
                found = await asyncio.to_thread(_sha256, file.path)
                self._remember(key, found)
        except FileNotFoundError:
            return Checked(file.name, Verdict.MISSING)
        return Checked(file.name, Verdict.WHOLE if found == file.sha256 else Verdict.CHANGED)

    def _remember(self, key: StateKey, sha256: str) -> None:
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = sha256

    def _forget(self, files: Sequence[Sealed]) -> None:
        paths = {str(file.path) for file in files}
        self._known = {key: value for key, value in self._known.items() if key[0] not in paths}


def _key(path: Path) -> StateKey:
    state = path.stat()
    return str(path), state.st_mtime_ns, state.st_size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
