"""Recording over HTTP: start, stop and state for the room page, files with ranges, and the recorder's own door."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from meetings import jobs
from meetings.access import Action, Actor, require
from meetings.conduct import livekit
from meetings.conduct.stage import StageDep
from meetings.context import Context
from meetings.errors import Forbidden, Invalid, NotFound
from meetings.pages import locale_of
from meetings.recording import handover, manifest, messages, service
from meetings.recording.host import INTERNAL_HEADER
from meetings.recording.messages import Assignment, Work
from meetings.recording.models import Recording
from meetings.recording.rules import Composed, Desired
from meetings.recording.service import COMPOSED_NAME, By
from meetings.scheduling import service as scheduling
from meetings.web import ActorDep, ContextDep

router = APIRouter()
MEETING = "/api/meetings/{meeting_id}/recording"


@router.post(MEETING + "/start")
async def start(stage: StageDep) -> dict[str, Any]:
    """Begin recording; the state says "recording" once bytes are on disk."""
    context = stage.context
    async with context.database.transaction() as session:
        meeting, caller = await stage.look(session)
        caller.require(Action.RECORD_MEETING)
        by = By(caller.identity, caller.name)
        await service.start(session, context.settings, meeting, by, context.clock.now())
        return await service.state_of(session, meeting.id)


@router.post(MEETING + "/stop")
async def stop(stage: StageDep) -> dict[str, Any]:
    """End the recording; its files are sealed within seconds."""
    async with stage.context.database.transaction() as session:
        meeting, caller = await stage.look(session)
        caller.require(Action.RECORD_MEETING)
        by = By(caller.identity, caller.name)
        await service.stop(session, meeting.id, by, stage.context.clock.now())
        return await service.state_of(session, meeting.id)


@router.get(MEETING)
async def state(stage: StageDep) -> dict[str, Any]:
    """Whether the meeting is being recorded, for everybody who sees it."""
    async with stage.context.database.read() as session:
        meeting, caller = await stage.look(session)
        if caller.actor.account_id is not None:
            caller.require(Action.VIEW_MEETING)
        return await service.state_of(session, meeting.id)


@router.get("/api/recordings/{recording_id}")
async def describe(request: Request, context: ContextDep, actor: ActorDep, recording_id: str) -> dict[str, Any]:
    """What a player needs: the files, chapters, and how far the composed file is."""
    async with context.database.read() as session:
        recording = await _readable(session, actor, recording_id)
        files = await service.files_of(session, recording.id)
        chapters = await service.chapters(session, recording.meeting_id, recording.id)
        status = await jobs.status(session, recording.composed_job_id) if recording.composed_job_id else None
    locale = locale_of(request, context.settings)
    done = recording.composed_state == Composed.DONE
    gave_up = status is not None and status.state == jobs.JobState.FAILED and not done
    return {
        "id": recording.id,
        "state": recording.state,
        "started_at": recording.started_at.isoformat() if recording.started_at else None,
        "duration_ms": recording.duration_ms,
        "composed": {
            "state": Composed.FAILED if gave_up else recording.composed_state,
            "progress": 1.0 if done else status.progress if status else 0.0,
            "url": f"/recordings/{recording.id}/files/{COMPOSED_NAME}" if done else None,
        },
        "chapters": [
            {"at_ms": one.at_ms, "title": context.pages.say(locale, one.title), "kind": one.kind} for one in chapters
        ],
        "files": [
            {
                "url": f"/recordings/{recording.id}/files/{one.name}",
                "identity": one.identity,
                "name": one.participant_name,
                "kind": one.kind,
                "starts_ms": one.starts_ms,
                "duration_ms": one.duration_ms,
                "size": one.size,
                "sha256": one.sha256,
            }
            for one in files
        ],
    }


@router.get("/recordings/{recording_id}/files/{name}")
async def file(context: ContextDep, actor: ActorDep, recording_id: str, name: str) -> Response:
    """A sealed file, in whole or by range. Players fetch nothing before somebody plays, so that whoever asks for a
    file plays or downloads it: that is logged, whichever part they ask for first."""
    now = context.clock.now()
    async with context.database.read() as session:
        recording = await _readable(session, actor, recording_id)
        types = {one.name: one.media_type for one in await service.files_of(session, recording.id)}
        by = By(f"account:{actor.account_id}", actor.name)
        noted = await service.viewing_noted(session, recording, by, now)
    types[manifest.NAME] = "application/jsonl"
    if recording.composed_state == Composed.DONE:
        types[COMPOSED_NAME] = "video/webm"
    path = service.directory_of(context.settings, recording) / name
    if name not in types or not path.is_file():
        raise NotFound("Không có tệp này trong bản ghi.")
    if not noted:
        async with context.database.transaction() as session:
            await service.note_viewing(session, recording, by, now)
    return FileResponse(path, media_type=types[name], headers={"Cache-Control": "private, no-cache"})


async def _readable(session: Any, actor: Actor, recording_id: str) -> Recording:
    recording = await service.get_recording(session, recording_id)
    meeting = await scheduling.get_meeting(session, recording.meeting_id)
    require(actor, Action.VIEW_RECORDING, await scheduling.facts_for(session, actor, meeting))
    return recording


# ----------------------------------------------------------------------------------------- for recorders


@router.post("/internal/recorder/poll")
async def poll(request: Request, context: ContextDep) -> Response:
    """Which recordings this worker shall keep going, with a token for the room of each."""
    asked = _decoded(messages.poll_decoder, await _body_of(request, context))
    now = context.clock.now()
    async with context.database.read() as session:
        found = await handover.in_hand(session, asked.worker, now)
    if found is None:
        async with context.database.transaction() as session:
            found = await handover.claim(session, asked.worker, now)
    async with context.database.read() as session:
        watched = {one.id: await handover.prominent(session, one.meeting_id) for one in found}
    work = Work(tuple(_assignment(context, one, watched[one.id]) for one in found))
    return Response(messages.encode(work), media_type="application/json")


@router.post("/internal/recorder/report")
async def report(request: Request, context: ContextDep) -> Response:
    """What became of a recording."""
    told = _decoded(messages.report_decoder, await _body_of(request, context))
    async with context.database.transaction() as session:
        await handover.take(session, told, context.clock.now())
    return Response(b"{}", media_type="application/json")


def _assignment(context: Context, recording: Recording, watched: list[str]) -> Assignment:
    return Assignment(
        recording_id=recording.id,
        meeting_id=recording.meeting_id,
        url=context.settings.livekit_url,
        token=livekit.recorder_token(context, recording.meeting_id, recording.id),
        directory=str(service.directory_of(context.settings, recording)),
        prominent=tuple(watched),
        min_free_bytes=context.settings.recording_min_free_bytes,
        stop=recording.desired == Desired.STOPPED,
        stop_at=recording.stop_asked_at,
    )


async def _body_of(request: Request, context: Context) -> bytes:
    """The body of a recorder's call. Only with the house's internal secret, and only from this machine."""
    given = request.headers.get(INTERNAL_HEADER, "")
    here = request.client is None or request.client.host in ("127.0.0.1", "::1")
    if not here or not hmac.compare_digest(given.encode(), context.settings.internal_secret.encode()):
        raise Forbidden("Yêu cầu này không được chấp nhận.")
    return await request.body()


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid("Không đọc được dữ liệu gửi lên.", code="unreadable") from error
