"""Who is invited: names of the day from the directory, and what changes between one list and the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person, Unit, Venue
from meetings.errors import Invalid
from meetings.ids import new_id, token_hash

from .answers import answer_token
from .checks import missing
from .models import Answer, Meeting, MeetingParticipant, ParticipantRole
from .office import Office
from .rules.booking import Booking
from .rules.rows import Guest


@dataclass(frozen=True)
class Names:
    """The rows of the directory that a booking names."""

    persons: Mapping[str, Person]
    venues: Mapping[str, Venue]
    units: Mapping[str, Unit]

    def unit_of_venue(self, venue_id: str) -> str:
        return self.units[self.venues[venue_id].unit_id].name

    def unit_of_person(self, person: Person) -> str:
        return self.units[person.unit_id].name if person.unit_id else ""


@dataclass(frozen=True)
class Wanted:
    """Somebody to invite; `key` tells whether two lists mean the same one."""

    person_id: str | None
    guest: Guest
    role: ParticipantRole = ParticipantRole.MEMBER

    @property
    def key(self) -> tuple[str, ...]:
        return _key(self.person_id, self.guest.name, self.guest.email)


@dataclass(frozen=True)
class Change:
    added: Sequence[MeetingParticipant]
    kept: Sequence[MeetingParticipant]
    removed: Sequence[MeetingParticipant]


async def look_up(session: AsyncSession, booking: Booking) -> Names:
    """Raises Invalid at each field that names somebody or some room that is not there."""
    if faults := await missing(session, booking.known):
        raise Invalid.many(faults)
    person_ids = {booking.chair_person_id, *booking.people}
    persons = {p.id: p for p in await session.scalars(select(Person).where(Person.id.in_(person_ids)))}
    venues = {v.id: v for v in await session.scalars(select(Venue).where(Venue.id.in_(booking.venue_ids)))}
    unit_ids = {v.unit_id for v in venues.values()} | {p.unit_id for p in persons.values() if p.unit_id}
    units = {u.id: u for u in await session.scalars(select(Unit).where(Unit.id.in_(unit_ids)))}
    return Names(persons, venues, units)


def wanted(booking: Booking, names: Names) -> list[Wanted]:
    """The chair first, who is told and not asked; then who is invited."""
    chair = _known(names, booking.chair_person_id, ParticipantRole.CHAIR)
    others = [_known(names, one) for one in booking.people if one != booking.chair_person_id]
    everybody = [chair, *others, *(Wanted(None, guest) for guest in booking.guests)]
    return list({one.key: one for one in everybody}.values())


def _known(names: Names, person_id: str, role: ParticipantRole = ParticipantRole.MEMBER) -> Wanted:
    one = names.persons[person_id]
    name = f"{one.honorific} {one.full_name}".strip()
    return Wanted(one.id, Guest(name, one.post, names.unit_of_person(one), one.email), role)


def fresh(
    session: AsyncSession, meeting: Meeting, invited: Sequence[Wanted], office: Office, first: int = 0
) -> list[MeetingParticipant]:
    rows = [_row(meeting, one, office, first + n) for n, one in enumerate(invited)]
    session.add_all(rows)
    return rows


async def of_meeting(session: AsyncSession, meeting_id: str) -> list[MeetingParticipant]:
    query = select(MeetingParticipant).where(
        MeetingParticipant.meeting_id == meeting_id, MeetingParticipant.removed_at.is_(None)
    )
    return list(await session.scalars(query.order_by(MeetingParticipant.position, MeetingParticipant.id)))


async def change(
    session: AsyncSession, meeting: Meeting, invited: Sequence[Wanted], office: Office, *, ask_anew: bool
) -> Change:
    """Brings the list to what is wanted now. Removed people keep their row: their letters hang on it."""
    before = {_key(one.person_id, one.name, one.email): one for one in await of_meeting(session, meeting.id)}
    roles = {one.key: one.role for one in invited}
    kept = [before.pop(one.key) for one in invited if one.key in before]
    for one in kept:
        one.role = roles[_key(one.person_id, one.name, one.email)]
    for removed in before.values():
        removed.removed_at = office.now
    if ask_anew:
        for one in kept:
            one.answer, one.answer_reason, one.answered_at = Answer.NONE, "", None
    there = {_key(one.person_id, one.name, one.email) for one in kept}
    new = [one for one in invited if one.key not in there]
    return Change(fresh(session, meeting, new, office, first=len(kept)), kept, list(before.values()))


def _row(meeting: Meeting, one: Wanted, office: Office, position: int) -> MeetingParticipant:
    participant_id = new_id()
    return MeetingParticipant(
        id=participant_id,
        meeting_id=meeting.id,
        person_id=one.person_id,
        name=one.guest.name,
        post=one.guest.post,
        unit_name=one.guest.unit_name,
        email=one.guest.email,
        role=one.role,
        position=position,
        answer_token_hash=token_hash(answer_token(office.settings, participant_id)),
    )


def _key(person_id: str | None, name: str, email: str | None) -> tuple[str, ...]:
    return ("person", person_id) if person_id else ("guest", name.casefold(), (email or "").casefold())
