"""Who is in the room: the relay's webhooks as they come, and each minute its own list, because webhooks get lost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from livekit.api import WebhookEvent
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.conduct import livekit, models, service
from meetings.conduct.enforcement import carry_out, forget_behind, mark_behind
from meetings.conduct.livekit import NotThere, RelayUnreachable, RoomParticipant, RoomService
from meetings.conduct.rules import entry
from meetings.conduct.rules.course import ConferenceState
from meetings.conduct.rules.seats import rights_of
from meetings.conduct.scene import Deed, Order, Scene, open_scene
from meetings.conduct.withdrawal import withdraw
from meetings.context import Context
from meetings.scheduling.models import Meeting

log = structlog.get_logger(__name__)

RECEIPTS_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the relay answered for one room, and when it was asked."""

    meeting_id: str
    participants: Sequence[RoomParticipant]
    asked_at: datetime


async def receive(context: Context, event: WebhookEvent) -> None:
    """Applies a webhook once, however often it is sent."""
    now = context.clock.now()
    async with context.database.transaction() as session:
        if not await _first_time(session, event.id, now):
            return
        scene = await _scene(session, event.room.name, now)
        if scene is None:
            return
        _apply(scene, event)
        await _keep_time(scene)
        await scene.write()
    await carry_out(context, event.room.name, scene.orders)


async def _first_time(session: AsyncSession, event_id: str, now: datetime) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    receipt = insert(models.WebhookReceipt).values(event_id=event_id, received_at=now)
    made = await session.scalar(receipt.on_conflict_do_nothing().returning(models.WebhookReceipt.event_id))
    return made is not None


async def _scene(session: AsyncSession, meeting_id: str, now: datetime) -> Scene | None:
    """None for a room that is no conference of ours."""
    if await session.get(models.Conference, meeting_id) is None:
        return None
    meeting = await session.get(Meeting, meeting_id)
    return await open_scene(session, meeting, now) if meeting is not None else None


def _apply(scene: Scene, event: WebhookEvent) -> None:
    participant = livekit.participant_of(event.participant)
    match event.event:
        case "participant_joined" if not participant.recorder:
            _arrived(scene, participant)
        case "participant_left" | "participant_connection_aborted" if not participant.recorder:
            _departed(scene, participant.identity, participant.sid)
        case "room_finished":
            for seat in scene.present:
                scene.apply(entry.depart(seat, scene.now), actor=None)


def _arrived(scene: Scene, participant: RoomParticipant) -> None:
    seat = scene.seats.get(participant.identity)
    ended = scene.state is ConferenceState.ENDED
    if seat is None or entry.unwelcome(seat, generation=participant.generation, ended=ended):
        scene.orders.append(Order(Deed.EXPEL, participant.identity))
        return
    seat = entry.connected(seat, generation=participant.generation)
    scene.put(seat)
    scene.rows[seat.identity].participant_sid = participant.sid
    scene.apply(entry.arrive(seat, scene.now), actor=seat.identity)
    scene.orders.append(Order(Deed.RIGHTS, seat.identity))


def _departed(scene: Scene, identity: str, sid: str) -> None:
    """The end of an older connection says nothing about a seat that has a newer one."""
    row = scene.rows.get(identity)
    if row is not None and row.participant_sid in (None, "", sid):
        scene.apply(entry.depart(scene.seats[identity], scene.now), actor=None)


async def _keep_time(scene: Scene) -> None:
    """Beginning and ending by the clock."""
    if not await service.close_cancelled(scene) and not await service.end_by_itself(scene):
        await service.begin_by_clock(scene)


async def reconcile(context: Context) -> None:
    """At start and every minute: presence, rights and hours as they should be, whatever was lost meanwhile."""
    going_on = await _conferences(context, ended=False)
    await catch_up(context, departures=True)
    for meeting_id in going_on:
        await keep_time(context, meeting_id)
    await withdraw(context)
    await _forget_receipts(context)


