"""Letters: which are out, which wait, which failed; those in the folder can be read here."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, Actor, allowed, require
from meetings.context import Context
from meetings.errors import Forbidden, NotFound
from meetings.ids import is_id
from meetings.scheduling.answers import without_link
from meetings.scheduling.delivery import remedy
from meetings.scheduling.ical import unfolded
from meetings.scheduling.mailing import put_again
from meetings.scheduling.models import Letter, LetterState, Meeting
from meetings.scheduling.outbox import Outbox
from meetings.scheduling.plans import facts_for, get_meeting
from meetings.web import ActorDep, ContextDep

router = APIRouter(prefix="/outbox")
PAGE = 50


@router.get("")
async def outbox_page(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    state: str = "",
    meeting: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    require(actor, Action.VIEW_OUTBOX)
    query = select(Letter, Meeting.title).join(Meeting, Meeting.id == Letter.meeting_id)
    if state in tuple(LetterState):
        query = query.where(Letter.state == state)
    if is_id(meeting):
        query = query.where(Letter.meeting_id == meeting)
    async with context.database.read() as session:
        newest = query.order_by(Letter.queued_at.desc(), Letter.id.desc())
        rows = (await session.execute(newest.offset((page - 1) * PAGE).limit(PAGE + 1))).all()
        counts = await session.execute(select(Letter.state, func.count()).group_by(Letter.state))
        count = {row[0]: row[1] for row in counts}
    return context.pages.render(
        request,
        "scheduling/outbox.html",
        rows=rows[:PAGE],
        more=len(rows) > PAGE,
        page=page,
        state=state,
        meeting=meeting,
        count=count,
        server=context.settings.smtp_host,
        remedy=remedy,
    )


@router.get("/{name}")
async def letter_page(request: Request, context: ContextDep, actor: ActorDep, name: str) -> Response:
    require(actor, Action.VIEW_OUTBOX)
    message = await asyncio.to_thread(Outbox(context.settings.outbox_dir).message, name)
    may_take = await _kept(context, actor, name)
    body, calendar = message.get_body(("plain",)), None
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            content = part.get_content()
            calendar = unfolded(content.decode() if isinstance(content, bytes) else content)
    return context.pages.render(
        request,
        "scheduling/letter.html",
        name=name,
        headers=[(key, str(message[key])) for key in ("From", "To", "Subject") if message[key]],
        written_at=message["Date"].datetime,
        text=without_link(body.get_content()) if body else "",
        calendar=without_link(calendar) if calendar else None,
        may_take=may_take,
    )


@router.get("/{name}/file")
async def letter_file(context: ContextDep, actor: ActorDep, name: str) -> Response:
    """The letter itself has its answer link: it is for those who may change the meeting."""
    require(actor, Action.VIEW_OUTBOX)
    content = await asyncio.to_thread(Outbox(context.settings.outbox_dir).read, name)
    if not await _kept(context, actor, name):
        raise Forbidden("Chỉ thư ký của cuộc họp và lãnh đạo Văn phòng tải được tệp thư này.", code="not_own")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="message/rfc822", headers=headers)


async def _kept(context: ContextDep, actor: Actor, name: str) -> bool:
    """Whether the actor may have the letter as a file. One that no letter knows is not ours to show."""
    async with context.database.read() as session:
        letter = await session.get(Letter, name.removesuffix(".eml"))
        if letter is None:
            raise NotFound("Không có thư này trong hộp thư đi.", code="letter_unknown")
        meeting = await get_meeting(session, letter.meeting_id)
        return allowed(actor, Action.EDIT_MEETING, await facts_for(session, actor, meeting))


def _again(context: Context) -> tuple[LetterState, ...]:
    """What may be sent again: what lies in the folder, too, once there is a mail server."""
    return (LetterState.FAILED, LetterState.KEPT) if context.settings.smtp_host else (LetterState.FAILED,)


@router.post("/retry")
async def retry(context: ContextDep, actor: ActorDep, letter: Annotated[str, Form()] = "") -> Response:
    """Puts a letter that did not get out to the post once more, to the address that the directory has by now."""
    require(actor, Action.VIEW_OUTBOX)
    async with context.database.transaction() as session:
        row = await session.get(Letter, letter, with_for_update=True) if is_id(letter) else None
        if row is None:
            raise NotFound("Không có thư này trong hộp thư đi.", code="letter_unknown")
        if row.state in _again(context):
            await put_again(session, row, context.clock.now())
    return RedirectResponse("/outbox", status_code=303)
