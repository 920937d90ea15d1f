"""The check of a line: begun and ended by the room page, shown to whoever keeps the machine."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from meetings.access import Action, require
from meetings.conduct import lines, livekit
from meetings.conduct.bodies import Body, Nothing
from meetings.conduct.rules.lines import Measured
from meetings.conduct.stage import WhoDep
from meetings.context import Context
from meetings.directory.identity import browser_of
from meetings.web import ActorDep, ContextDep

router = APIRouter()

Kbps = Annotated[int, Field(ge=0, le=1_000_000)]


class Result(Body):
    """None: not tried, or nothing was measured."""

    udp: bool | None
    tcp: bool | None
    turn: bool | None
    up_kbps: Kbps | None
    down_kbps: Kbps | None
    loss_percent: Annotated[float, Field(ge=0, le=100, strict=False)] | None
    delay_ms: Annotated[int, Field(ge=0, le=60_000)] | None


@router.post("/api/line")
async def begin(request: Request, context: ContextDep, actor: WhoDep, body: Nothing) -> dict[str, Any]:
    async with context.database.transaction() as session:
        check = await lines.begin(session, actor, context.clock.now())
    sender, receiver = livekit.line_tokens(context.settings, check.id)
    return {
        "id": check.id,
        "url": livekit.public_url(context.settings, str(request.url)),
        "sender": sender,
        "receiver": receiver,
        "turn": has_turn(context),
    }


@router.post("/api/line/{check_id}")
async def finish(
    request: Request, context: ContextDep, actor: WhoDep, check_id: Annotated[str, Path(max_length=40)], body: Result
) -> dict[str, Any]:
    line = Measured(**body.model_dump())
    async with context.database.transaction() as session:
        now = context.clock.now()
        check = await lines.finish(session, actor, check_id, line, browser_of(request), now)
        return lines.answer(check)


@router.get("/lines")
async def every_line(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.VIEW_HEALTH)
    async with context.database.read() as session:
        checks = await lines.latest(session)
    return context.pages.render(request, "conduct/lines.html", checks=checks, turn=has_turn(context))


def has_turn(context: Context) -> bool:
    """Of another house's relay nobody tells us: it is tried."""
    return bool(context.settings.turn_urls) or not context.settings.own_relay
