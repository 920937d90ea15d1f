"""The JSON interface of room page and console; web/src/api/README.md is its document."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response, StreamingResponse

from meetings import events
from meetings.access import Action, Actor, require
from meetings.conduct import bodies, livekit, service, snapshot
from meetings.conduct.callers import Caller, identify
from meetings.conduct.enforcement import carry_out, prepare_room
from meetings.conduct.rules.seats import SeatFacts, abilities, publishable
from meetings.conduct.scene import facts, open_scene, seats_of
from meetings.conduct.stage import StageDep, WhoDep
from meetings.context import Context
from meetings.errors import text
from meetings.scheduling import service as scheduling
from meetings.scheduling.models import Meeting
from meetings.web import ContextDep, sentence

router = APIRouter(prefix="/api")
ACTS = "/meetings/{meeting_id}"
A_MEETING = text("Cuộc họp trực tuyến")  # what somebody who only asks to come in is told


@router.get("/room/state")
async def room_state(
    request: Request,
    context: ContextDep,
    actor: WhoDep,
    meeting: Annotated[str | None, Query(max_length=40)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    now = context.clock.now()
    async with context.database.read() as session:
        coming = await _coming(session, actor, meeting, now)
        venue = await snapshot.venue_json(session, actor.venue_id) if actor.venue_id else None
        body = snapshot.room_state(now=now, helpline=context.settings.helpline, venue=venue)
        if coming is None:
            return body
        caller = await identify(session, actor, coming)
        waiting = await snapshot.waiting_state(session, coming, caller, device_id=device, now=now)
        body["next"] = await snapshot.next_json(session, coming)
    if waiting.body["seat_state"] not in ("admitted", "elsewhere") and not caller.sees_the_plan:
        body["next"] |= {"title": sentence(context, request, A_MEETING), "chair": "", "main_point": ""}
    why_not = sentence(context, request, waiting.refusal) if waiting.refusal else None
    return body | {"conference": waiting.body | {"why_not": why_not}}


async def _coming(session: AsyncSession, actor: Actor, meeting_id: str | None, now: datetime) -> Meeting | None:
    """The meeting the page names; a point's own page names none and is told which."""
    if meeting_id is not None:
        return await scheduling.get_meeting(session, meeting_id)
    if actor.venue_id is None:
        require(actor, Action.JOIN_MEETING)
        return None
    return await snapshot.next_meeting(session, actor.venue_id, now)


@router.post(ACTS + "/join")
async def join(request: Request, body: bodies.Join, stage: StageDep) -> Response:
    context = stage.context
    async with context.database.transaction() as session:
        meeting, caller = await stage.look(session)
        scene = await open_scene(session, meeting, context.clock.now())
        seat = await service.join(scene, caller, body.device_id, take_over=body.take_over)
        await scene.write()
        chair = await snapshot.chair_name(session, meeting)
    await carry_out(context, meeting.id, scene.orders)
    if not seat.admitted:
        return JSONResponse({"seat": "waiting", "identity": seat.identity, "name": seat.name}, status_code=202)
    await prepare_room(context, meeting.id)
    answer = _admitted(context, request, meeting, caller, seat)
    answer["meeting"]["chair"] = chair
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _admitted(context: Context, request: Request, meeting: Meeting, caller: Caller, seat: SeatFacts) -> dict[str, Any]:
    return {
        "seat": "admitted",
        "url": livekit.public_url(context.settings, str(request.url)),
        "token": livekit.seat_token(context.settings, meeting.id, seat),
        "identity": seat.identity,
        "name": seat.name,
        "role": seat.role,
        "can": abilities(seat, conducts=caller.conducts, records=caller.records),
        "may_publish": [str(source) for source in publishable(seat)],
        "generation": seat.generation,
        "meeting": snapshot.meeting_json(meeting),
    }


@router.post(ACTS + "/leave")
async def leave(body: bodies.Leave, stage: StageDep) -> dict[str, bool]:
    left: list[bool] = []
    await stage.act(lambda scene, caller: left.append(service.leave(scene, caller, body.device_id)))
    return {"left": left[0]}


@router.get(ACTS + "/snapshot")
async def whole_state(stage: StageDep) -> dict[str, Any]:
    async with stage.context.database.read() as session:
        meeting, caller = await stage.look(session)
        return await snapshot.snapshot(session, meeting, caller)


@router.get(ACTS + "/events")
async def follow(request: Request, stage: StageDep) -> StreamingResponse:
    chain = events.meeting_chain(stage.meeting_id)
    async with stage.context.database.read() as session:
        meeting, caller = await stage.look(session)
        rows = await seats_of(session, meeting.id)
        mine = next((facts(row) for row in rows if row.identity == caller.identity), None)
        snapshot.check_may_look(caller, mine)
    after = events.last_seen(request, chain)
    return events.sse_stream(visible(stage.context.bus.follow(chain, after, name=caller.identity), caller))


async def visible(log: AsyncGenerator[events.Event], caller: Caller) -> AsyncGenerator[events.Event]:
    """The log as this caller may see it; it ends when they are put out of the room."""
    try:
        async for event in log:
            if snapshot.may_see(event, conducts=caller.conducts):
                yield event
            if snapshot.puts_out(event, caller.identity):
                return
    finally:
        await log.aclose()


@router.post(ACTS + "/chat")
async def chat(body: bodies.Words, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.chat(scene, caller, body.text))


@router.post(ACTS + "/hand")
async def hand(body: bodies.Hand, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.raise_hand(scene, caller, raised=body.raised))


@router.post(ACTS + "/floor")
async def floor(body: bodies.Floor, stage: StageDep) -> dict[str, int]:
    return await stage.act(
        lambda scene, caller: service.give_floor(
            scene, caller, body.identity, body.action, keep_others=body.keep_others
        )
    )


@router.post(ACTS + "/mute")
async def mute(body: bodies.Mute, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.mute(scene, caller, body.identity, hold=body.hold))


@router.post(ACTS + "/unmute")
async def unmute(body: bodies.Unmute, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.unmute(scene, caller, body.identity))


@router.post(ACTS + "/remove")
async def remove(body: bodies.Remove, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.remove(scene, caller, body.identity))


@router.post(ACTS + "/lock")
async def lock(body: bodies.Lock, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.lock(scene, caller, locked=body.locked))


@router.post(ACTS + "/admit")
async def admit(body: bodies.Admit, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.admit(scene, caller, body.identity, yes=body.admit))


@router.post(ACTS + "/announce")
async def announce(body: bodies.Words, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.announce(scene, caller, body.text))


@router.post(ACTS + "/agenda")
async def agenda(body: bodies.Agenda, stage: StageDep) -> dict[str, int]:
    return await stage.act(lambda scene, caller: service.agenda(scene, caller, body.item_id, body.action))


@router.post(ACTS + "/open")
async def begin(body: bodies.Nothing, stage: StageDep) -> dict[str, int]:
    return await stage.act(service.begin)


@router.post(ACTS + "/end")
async def end(body: bodies.Nothing, stage: StageDep) -> dict[str, int]:
    return await stage.act(service.end)
