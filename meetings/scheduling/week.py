"""The week as a calendar: days, a row for each leader, a row for each room, and the same as a list."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, allowed
from meetings.directory.models import Person, Unit, Venue

from .office import Office
from .overview import Filter, Line, lines_between
from .rules.working_days import WorkingDays

LEADER_RANK = 40  # in the directory: who stands in the office's weekly calendar
FIRST_HOUR, LAST_HOUR = 7, 18
_ISO_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


class View(StrEnum):
    LEADER = "leader"
    ROOM = "room"
    LIST = "list"


@dataclass(frozen=True)
class Bar:
    """A meeting on a room's track: hours after the first one, and length in hours."""

    offset: float
    length: float


@dataclass(frozen=True)
class Entry:
    line: Line
    chairs: bool = False
    bar: Bar | None = None


@dataclass(frozen=True)
class Row:
    id: str
    name: str
    detail: str
    cells: Sequence[Sequence[Entry]]  # one for each day


@dataclass(frozen=True)
class Week:
    monday: date
    days: Sequence[date]
    today: date
    leaders: Sequence[Row]
    rooms: Sequence[Row]
    lists: Sequence[tuple[date, Sequence[Line]]]  # days on which there is something, or nobody works
    off: Mapping[date, str]  # public holidays and other days off, with their names

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def code(self) -> str:
        return week_code(self.monday)

    @property
    def previous(self) -> str:
        return week_code(self.monday - timedelta(days=7))

    @property
    def next(self) -> str:
        return week_code(self.monday + timedelta(days=7))

    @property
    def is_empty(self) -> bool:
        return not any(lines for _, lines in self.lists)


def week_code(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def monday_of(code: str, today: date) -> date:
    """The Monday of a week written as 2026-W17; of this week for anything else."""
    found = _ISO_WEEK.fullmatch(code)
    if found and 1990 < int(found[1]) < 2200:
        try:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
        except ValueError:
            pass
    return today - timedelta(days=today.weekday())


async def load_week(session: AsyncSession, office: Office, monday: date, wanted: Filter, calendar: WorkingDays) -> Week:
    """Meetings that this actor may see."""
    zone, actor = office.settings.zone, office.actor
    first = datetime.combine(monday, time(), zone).astimezone(UTC)
    found = await lines_between(session, first, first + timedelta(days=7))
    lines = [line for line in found if wanted.lets(line) and allowed(actor, Action.VIEW_MEETING, line.facts(actor))]
    last = 7 if any(line.day(zone).weekday() > 4 for line in lines) else 5
    days = [monday + timedelta(days=n) for n in range(last)]
    leaders = await _leaders(session, lines, wanted)
    rooms = await _rooms(session, lines, wanted)
    by_day = [(day, [line for line in lines if line.day(zone) == day]) for day in days]
    off = calendar.off_between(days[0], days[-1])
    return Week(
        monday=monday,
        days=days,
        today=office.now.astimezone(zone).date(),
        leaders=[_leader_row(person, lines, days, zone) for person in leaders],
        rooms=[_room_row(venue, lines, days, zone) for venue in rooms],
        lists=[(day, of_day) for day, of_day in by_day if of_day or day in off],
        off=off,
    )


async def _leaders(session: AsyncSession, lines: Sequence[Line], wanted: Filter) -> list[Person]:
    chairs = {line.chair.id for line in lines}
    query = select(Person).where((Person.sort_rank < LEADER_RANK) | Person.id.in_(chairs))
    people = await session.scalars(query.order_by(Person.sort_rank, Person.full_name))
    return [person for person in people if not wanted.leader or person.id == wanted.leader]


async def _rooms(session: AsyncSession, lines: Sequence[Line], wanted: Filter) -> list[Venue]:
    """The house's own rooms, and whatever else is a main point this week."""
    house = select(Venue).join(Unit, Unit.id == Venue.unit_id).where(Unit.level.in_(("province", "office")))
    used = {line.venue.id for line in lines}
    own = list(await session.scalars(house.where(Venue.active).order_by(Venue.name)))
    others = select(Venue).where(Venue.id.in_(used - {venue.id for venue in own})).order_by(Venue.name)
    rooms = [*own, *(await session.scalars(others))]
    return [venue for venue in rooms if not wanted.venue or venue.id == wanted.venue]


def _leader_row(person: Person, lines: Sequence[Line], days: Sequence[date], zone: ZoneInfo) -> Row:
    def entries(day: date) -> list[Entry]:
        own = [line for line in lines if line.day(zone) == day]
        return [
            Entry(line, chairs=line.chair.id == person.id)
            for line in own
            if person.id == line.chair.id or person.id in line.person_ids
        ]

    name = f"{person.honorific} {person.full_name}".strip()
    return Row(person.id, person.post or name, name if person.post else "", [entries(day) for day in days])


def _room_row(venue: Venue, lines: Sequence[Line], days: Sequence[date], zone: ZoneInfo) -> Row:
    def entries(day: date) -> list[Entry]:
        here = [line for line in lines if line.day(zone) == day]
        return [
            Entry(line, bar=bar_of(line, zone))
            for line in here
            if venue.id == line.venue.id or venue.id in line.member_ids
        ]

    return Row(venue.id, venue.name, venue.location or venue.phone, [entries(day) for day in days])


def bar_of(line: Line, zone: ZoneInfo) -> Bar:
    """Cut to the hours that the track shows; a meeting over midnight ends with its day."""
    starts_at = line.meeting.starts_at.astimezone(zone)
    ends_at = line.meeting.ends_at.astimezone(zone)
    start = starts_at.hour + starts_at.minute / 60
    end = 24.0 if ends_at.date() > starts_at.date() else ends_at.hour + ends_at.minute / 60
    start, end = (min(max(hour, FIRST_HOUR), LAST_HOUR) for hour in (start, end))
    return Bar(round(start - FIRST_HOUR, 2), round(max(end - start, 0.25), 2))
