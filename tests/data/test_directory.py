"""The directory's promises that hang on the database: they hold when many ask at once, on both."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import date

import pytest

from meetings.access import Role
from meetings.config import Settings
from meetings.database import Database
from meetings.directory import points, sessions, setup
from meetings.directory.accounts import create_account
from meetings.directory.login import WRONG_HERE, Origin, log_in
from meetings.directory.models import Account, Unit, Venue
from meetings.directory.passwords import chosen
from meetings.errors import Conflict, Invalid, MeetingsError, NotFound, TooMany
from tests.fakes import ManualClock


async def outcomes(*calls: Awaitable[object]) -> Counter[str]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    unexpected = [one for one in results if isinstance(one, BaseException) and not isinstance(one, MeetingsError)]
    assert unexpected == []
    return Counter(type(one).__name__ if isinstance(one, MeetingsError) else "done" for one in results)


async def test_no_more_tries_than_allowed_however_many_come_at_once(database: Database, clock: ManualClock) -> None:
    async with database.transaction() as session:
        session.add(Account(login="thu.ky", display_name="", password_hash="x", created_at=clock.now()))
    tries = (log_in(database, clock, "thu.ky", f"sai {n}", Origin("192.0.2.1")) for n in range(15))
    assert await outcomes(*tries) == {Invalid.__name__: WRONG_HERE, TooMany.__name__: 15 - WRONG_HERE}


@pytest.fixture
async def venue(database: Database) -> str:
    unit = Unit(name="xã Ví Dụ", level="commune", valid_from=date(2025, 7, 1))
    async with database.transaction() as session:
        session.add(unit)
        await session.flush()
        room = Venue(unit_id=unit.id, name="Điểm cầu xã Ví Dụ")
        session.add(room)
    return room.id


async def test_of_many_browsers_that_open_a_link_at_once_one_has_it(
    database: Database, settings: Settings, clock: ManualClock, venue: str
) -> None:
    async with database.transaction() as session:
        token = await points.renew_link(session, settings, venue, clock.now())

    async def open_it() -> points.OpenedLink:
        async with database.transaction() as session:
            return await points.open_link(session, token, None, clock.now())

    assert await outcomes(*(open_it() for _ in range(8))) == {"done": 1, Conflict.__name__: 7}


async def test_a_browser_with_two_links_speaks_for_the_room_it_opened_last(
    database: Database, settings: Settings, clock: ManualClock, venue: str
) -> None:
    async with database.transaction() as session:
        unit_id = (await session.get_one(Venue, venue)).unit_id
        second = Venue(unit_id=unit_id, name="Phòng thứ hai")
        session.add(second)
        await session.flush()
        tokens = [await points.renew_link(session, settings, one, clock.now()) for one in (venue, second.id)]
    device: str | None = None
    spoken = []
    for token in (*tokens, tokens[0]):
        clock.advance(60)
        async with database.transaction() as session:
            device = (await points.open_link(session, token, device, clock.now())).device
        async with database.read() as session:
            actor = await points.actor_of_point(session, device)
        spoken.append(actor.venue_id if actor else None)
    assert spoken == [venue, second.id, venue]


async def test_the_first_administrator_s_link_serves_one(database: Database, clock: ManualClock) -> None:
    async with database.transaction() as session:
        token = await setup.make_setup_link(session, clock.now())
    assert token is not None

    async def come_in(number: int) -> Account:
        async with database.transaction() as session:
            return await setup.use_setup_link(
                session,
                token,
                login=f"quan.tri{number}",
                display_name="Quản Trị",
                password=await chosen("mot hai ba bon", "quan.tri"),
                now=clock.now(),
            )

    assert await outcomes(*(come_in(number) for number in range(4))) == {"done": 1, NotFound.__name__: 3}


async def test_a_login_is_given_once_even_at_the_same_moment(database: Database, clock: ManualClock) -> None:
    async def make() -> Account:
        async with database.transaction() as session:
            return await create_account(
                session,
                login="van.thu",
                display_name="Văn Thư",
                password=await chosen("mot hai ba bon", "van.thu"),
                roles=[Role.CLERK],
                now=clock.now(),
            )

    assert await outcomes(*(make() for _ in range(4))) == {"done": 1, Conflict.__name__: 3}


async def test_only_the_hash_of_a_session_s_token_is_kept(database: Database, clock: ManualClock) -> None:
    async with database.transaction() as session:
        account = Account(login="a", display_name="", password_hash="x", created_at=clock.now())
        session.add(account)
        await session.flush()
        token = await sessions.start_session(session, account.id, clock.now())
        kept = (await sessions.sessions_of(session, account.id, clock.now()))[0]
        assert token not in repr(vars(kept))
        actor, _ = await sessions.actor_of_session(session, token, clock.now())
        forged, _ = await sessions.actor_of_session(session, kept.token_hash, clock.now())
    assert actor is not None
    assert actor.account_id == account.id
    assert forged is None
