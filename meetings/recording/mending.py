"""Mends track files that a killed recorder left behind: cut after the last whole block, sealed, seekable again."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from meetings.recording.formats import TrackFormat
from meetings.recording.webm import (
    CLUSTER,
    CUE_SPACING_MS,
    SIMPLE_BLOCK,
    TIMECODE,
    TRACKS,
    Cue,
    Front,
    Sealed,
    close_cluster,
    front,
    seal,
)


@dataclass
class Scan:
    """What is whole in a file that was cut: where that ends, the clusters still open, places to seek to."""

    whole_until: int
    last_ms: int = -1
    open_clusters: list[tuple[int, int]] = field(default_factory=list)  # (position, end of what is whole)
    cues: list[Cue] = field(default_factory=list)


def _read_size(file: BinaryIO) -> int | None:
    """A data size; None where the file ends or the size is unknown (all ones)."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        return None
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - width)) - 1)]) + rest, "big")
    return None if value == (1 << (7 * width)) - 1 else value


def _read_identifier(file: BinaryIO) -> int | None:
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    return int.from_bytes(first + rest, "big") if width <= 4 and len(rest) == width - 1 else None


@dataclass(frozen=True)
class _Element:
    identifier: int | None
    at: int
    body: int
    size: int | None

    @property
    def end(self) -> int:
        return self.body + (self.size or 0)


def _element_at(file: BinaryIO, at: int) -> _Element:
    file.seek(at)
    identifier = _read_identifier(file)
    size = _read_size(file) if identifier is not None else None
    return _Element(identifier, at, at + 12 if identifier == CLUSTER else file.tell(), size)


def scan(file: BinaryIO, first_cluster: int, video: bool) -> Scan:
    """Hop from cluster to cluster; the blocks are looked at one by one only where the file may be cut."""
    length = file.seek(0, os.SEEK_END)
    found = Scan(first_cluster)
    cluster = _element_at(file, first_cluster)
    while cluster.identifier == CLUSTER:
        following = _element_at(file, cluster.end) if cluster.size is not None and cluster.end <= length else None
        if following is not None and following.identifier == CLUSTER and following.end <= length:
            blocks = _blocks(file, cluster.body, cluster.end)
            _note(found, cluster.at, blocks, video, only_first=True)
            found.whole_until = cluster.end
            cluster = following
            continue
        until = length if following is None else cluster.end
        whole = _note(found, cluster.at, _blocks(file, cluster.body, until), video, only_first=False)
        if whole is None:
            break
        if following is None:
            found.open_clusters.append((cluster.at, whole))
        found.whole_until = whole
        cluster = _element_at(file, whole)
    return found


def _blocks(file: BinaryIO, at: int, until: int) -> Iterator[tuple[int, int, bool]]:
    """(time in milliseconds, end, whether it is a keyframe) of each whole block of a cluster."""
    cluster_time = 0
    while at < until:
        one = _element_at(file, at)
        if one.size is None or one.end > until or one.identifier not in (TIMECODE, SIMPLE_BLOCK):
            return
        file.seek(one.body)
        if one.identifier == TIMECODE:
            cluster_time = int.from_bytes(file.read(one.size), "big")
        else:
            _track, relative, flags = struct.unpack(">BhB", file.read(4))
            yield cluster_time + relative, one.end, bool(flags & 0x80)
        at = one.end


def _note(
    found: Scan, cluster_at: int, blocks: Iterator[tuple[int, int, bool]], video: bool, *, only_first: bool
) -> int | None:
    """Take the blocks of a cluster into account; where the last whole one ends, None if there is none."""
    whole = None
    for number, (time, end, keyframe) in enumerate(blocks):
        if number == 0 and keyframe and (video or not found.cues or time >= found.cues[-1].time + CUE_SPACING_MS):
            found.cues.append(Cue(time, cluster_at))
        found.last_ms, whole = max(found.last_ms, time), end
        if only_first:
            break
    return whole


def mend(path: Path, kind: str) -> Sealed | None:
    """Cut a file left behind by a dead recorder after its last whole block and seal it; None: not even one block.

    Safe to run twice, and on a sealed file.
    """
    with path.open("rb+") as file:
        where = _find_front(file)
        if where is None:
            return None
        found = scan(file, where[1], kind == "video")
        if found.last_ms < 0:
            return None
        file.truncate(found.whole_until)
        for at, end in found.open_clusters:
            close_cluster(file, at, end)
        duration = found.last_ms + (20 if kind == "audio" else 0)
        seal(file, where[0], found.cues, duration)
        file.flush()
        os.fsync(file.fileno())
    return Sealed(duration)


def _find_front(file: BinaryIO) -> tuple[Front, int] | None:
    """Where the room kept at the front lies, from what is always the same, and where the clusters begin."""
    length = file.seek(0, os.SEEK_END)
    for track in (TrackFormat("audio"), TrackFormat("video", codec="h264")):
        known = front(track)
        file.seek(0)
        if file.read(known.segment_at) == known.data[: known.segment_at]:
            tracks = _element_at(file, known.tracks_at)
            whole = tracks.identifier == TRACKS and tracks.size is not None and tracks.end <= length
            return (known, tracks.end) if whole else None
    return None
