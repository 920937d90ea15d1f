"""The manifest of a recording: an append-only file of JSON lines, each carrying the hash of the line before.

It is the recording's own truth, written by the recorder without the database: what was recorded when (milliseconds on
one clock, 0 = the recording's first segment), into which file, with which gaps, and the SHA-256 of every closed file.
After the line `end` nothing is ever written: the file's own hash goes into the database and is what filing binds to.
Kinds of lines: begin, segment, open, close, mended, lost, gap, unrecorded, participant, speakers, layer, mute, mark,
left, refused, torn, end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

NAME = "manifest.jsonl"
START_HASH = "0" * 64
END = "end"


class Ended(Exception):
    """The recording has come to its end; its manifest is not written to any more."""


@dataclass(frozen=True)
class Entry:
    """One line: number, time, kind, and the rest of its fields."""

    seq: int
    t: int
    kind: str
    fields: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A field that may be absent."""
        return self.fields.get(name, default)


class Manifest:
    """Appends to the manifest in `directory`; a line cut by a crash is dropped and the drop is noted.

    `append` writes at once to the operating system; `sync` has the disk confirm. Raises OSError, and Ended.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        whole, torn = _whole_lines(contents(directory))
        if whole and _parse(whole[-1]).kind == END:
            raise Ended
        self._ended = False
        self._file: IO[bytes] = self.path.open("ab", buffering=0)
        if torn:
            os.truncate(self.path, sum(len(line) + 1 for line in whole))
        self._lock = threading.Lock()  # mending a killed life's files runs beside the recording
        self._seq = len(whole)
        self._head = _line_hash(whole[-1]) if whole else START_HASH
        if torn:
            self.append("torn", _parse(whole[-1]).t if whole else 0, bytes=torn)

    @property
    def is_new(self) -> bool:
        """Nothing has been written yet."""
        return self._seq == 0

    def append(self, kind: str, t: int, **fields: Any) -> None:
        """Add one line."""
        with self._lock:
            if self._ended:
                raise Ended
            record = {"seq": self._seq + 1, "t": t, "kind": kind, **fields, "prev": self._head}
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
            self._write(line + b"\n")
            self._seq, self._head, self._ended = self._seq + 1, _line_hash(line), kind == END

    def _write(self, line: bytes) -> None:
        """Whole or not at all: what a full disk took of a line would spoil the next one."""
        whole_until = os.fstat(self._file.fileno()).st_size
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), whole_until)
            raise

    def sync(self) -> None:
        """Have the disk confirm what was appended; blocking, for a thread."""
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Sync and close."""
        os.fsync(self._file.fileno())
        self._file.close()


def contents(directory: Path) -> bytes:
    """The file as it is; empty if there is none."""
    path = directory / NAME
    return path.read_bytes() if path.exists() else b""


def entries_of(data: bytes) -> list[Entry]:
    """All whole lines; an unfinished last line is left out."""
    return [_parse(line) for line in _whole_lines(data)[0]]


def read(directory: Path) -> list[Entry]:
    """All whole lines of a recording's manifest."""
    return entries_of(contents(directory))


def is_ended(entries: list[Entry]) -> bool:
    """Whether nothing may follow."""
    return bool(entries) and entries[-1].kind == END


def digest(directory: Path) -> str:
    """SHA-256 of the manifest file, hex: what filing binds to."""
    return hashlib.sha256((directory / NAME).read_bytes()).hexdigest()


def problems(directory: Path) -> list[str]:
    """What is wrong with the chain of lines and with the files it names, in words for `verify`; empty if sound."""
    found: list[str] = []
    previous = START_HASH
    lines, torn = _whole_lines(contents(directory))
    for position, line in enumerate(lines, start=1):
        record = json.loads(line) if _is_record(line) else {}
        if record.get("seq") != position or record.get("prev") != previous:
            found.append(f"{NAME}: line {position} does not follow from the line before")
        previous = _line_hash(line)
    if torn:
        found.append(f"{NAME}: the last line is unfinished")
    return found + _file_problems(directory, [_parse(line) for line in lines if _is_record(line)])


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex; blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_problems(directory: Path, entries: list[Entry]) -> list[str]:
    found = []
    for entry in entries:
        if entry.kind not in ("close", "mended"):
            continue
        path = directory / entry["file"]
        if not path.is_file():
            found.append(f"{entry['file']}: missing")
        elif file_hash(path) != entry["sha256"]:
            found.append(f"{entry['file']}: the content has changed since it was closed")
    return found


def _whole_lines(data: bytes) -> tuple[list[bytes], int]:
    """Lines that are complete JSON, and the number of bytes after them."""
    lines = data.split(b"\n")
    tail = lines.pop()
    while lines and not _is_record(lines[-1]):
        tail = lines.pop() + b"\n" + tail
    return lines, len(tail)


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _line_hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _parse(line: bytes) -> Entry:
    record = json.loads(line)
    seq, t, kind = record.pop("seq", 0), record.pop("t", 0), record.pop("kind", "")
    record.pop("prev", None)
    return Entry(seq, t, kind, record)
