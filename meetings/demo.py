"""Owns the demonstration: a province of invented units, rooms and people, one account for each role."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Role
from meetings.clock import Clock
from meetings.config import Settings
from meetings.database import Database
from meetings.directory import points
from meetings.directory.accounts import create_account
from meetings.directory.models import Account, Person, PointLink, Unit, Venue
from meetings.directory.passwords import DEMO_PASSWORD, chosen
from meetings.errors import Conflict
from meetings.scheduling import service as scheduling
from meetings.scheduling.models import Meeting, MeetingState
from meetings.scheduling.rules.booking import Booking
from meetings.scheduling.rules.clashes import Span
from meetings.scheduling.rules.rows import Item
from meetings.scheduling.service import Office
from meetings.serve import house_address

SINCE = date(2025, 7, 1)  # two-tier local government
PROVINCE, OFFICE = "demo-tinh", "demo-van-phong"

# key, name, short name
DEPARTMENTS = (
    ("so-minh-hoa", "Sở Minh Họa", "Sở Minh Họa"),
    ("so-vi-du", "Sở Ví Dụ và Thí Dụ", "Sở Ví Dụ"),
    ("so-gia-dinh", "Sở Kế hoạch Giả Định", "Sở Giả Định"),
    ("thanh-tra", "Thanh tra tỉnh (minh họa)", "Thanh tra"),
)
COMMUNES = (
    "Ví Dụ Một", "Ví Dụ Hai", "Minh Họa Thượng", "Minh Họa Hạ", "Ea Giả Định", "Cư Tưởng Tượng",
    "Krông Thí Dụ", "Buôn Làm Mẫu", "Đồng Mẫu Thượng Minh Họa Ea Ví Dụ", "Suối Chưa Có",
)  # fmt: skip
WARDS = ("Làm Mẫu Đông", "Làm Mẫu Tây")


@dataclass(frozen=True)
class Invented:
    """Somebody who does not exist: key, name and post, the unit, and the role of the account."""

    key: str
    honorific: str
    name: str
    post: str
    unit: str
    rank: int
    role: Role | None = None


PEOPLE = (
    Invented("chu-tich", "Ông", "Hoàng Văn Minh Họa", "Chủ tịch UBND tỉnh", PROVINCE, 10, Role.LEADER),
    Invented("pho-chu-tich", "Bà", "Trần Thị Ví Dụ", "Phó Chủ tịch UBND tỉnh", PROVINCE, 20, Role.CHAIR),
    Invented("chanh-van-phong", "Ông", "Lê Văn Thí Dụ", "Chánh Văn phòng", OFFICE, 30, Role.OFFICE_LEADER),
    Invented("thu-ky", "Bà", "Nguyễn Thị Giả Định", "Chuyên viên", OFFICE, 40, Role.SECRETARY),
    Invented("van-thu", "Bà", "Phạm Thị Làm Mẫu", "Văn thư", OFFICE, 50, Role.CLERK),
    Invented("ky-thuat", "Ông", "Y Tưởng Tượng Êban", "Cán bộ kỹ thuật", OFFICE, 60, Role.OPERATOR),
    Invented("thanh-tra-vien", "Ông", "Đặng Văn Chưa Có", "Thanh tra viên", "demo-thanh-tra", 70, Role.AUDITOR),
    Invented("quan-tri", "Bà", "H' Ví Dụ Niê", "Quản trị hệ thống", OFFICE, 80, Role.ADMIN),
    Invented("giam-doc-mh", "Ông", "Võ Văn Họa", "Giám đốc Sở Minh Họa", "demo-so-minh-hoa", 90),
    Invented("giam-doc-vd", "Bà", "Bùi Thị Dụ", "Giám đốc Sở Ví Dụ và Thí Dụ", "demo-so-vi-du", 90),
    Invented("giam-doc-gd", "Ông", "Ngô Văn Định", "Giám đốc Sở Kế hoạch Giả Định", "demo-so-gia-dinh", 90),
    Invented("chu-tich-xa-1", "Ông", "Y Mẫu Một", "Chủ tịch UBND xã Ví Dụ Một", "demo-xa-1", 100),
    Invented("chu-tich-xa-2", "Bà", "H' Mẫu Hai", "Chủ tịch UBND xã Ví Dụ Hai", "demo-xa-2", 100),
)


async def seed(settings: Settings, database: Database, clock: Clock) -> None:
    """Puts in what is missing; what somebody changed since stays as it is."""
    now = clock.now()
    async with database.transaction() as session:
        if await session.get(Unit, PROVINCE) is None:
            session.add_all(units(settings))
            await session.flush()
            session.add_all(people())
            session.add_all(venues())
            await session.flush()
        await _links(session, settings, now)
    for person in PEOPLE:
        if person.role is not None:
            await _account(database, person, person.role, now)
    await _meetings(settings, database, now)


def units(settings: Settings) -> list[Unit]:
    def unit(key: str, name: str, short: str, level: str, parent: str | None) -> Unit:
        return Unit(id=key, name=name, short_name=short, level=level, parent_id=parent, valid_from=SINCE)

    top = unit(PROVINCE, f"Ủy ban nhân dân {settings.province_name}", "UBND tỉnh", "province", None)
    found = [top, unit(OFFICE, settings.office_name, "Văn phòng", "office", PROVINCE)]
    found += [unit(f"demo-{key}", name, short, "department", PROVINCE) for key, name, short in DEPARTMENTS]
    for number, name in enumerate(COMMUNES, 1):
        found.append(unit(f"demo-xa-{number}", f"Ủy ban nhân dân xã {name}", name, "commune", PROVINCE))
    for number, name in enumerate(WARDS, 1):
        found.append(unit(f"demo-phuong-{number}", f"Ủy ban nhân dân phường {name}", name, "ward", PROVINCE))
    return found


def venues() -> list[Venue]:
    """Three rooms of the province, one of each department and commune."""
    kept = [
        _venue("demo-phong-1", OFFICE, "Phòng họp số 1, trụ sở UBND tỉnh", "101"),
        _venue("demo-phong-2", OFFICE, "Phòng họp số 2, trụ sở UBND tỉnh", "102"),
        _venue("demo-hoi-truong", OFFICE, "Hội trường UBND tỉnh", "103"),
    ]
    kept += [_venue(f"demo-phong-{key}", f"demo-{key}", f"Phòng họp {short}", "110") for key, _, short in DEPARTMENTS]
    for number, name in enumerate(COMMUNES, 1):
        kept.append(_venue(f"demo-phong-xa-{number}", f"demo-xa-{number}", f"Điểm cầu xã {name}", f"2{number:02}"))
    for number, name in enumerate(WARDS, 1):
        kept.append(
            _venue(f"demo-phong-phuong-{number}", f"demo-phuong-{number}", f"Điểm cầu phường {name}", f"3{number:02}")
        )
    return kept


def _venue(key: str, unit: str, name: str, extension: str) -> Venue:
    equipment = "Tivi 65 inch, camera, loa, micro cổ ngỗng"
    return Venue(id=key, unit_id=unit, name=name, phone=f"0262 000 0{extension}", equipment=equipment)


def people() -> list[Person]:
    return [
        Person(
            id=f"demo-{one.key}",
            full_name=one.name,
            post=one.post,
            unit_id=one.unit,
            honorific=one.honorific,
            email=f"{one.key}@example.invalid",
            sort_rank=one.rank,
        )
        for one in PEOPLE
    ]


async def _links(session: AsyncSession, settings: Settings, now: datetime) -> None:
    without = select(Venue.id).outerjoin(PointLink).where(PointLink.venue_id.is_(None))
    for venue_id in list(await session.scalars(without)):
        await points.renew_link(session, settings, venue_id, now)


async def _account(database: Database, person: Invented, role: Role, now: datetime) -> None:
    async with database.read() as session:
        if await session.scalar(select(Account.id).where(Account.login == role.value)):
            return
    password = await chosen(DEMO_PASSWORD, role.value)
    async with database.transaction() as session:
        await create_account(
            session,
            login=role.value,
            display_name=person.name,
            password=password,
            roles=[role],
            person_id=f"demo-{person.key}",
            now=now,
        )


async def _meetings(settings: Settings, database: Database, now: datetime) -> None:
    """Booked as the secretary would. At the first start three meetings: one that can be joined at once, one tomorrow,
    one next week; at a later start the first one again, if there is nothing left to join."""
    async with database.read() as session:
        begun = await session.scalar(select(Meeting.id).limit(1)) is not None
        open_states = (MeetingState.SCHEDULED, MeetingState.IN_SESSION)
        joinable = select(Meeting.id).where(
            Meeting.state.in_(open_states), Meeting.ends_at > now, Meeting.starts_at < now + timedelta(hours=1)
        )
        wanted = [] if await session.scalar(joinable.limit(1)) else bookings(settings, now)[:1]
        secretary = (await session.scalars(select(Account).where(Account.login == Role.SECRETARY.value))).one()
    actor = Actor(secretary.id, secretary.display_name, frozenset({Role.SECRETARY}), secretary.person_id)
    office = Office(settings, actor, now, house_address(settings))
    for booking in wanted if begun else bookings(settings, now):
        with contextlib.suppress(Conflict):  # whoever tries the system may have taken the room meanwhile
            async with database.transaction() as session:
                await scheduling.book(session, office, booking)


def bookings(settings: Settings, now: datetime) -> list[Booking]:
    soon = datetime.fromtimestamp((now.timestamp() // 300 + 4) * 300, tz=UTC)  # in 15 to 20 minutes, on the five
    today = now.astimezone(settings.zone).replace(hour=8, minute=0, second=0, microsecond=0)
    communes = [f"demo-phong-xa-{number}" for number in range(1, len(COMMUNES) + 1)]
    wards = [f"demo-phong-phuong-{number}" for number in range(1, len(WARDS) + 1)]
    return [
        _booking(
            "Họp giao ban trực tuyến với các xã (minh họa)",
            "giao_ban",
            Span(soon, soon + timedelta(minutes=90)),
            ("demo-phong-1", *communes[:2]),
            ("Khai mạc", "Báo cáo tình hình tuần qua", "Thảo luận", "Kết luận"),
            late_reason="Cuộc họp minh họa, có thể vào ngay.",
        ),
        _booking(
            "Họp rà soát tiến độ công việc quý (minh họa)",
            "giai_quyet_cong_viec",
            Span(today + timedelta(days=1), today + timedelta(days=1, hours=2)),
            ("demo-phong-2", "demo-phong-so-minh-hoa", "demo-phong-so-vi-du"),
            ("Báo cáo của Sở Minh Họa", "Báo cáo của Sở Ví Dụ và Thí Dụ", "Kết luận"),
            late_reason="Họp đột xuất để minh họa.",
        ),
        _booking(
            "Hội nghị trực tuyến sơ kết công tác với tất cả xã, phường (minh họa)",
            "so_ket_tong_ket",
            Span(today + timedelta(days=9, hours=6), today + timedelta(days=9, hours=9)),
            ("demo-hoi-truong", *communes, *wards),
            ("Khai mạc", "Báo cáo sơ kết", "Tham luận của các xã, phường", "Phát biểu chỉ đạo", "Bế mạc"),
        ),
    ]


def _booking(
    title: str, kind: str, span: Span, venue_ids: Sequence[str], agenda: Sequence[str], late_reason: str = ""
) -> Booking:
    return Booking(
        title=title,
        kind=kind,
        regime="qd45",
        classification="thuong",
        periodic=not late_reason,
        chair_person_id="demo-pho-chu-tich",
        span=span,
        main_venue_id=venue_ids[0],
        members=tuple(venue_ids[1:]),
        people=("demo-chanh-van-phong", "demo-giam-doc-mh", "demo-giam-doc-vd", "demo-chu-tich-xa-1"),
        guests=(),
        agenda=tuple(Item(words, "", 20) for words in agenda),
        note="",
        contact="Phòng minh họa, máy lẻ 101",
        late_reason=late_reason,
        recording_planned=True,
    )


async def point_paths(session: AsyncSession, settings: Settings) -> Sequence[tuple[str, str]]:
    """Each room and the path of its link, for whoever started the demonstration."""
    query = select(Venue.name, PointLink.venue_id, PointLink.generation).join(PointLink).order_by(Venue.id)
    return [
        (name, f"/p/{points.link_token(settings, venue_id, generation)}")
        for name, venue_id, generation in await session.execute(query)
    ]
