"""The demonstration: invented people, one account for each role, put in once."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from meetings import demo
from meetings.access import ACCOUNT_ROLES
from meetings.config import Settings
from meetings.database import Database
from meetings.directory.login import Origin, log_in
from meetings.directory.models import Account, AccountRole, Person, Unit, Venue
from meetings.directory.passwords import DEMO_PASSWORD
from meetings.scheduling.models import Meeting
from tests.conftest import sqlite_database
from tests.fakes import ManualClock


async def counts(database: Database) -> list[int]:
    async with database.read() as session:
        tables = (Unit, Venue, Person, Account, Meeting)
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


async def test_a_second_start_adds_nothing(database: Database, settings: Settings, clock: ManualClock) -> None:
    await demo.seed(settings, database, clock)
    first = await counts(database)
    await demo.seed(settings, database, clock)
    assert await counts(database) == first
    assert first[1] >= 15
    assert first[4] == 3


async def test_each_role_logs_in_under_its_own_name(
    settings: Settings, sqlite_template: Path, clock: ManualClock
) -> None:
    database = Database(sqlite_database(settings, sqlite_template))
    await demo.seed(settings, database, clock)
    for name in ACCOUNT_ROLES:
        assert await log_in(database, clock, name.value, DEMO_PASSWORD, Origin())
    async with database.read() as session:
        assert sorted(await session.scalars(select(AccountRole.role))) == sorted(ACCOUNT_ROLES)
    await database.dispose()


async def test_there_is_always_a_meeting_to_join(database: Database, settings: Settings, clock: ManualClock) -> None:
    await demo.seed(settings, database, clock)
    for days in (0, 3, 30):
        clock.advance(days * 86400)
        await demo.seed(settings, database, clock)
        async with database.read() as session:
            now = clock.now()
            soon = select(func.count()).where(Meeting.starts_at.between(now, now + timedelta(hours=1)))
            assert await session.scalar(soon.select_from(Meeting)) == 1


async def test_what_somebody_changed_stays(database: Database, settings: Settings, clock: ManualClock) -> None:
    await demo.seed(settings, database, clock)
    async with database.transaction() as session:
        (await session.get_one(Venue, "demo-phong-1")).name = "Phòng khánh tiết"
    await demo.seed(settings, database, clock)
    async with database.read() as session:
        assert (await session.get_one(Venue, "demo-phong-1")).name == "Phòng khánh tiết"
        paths = dict(await demo.point_paths(session, settings))
    assert paths["Phòng khánh tiết"].startswith("/p/")
