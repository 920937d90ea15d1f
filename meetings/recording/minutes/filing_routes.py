"""The clerk's page: what approved minutes become in the register, and the act of filing."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, Actor
from meetings.context import Context
from meetings.errors import Conflict, Invalid, MeetingsError, NotFound
from meetings.pages import locale_of
from meetings.recording.minutes import filing, service
from meetings.recording.minutes.rules import State
from meetings.recording.minutes.sight import meeting_for
from meetings.recording.minutes.sources import record_of
from meetings.register import reference
from meetings.register.models import Document
from meetings.web import ActorDep, ContextDep

router = APIRouter()

FIELDS = ("recipients", "keeper", "copies", "note", "retention_code", "not_recorded_because")


@router.get("/meetings/{meeting_id}/file")
async def filing_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    return await _show(request, context, actor, meeting_id)


async def _show(
    request: Request,
    context: Context,
    actor: Actor,
    meeting_id: str,
    *,
    error: MeetingsError | None = None,
    entered: dict[str, str] | None = None,
) -> Response:
    async with context.database.read() as session:
        meeting, _ = await meeting_for(session, actor, meeting_id, Action.FILE_MINUTES)
        minutes = await service.find_minutes(session, meeting_id)
        if minutes is None or minutes.state not in (State.APPROVED, State.FILED):
            raise NotFound("Biên bản của cuộc họp này chưa được duyệt nên chưa vào sổ được.", code="not_approved")
        retentions = await reference.retentions(session)
        record = await record_of(session, meeting_id)
    if minutes.state == State.FILED:
        return RedirectResponse(f"/documents/{minutes.document_id}", status_code=303)
    proposed = meeting.kind if meeting.kind in {one.code for one in retentions} else "mac_dinh"
    values = {
        "recipients": filing.DEFAULT_RECIPIENTS,
        "keeper": "Văn thư",
        "copies": "1",
        "note": "",
        "retention_code": proposed,
        "not_recorded_because": minutes.not_recorded_because,
    } | (entered or {})
    locale = locale_of(request, context.settings)
    return context.pages.render(
        request,
        "minutes/file.html",
        status=error.status if error else 200,
        meeting=meeting,
        minutes=minutes,
        record=record,
        retentions=retentions,
        values=values,
        error=error,
        faults={fault.field: context.pages.say(locale, fault) for fault in error.faults} if error else {},
    )


@router.post("/meetings/{meeting_id}/file")
async def file(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.FILE_MINUTES)
        retentions = await reference.retentions(session)
    form = await request.form()
    entered = {name: value for name in FIELDS if isinstance(value := form.get(name, ""), str)}
    try:
        entry = filing.read_entry(entered, {one.code for one in retentions})
        document = await _whole(context, actor, meeting_id, entry)
    except (Invalid, Conflict) as error:
        return await _show(request, context, actor, meeting_id, error=error, entered=entered)
    return RedirectResponse(f"/documents/{document.id}", status_code=303)


async def _whole(context: Context, actor: Actor, meeting_id: str, entry: filing.Entry) -> Document:
    """Filing goes on to its end when the clerk's browser goes away: the same form sent again finds it done."""

    async def act() -> Document:
        async with context.database.transaction() as session:
            return await filing.file_minutes(session, context, meeting_id, entry, actor)

    task = asyncio.ensure_future(act())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