async def catch_up(context: Context, *, departures: bool) -> bool:
    """Makes the relay follow what was decided while it did not answer; False: it does not answer now either.
    `departures`: whoever is not at the relay has left. A relay that just started has nobody yet; that says nothing."""
    behind = await forget_behind(context)  # before looking: what fails from now on marks its conference anew
    try:
        async with livekit.connect(context.settings) as rooms:
            names = frozenset(await rooms.rooms())
            for meeting_id in await _conferences(context, ended=False):
                await settle(context, await _look(context, rooms, meeting_id, names), departures=departures)
            for meeting_id in names & await _conferences(context, ended=True, among=names):
                await carry_out(context, meeting_id, [Order(Deed.CLOSE)])
    except RelayUnreachable as error:
        log.warning("conduct.relay_unreachable", error=str(error))
        await mark_behind(context, behind)
        return False
    return True


async def answers(context: Context) -> bool:
    """Whether the relay does what it is asked."""
    try:
        async with livekit.connect(context.settings) as rooms:
            await rooms.rooms()
    except RelayUnreachable:
        return False
    return True


async def _conferences(context: Context, *, ended: bool, among: Collection[str] | None = None) -> set[str]:
    over = models.Conference.state == ConferenceState.ENDED
    query = select(models.Conference.meeting_id).where(over if ended else ~over)
    if among is not None:
        query = query.where(models.Conference.meeting_id.in_(among))
    async with context.database.read() as session:
        return set(await session.scalars(query))


async def _look(context: Context, rooms: RoomService, meeting_id: str, names: Collection[str]) -> Sighting:
    asked_at = context.clock.now()
    if meeting_id not in names:
        return Sighting(meeting_id, [], asked_at)
    try:
        there = await rooms.participants(meeting_id)
    except NotThere:
        there = []
    return Sighting(meeting_id, [one for one in there if not one.recorder], asked_at)


async def settle(context: Context, sighting: Sighting, *, departures: bool = True) -> None:
    """Makes seats agree with what the relay said, and the relay with what the seats say."""
    async with context.database.transaction() as session:
        scene = await _scene(session, sighting.meeting_id, context.clock.now())
        if scene is None:
            return
        if departures:
            _depart_missing(scene, sighting)
        for participant in sighting.participants:
            _arrive_found(scene, participant, sighting.asked_at)
        await scene.write()
    await carry_out(context, sighting.meeting_id, scene.orders)


def _depart_missing(scene: Scene, sighting: Sighting) -> None:
    found = {participant.identity for participant in sighting.participants}
    for seat in scene.present:
        arrived_at = scene.rows[seat.identity].arrived_at
        came_before = arrived_at is None or arrived_at < sighting.asked_at
        if seat.identity not in found and came_before:
            scene.apply(entry.depart(seat, scene.now), actor=None)


def _arrive_found(scene: Scene, participant: RoomParticipant, asked_at: datetime) -> None:
    seat = scene.seats.get(participant.identity)
    if seat is not None and seat.left_at is not None and seat.left_at >= asked_at:
        return  # has left since the relay was asked
    _arrived(scene, participant)
    seat = scene.seats.get(participant.identity)
    rights = Order(Deed.RIGHTS, participant.identity)
    if seat is not None and participant.has(rights_of(seat)):
        scene.orders[:] = [order for order in scene.orders if order != rights]


async def keep_time(context: Context, meeting_id: str) -> None:
    async with context.database.transaction() as session:
        scene = await _scene(session, meeting_id, context.clock.now())
        if scene is None:
            return
        await _keep_time(scene)
        await scene.write()
    await carry_out(context, meeting_id, scene.orders)


async def _forget_receipts(context: Context) -> None:
    async with context.database.transaction() as session:
        old = models.WebhookReceipt.received_at < context.clock.now() - RECEIPTS_KEPT
        await session.execute(delete(models.WebhookReceipt).where(old))
