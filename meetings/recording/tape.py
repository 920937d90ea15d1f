"""One recording's directory during one life of its recorder: the manifest, the clock, the open files, the disk.

A life may follow another one that was killed: `mend_orphans` closes the files it left behind. Files are flushed and
synced by `flush` and `sync`, and sealed in a thread of their own, because hashing and a slow disk take seconds and
packets do not wait. Any OSError means that the disk refuses, and then `abandon` saves what can be saved. A recording
that has come to its end is not opened again: `Ended`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from meetings.recording import manifest, mending, takeover, webm
from meetings.recording.formats import SUFFIXES, TrackFormat, media_type
from meetings.recording.messages import RecordedFile
from meetings.signaling.client import RemoteTrack

BALLAST = "ballast"  # room for cues and the manifest's last lines when the disk is full
BALLAST_BYTES = 512 * 1024
STANDS_MS = {"audio": 0, "video": 3000, "screen": 3_600_000}  # a shared page may stand still for as long as it likes
LATE_MS = 10_000  # an order to stop is not carried out later than this


@dataclass(frozen=True)
class OpenFile:
    """A file being written, and what the manifest says about it."""

    name: str
    track: RemoteTrack
    kind: str
    segment: int
    starts_ms: int
    writer: webm.TrackWriter


def kind_of(track: RemoteTrack) -> str:
    """audio, video or screen."""
    if track.kind == "audio":
        return "audio"
    return "screen" if track.source == "screen_share" else "video"


def media_files(directory: Path) -> list[Path]:
    """The track files of a recording, sealed or not, in the order of their names."""
    return sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.name[:3].isdecimal())


class Tape:
    """Open with a recording that may be new or go on after an earlier life. Raises manifest.Ended, OSError."""

    def __init__(self, directory: Path, recording_id: str, meeting_id: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        if manifest.is_ended(manifest.read(directory)):
            raise manifest.Ended  # whoever may still be telling the end is not asked to go
        self._lock = takeover.take(directory)
        earlier = manifest.read(directory)
        if manifest.is_ended(earlier):
            takeover.give_up(directory, self._lock)
            raise manifest.Ended
        self._earlier_open = _orphans(earlier)
        self._ends: int | None = None  # the stop mark
        self._earlier_end = max((entry.t for entry in earlier if entry.kind in ("close", "mended")), default=0)
        self._manifest = manifest.Manifest(directory)
        self.segment = max((entry["number"] for entry in earlier if entry.kind == "segment"), default=0)
        self._origin, self.origin_wall = self._clock(earlier, recording_id, meeting_id)
        self._files: dict[str, OpenFile] = {}
        self._sealing = ThreadPoolExecutor(1, thread_name_prefix="sealing")
        self._sealed: dict[Future[None], OpenFile] = {}
        self._mending = threading.Lock()
        self._count = 0
        self.media_from: int | None = None  # where the first frame of this segment lies
        self._bytes = sum(path.stat().st_size for path in media_files(directory))
        self._make_ballast()

    # ---------------------------------------------------------------------------------------------- time

    def t(self, moment: float) -> int:
        """A moment of `time.monotonic` in milliseconds on the recording's clock."""
        return round((moment - self._origin) * 1000)

    def now(self) -> int:
        """The present moment on the recording's clock."""
        return self.t(time.monotonic())

    def end_at(self, at: datetime | None) -> None:
        """The recording ends at a moment of the wall clock, or now. What comes later stays in its files."""
        late = timedelta(0) if at is None else max(datetime.now(UTC) - at, timedelta(0))
        self._ends = max(self.now() - late // timedelta(milliseconds=1), 0)

    def until(self) -> int:
        """Where the recording ends, or now; a stepped wall clock cuts off little of what is there."""
        return self.now() if self._ends is None else max(self._ends, self._earlier_end - LATE_MS)

    def _clock(self, earlier: list[manifest.Entry], recording_id: str, meeting_id: str) -> tuple[float, str]:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        for entry in earlier:
            if entry.kind == "begin":
                return _origin_of(entry, boot), str(entry["wall"])
        origin, wall = time.monotonic(), datetime.now(UTC).isoformat()
        self._manifest.append(
            "begin", 0, recording=recording_id, meeting=meeting_id, wall=wall, monotonic=origin, boot=boot
        )
        return origin, wall

    # ------------------------------------------------------------------------------------------- manifest

    def note(self, kind: str, t: int | None = None, **fields: object) -> None:
        """Add a line to the manifest."""
        self._manifest.append(kind, self.now() if t is None else t, **fields)

    def begin_segment(self) -> None:
        """A new life in the room begins."""
        self.segment += 1
        self.media_from = None
        self.note("segment", number=self.segment, wall=datetime.now(UTC).isoformat(), process=os.getpid())

    @property
    def media_until(self) -> int | None:
        """Where the last sealed frame lies; None while orphans of an earlier life are not mended yet."""
        return None if self._earlier_open else self._earlier_end

    # ---------------------------------------------------------------------------------------------- files

    def open(self, track: RemoteTrack, starts_ms: int, holds: TrackFormat) -> OpenFile:
        """Create the file of a track whose first frame is there."""
        kind = kind_of(track)
        self._count += 1
        name = f"{self.segment:03d}-{kind}-{self._count:03d}{holds.suffix}"
        writer = webm.TrackWriter(self.directory / name, holds)
        opened = OpenFile(name, track, kind, self.segment, starts_ms, writer)
        self._files[name] = opened
        self.media_from = starts_ms if self.media_from is None else min(self.media_from, starts_ms)
        self._manifest.append(
            "open",
            starts_ms,
            file=name,
            track=track.sid,
            identity=track.identity,
            name=track.participant_name,
            media=kind,
            codec=holds.codec,
            segment=self.segment,
        )
        return opened

    def close(self, opened: OpenFile) -> None:
        """Have a file sealed and bound by its hash. A picture stands for a while after its last frame."""
        if self._files.pop(opened.name, None) is None:
            return
        until = min(self.until() - opened.starts_ms, opened.writer.end_ms + STANDS_MS[opened.kind])
        self._bytes += opened.writer.size
        self._earlier_end = max(self._earlier_end, opened.starts_ms + max(until, opened.writer.end_ms))
        self._sealed[self._sealing.submit(self._seal, opened, until)] = opened

    def _seal(self, opened: OpenFile, until: int) -> None:
        self._note_closed("close", opened.name, opened.starts_ms, opened.writer.close(until))

    def _check_sealed(self) -> None:
        """Raises what went wrong in the sealing thread; what went well is forgotten."""
        for done in list(self._sealed):  # `sync` looks here from a thread, while files are closed
            if done.done():
                done.result()
                self._sealed.pop(done, None)

    def _note_closed(self, kind: str, name: str, starts_ms: int, sealed: webm.Sealed) -> None:
        path = self.directory / name
        self._manifest.append(
            kind,
            starts_ms + sealed.duration_ms,
            file=name,
            starts=starts_ms,
            duration=sealed.duration_ms,
            frames=sealed.frames,
            size=path.stat().st_size,
            sha256=manifest.file_hash(path),
        )

    def mend_orphans(self) -> None:
        """Cut, seal and bind what a killed life left open. May run in a thread: lines are appended whole."""
        with self._mending:
            while self._earlier_open:
                self._mend(self._earlier_open[0])
                self._earlier_open = self._earlier_open[1:]

    def _mend(self, entry: manifest.Entry) -> None:
        path = self.directory / entry["file"]
        sealed = mending.mend(path, "audio" if entry["media"] == "audio" else "video") if path.exists() else None
        if sealed is None:
            path.unlink(missing_ok=True)
            self.note("lost", file=entry["file"])
        else:
            self._note_closed("mended", entry["file"], entry.t, sealed)
            self._earlier_end = max(self._earlier_end, entry.t + sealed.duration_ms)

    # ----------------------------------------------------------------------------------------------- disk

    @property
    def bytes(self) -> int:
        """Bytes of media so far."""
        return self._bytes + sum(one.writer.size for one in self._files.values())

    @property
    def has_media(self) -> bool:
        """Whether at least one file has been begun."""
        return self._count > 0

    def flush(self) -> None:
        """Hand all pending frames to the operating system."""
        for one in self._files.values():
            one.writer.flush()

    def sync(self) -> None:
        """Have the disk confirm everything flushed; blocking, for a thread: touches nothing but descriptors."""
        for one in list(self._files.values()):
            with contextlib.suppress(ValueError):  # sealed meanwhile, and synced by that
                one.writer.sync()
        self._check_sealed()
        self._manifest.sync()
        directory = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(directory)  # the names of new files, too
        finally:
            os.close(directory)

    def free_bytes(self) -> int:
        """What the disk has left."""
        return shutil.disk_usage(self.directory).free

    def abandon(self) -> None:
        """The disk refuses: free the ballast and save what is there."""
        (self.directory / BALLAST).unlink(missing_ok=True)
        self._sealing.shutdown()
        refused = [one for done, one in self._sealed.items() if done.exception() is not None]
        for one in [*refused, *self._files.values()]:
            one.writer.abandon()
            with contextlib.suppress(OSError):
                sealed = mending.mend(one.writer.path, "audio" if one.kind == "audio" else "video")
                if sealed is not None:
                    self._note_closed("mended", one.name, one.starts_ms, sealed)
        self._files.clear()
        self._sealed.clear()

    def end(self) -> None:
        """The recording is over: everything sealed, last line, sync, no ballast."""
        self._wait_for_seals()
        (self.directory / BALLAST).unlink(missing_ok=True)
        self.note(manifest.END)
        self._manifest.close()
        takeover.give_up(self.directory, self._lock)

    def leave(self) -> None:
        """This life is over, the recording is not."""
        self._wait_for_seals()
        self._release()

    def _wait_for_seals(self) -> None:
        self.mend_orphans()
        self._sealing.shutdown()
        self._check_sealed()

    def _release(self) -> None:
        """Another life may go on here."""
        self._manifest.close()
        self._lock.close()

    def _make_ballast(self) -> None:
        with contextlib.suppress(OSError), (self.directory / BALLAST).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)


