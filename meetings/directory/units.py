"""Owns the organisation's tree as it stands on a day: units are closed and succeeded, never deleted."""

from datetime import date, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person, Unit, Venue
from meetings.errors import Conflict, NotFound

LEVELS = ("province", "office", "department", "commune", "ward")


async def units_on(session: AsyncSession, day: date) -> list[Unit]:
    """The units that exist on this day, by their place in the tree and then by name."""
    query = select(Unit).where(Unit.valid_from <= day, or_(Unit.valid_to.is_(None), Unit.valid_to >= day))
    found = list(await session.scalars(query))
    return sorted(found, key=lambda unit: (_rank(unit.level), unit.name))


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


async def get_unit(session: AsyncSession, unit_id: str) -> Unit:
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise NotFound("Không có đơn vị này trong danh bạ.")
    return unit


async def succeed(session: AsyncSession, unit_id: str, *, name: str, short_name: str, from_day: date) -> Unit:
    """A unit that is renamed or merged ends on the day before; its rooms and people go over to its successor.

    Documents of before keep the name of their day, because they hold it themselves.
    """
    old = await get_unit(session, unit_id)
    if old.valid_to is not None or old.valid_from >= from_day:
        raise Conflict("Đơn vị “{name}” đã được thay thế hoặc chưa hoạt động vào ngày này.", name=old.name)
    new = Unit(
        name=name, short_name=short_name, level=old.level, parent_id=old.parent_id, code=old.code, valid_from=from_day
    )
    session.add(new)
    await session.flush()
    old.valid_to, old.successor_id = from_day - timedelta(days=1), new.id
    for table in (Venue, Person):
        await session.execute(update(table).where(table.unit_id == old.id).values(unit_id=new.id))
    children = update(Unit).where(Unit.parent_id == old.id, Unit.valid_to.is_(None))
    await session.execute(children.values(parent_id=new.id))
    await session.flush()
    return new
