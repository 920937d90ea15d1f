"""How the end of a recording is told: from its manifest alone, so that whoever is asked again tells the same."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from pathlib import Path

import msgspec

from meetings.recording import manifest
from meetings.recording.messages import Report
from meetings.recording.tape import sealed_files

DISK_FULL = "disk full"


class Told:
    """Recordings whose end a host has told or is about to: an order sent before the word came is out of date."""

    def __init__(self) -> None:
        self._questions = 0
        self._taken: dict[str, int] = {}  # how many questions had been asked then

    def asking(self) -> int:
        """A question leaves; its number."""
        self._questions += 1
        return self._questions

    def waits(self, recording_id: str) -> None:
        """The end is known here, and to nobody else yet."""
        self._taken[recording_id] = sys.maxsize

    def taken(self, recording_id: str) -> None:
        """The coordinator knows; what it answers to questions asked from now on is meant."""
        if recording_id in self._taken:
            self._taken[recording_id] = self._questions

    def outdated(self, question: int) -> set[str]:
        """What the answer to this question may name by mistake."""
        self._taken = {one: before for one, before in self._taken.items() if before >= question}
        return set(self._taken)


def told(directory: Path, recording_id: str) -> Report:
    """What the manifest says about the end, with the hash of the very bytes that were read."""
    data = manifest.contents(directory)
    entries = manifest.entries_of(data)
    files = tuple(sealed_files(entries))
    stop = next((one for one in reversed(entries) if one.kind == "mark" and one["what"] == "stop"), None)
    reason = str(stop.get("reason", "")) if stop is not None else ""
    return Report(
        recording_id,
        "full" if reason == DISK_FULL else "stopped",
        t=stop.t if stop is not None else max((one.t for one in entries), default=0),
        bytes=sum(one.size for one in files),
        reason=reason,
        origin=next((str(one["wall"]) for one in entries if one.kind == "begin"), ""),
        manifest_sha256=hashlib.sha256(data).hexdigest() if data else "",
        files=files,
    )


def refused(directory: Path, recording_id: str, reason: str) -> Report:
    """The disk took no more, perhaps not even the last line; what has been sealed before is there."""
    found = Report(recording_id, "full")
    with contextlib.suppress(OSError):
        found = told(directory, recording_id)
    return msgspec.structs.replace(found, kind="full", reason=reason)
