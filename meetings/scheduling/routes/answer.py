"""The answer link: opening it changes nothing, since mail scanners open links too; pressing a button does."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from meetings.context import Context
from meetings.errors import Conflict, Invalid, MeetingsError, TooMany
from meetings.scheduling.answers import asked_by, give_answer
from meetings.scheduling.plans import load_plan
from meetings.web import ActorDep, ContextDep

from .desk import refused

router = APIRouter()


@router.get("/answer/{token}")
async def answer_page(request: Request, context: ContextDep, token: str, done: str = "") -> Response:
    return await _page(request, context, token, thanks=done == "1")


@router.post("/answer/{token}")
async def answer(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    token: str,
    answer: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    try:
        async with context.database.transaction() as session:
            await give_answer(session, token, answer, reason, context.clock.now(), actor)
    except (Invalid, Conflict, TooMany) as error:
        refused("answer", error)
        return await _page(request, context, token, error=error, answer=answer, reason=reason[:1000])
    return RedirectResponse(f"/answer/{token}?done=1", status_code=303)


async def _page(
    request: Request,
    context: Context,
    token: str,
    *,
    error: MeetingsError | None = None,
    thanks: bool = False,
    answer: str = "",
    reason: str = "",
) -> Response:
    async with context.database.read() as session:
        asked = await asked_by(session, token)
        plan = await load_plan(session, asked.meeting.id)
    return context.pages.render(
        request,
        "scheduling/answer.html",
        status=error.status if error else 200,
        asked=asked,
        plan=plan,
        error=error,
        thanks=thanks,
        answer=answer or asked.participant.answer,
        reason=reason or asked.participant.answer_reason,
    )
