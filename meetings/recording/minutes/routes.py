"""Pages of the minutes: draft, edit, submit, return, approve, preview; works as plain forms."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, Actor, require
from meetings.context import Context
from meetings.errors import Conflict, Invalid, NotFound
from meetings.guards.forms import FORM_FIELDS
from meetings.recording.minutes import api, desk, filing, filing_routes, form, service, view
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import Content, State
from meetings.recording.minutes.sight import meeting_for, require_sight
from meetings.recording.minutes.sources import first_draft, load_sources
from meetings.scheduling.service import facts_for, get_meeting
from meetings.web import ActorDep, ContextDep

router = APIRouter()
router.include_router(api.router)
router.include_router(filing_routes.router)


@router.get("/minutes")
async def desk_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    """Every meeting whose minutes wait for the actor, then those that may be read."""
    require(actor, Action.VIEW_TODAY)
    async with context.database.read() as session:
        lines = await desk.desk_of(session, actor, context.clock.now())
    return context.pages.render(request, "minutes/desk.html", lines=lines, State=State)


@router.get("/meetings/{meeting_id}/minutes")
async def minutes_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    return await view.show(request, context, actor, meeting_id)


@router.post("/meetings/{meeting_id}/minutes/draft")
async def draft_minutes(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    async with context.database.transaction() as session:
        await meeting_for(session, actor, meeting_id, Action.EDIT_MINUTES)
        await get_meeting(session, meeting_id, lock=True)  # two who press at once make one draft
        if await service.find_minutes(session, meeting_id) is None:
            sources = await load_sources(session, meeting_id)
            if (refusal := view.why_not_yet(sources, context.clock.now())) is not None:
                raise refusal
            content = first_draft(sources, actor.account_id)
            await service.start_minutes(session, meeting_id, content, actor, context.clock.now())
    return _to_minutes(meeting_id)


def _to_minutes(meeting_id: str, fragment: str = "") -> Response:
    return RedirectResponse(f"/meetings/{meeting_id}/minutes{fragment}", status_code=303)


@router.post("/meetings/{meeting_id}/minutes")
async def save_minutes(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    """Save what the form holds after doing what its button says; `do=submit` also sends it for approval."""
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.EDIT_MINUTES)
        sources = await load_sources(session, meeting_id)
    fields = await request.form(max_fields=FORM_FIELDS)
    act = str(fields.get("do", "save"))
    because = str(fields.get("not_recorded_because", ""))
    content = form.act_on(form.read_content(fields), act, sources.happenings)
    try:
        await _save(context, actor, meeting_id, fields, content, because if act == "submit" else None)
    except (Conflict, Invalid) as error:
        words = {"not_recorded_because": because}
        return await view.show(request, context, actor, meeting_id, view.Retry(error, content, words))
    return _to_minutes(meeting_id, "#content" if act.startswith("add") else "")


async def _save(
    context: Context, actor: Actor, meeting_id: str, fields: FormData, content: Content, submit: str | None
) -> None:
    """Save, and submit when `submit` holds the reason field; both or neither."""
    version, now = form.read_version(fields), context.clock.now()
    async with context.database.transaction() as session:
        minutes = await service.save_minutes(session, meeting_id, version, content, actor, now)
        if submit is not None:
            await meeting_for(session, actor, meeting_id, Action.SUBMIT_MINUTES)
            await service.submit_minutes(session, meeting_id, minutes.version, submit, actor, now)


@router.post("/meetings/{meeting_id}/minutes/approve")
async def approve(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    meeting_id: str,
    version: Annotated[int, Form(ge=1, lt=10**9)],
) -> Response:
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.APPROVE_MINUTES)
    try:
        async with context.database.transaction() as session:
            await service.approve_minutes(session, meeting_id, version, actor, context.clock.now())
    except Conflict as error:
        return await view.show(request, context, actor, meeting_id, view.Retry(error))
    return _to_minutes(meeting_id)


@router.post("/meetings/{meeting_id}/minutes/return")
async def send_back(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    meeting_id: str,
    version: Annotated[int, Form(ge=1, lt=10**9)],
    reason: Annotated[str, Form()] = "",
) -> Response:
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.APPROVE_MINUTES)
    try:
        async with context.database.transaction() as session:
            await service.return_minutes(session, meeting_id, version, reason, actor, context.clock.now())
    except Invalid as error:
        return await view.show(request, context, actor, meeting_id, view.Retry(error, words={"reason": reason}))
    return _to_minutes(meeting_id)


@router.get("/meetings/{meeting_id}/minutes/preview.pdf")
async def preview(context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    """How the printed page will look, still without a number."""
    async with context.database.read() as session:
        meeting_minutes = await visible(session, actor, meeting_id)
        content = await service.content_of(session, meeting_minutes)
    pdf = await asyncio.to_thread(filing.proof, content, context.settings, context.clock.now())
    headers = {"Content-Disposition": 'inline; filename="ban-xem-truoc.pdf"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def visible(session: AsyncSession, actor: Actor, meeting_id: str) -> Minutes:
    """The minutes, given only to somebody who may see them in their state."""
    facts = await facts_for(session, actor, await get_meeting(session, meeting_id))
    minutes = await service.find_minutes(session, meeting_id)
    require_sight(actor, facts, State(minutes.state) if minutes else None)
    if minutes is None:
        raise NotFound("Cuộc họp này chưa có biên bản.", code="no_minutes")
    return minutes
