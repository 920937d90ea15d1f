"""Owns the log file of an installation: what every process says, on the terminal and in files of a bounded size."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from pathlib import Path
from typing import TextIO

_LONGEST_LINE = 65_536


class Journal:
    """A stream to write to. Neither a closed terminal nor a full disk stops who writes."""

    def __init__(self, path: Path, *, most_bytes: int, files: int, terminal: TextIO | None = None) -> None:
        self._path, self._most_bytes, self._files = path, most_bytes, files
        self._terminal = terminal or sys.stderr
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._terminal.write(text)
            self._terminal.flush()
        with contextlib.suppress(OSError):
            self._keep(text.encode(errors="replace"))

    def flush(self) -> None:
        """Nothing waits here."""

    def _keep(self, data: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(data) > self._most_bytes:
            self._rotate()
        with self._path.open("ab") as file:
            file.write(data)

    def _rotate(self) -> None:
        """meetings.log → meetings.log.1 → … ; what would be one too many goes."""
        older = [self._path.with_name(f"{self._path.name}.{number}") for number in range(1, self._files)]
        places = [self._path, *older]
        for source, target in reversed(list(itertools.pairwise(places))):
            if source.exists():
                source.replace(target)
        if self._files < 2:
            self._path.unlink(missing_ok=True)

    async def copy(self, source: asyncio.StreamReader) -> None:
        """Line after line, so that the lines of several processes do not mix; until the other end is closed."""
        rest = b""
        while chunk := await source.read(_LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.write(line.decode(errors="replace") + "\n")
        if rest:
            self.write(rest.decode(errors="replace") + "\n")
