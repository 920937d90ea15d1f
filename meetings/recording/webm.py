"""The files of a recording, WebM or Matroska: blocks appended as they come, sealed in place with duration and cues.

Written by hand instead of through a muxing library because of two promises: what has been shown for a quarter of a
second is in the file (a library holds a whole cluster back, so a slide standing still would be lost for as long as it
stands), and closing a four-hour file takes milliseconds (sizes, duration and cues are put into room kept for them at
the front, nothing is copied). Layout after RFC 9559 (Matroska) and the WebM guidelines.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from meetings.recording import formats
from meetings.recording.ebml import UNKNOWN_SIZE, VOID, element, identifier_bytes, number, text, vint, void
from meetings.recording.formats import TrackFormat

SEGMENT, SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES = (
    0x18538067,
    0x114D9B74,
    0x1549A966,
    0x1654AE6B,
    0x1F43B675,
    0x1C53BB6B,
)
TIMECODE, SIMPLE_BLOCK, DURATION = 0xE7, 0xA3, 0x4489
CLUSTER_MS = 1000
CUE_SPACING_MS = 2000  # audio: every block is a place to seek to, so cues are thinned
SEEK_HEAD_ROOM = 96


@dataclass
class Sealed:
    """A file after sealing: its length on its own clock, and how many frames it holds where that is known."""

    duration_ms: int
    frames: int | None = None


@dataclass(frozen=True)
class Front:
    """The bytes before the first cluster, and where the room kept in them lies."""

    data: bytes
    segment_at: int  # of the segment's size field; positions inside the segment count from 8 bytes later
    seek_head_at: int
    info_at: int
    duration_at: int
    tracks_at: int


def front(track: TrackFormat) -> Front:
    """Header, segment of unknown size, room for the seek head, info with room for the duration, the track."""
    head = formats.header(track.doc_type) + identifier_bytes(SEGMENT)
    segment_at = len(head)
    seek_head_at = segment_at + 8
    info_at = seek_head_at + SEEK_HEAD_ROOM
    info_body = number(0x2AD7B1, 1_000_000) + text(0x4D80, "meetings") + text(0x5741, "meetings")
    # The duration is there from the start as a Void of the same 11 bytes, so that sealing only overwrites.
    info = element(INFO, info_body, element(VOID, bytes(9), width=1), width=8)
    duration_at = info_at + len(info) - 11
    tracks_at = info_at + len(info)
    data = head + UNKNOWN_SIZE + void(SEEK_HEAD_ROOM) + info + element(TRACKS, formats.track_entry(track))
    return Front(data, segment_at, seek_head_at, info_at, duration_at, tracks_at)


@dataclass
class Cue:
    """A place to seek to: time, the cluster's position in the file."""

    time: int
    cluster_at: int


class TrackWriter:
    """Appends encoded frames to one file. Not thread safe; `flush` gives everything so far to the operating system.

    Raises OSError when the disk refuses; then `abandon` leaves what is there for `mend`.
    """

    def __init__(self, path: Path, track: TrackFormat) -> None:
        self.path = path
        self._track = track
        self._front = front(track)
        self._file: BinaryIO = path.open("xb+", buffering=0)  # write may be short
        self._pending = bytearray(self._front.data)
        self._written = 0
        self._cluster_at = -1
        self._cluster_time = 0
        self._last_ms = -1
        self._end_ms = 0
        self._cues: list[Cue] = []
        self.blocks = 0

    @property
    def size(self) -> int:
        """Bytes accepted so far, flushed or not."""
        return self._written + len(self._pending)

    @property
    def end_ms(self) -> int:
        """Time at which the last frame ends."""
        return self._end_ms

    def write(self, data: bytes, at_ms: int, *, keyframe: bool, duration_ms: int = 0) -> None:
        """Append one frame at `at_ms` of the file's clock; time never runs backwards in a file."""
        at_ms = max(at_ms, self._last_ms + 1, 0)
        if self._wants_cluster(at_ms, keyframe):
            self._start_cluster(at_ms, keyframe)
        flags = 0x80 if keyframe else 0
        block = struct.pack(">BhB", 0x81, at_ms - self._cluster_time, flags)
        self._pending += element(SIMPLE_BLOCK, block, data)
        self._last_ms = at_ms
        self._end_ms = max(self._end_ms, at_ms + duration_ms)
        self.blocks += 1

    def flush(self) -> None:
        """Hand what is pending to the operating system."""
        while self._pending:
            done = self._file.write(self._pending) or 0
            del self._pending[:done]
            self._written += done

    def sync(self) -> None:
        """Have the disk confirm what was flushed; blocking, for a thread."""
        os.fdatasync(self._file.fileno())

    def close(self, until_ms: int = 0) -> Sealed:
        """Flush, close the last cluster, add cues and duration, sync. The last picture stands until `until_ms`."""
        self._end_ms = max(self._end_ms, until_ms)
        self.flush()
        self._close_cluster()
        seal(self._file, self._front, self._cues, self._end_ms)
        os.fsync(self._file.fileno())
        self._file.close()
        return Sealed(self._end_ms, self.blocks)

    def abandon(self) -> None:
        """Close the file as it lies (disk full); `mend` makes it seekable later."""
        self._pending.clear()
        self._file.close()

    def _wants_cluster(self, at_ms: int, keyframe: bool) -> bool:
        if self._cluster_at < 0 or at_ms - self._cluster_time >= CLUSTER_MS:
            return True
        return keyframe and self._track.kind == "video"

    def _start_cluster(self, at_ms: int, keyframe: bool) -> None:
        self._close_cluster()
        self._cluster_at = self.size
        self._cluster_time = at_ms
        self._pending += identifier_bytes(CLUSTER) + UNKNOWN_SIZE + number(TIMECODE, at_ms)
        if keyframe and (
            self._track.kind == "video" or not self._cues or at_ms >= self._cues[-1].time + CUE_SPACING_MS
        ):
            self._cues.append(Cue(at_ms, self._cluster_at))

    def _close_cluster(self) -> None:
        if self._cluster_at < 0:
            return
        self.flush()
        close_cluster(self._file, self._cluster_at, self._written)
        self._cluster_at = -1


def close_cluster(file: BinaryIO, at: int, end: int) -> None:
    """Write the size of a cluster at `at` that ends at `end` where it was left unknown."""
    os.pwrite(file.fileno(), vint(end - at - 12), at + 4)


def seal(file: BinaryIO, where: Front, cues: list[Cue], duration_ms: int) -> None:
    """Append the cues and fill the room kept at the front: seek head, duration, the segment's size."""
    origin = where.segment_at + 8
    cues_at = file.seek(0, os.SEEK_END)
    points = [
        element(0xBB, number(0xB3, cue.time), element(0xB7, number(0xF7, 1), number(0xF1, cue.cluster_at - origin)))
        for cue in cues
    ]
    entries = [(INFO, where.info_at), (TRACKS, where.tracks_at)]
    if points:
        file.write(element(CUES, *points, width=8))
        entries.append((CUES, cues_at))
    end = file.seek(0, os.SEEK_END)
    seeks = [element(0x4DBB, element(0x53AB, identifier_bytes(i)), number(0x53AC, at - origin)) for i, at in entries]
    head = element(SEEK_HEAD, *seeks, width=8)
    patch = file.fileno()
    os.pwrite(patch, head + void(SEEK_HEAD_ROOM - len(head)), where.seek_head_at)
    os.pwrite(patch, identifier_bytes(DURATION) + vint(8, 1) + struct.pack(">d", float(duration_ms)), where.duration_at)
    os.pwrite(patch, vint(end - origin), where.segment_at)
