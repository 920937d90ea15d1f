"""What lies on disk after the meeting, measured: whose colour and whose tone is in which file, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.database import Database
from meetings.recording.models import Recording, RecordingFile
from meetings.recording.service import COMPOSED_NAME, chapters
from tests.fakes import eventually
from tests.journey.system import System
from tests.senders import SAMPLE_RATE, TOLERANCE_HERTZ, Sender, loudest, same_colour, strength


@dataclass(frozen=True)
class Marks:
    """Moments in the event log, in milliseconds on the recording's clock; `length_ms`: start mark to stop mark."""

    length_ms: float
    agenda_ms: dict[str, float]  # by title
    floor_ms: float


@dataclass(frozen=True)
class Track:
    """A sealed file and where it lies."""

    path: Path
    identity: str
    kind: str
    starts_ms: int
    duration_ms: int


def _database(system: System) -> Database:
    return Database(f"sqlite+aiosqlite:///{system.data / 'meetings.db'}")


async def _recording(session: AsyncSession, meeting_id: str) -> Recording | None:
    return (await session.scalars(select(Recording).where(Recording.meeting_id == meeting_id))).one_or_none()


async def state(system: System, meeting_id: str, wanted: str) -> bool:
    """Whether the recording stands at "recording" (bytes on disk) or "stopped"."""
    database = _database(system)
    async with database.read() as session:
        recording = await _recording(session, meeting_id)
    await database.dispose()
    names = {"recording": "running"}
    return recording is not None and recording.state == names.get(wanted, wanted)


async def marks(system: System, meeting_id: str) -> Marks:
    """From the log; waits until the recording is sealed, which must take less than ten seconds."""
    await eventually(lambda: state(system, meeting_id, "stopped"), within=10, what="a sealed recording")
    database = _database(system)
    async with database.read() as session:
        recording = await _recording(session, meeting_id)
        log = await events.read_after(session, f"meeting:{meeting_id}", 0)
    await database.dispose()
    assert recording is not None
    assert recording.started_at is not None
    zero = recording.started_at
    ended = next(event for event in log if event.kind in ("conference.ended", "recording.stopped"))
    return Marks(
        length_ms=(ended.at - zero).total_seconds() * 1000,
        agenda_ms={
            str(event.payload["title"]): (event.at - zero).total_seconds() * 1000
            for event in log
            if event.kind == "agenda.started"
        },
        floor_ms=next((event.at - zero).total_seconds() * 1000 for event in log if event.kind == "floor.granted"),
    )


async def tracks(system: System, meeting_id: str) -> list[Track]:
    database = _database(system)
    async with database.read() as session:
        recording = await _recording(session, meeting_id)
        assert recording is not None
        files = await session.scalars(select(RecordingFile).where(RecordingFile.recording_id == recording.id))
        folder = system.data / "recordings" / meeting_id / recording.id
        found = [Track(folder / one.name, one.identity, one.kind, one.starts_ms, one.duration_ms) for one in files]
    await database.dispose()
    return found


def check_tracks(found: Sequence[Track], marks: Marks, senders: dict[str, Sender]) -> None:
    """Every sender's sound and picture is in a file of its own, and nobody else's."""
    for identity, sender in senders.items():
        sounds = [track for track in found if track.identity == identity and track.kind == "audio"]
        pictures = [track for track in found if track.identity == identity and track.kind == "video"]
        assert sounds, f"no sound of {identity} among {found}"
        assert pictures, f"no picture of {identity} among {found}"
        heard = loudest(sound_of(sounds[0].path))
        assert abs(heard - sender.hertz) <= TOLERANCE_HERTZ, f"{identity} sounds like {heard}"
        seen = colour_at(pictures[0].path, 2.0)
        assert same_colour(seen, sender), f"{identity} looks like {seen}"
    # who has finished speaking is muted, so not every sound lasts; together they cover the meeting
    begins, ends = min(track.starts_ms for track in found), max(track.starts_ms + track.duration_ms for track in found)
    assert begins <= 1500
    assert abs(ends - marks.length_ms) <= 1000, f"the tracks end at {ends}, the log says {marks.length_ms}"


async def composed(system: System, meeting_id: str) -> None:
    """Waits for the job that makes one film of the tracks."""
    await eventually(lambda: _composed(system, meeting_id), within=240, every=1, what="the composed film")


async def check_composed(system: System, meeting_id: str, marks: Marks, senders: dict[str, Sender]) -> None:
    """One film: as long as the meeting, everybody's tone, the stage's colour, chapters at their moments."""
    await composed(system, meeting_id)
    database = _database(system)
    async with database.read() as session:
        recording = await _recording(session, meeting_id)
        assert recording is not None
        told = await chapters(session, meeting_id, recording.id)
        path = system.data / "recordings" / meeting_id / recording.id / COMPOSED_NAME
    await database.dispose()
    with av.open(str(path)) as film:
        length = float(film.duration or 0) / 1000
        inside = [
            (float(chapter["start"] * (chapter["time_base"] or 0)) * 1000, chapter["metadata"])
            for chapter in film.chapters()
        ]
    assert abs(length - marks.length_ms) <= 1000, f"{length} ms of film, {marks.length_ms} ms of meeting"
    for title, at in marks.agenda_ms.items():
        offset = max(at, 0)
        assert any(title in str(one.title) and abs(one.at_ms - offset) <= 1000 for one in told), (
            f"{title} not in {told}"
        )
        assert any(title in str(data) and abs(start - offset) <= 1000 for start, data in inside), inside
    sound = sound_of(path)
    for identity, sender in senders.items():
        assert strength(sound, sender.hertz) > 0.005, f"{identity} is not heard in the film"
    speaker = senders_with_floor(senders)
    seen = colour_at(path, (marks.floor_ms + 3500) / 1000, stage=True)
    assert same_colour(seen, speaker), f"the stage shows {seen}, not {speaker}"


def senders_with_floor(senders: dict[str, Sender]) -> Sender:
    """The member point, to whom the journey gives the floor."""
    return senders["point:demo-phong-phuong-1"]


async def _composed(system: System, meeting_id: str) -> bool:
    database = _database(system)
    async with database.read() as session:
        recording = await _recording(session, meeting_id)
    await database.dispose()
    assert recording is not None
    assert recording.composed_state != "failed", "the film could not be composed"
    return recording.composed_state == "done"


def sound_of(path: Path) -> NDArray[np.int16]:
    """The whole sound as mono samples at 48 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    parts: list[NDArray[np.int16]] = []
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    return np.concatenate(parts)


def colour_at(path: Path, seconds: float, *, stage: bool = False) -> tuple[float, float, float]:
    """Average of the middle of the picture at a moment; of a film, the middle of the left half: the stage."""
    seen: NDArray[np.uint8] | None = None
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            seen = frame.to_ndarray(format="rgb24").astype(np.uint8)
            if frame.time is not None and frame.time >= seconds:
                break
    assert seen is not None, f"{path} has no picture"
    height, width = seen.shape[:2]
    across = slice(width // 8, 3 * width // 8) if stage else slice(width // 4, 3 * width // 4)
    red, green, blue = seen[height // 3 : height // 2, across].reshape(-1, 3).mean(axis=0)
    return (float(red), float(green), float(blue))


def a_file(system: System) -> Path:
    """One recorded track, to be damaged."""
    return next(path for path in sorted((system.data / "recordings").rglob("*.webm")) if path.name != COMPOSED_NAME)
