"""One meeting as it is planned, its invitation as a document, and calling it off."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, Actor
from meetings.context import Context
from meetings.directory.models import Account, Unit
from meetings.errors import Conflict, Invalid, MeetingsError
from meetings.scheduling.answers import answer_token
from meetings.scheduling.delivery import Delivery, Posted, by_participant, delivery_of
from meetings.scheduling.history import history
from meetings.scheduling.models import AgendaItem, Answer
from meetings.scheduling.plans import Plan, load_plan
from meetings.scheduling.progress import documents_of, dues, steps
from meetings.scheduling.service import CANCEL_REASONS, cancel
from meetings.web import ActorDep, ContextDep

from .desk import Held, held, office_of, refused

router = APIRouter(prefix="/meetings/{meeting_id}")


@router.get("")
async def plan_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    return await render_plan(request, context, actor, meeting_id)


async def render_plan(
    request: Request, context: Context, actor: Actor, meeting_id: str, *, error: MeetingsError | None = None
) -> Response:
    office = office_of(request, context, actor)
    knows_why = actor.account_id is not None  # why somebody declines is not for whoever stands before a point's device
    async with context.database.read() as session:
        found = await held(session, actor, meeting_id, Action.VIEW_MEETING)
        plan = await load_plan(session, meeting_id)
        documents = await documents_of(session, meeting_id)
        log = await history(session, meeting_id) if knows_why else []
        delivery = await delivery_of(session, plan.meeting)
        secretary = await session.get(Account, plan.meeting.secretary_account_id or "")
    filed = any(document.type_code == "BB" for document in documents)
    mine = next((one for one in plan.participants if one.person_id and one.person_id == actor.person_id), None)
    return context.pages.render(
        request,
        "scheduling/plan.html",
        status=error.status if error else 200,
        plan=plan,
        held=found,
        kind=office.regulation.kind(plan.meeting.kind),
        dues=dues(plan, office, delivery, filed=filed),
        steps=steps(plan, delivery, filed=filed),
        documents=documents,
        history=log,
        knows_why=knows_why,
        letters=_letters(plan, found, delivery, context),
        secretary=secretary,
        answers={answer.value: len(plan.answered(answer)) for answer in Answer},
        agenda=_timed(plan),
        my_answer=f"/answer/{answer_token(context.settings, mine.id)}" if mine else None,
        error=error,
    )


def _letters(plan: Plan, found: Held, delivery: Delivery, context: Context) -> Mapping[str, Posted]:
    """What became of each letter is for those who can do something about it."""
    if not (found.may(Action.EDIT_MEETING) or found.may(Action.VIEW_OUTBOX)):
        return {}
    return by_participant(delivery, plan.told, context.settings.zone)


def _timed(plan: Plan) -> list[tuple[datetime, AgendaItem]]:
    """When each line of the agenda would begin, if every one keeps its minutes."""
    at, found = plan.meeting.starts_at, []
    for item in plan.agenda:
        found.append((at, item))
        at += timedelta(minutes=item.minutes)
    return found


@router.get("/invitation")
async def invitation_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    """The invitation after form 1.7 of Decree 30, as it will be printed; the number comes from the register."""
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.VIEW_MEETING)
        plan = await load_plan(session, meeting_id)
        units = select(Unit).where(Unit.id.in_([venue.unit_id for venue in plan.venues.values()]))
        names = {unit.id: unit.name for unit in await session.scalars(units)}
    return context.pages.render(request, "scheduling/invitation.html", plan=plan, units=names)


@router.get("/cancel")
async def cancel_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    return await _cancel_form(request, context, actor, meeting_id)


@router.post("/cancel")
async def call_off(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    meeting_id: str,
    reason: Annotated[str, Form()] = "",
    explanation: Annotated[str, Form()] = "",
) -> Response:
    office = office_of(request, context, actor)
    try:
        async with context.database.transaction() as session:
            await held(session, actor, meeting_id, Action.CANCEL_MEETING)
            await cancel(session, office, meeting_id, reason, explanation)
    except (Invalid, Conflict) as error:
        refused("cancel", error, meeting_id=meeting_id)
        typed = {"reason": reason[:40], "explanation": explanation[:1000]}
        return await _cancel_form(request, context, actor, meeting_id, error=error, **typed)
    return RedirectResponse(f"/meetings/{meeting_id}", status_code=303)


async def _cancel_form(
    request: Request,
    context: Context,
    actor: Actor,
    meeting_id: str,
    *,
    error: MeetingsError | None = None,
    reason: str = "",
    explanation: str = "",
) -> Response:
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.CANCEL_MEETING)
        plan = await load_plan(session, meeting_id)
    return context.pages.render(
        request,
        "scheduling/cancel.html",
        status=error.status if error else 200,
        plan=plan,
        reached=sum(1 for one in plan.told if one.email),
        unreached=sum(1 for one in plan.told if not one.email),
        reasons=CANCEL_REASONS,
        reason=reason,
        explanation=explanation,
        error=error,
    )
