"""Recordings of a meeting: begin and end them, and what others ask about them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.conduct.models import Conference
from meetings.config import Settings
from meetings.errors import Conflict, NotFound
from meetings.events.log import EventRow
from meetings.ids import is_id
from meetings.recording import rules
from meetings.recording.models import Recording, RecordingFile
from meetings.recording.rules import ACTIVE, Chapter, Desired, Disk, State, offset_ms
from meetings.scheduling.models import Meeting

__all__ = ["Chapter", "chapters", "manifest_hash", "offset_ms", "recordings_of"]

COMPOSE = "recording.compose"
COMPOSED_NAME = "composed.webm"


@dataclass(frozen=True)
class By:
    """Who asks: identity as in the room, and name."""

    identity: str
    name: str


def directory_of(settings: Settings, recording: Recording) -> Path:
    """Where a recording's files lie."""
    return settings.recordings_dir / recording.meeting_id / recording.id


def disk_of(settings: Settings) -> Disk:
    """The disk that recordings lie on."""
    settings.recordings_dir.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(settings.recordings_dir)
    return Disk(usage.total, usage.free)


# ------------------------------------------------------------------------------------------------ by people


async def start(session: AsyncSession, settings: Settings, meeting: Meeting, by: By, now: datetime) -> Recording:
    """Ask for a recording of a conference in session; the one that is already running is given back."""
    running = await active_of(session, meeting.id)
    if running is not None and running.desired == Desired.RUNNING:
        return running
    if running is not None:
        raise Conflict("Bản ghi trước đang được khép lại. Vui lòng bấm lại sau vài giây.", code="stopping")
    conference = await session.get(Conference, meeting.id)
    if conference is None or conference.state != "open":
        raise Conflict("Chỉ ghi được khi cuộc họp đang diễn ra.", code="not_in_session")
    rules.require_room(disk_of(settings), settings.recording_min_free_bytes)
    recording = Recording(
        meeting_id=meeting.id,
        desired=Desired.RUNNING,
        state=State.REQUESTED,
        requested_by=by.identity,
        requested_at=now,
    )
    session.add(recording)
    await session.flush()
    await log_event(session, recording, "recording.requested", now, actor=by.identity, name=by.name)
    return recording


async def stop(session: AsyncSession, meeting_id: str, by: By, now: datetime) -> Recording | None:
    """The recorder shall bring the running recording to its end; None if there is none. Who asked first is logged."""
    recording = await active_of(session, meeting_id)
    if recording is not None and recording.desired == Desired.RUNNING:
        recording.desired, recording.stop_asked_at = Desired.STOPPED, now
        await session.flush()
        await log_event(session, recording, "recording.stop_requested", now, actor=by.identity, name=by.name)
    return recording


async def active_of(session: AsyncSession, meeting_id: str) -> Recording | None:
    """The recording of a meeting that has not come to its end."""
    query = select(Recording).where(Recording.meeting_id == meeting_id, Recording.state.in_(ACTIVE))
    return await session.scalar(query.order_by(Recording.id.desc()).limit(1).with_for_update())


async def any_ended(session: AsyncSession) -> bool:
    """Whether there is something for `stop_ended` to do."""
    return await session.scalar(_ended_but_wanted().with_only_columns(Recording.id).limit(1)) is not None


async def stop_ended(session: AsyncSession, now: datetime) -> list[str]:
    """End the recordings of conferences that have ended, whoever or whatever ended them; gives the meetings."""
    found = list(await session.scalars(_ended_but_wanted().with_for_update()))
    for recording in found:
        conference = await session.get_one(Conference, recording.meeting_id)
        recording.desired, recording.stop_asked_at = Desired.STOPPED, conference.ended_at or now
    await session.flush()
    for recording in found:
        await log_event(session, recording, "recording.stop_requested", now, reason="conference_ended")
    return [recording.meeting_id for recording in found]


def _ended_but_wanted() -> Select[Recording]:
    ended = select(Conference.meeting_id).where(Conference.state == "ended")
    wanted = Recording.state.in_(ACTIVE) & (Recording.desired == Desired.RUNNING)
    return select(Recording).where(wanted, Recording.meeting_id.in_(ended)).order_by(Recording.meeting_id)


async def state_of(session: AsyncSession, meeting_id: str) -> dict[str, Any]:
    """What the room page shows."""
    last = await session.scalar(
        select(Recording).where(Recording.meeting_id == meeting_id).order_by(Recording.id.desc()).limit(1)
    )
    if last is None:
        return {"state": "idle", "since": None, "note": None}
    since = {State.REQUESTED: last.requested_at, State.RUNNING: last.started_at}.get(State(last.state), last.stopped_at)
    shown = since.strftime("%Y-%m-%dT%H:%M:%SZ") if since else None
    return {"state": rules.told(last.desired, last.state), "since": shown, "note": last.error}


