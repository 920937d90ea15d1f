"""Makes the relay follow the database: rights, silence, removal, closing. What fails is done again by reconciliation.

Nothing is remembered here: each order reads what the database says now, so late or crossing orders cannot do harm.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator

import structlog
from sqlalchemy import select, update

from meetings.conduct import livekit, models
from meetings.conduct.livekit import NotThere, RelayUnreachable, RoomService
from meetings.conduct.rules import entry
from meetings.conduct.rules.course import ConferenceState
from meetings.conduct.rules.seats import Rights, SeatFacts, rights_of
from meetings.conduct.scene import Deed, Order, facts
from meetings.context import Context

log = structlog.get_logger(__name__)

TRIES = 5
LONGEST_SECONDS = 5.0  # whoever pressed a button waits no longer for a relay that hangs; the rest is caught up
AT_ONCE = 8  # muting a hundred points must not take seconds


async def carry_out(context: Context, meeting_id: str, orders: Iterable[Order]) -> bool:
    """After the commit. False when the relay could not be reached; the conference is marked, to be caught up."""
    by_identity: dict[str, list[Order]] = {}
    for order in dict.fromkeys(orders):
        by_identity.setdefault(order.identity, []).append(order)
    if not by_identity:
        return True
    waiting, reached = iter(by_identity.values()), True
    try:
        async with (
            asyncio.timeout(LONGEST_SECONDS),
            livekit.connect(context.settings) as rooms,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(min(AT_ONCE, len(by_identity))):
                group.create_task(_work_off(context, rooms, meeting_id, waiting))
    except* (RelayUnreachable, TimeoutError) as errors:
        log.warning("conduct.relay_unreachable", meeting_id=meeting_id, error=repr(errors.exceptions[0]))
        reached = False
        await mark_behind(context, [meeting_id])
    return reached


async def mark_behind(context: Context, meeting_ids: Collection[str]) -> None:
    """The relay missed something decided in these conferences; kept in the database, for every process to see."""
    row = models.Conference
    query = update(row).where(row.meeting_id.in_(meeting_ids), ~row.relay_behind).values(relay_behind=True)
    async with context.database.transaction() as session:
        await session.execute(query)


async def forget_behind(context: Context) -> list[str]:
    """Those that were marked; whoever asks makes them good now, or marks them again."""
    row = models.Conference
    query = update(row).where(row.relay_behind).values(relay_behind=False).returning(row.meeting_id)
    async with context.database.transaction() as session:
        return list(await session.scalars(query))


async def any_behind(context: Context) -> bool:
    query = select(models.Conference.meeting_id).where(models.Conference.relay_behind).limit(1)
    async with context.database.read() as session:
        return await session.scalar(query) is not None


async def _work_off(context: Context, rooms: RoomService, meeting_id: str, waiting: Iterator[list[Order]]) -> None:
    """Several of these share the list; what is asked for one identity is asked in order."""
    for orders in waiting:
        for order in orders:
            await _carry_out(context, rooms, meeting_id, order)


async def prepare_room(context: Context, meeting_id: str) -> None:
    """So that the relay keeps the room as long as we do. A relay that is away makes it when the first one connects."""
    try:
        async with livekit.connect(context.settings) as rooms:
            await rooms.create_room(meeting_id)
    except RelayUnreachable as error:
        log.warning("conduct.relay_unreachable", meeting_id=meeting_id, error=str(error))


async def _carry_out(context: Context, rooms: RoomService, meeting_id: str, order: Order) -> None:
    try:
        match order.deed:
            case Deed.RIGHTS:
                await _set_rights(context, rooms, meeting_id, order.identity)
            case Deed.SILENCE:
                await rooms.silence(meeting_id, order.identity)
            case Deed.EXPEL:
                await _expel(context, rooms, meeting_id, order.identity)
            case Deed.CLOSE:
                await rooms.delete_room(meeting_id)
    except NotThere:
        log.debug("conduct.not_at_the_relay", meeting_id=meeting_id, identity=order.identity, deed=order.deed)


async def _set_rights(context: Context, rooms: RoomService, meeting_id: str, identity: str) -> None:
    """Sends the rights and looks again: two acts whose messages cross end with what was decided last."""
    wanted = await _rights(context, meeting_id, identity)
    for _ in range(TRIES):
        if wanted is None:
            return
        await rooms.set_rights(meeting_id, identity, wanted)
        sent, wanted = wanted, await _rights(context, meeting_id, identity)
        if sent == wanted:
            return


async def _rights(context: Context, meeting_id: str, identity: str) -> Rights | None:
    seat, _ = await _standing(context, meeting_id, identity)
    return rights_of(seat) if seat is not None else None


async def _expel(context: Context, rooms: RoomService, meeting_id: str, identity: str) -> None:
    there = await rooms.participant(meeting_id, identity)
    seat, ended = await _standing(context, meeting_id, identity)
    if entry.unwelcome(seat, generation=there.generation, ended=ended):
        await rooms.remove(meeting_id, identity)


async def _standing(context: Context, meeting_id: str, identity: str) -> tuple[SeatFacts | None, bool]:
    """The seat as the database has it, and whether its conference has ended."""
    query = (
        select(models.Conference.state, models.Seat)
        .outerjoin(
            models.Seat,
            (models.Seat.meeting_id == models.Conference.meeting_id) & (models.Seat.identity == identity),
        )
        .where(models.Conference.meeting_id == meeting_id)
    )
    async with context.database.read() as session:
        row = (await session.execute(query)).first()
    if row is None:
        return None, True
    return facts(row[1]) if row[1] is not None else None, row[0] == ConferenceState.ENDED
