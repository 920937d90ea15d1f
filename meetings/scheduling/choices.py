"""What the booking form offers: people and rooms by their units, and the words of the regulation."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person, Unit, Venue

from .plans import Plan
from .rules.regulation import Regulation
from .rules.typed import Typed, TypedItem

LEVELS = {"province": 0, "office": 1, "department": 2, "commune": 3, "ward": 4}


@dataclass(frozen=True)
class Group:
    """A level of the organisation with its rooms or people."""

    level: str
    venues: Sequence[tuple[Venue, Unit]] = ()
    people: Sequence[tuple[Person, Unit | None]] = ()


@dataclass(frozen=True)
class Choices:
    regulation: Regulation
    chairs: Sequence[Person]
    venues: Sequence[Group]
    people: Sequence[Group]


async def choices(session: AsyncSession, regulation: Regulation) -> Choices:
    units = {unit.id: unit for unit in await session.scalars(select(Unit))}
    people = list(
        await session.scalars(select(Person).where(Person.active).order_by(Person.sort_rank, Person.full_name))
    )
    venues = list(await session.scalars(select(Venue).where(Venue.active).order_by(Venue.name)))
    levels = sorted({unit.level for unit in units.values()}, key=lambda level: (LEVELS.get(level, 9), level))
    rooms = [
        Group(level, venues=[(v, units[v.unit_id]) for v in venues if units[v.unit_id].level == level])
        for level in levels
    ]
    placed = [(person, unit) for person in people if (unit := _unit(person, units))]
    guests = [Group(level, people=[(p, u) for p, u in placed if u.level == level]) for level in levels]
    others = [(person, None) for person in people if person.unit_id is None]
    found = [group for group in guests if group.people]
    return Choices(
        regulation=regulation,
        chairs=people,
        venues=[group for group in rooms if group.venues],
        people=[*found, Group("", people=others)] if others else found,
    )


def _unit(person: Person, units: dict[str, Unit]) -> Unit | None:
    return units.get(person.unit_id) if person.unit_id else None


def typed_of(plan: Plan, zone: ZoneInfo) -> Typed:
    """A planned meeting as the form would have it."""
    meeting = plan.meeting
    starts_at = meeting.starts_at.astimezone(zone)
    return Typed(
        title=meeting.title,
        kind=meeting.kind,
        regime=meeting.regime,
        classification=meeting.classification,
        urgent=not meeting.periodic,
        chair_person_id=meeting.chair_person_id,
        date=f"{starts_at:%d/%m/%Y}",
        start=f"{starts_at:%H:%M}",
        length=str(int((meeting.ends_at - meeting.starts_at).total_seconds() // 60)),
        main_venue_id=meeting.main_venue_id,
        points=tuple(point.venue_id for point in plan.members),
        people=tuple(one.person_id for one in plan.participants if one.person_id),
        guests="\n".join(
            "; ".join(filter(None, (one.name, one.post, one.unit_name, one.email)))
            for one in plan.participants
            if one.person_id is None
        ),
        agenda=tuple(TypedItem(item.title, item.presenter, str(item.minutes or "")) for item in plan.agenda),
        note=meeting.note,
        contact=meeting.contact,
        late_reason=meeting.late_reason,
        recording_planned=meeting.recording_planned,
    )
