"""A small house for the tests of scheduling: units, rooms, people, and the form filled in."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Role
from meetings.config import Settings
from meetings.context import Context
from meetings.database import Base, Database
from meetings.directory.models import Account, Person, Unit, Venue
from meetings.jobs import JobRunner
from meetings.scheduling.jobs import handlers
from meetings.scheduling.models import MeetingParticipant, ParticipantRole
from meetings.scheduling.office import Office
from meetings.scheduling.rules.booking import Booking, Now, read_booking
from meetings.scheduling.rules.regulation import regulation_in
from meetings.scheduling.rules.typed import Typed
from tests.fakes import MORNING, Browser

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ROOMS = ("r1", "r2", "r3")
POINTS = tuple(f"xa{n}" for n in range(1, 13))
LATE = "Theo chỉ đạo của Chủ tịch UBND tỉnh"


async def furnish(session: AsyncSession) -> None:
    """Two chairs, three rooms of the house, twelve communes each with a room and a head."""
    since = date(2025, 7, 1)
    session.add_all(
        [
            Unit(id="tinh", name="Ủy ban nhân dân tỉnh", short_name="UBND tỉnh", level="province", valid_from=since),
            *(
                Unit(id=f"u-{key}", name=f"Ủy ban nhân dân xã {key}", short_name=key, level="commune", valid_from=since)
                for key in POINTS
            ),
        ]
    )
    await session.flush()
    session.add_all(
        [
            Person(
                id="ct", full_name="Hoàng Văn Đứng Đầu", honorific="Ông", post="Chủ tịch", unit_id="tinh", sort_rank=1
            ),
            Person(
                id="pct", full_name="Trần Thị Chủ Trì", honorific="Bà", post="Phó Chủ tịch", unit_id="tinh", sort_rank=2
            ),
            *(
                Person(
                    id=f"p-{key}",
                    full_name=f"Nguyễn Văn {key}",
                    honorific="Ông",
                    post=f"Chủ tịch UBND xã {key}",
                    unit_id=f"u-{key}",
                    email=f"{key}@xa.example.invalid",
                )
                for key in POINTS
            ),
            *(
                Venue(id=key, unit_id="tinh", name=f"Phòng họp số {key[1:]}", location="Trụ sở UBND tỉnh")
                for key in ROOMS
            ),
            *(Venue(id=key, unit_id=f"u-{key}", name=f"Điểm cầu xã {key}", phone="0000") for key in POINTS),
        ]
    )
    await session.flush()


async def furnished(database: Database) -> None:
    async with database.transaction() as session:
        await furnish(session)


def filled(**changes: Any) -> dict[str, Any]:
    """The form as a secretary fills it in; lists post a name several times."""
    return {
        "title": "Họp giao ban tuần 18",
        "kind": "giao_ban",
        "regime": "qd45",
        "classification": "thuong",
        "chair_person_id": "pct",
        "date": "2026-04-29",
        "start": "08:00",
        "length": "90",
        "main_venue_id": "r1",
        "points": ["xa1", "xa2"],
        "people": ["p-xa1", "p-xa2"],
        "agenda_title": ["Khai mạc", "Thảo luận"],
        "agenda_presenter": ["Chủ trì", ""],
        "agenda_minutes": ["10", "60"],
        "recording_planned": "1",
        "act": "book",
    } | changes


async def booked(browser: Browser, **changes: Any) -> str:
    """The id of a meeting booked by the form."""
    answer = await browser.post("/meetings/new", data=filled(**changes))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/meetings/")


def booking(settings: Settings, **changes: Any) -> Booking:
    typed = Typed.from_form((name, one) for name, value in filled(**changes).items() for one in _several(value))
    return read_booking(typed, regulation_in(settings.data_dir), Now(MORNING, ZONE))


def _several(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


async def office(session: AsyncSession, settings: Settings, now: datetime = MORNING) -> Office:
    """A secretary at work, with an account of the same name."""
    account = await session.scalar(select(Account).where(Account.login == "thu.ky"))
    if account is None:
        account = Account(login="thu.ky", display_name="Lê Thị Thư Ký", password_hash="", created_at=now)
        session.add(account)
        await session.flush()
    actor = Actor(account_id=account.id, name="Lê Thị Thư Ký", roles=frozenset({Role.SECRETARY}))
    return Office(settings, actor, now, "https://hop.example.invalid")


async def rows(context: Context, model: type[Base], *order: str) -> list[Any]:
    async with context.database.read() as session:
        return list(await session.scalars(select(model).order_by(*(getattr(model, name) for name in order))))


async def invited(context: Context) -> list[MeetingParticipant]:
    """Who is asked to come: everybody with letters but the chair."""
    return [one for one in await rows(context, MeetingParticipant, "position") if one.role == ParticipantRole.MEMBER]


async def post_letters(context: Context) -> int:
    """Runs the mail jobs that are due."""
    return await asyncio.wait_for(JobRunner(context.database, context.clock, handlers(context)).run_due(), 60)
