"""What the player plays: the composed picture or the tracks of every recording, on one time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from meetings import jobs
from meetings.errors import Text
from meetings.recording import service
from meetings.recording.models import Recording, RecordingFile
from meetings.recording.rules import Composed


@dataclass(frozen=True)
class Clip:
    """One file of the player; `start_ms` counts from the beginning of the time line."""

    url: str
    label: str
    kind: str  # composed, screen, video, audio
    start_ms: int
    duration_ms: int

    def holds(self, ms: int) -> bool:
        return self.start_ms <= ms < self.start_ms + self.duration_ms


@dataclass(frozen=True)
class Mark:
    """A chapter on the player's time line."""

    at_ms: int
    title: Text
    kind: str


@dataclass(frozen=True)
class Composing:
    """How far the composed picture of a recording is, from 0 to 1; `failed`: it was given up, the tracks remain."""

    recording_id: str
    progress: float
    failed: bool


@dataclass(frozen=True)
class Playback:
    """`zero` is the instant the time line begins; without a recording there is none."""

    zero: datetime | None = None
    length_ms: int = 0
    clips: tuple[Clip, ...] = ()
    chapters: tuple[Mark, ...] = ()
    recordings: tuple[Recording, ...] = field(default=())
    composing: tuple[Composing, ...] = ()

    def offset_ms(self, at: datetime | None) -> int | None:
        """Where an instant lies on the time line, or None when it was not recorded."""
        if self.zero is None or at is None:
            return None
        ms = round((at - self.zero) / timedelta(milliseconds=1))
        return ms if 0 <= ms <= self.length_ms else None

    def link(self, at: datetime | None) -> str | None:
        """The file that holds an instant, opened at it: for a browser without our script."""
        ms = self.offset_ms(at)
        return self.link_ms(ms) if ms is not None else None

    def link_ms(self, ms: int) -> str | None:
        clip = next((clip for clip in self.clips if clip.holds(ms)), None)
        return f"{clip.url}#t={(ms - clip.start_ms) / 1000:.1f}" if clip else None

    def first(self, *, to_listen: bool = False) -> int:
        """The clip a player begins with: the film; who wants to listen gets, while there is none, the longest sound."""
        if not to_listen or not self.clips or self.clips[0].kind == "composed":
            return 0
        lengths: dict[str, int] = {}
        for clip in self.clips:
            if clip.kind == "audio":
                lengths[clip.label] = lengths.get(clip.label, 0) + clip.duration_ms
        longest = max(lengths, key=lambda label: lengths[label], default=None)
        return next((n for n, clip in enumerate(self.clips) if clip.kind == "audio" and clip.label == longest), 0)

    def data(self, first: int = 0) -> dict[str, object]:
        """What the page's script reads; `first` is the clip that is offered first."""
        return {
            "zero": self.zero.isoformat() if self.zero else None,
            "first": first,
            "length_ms": self.length_ms,
            "clips": [
                {"url": c.url, "label": c.label, "kind": c.kind, "start_ms": c.start_ms, "duration_ms": c.duration_ms}
                for c in self.clips
            ],
        }


_FIRST = {"composed": 0, "screen": 1, "video": 2, "audio": 3}


async def playback_of(session: AsyncSession, meeting_id: str) -> Playback:
    """The time line of a meeting's recordings, in the order of time; empty when nothing was recorded."""
    found = [one for one in await service.recordings_of(session, meeting_id) if one.started_at is not None]
    if not found:
        return Playback()
    zero = min(one.started_at for one in found if one.started_at)
    clips: list[Clip] = []
    marks: list[Mark] = []
    for recording in found:
        assert recording.started_at is not None
        begins = service.offset_ms(zero, recording.started_at)
        clips += _clips(recording, await service.files_of(session, recording.id), begins)
        marks += [
            Mark(begins + one.at_ms, one.title, one.kind)
            for one in await service.chapters(session, meeting_id, recording.id)
        ]
    clips.sort(key=lambda clip: (_FIRST.get(clip.kind, 9), clip.label, clip.start_ms))
    length = max((clip.start_ms + clip.duration_ms for clip in clips), default=0)
    composing = [await _composing(session, one) for one in found if one.composed_state in UNDER_WAY]
    return Playback(zero, length, tuple(clips), tuple(marks), tuple(found), tuple(composing))


UNDER_WAY = (Composed.QUEUED, Composed.RUNNING, Composed.FAILED)


async def _composing(session: AsyncSession, recording: Recording) -> Composing:
    status = await jobs.status(session, recording.composed_job_id) if recording.composed_job_id else None
    return Composing(recording.id, status.progress if status else 0.0, recording.composed_state == Composed.FAILED)


def _clips(recording: Recording, files: Sequence[RecordingFile], begins: int) -> list[Clip]:
    folder = f"/recordings/{recording.id}/files"
    clips = [
        Clip(f"{folder}/{file.name}", file.participant_name, file.kind, begins + file.starts_ms, file.duration_ms)
        for file in files
    ]
    if recording.composed_state == Composed.DONE:
        clips.append(Clip(f"{folder}/{service.COMPOSED_NAME}", "", "composed", begins, recording.duration_ms))
    return clips
