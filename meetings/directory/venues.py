"""Owns venues: the list, their particulars, and what an operator does with a venue's link."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.directory import points
from meetings.directory.house_log import note
from meetings.directory.models import PointLink, Unit, Venue
from meetings.errors import Conflict, Invalid, MeetingsError, NotFound
from meetings.texts import clean_line, clean_text


@dataclass(frozen=True)
class VenueForm:
    """What somebody typed, not yet looked at."""

    name: str = ""
    unit_id: str = ""
    location: str = ""
    phone: str = ""
    equipment: str = ""
    active: bool = True


@dataclass(frozen=True)
class VenueRow:
    venue: Venue
    unit: Unit
    link: PointLink | None

    @property
    def bound(self) -> bool:
        return self.link is not None and self.link.device_hash is not None


async def list_venues(session: AsyncSession, *, words: str = "", with_inactive: bool = True) -> list[VenueRow]:
    query = select(Venue, Unit, PointLink).join(Unit, Unit.id == Venue.unit_id).outerjoin(PointLink)
    if not with_inactive:
        query = query.where(Venue.active)
    rows = [VenueRow(*row) for row in await session.execute(query.order_by(Unit.name, Venue.name))]
    wanted = words.casefold().split()
    return [row for row in rows if all(word in f"{row.venue.name} {row.unit.name}".casefold() for word in wanted)]


async def get_venue(session: AsyncSession, venue_id: str) -> VenueRow:
    query = select(Venue, Unit, PointLink).join(Unit, Unit.id == Venue.unit_id).outerjoin(PointLink)
    row = (await session.execute(query.where(Venue.id == venue_id))).first()
    if row is None:
        raise NotFound("Không có phòng họp này trong danh bạ.")
    return VenueRow(*row)


async def save_venue(
    session: AsyncSession, form: VenueForm, *, venue_id: str | None, settings: Settings, now: datetime, actor_id: str
) -> Venue:
    """Makes a venue with its link, or changes one. All faults of the form are told at once."""
    values = await _checked(session, form)
    others = select(Venue.name).where(Venue.unit_id == form.unit_id, Venue.id != (venue_id or ""))
    if values["name"].casefold() in {name.casefold() for name in await session.scalars(others)}:
        raise Conflict("Đơn vị này đã có phòng họp tên “{name}”.", field="name", name=values["name"])
    if venue_id is None:
        venue = Venue(unit_id=form.unit_id, active=form.active, **values)
        session.add(venue)
        await session.flush()
        await points.renew_link(session, settings, venue.id, now)
    else:
        venue = (await get_venue(session, venue_id)).venue
        venue.unit_id, venue.active = form.unit_id, form.active
        for name, value in values.items():
            setattr(venue, name, value)
        await session.flush()
    kind = "venue.created" if venue_id is None else "venue.changed"
    payload = {**values, "unit_id": form.unit_id, "active": form.active}
    await note(session, kind, venue.id, now, actor_id, **payload)
    return venue


async def _checked(session: AsyncSession, form: VenueForm) -> dict[str, str]:
    values: dict[str, str] = {}
    faults: list[MeetingsError] = []
    for name, limit, required in (("name", 120, True), ("location", 200, False), ("phone", 40, False)):
        try:
            values[name] = clean_line(getattr(form, name), field=name, limit=limit, required=required)
        except Invalid as fault:
            faults.append(fault)
    try:
        values["equipment"] = clean_text(form.equipment, field="equipment", limit=2000)
    except Invalid as fault:
        faults.append(fault)
    if await session.get(Unit, form.unit_id) is None:
        faults.append(Invalid("Vui lòng chọn đơn vị quản lý phòng họp.", field="unit_id"))
    if faults:
        raise Invalid.many(faults)
    return values


async def renew(session: AsyncSession, settings: Settings, venue_id: str, now: datetime, actor_id: str) -> str:
    await get_venue(session, venue_id)
    token = await points.renew_link(session, settings, venue_id, now)
    await note(session, "point.link_renewed", venue_id, now, actor_id)
    return token


async def unbind(session: AsyncSession, venue_id: str, now: datetime, actor_id: str) -> None:
    await get_venue(session, venue_id)
    await points.unbind(session, venue_id)
    await note(session, "point.unbound", venue_id, now, actor_id)


def link_of(settings: Settings, row: VenueRow, house: str) -> str | None:
    """The address to open on the venue's own machine."""
    if row.link is None:
        return None
    return f"{house}/p/{points.link_token(settings, row.venue.id, row.link.generation)}"
