"""Owns the organisation's tree as it stands on a day: units are closed and succeeded, never deleted."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.house_log import note
from meetings.directory.models import Person, Unit, Venue
from meetings.errors import N_, Conflict, Invalid, MeetingsError, NotFound
from meetings.texts import clean_line, read_day

LEVELS = {
    "province": N_("Cấp tỉnh"),
    "office": N_("Văn phòng"),
    "department": N_("Sở, ban, ngành"),
    "commune": N_("Xã"),
    "ward": N_("Phường"),
    "other": N_("Đơn vị khác"),
}


@dataclass(frozen=True)
class UnitForm:
    """What somebody typed, not yet looked at. `since` is a day as people write it: 01/05/2026."""

    name: str = ""
    short_name: str = ""
    level: str = "commune"
    parent_id: str = ""
    code: str = ""
    since: str = ""


async def units_on(session: AsyncSession, day: date) -> list[Unit]:
    """The units that exist on this day, by their place in the tree and then by name."""
    query = select(Unit).where(Unit.valid_from <= day, or_(Unit.valid_to.is_(None), Unit.valid_to >= day))
    found = list(await session.scalars(query))
    return sorted(found, key=lambda unit: (_rank(unit.level), unit.name))


async def closed_units(session: AsyncSession, day: date) -> list[Unit]:
    """Units of before: old registers and recordings still name them."""
    return list(await session.scalars(select(Unit).where(Unit.valid_to < day).order_by(Unit.valid_to.desc())))


def _rank(level: str) -> int:
    return list(LEVELS).index(level) if level in LEVELS else len(LEVELS)


async def get_unit(session: AsyncSession, unit_id: str) -> Unit:
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise NotFound("Không có đơn vị này trong danh bạ.")
    return unit


async def named(session: AsyncSession, name: str) -> Unit | None:
    """The unit of today with this name, however it is capitalised: databases lower only ASCII letters alike."""
    present = await session.scalars(select(Unit).where(Unit.valid_to.is_(None)))
    return next((unit for unit in present if unit.name.casefold() == name.casefold()), None)


async def add_unit(session: AsyncSession, form: UnitForm, now: datetime, actor_id: str) -> Unit:
    values, since = await _checked(session, form)
    if await named(session, values["name"]) is not None:
        raise Conflict("Đã có đơn vị tên “{name}”.", field="name", name=values["name"])
    unit = Unit(
        name=values["name"],
        short_name=values["short_name"] or values["name"],
        level=form.level,
        parent_id=form.parent_id or None,
        code=values["code"] or None,
        valid_from=since,
    )
    session.add(unit)
    await session.flush()
    await note(session, "unit.created", unit.id, now, actor_id, name=unit.name, since=since.isoformat())
    return unit


async def _checked(session: AsyncSession, form: UnitForm) -> tuple[dict[str, str], date]:
    values, faults = dict[str, str](), list[MeetingsError]()
    for name, limit, required in (("name", 200, True), ("short_name", 60, False), ("code", 40, False)):
        try:
            values[name] = clean_line(getattr(form, name), field=name, limit=limit, required=required)
        except Invalid as fault:
            faults.append(fault)
    if form.level not in LEVELS:
        faults.append(Invalid("Vui lòng chọn cấp của đơn vị.", field="level"))
    if form.parent_id and await session.get(Unit, form.parent_id) is None:
        faults.append(Invalid("Không có đơn vị này trong danh bạ.", field="parent_id"))
    since = date.min
    try:
        since = parse_day(form.since, "since")
    except Invalid as fault:
        faults.append(fault)
    if faults:
        raise Invalid.many(faults)
    return values, since


def parse_day(typed: str, name: str) -> date:
    day = read_day(typed)
    if day is None or not 1900 <= day.year <= 2200:
        raise Invalid("Vui lòng nhập ngày theo ngày/tháng/năm, ví dụ 01/07/2026.", field=name)
    return day


async def succeed(
    session: AsyncSession, unit_id: str, form: UnitForm, now: datetime, actor_id: str | None = None
) -> Unit:
    """A unit that is renamed or merged ends on the day before; its rooms and people go over to its successor.

    Documents of before keep the name of their day, because they hold it themselves.
    """
    old = await get_unit(session, unit_id)
    values, since = await _checked(session, form)
    if old.valid_to is not None or old.valid_from >= since:
        raise Conflict(
            "Đơn vị “{name}” đã được thay thế hoặc chưa hoạt động vào ngày này.", field="since", name=old.name
        )
    new = Unit(
        name=values["name"],
        short_name=values["short_name"] or values["name"],
        level=old.level,
        parent_id=old.parent_id,
        code=values["code"] or old.code,
        valid_from=since,
    )
    session.add(new)
    await session.flush()
    old.valid_to, old.successor_id = since - timedelta(days=1), new.id
    for table in (Venue, Person):
        await session.execute(update(table).where(table.unit_id == old.id).values(unit_id=new.id))
    children = update(Unit).where(Unit.parent_id == old.id, Unit.valid_to.is_(None))
    await session.execute(children.values(parent_id=new.id))
    await note(session, "unit.succeeded", old.id, now, actor_id, name=new.name, successor=new.id)
    return new