def _orphans(entries: list[manifest.Entry]) -> list[manifest.Entry]:
    closed = {entry["file"] for entry in entries if entry.kind in ("close", "mended", "lost")}
    return [entry for entry in entries if entry.kind == "open" and entry["file"] not in closed]


def _origin_of(begin: manifest.Entry, boot: str) -> float:
    """Where 0 lies on this process's monotonic clock: exact in the same boot, by the wall clock after another."""
    if begin["boot"] == boot:
        return float(begin["monotonic"])
    elapsed = datetime.now(UTC) - datetime.fromisoformat(begin["wall"])
    return time.monotonic() - elapsed.total_seconds()


def recorded_files(directory: Path) -> list[RecordedFile]:
    """Every sealed file of a recording, in the order it was begun."""
    return sealed_files(manifest.read(directory))


def sealed_files(entries: list[manifest.Entry]) -> list[RecordedFile]:
    """The same, of a manifest that has been read."""
    sealed = {entry["file"]: entry for entry in entries if entry.kind in ("close", "mended")}
    return [
        RecordedFile(
            name=entry["file"],
            identity=entry["identity"],
            participant_name=entry["name"],
            kind=entry["media"],
            segment=entry["segment"],
            starts_ms=entry.t,
            duration_ms=sealed[entry["file"]]["duration"],
            size=sealed[entry["file"]]["size"],
            sha256=sealed[entry["file"]]["sha256"],
            media_type=media_type(entry["media"], entry["file"]),
        )
        for entry in entries
        if entry.kind == "open" and entry["file"] in sealed
    ]
