"""Bookings at the same time, on both databases: the acknowledged never overlap, the refused are in somebody's way."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from meetings import events
from meetings.config import Settings
from meetings.database import Database
from meetings.directory.models import Person, Unit
from meetings.errors import Conflict, Unavailable
from meetings.scheduling.models import Letter, Meeting, MeetingParticipant, MeetingPoint
from meetings.scheduling.plans import load_plan
from meetings.scheduling.rules.booking import Booking
from meetings.scheduling.rules.clashes import Span
from meetings.scheduling.service import book, cancel, change
from tests.fakes import MORNING
from tests.scheduling_stage import LATE, POINTS, ROOMS, booking, furnished, office


async def try_to_book(database: Database, settings: Settings, wanted: Booking) -> Meeting | None:
    """None when it was refused. A database too busy to listen says so, and is asked again."""
    while True:
        try:
            async with database.transaction() as session:
                return await book(session, await office(session, settings), wanted)
        except Conflict:
            return None
        except Unavailable:
            continue


def at(plain: Booking, minutes: int, length: int) -> Booking:
    start = plain.span.starts_at + timedelta(minutes=minutes)
    return replace(plain, span=Span(start, start + timedelta(minutes=length)))


@pytest.mark.parametrize("seed", [1])
async def test_of_200_parallel_bookings_of_one_room_the_acknowledged_do_not_overlap_and_each_refused_one_is_in_the_way(
    database: Database, settings: Settings, seed: int
) -> None:
    await furnished(database)
    async with database.transaction() as session:
        await office(session, settings)
    chance = random.Random(seed)
    plain = replace(booking(settings), people=(), members=(), agenda=())
    wishes = [
        replace(
            at(plain, chance.randrange(0, 2880, 15), chance.choice((30, 60, 90, 120))),
            chair_person_id=f"p-xa{n % 12 + 1}",
        )
        for n in range(200)
    ]
    made = await asyncio.gather(*(try_to_book(database, settings, wish) for wish in wishes))
    taken = [Span(meeting.starts_at, meeting.ends_at) for meeting in made if meeting is not None]
    refused = [wish.span for wish, meeting in zip(wishes, made, strict=True) if meeting is None]
    assert taken
    assert refused
    assert not any(a.overlaps(b) for n, a in enumerate(taken) for b in taken[:n])
    # another chair or room was never in the way: only what was acknowledged for this room can be
    assert all(any(span.overlaps(other) for other in taken) for span in refused)
    async with database.read() as session:
        assert len(list(await session.scalars(select(Meeting.id)))) == len(taken)


async def test_bookings_that_share_points_and_chairs_in_any_order_never_wait_for_each_other_in_a_ring(
    database: Database, settings: Settings
) -> None:
    await furnished(database)
    async with database.transaction() as session:
        await office(session, settings)
    chance = random.Random(7)
    plain = replace(booking(settings), people=(), agenda=())

    def wish() -> Booking:
        rooms = chance.sample([*ROOMS, *POINTS], 6)
        chair = f"p-xa{chance.randrange(1, 13)}"
        moved = at(plain, chance.randrange(0, 960, 30), 60)
        return replace(moved, chair_person_id=chair, main_venue_id=rooms[0], members=tuple(rooms[1:]))

    wishes = [wish() for _ in range(60)]
    made = await asyncio.wait_for(asyncio.gather(*(try_to_book(database, settings, one) for one in wishes)), 60)
    kept = [(one, meeting) for one, meeting in zip(wishes, made, strict=True) if meeting is not None]
    assert len(kept) > 5
    for n, (one, _) in enumerate(kept):
        for other, _ in kept[:n]:
            shared = one.venue_ids & other.venue_ids or one.chair_person_id == other.chair_person_id
            assert not (shared and one.span.overlaps(other.span))


async def test_a_change_cannot_slip_into_an_hour_that_is_being_booked(database: Database, settings: Settings) -> None:
    await furnished(database)
    plain = replace(booking(settings), people=(), members=())
    first = await try_to_book(database, settings, at(plain, 600, 60))
    assert first is not None

    async def move() -> Meeting | None:
        try:
            async with database.transaction() as session:
                return await change(session, await office(session, settings), first.id, 1, at(plain, 0, 60))
        except Conflict:
            return None

    rivals = [try_to_book(database, settings, replace(at(plain, 30, 60), chair_person_id="ct")) for _ in range(5)]
    made = await asyncio.gather(
        *rivals, move(), *(try_to_book(database, settings, at(plain, 15, 60)) for _ in range(5))
    )
    assert sum(1 for one in made if one is not None) == 1


async def test_two_who_change_one_meeting_at_once_do_not_lose_each_others_words(
    database: Database, settings: Settings
) -> None:
    await furnished(database)
    plain = booking(settings)
    meeting = await try_to_book(database, settings, plain)
    assert meeting is not None

    async def rename(title: str) -> str:
        try:
            async with database.transaction() as session:
                await change(session, await office(session, settings), meeting.id, 1, replace(plain, title=title))
        except Conflict as error:
            return error.code
        return title

    told = await asyncio.gather(*(rename(f"Tên {n}") for n in range(8)))
    [kept] = [title for title in told if title != "version"]
    async with database.read() as session:
        plan = await load_plan(session, meeting.id)
    assert (plan.meeting.version, plan.meeting.title) == (2, kept)


async def test_a_refused_booking_leaves_nothing_behind(database: Database, settings: Settings) -> None:
    await furnished(database)
    plain = booking(settings)
    assert await try_to_book(database, settings, plain) is not None
    assert await try_to_book(database, settings, replace(plain, title="Khác")) is None
    async with database.read() as session:
        for model, count in ((Meeting, 1), (MeetingPoint, 3), (MeetingParticipant, 3), (Letter, 2)):
            assert len(list(await session.scalars(select(model)))) == count
        assert await events.verify_chain(session, "house") == []


async def test_a_cancelled_meeting_frees_its_hour_and_its_log_verifies(database: Database, settings: Settings) -> None:
    await furnished(database)
    plain = booking(settings)
    meeting = await try_to_book(database, settings, plain)
    assert meeting is not None
    async with database.transaction() as session:
        await cancel(session, await office(session, settings), meeting.id, "bat_kha_khang", "")
    assert await try_to_book(database, settings, plain) is not None
    async with database.read() as session:
        chain = events.meeting_chain(meeting.id)
        kinds = [event.kind for event in await events.read_after(session, chain, 0)]
        assert kinds == ["meeting.booked", "meeting.cancelled"]
        assert await events.verify_chain(session, chain) == []


async def test_a_plan_keeps_the_names_of_its_day(database: Database, settings: Settings) -> None:
    await furnished(database)
    meeting = await try_to_book(database, settings, booking(settings))
    assert meeting is not None
    async with database.transaction() as session:
        (await session.get_one(Person, "p-xa1")).full_name = "Người Mới"
        (await session.get_one(Unit, "u-xa1")).name = "Xã mới sáp nhập"
    async with database.read() as session:
        plan = await load_plan(session, meeting.id)
    assert plan.participants[0].name == "Ông Nguyễn Văn xa1"
    assert [plan.participants[0].unit_name, plan.points[1].unit_name] == ["Ủy ban nhân dân xã xa1"] * 2


async def test_an_urgent_meeting_books_today(database: Database, settings: Settings) -> None:
    await furnished(database)
    plain = booking(settings)
    today = Span(MORNING, MORNING + timedelta(hours=1))
    urgent = replace(plain, span=today, periodic=False, late_reason=LATE)
    assert await try_to_book(database, settings, urgent) is not None
