"""Meetings of a span of time, one line each: what lists and calendars show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Facts
from meetings.directory.models import Person, Venue

from .models import Answer, Meeting, MeetingParticipant, MeetingPoint, MeetingState, Paper, ParticipantRole, PointRole
from .plans import count_points

T = TypeVar("T", Person, Venue)


@dataclass(frozen=True)
class Line:
    meeting: Meeting
    chair: Person
    venue: Venue
    member_ids: frozenset[str]
    person_ids: frozenset[str]
    answers: Mapping[str, int]
    papers: int

    @property
    def point_count(self) -> int:
        return count_points(self.venue.id, self.member_ids)

    @property
    def asked(self) -> int:
        return sum(self.answers.values())

    @property
    def accepted(self) -> int:
        return self.answers.get(Answer.ACCEPTED, 0)

    @property
    def declined(self) -> int:
        return self.answers.get(Answer.DECLINED, 0)

    @property
    def unanswered(self) -> int:
        return self.answers.get(Answer.NONE, 0)

    @property
    def state(self) -> str:
        return self.meeting.state

    def day(self, zone: ZoneInfo) -> date:
        return self.meeting.starts_at.astimezone(zone).date()

    def facts(self, actor: Actor) -> Facts:
        own = actor.account_id is not None and actor.account_id in (
            self.meeting.created_by,
            self.meeting.secretary_account_id,
        )
        invited = actor.person_id in self.person_ids or actor.venue_id in (self.member_ids | {self.venue.id})
        return Facts(own=own, chairs=actor.person_id == self.chair.id, invited=invited)


@dataclass(frozen=True)
class Filter:
    """Ids as they came from the address; an unknown one finds nothing."""

    leader: str = ""
    venue: str = ""
    point: str = ""

    def lets(self, line: Line) -> bool:
        if self.leader and self.leader != line.chair.id and self.leader not in line.person_ids:
            return False
        if self.venue and self.venue != line.venue.id:
            return False
        return not self.point or self.point in line.member_ids


async def lines_between(
    session: AsyncSession, first: datetime, last: datetime, *, cancelled: bool = False, limit: int = 500
) -> list[Line]:
    """Meetings with a moment in the span, by their start."""
    query = select(Meeting).where(Meeting.starts_at < last, Meeting.ends_at > first)
    if not cancelled:
        query = query.where(Meeting.state != MeetingState.CANCELLED)
    meetings = list(await session.scalars(query.order_by(Meeting.starts_at, Meeting.id).limit(limit)))
    return await lines_of(session, meetings)


async def lines_of(session: AsyncSession, meetings: Sequence[Meeting]) -> list[Line]:
    ids = [meeting.id for meeting in meetings]
    there = (
        MeetingParticipant.meeting_id.in_(ids),
        MeetingParticipant.role == ParticipantRole.MEMBER,
        MeetingParticipant.removed_at.is_(None),
    )
    members: dict[str, set[str]] = {}
    for row in await session.execute(
        select(MeetingPoint.meeting_id, MeetingPoint.venue_id).where(
            MeetingPoint.meeting_id.in_(ids), MeetingPoint.role == PointRole.MEMBER
        )
    ):
        members.setdefault(row[0], set()).add(row[1])
    people: dict[str, set[str]] = {}
    answers: dict[str, Counter[str]] = {}
    columns = (MeetingParticipant.meeting_id, MeetingParticipant.person_id, MeetingParticipant.answer)
    for meeting_id, person_id, answer in await session.execute(select(*columns).where(*there)):
        people.setdefault(meeting_id, set()).update([person_id] if person_id else ())
        answers.setdefault(meeting_id, Counter())[answer] += 1
    counted = select(Paper.meeting_id, func.count()).where(Paper.meeting_id.in_(ids), Paper.removed_at.is_(None))
    papers = {row[0]: row[1] for row in await session.execute(counted.group_by(Paper.meeting_id))}
    chairs = await _by_id(session, Person, {meeting.chair_person_id for meeting in meetings})
    venues = await _by_id(session, Venue, {meeting.main_venue_id for meeting in meetings})
    return [
        Line(
            meeting=meeting,
            chair=chairs[meeting.chair_person_id],
            venue=venues[meeting.main_venue_id],
            member_ids=frozenset(members.get(meeting.id, ())),
            person_ids=frozenset(people.get(meeting.id, ())),
            answers=answers.get(meeting.id, Counter()),
            papers=papers.get(meeting.id, 0),
        )
        for meeting in meetings
    ]


async def _by_id(session: AsyncSession, model: type[T], ids: set[str]) -> dict[str, T]:
    return {row.id: row for row in await session.scalars(select(model).where(model.id.in_(ids)))}
