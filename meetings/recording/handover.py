"""Recordings and their recorders: who has which in hand, by leases, and what they report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.conduct.models import Seat
from meetings.errors import NotFound
from meetings.ids import is_id
from meetings.jobs import enqueue
from meetings.recording import rules, service
from meetings.recording.messages import ENDS, RecordedFile, Report
from meetings.recording.models import Recording, RecordingFile
from meetings.recording.rules import ACTIVE, Composed, Desired, State
from meetings.recording.service import COMPOSE

log = structlog.get_logger(__name__)


async def claim(session: AsyncSession, worker: str, now: datetime) -> list[Recording]:
    """Everything this worker has or takes now; leases are renewed when they run low."""
    free = or_(Recording.worker.is_(None), Recording.worker == worker, Recording.lease_until < now)
    query = select(Recording).where(Recording.state.in_(ACTIVE), free).order_by(Recording.id)
    found = list(await session.scalars(query.with_for_update(skip_locked=True)))
    for recording in found:
        recording.worker, recording.lease_until = worker, now + rules.LEASE
    await session.flush()
    return found


async def in_hand(session: AsyncSession, worker: str, now: datetime) -> list[Recording] | None:
    """What this worker has, if no lease needs renewing and nothing is free; else None, and `claim` is due."""
    rows = list(await session.scalars(select(Recording).where(Recording.state.in_(ACTIVE)).order_by(Recording.id)))
    for one in rows:
        mine = one.worker == worker
        free = one.worker is None or one.lease_until is None or one.lease_until < now
        if (not mine and free) or (mine and (one.lease_until is None or one.lease_until < now + rules.RENEW_BEFORE)):
            return None
    return [one for one in rows if one.worker == worker]


async def prominent(session: AsyncSession, meeting_id: str) -> list[str]:
    """Identities whose pictures the room looks at: main point, chair, whoever has the floor."""
    watched = or_(Seat.role.in_(("main", "chair")), Seat.floor_since.is_not(None))
    return sorted(await session.scalars(select(Seat.identity).where(Seat.meeting_id == meeting_id, watched)))


async def take(session: AsyncSession, report: Report, now: datetime) -> None:
    """Apply what a recorder reports; a repeated report changes nothing, nor does one of a host whose lease another
    has taken over."""
    known = is_id(report.recording_id)
    recording = await session.get(Recording, report.recording_id, with_for_update=True) if known else None
    if recording is None:
        raise NotFound("Không có bản ghi này.")
    if recording.state not in ACTIVE:
        _compare(recording, report)
        return
    if recording.worker != report.worker:
        log.warning("recording.report_ignored", recording_id=recording.id, kind=report.kind, worker=report.worker)
        return
    await _apply(session, recording, report, now)
    await session.flush()


def _compare(recording: Recording, report: Report) -> None:
    """What was sealed stays; that another hash was told of it is not kept quiet."""
    if report.kind in ENDS and (report.manifest_sha256 or None) != recording.manifest_sha256:
        was, told = recording.manifest_sha256, report.manifest_sha256
        log.error("recording.another_end_told", recording_id=recording.id, sealed=was, told=told, worker=report.worker)


async def _apply(session: AsyncSession, recording: Recording, report: Report, now: datetime) -> None:
    match report.kind:
        case "started":
            await _started(session, recording, report, now)
        case "progress":
            recording.bytes = report.bytes
        case "gap":
            await service.log_event(session, recording, "recording.gap", now, from_ms=report.t, until_ms=report.until)
        case "unrecorded":
            await _unrecorded(session, recording, report, now)
        case "stopped":
            await _ended(session, recording, report, State.STOPPED, now)
        case "full":
            await _ended(session, recording, report, State.FAILED, now)
        case "failed":
            recording.error = report.reason


async def _started(session: AsyncSession, recording: Recording, report: Report, now: datetime) -> None:
    recording.bytes = report.bytes
    if recording.state == State.RUNNING:
        return
    recording.state, recording.started_at = State.RUNNING, datetime.fromisoformat(report.origin)
    await session.flush()
    await service.log_event(session, recording, "recording.started", now)
    await service.log_event(session, recording, "recording.notice", now)


async def _unrecorded(session: AsyncSession, recording: Recording, report: Report, now: datetime) -> None:
    """Once a track and recording: a later life of the recorder meets it again."""
    told = await service.unrecorded_of(session, recording.meeting_id)
    if any(one["recording_id"] == recording.id and one["track"] == report.track for one in told):
        return
    who = {"identity": report.identity, "name": report.participant_name or report.identity}
    what = {"track": report.track, "media": report.media, "codec": report.reason.upper()}
    await service.log_event(session, recording, "recording.unrecorded", now, **who, **what)


async def _ended(session: AsyncSession, recording: Recording, report: Report, state: State, now: datetime) -> None:
    recording.state, recording.desired, recording.stopped_at = state, Desired.STOPPED, now
    recording.worker = recording.lease_until = None
    recording.bytes, recording.duration_ms = report.bytes, report.t
    recording.manifest_sha256 = report.manifest_sha256 or None
    if report.origin and recording.started_at is None:
        recording.started_at = datetime.fromisoformat(report.origin)
    await _replace_files(session, recording, report.files)
    if report.files:
        recording.composed_state = Composed.QUEUED
        key = f"{COMPOSE}:{recording.id}"
        recording.composed_job_id = await enqueue(session, COMPOSE, {"recording_id": recording.id}, dedupe_key=key)
    if state is State.FAILED:
        recording.error = "disk_full"
        await service.log_event(session, recording, "recording.failed", now, note="disk_full", bytes=report.bytes)
    else:
        manifest = report.manifest_sha256
        await service.log_event(
            session, recording, "recording.stopped", now, duration_ms=report.t, manifest_sha256=manifest
        )


async def _replace_files(session: AsyncSession, recording: Recording, files: Iterable[RecordedFile]) -> None:
    await session.execute(delete(RecordingFile).where(RecordingFile.recording_id == recording.id))
    for one in files:
        values = {name: getattr(one, name) for name in one.__struct_fields__}
        session.add(RecordingFile(recording_id=recording.id, **values))
    await session.flush()
