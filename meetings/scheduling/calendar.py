"""What is taken: the locks that keep bookings apart, and the meetings that hold a chair or a room at some time."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.models import Person, Venue
from meetings.errors import Conflict

from .models import Meeting, MeetingPoint, MeetingState
from .rules.clashes import Booked, Span, Wish, clashes, refusals

HOLDING = (MeetingState.SCHEDULED, MeetingState.IN_SESSION)


async def lock(session: AsyncSession, names: Iterable[str]) -> None:
    """One after another for each chair and room until the transaction ends. On SQLite every writer is alone already.

    Taken in one order, before any row is locked, so that two bookings never wait for each other in a ring.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    for key in sorted({_key(name) for name in names}):
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"booking:{name}".encode()).digest()[:8], "big", signed=True)


async def require_free(session: AsyncSession, wish: Wish, zone: ZoneInfo) -> None:
    """Raises Conflict with a sentence for each clash. Call it under `lock`."""
    found = await in_the_way(session, wish, zone)
    if found:
        raise Conflict.many(found)


async def in_the_way(session: AsyncSession, wish: Wish, zone: ZoneInfo) -> list[Conflict]:
    """A sentence for each meeting that holds the chair or a room. Without `lock` it holds for this moment only."""
    planned = await booked_between(session, wish.span.starts_at, wish.span.ends_at)
    found = clashes(wish, planned)
    return refusals(found, await _names(session), zone) if found else []


async def booked_between(session: AsyncSession, first: datetime, last: datetime) -> list[Booked]:
    """Meetings that hold their chair and rooms at some moment of this span."""
    query = select(Meeting).where(Meeting.starts_at < last, Meeting.ends_at > first, Meeting.state.in_(HOLDING))
    meetings = list(await session.scalars(query))
    points = await session.execute(
        select(MeetingPoint.meeting_id, MeetingPoint.venue_id).where(
            MeetingPoint.meeting_id.in_([meeting.id for meeting in meetings])
        )
    )
    held: dict[str, set[str]] = {meeting.id: {meeting.main_venue_id} for meeting in meetings}
    for meeting_id, venue_id in points:
        held[meeting_id].add(venue_id)
    return [
        Booked(m.id, m.title, Span(m.starts_at, m.ends_at), m.chair_person_id, frozenset(held[m.id])) for m in meetings
    ]


async def _names(session: AsyncSession) -> dict[str, str]:
    venues = await session.execute(select(Venue.id, Venue.name))
    people = await session.execute(select(Person.id, Person.honorific, Person.full_name))
    return {row[0]: row[1] for row in venues} | {row[0]: f"{row[1]} {row[2]}".strip() for row in people}