async def log_event(
    session: AsyncSession, recording: Recording, kind: str, now: datetime, *, actor: str | None = None, **more: Any
) -> None:
    """Add an event about a recording to its meeting's log; the last thing a transaction does."""
    payload = {"recording_id": recording.id, "note": None} | more
    chain = events.meeting_chain(recording.meeting_id)
    await events.append(
        session, chain=chain, kind=kind, at=now, actor_id=actor, subject_id=recording.id, payload=payload
    )


# ----------------------------------------------------------------------------------------------- by readers


async def get_recording(session: AsyncSession, recording_id: str) -> Recording:
    """Raises NotFound."""
    recording = await session.get(Recording, recording_id) if is_id(recording_id) else None
    if recording is None:
        raise NotFound("Không có bản ghi này.")
    return recording


async def recordings_of(session: AsyncSession, meeting_id: str) -> Sequence[Recording]:
    """All recordings of a meeting, oldest first."""
    query = select(Recording).where(Recording.meeting_id == meeting_id).order_by(Recording.requested_at, Recording.id)
    return list(await session.scalars(query))


async def files_of(session: AsyncSession, recording_id: str) -> Sequence[RecordingFile]:
    """The sealed files of a recording, in the order they were begun."""
    query = select(RecordingFile).where(RecordingFile.recording_id == recording_id)
    return list(await session.scalars(query.order_by(RecordingFile.segment, RecordingFile.name)))


async def manifest_hash(session: AsyncSession, meeting_id: str) -> str | None:
    """What filing binds to: the manifest's SHA-256; of several recordings the hash over all in order; None: none."""
    ended = [one.manifest_sha256 for one in await recordings_of(session, meeting_id) if one.manifest_sha256]
    return hash_of(ended) if ended else None


def hash_of(manifests: Sequence[str]) -> str:
    """One hash for the manifests of one or several recordings, in their order."""
    return manifests[0] if len(manifests) == 1 else hashlib.sha256("\n".join(manifests).encode()).hexdigest()


async def chapters(session: AsyncSession, meeting_id: str, recording_id: str | None = None) -> list[Chapter]:
    """Chapters of a recording (default: the meeting's last) from the event log."""
    recordings = [one for one in await recordings_of(session, meeting_id) if one.started_at is not None]
    chosen = [one for one in recordings if recording_id in (None, one.id)]
    if not chosen:
        return []
    last = chosen[-1]
    assert last.started_at is not None
    log = await _wholelog_event(session, meeting_id)
    length = last.duration_ms or offset_ms(last.started_at, last.stopped_at or log[-1].at)
    return rules.chapters_of(log, last.started_at, length)


async def floor_changes(session: AsyncSession, recording: Recording) -> list[tuple[int, tuple[str, ...]]]:
    """Who had the floor from when on, on the recording's clock."""
    if recording.started_at is None:
        return []
    return rules.floor_of(await _wholelog_event(session, recording.meeting_id), recording.started_at)


async def _wholelog_event(session: AsyncSession, meeting_id: str) -> list[events.Event]:
    chain = events.meeting_chain(meeting_id)
    found: list[events.Event] = []
    while batch := await events.read_after(session, chain, found[-1].seq if found else 0):
        found += batch
    return found


async def unrecorded_of(session: AsyncSession, meeting_id: str) -> list[dict[str, Any]]:
    """What could not be recorded, in the order it was met: whose picture, and its codec."""
    log = await _wholelog_event(session, meeting_id)
    return [event.payload for event in log if event.kind == "recording.unrecorded"]


async def note_viewing(session: AsyncSession, recording: Recording, by: By, now: datetime) -> None:
    """Log that somebody played or downloaded the recording, once a viewing."""
    if not await viewing_noted(session, recording, by, now):
        await log_event(session, recording, "recording.viewed", now, actor=by.identity, by=by.name)


async def viewing_noted(session: AsyncSession, recording: Recording, by: By, now: datetime) -> bool:
    """Whether the log already tells of this viewing."""
    chain = events.meeting_chain(recording.meeting_id)
    again = select(EventRow.seq).where(
        EventRow.chain == chain,
        EventRow.kind == "recording.viewed",
        EventRow.actor_id == by.identity,
        EventRow.subject_id == recording.id,
        EventRow.at > now - rules.VIEWING,
    )
    return await session.scalar(again.limit(1)) is not None
