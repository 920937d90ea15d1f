"""A meeting as others see it: loading the whole plan, what binds an actor to it, and its state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Facts
from meetings.directory.models import Person, Venue
from meetings.errors import NotFound
from meetings.ids import is_id

from .models import (
    AgendaItem,
    Answer,
    Meeting,
    MeetingParticipant,
    MeetingPoint,
    MeetingState,
    Paper,
    ParticipantRole,
    PointRole,
)


@dataclass(frozen=True)
class Plan:
    """Everything planned for one meeting. `venues` and `persons` hold those it names, by id."""

    meeting: Meeting
    points: Sequence[MeetingPoint]  # the main point first
    participants: Sequence[MeetingParticipant]  # who is invited; the chair is not among them
    chair_row: MeetingParticipant | None  # what the letters to the chair hang on
    agenda: Sequence[AgendaItem]
    papers: Sequence[Paper]
    venues: Mapping[str, Venue]
    persons: Mapping[str, Person]

    @property
    def chair(self) -> Person:
        return self.persons[self.meeting.chair_person_id]

    @property
    def main_venue(self) -> Venue:
        return self.venues[self.meeting.main_venue_id]

    @property
    def told(self) -> list[MeetingParticipant]:
        """Who has letters: the chair, and who is invited."""
        return [*([self.chair_row] if self.chair_row else []), *self.participants]

    @property
    def point_count(self) -> int:
        return count_points(self.meeting.main_venue_id, (point.venue_id for point in self.points))

    @property
    def members(self) -> list[MeetingPoint]:
        return [point for point in self.points if point.role == PointRole.MEMBER]

    def answered(self, answer: Answer) -> list[MeetingParticipant]:
        return [one for one in self.participants if one.answer == answer]


def count_points(main_venue_id: str, venue_ids: Iterable[str]) -> int:
    """How many "điểm cầu" a meeting has, on every page: the main one counts."""
    return len({main_venue_id, *venue_ids})


async def get_meeting(session: AsyncSession, meeting_id: str, *, lock: bool = False) -> Meeting:
    known = is_id(meeting_id)
    meeting = (
        await session.get(Meeting, meeting_id, with_for_update=lock or None, populate_existing=lock) if known else None
    )
    if meeting is None:
        raise NotFound("Không tìm thấy cuộc họp này. Đề nghị chọn lại từ lịch tuần.", code="meeting_unknown")
    return meeting


async def load_plan(session: AsyncSession, meeting_id: str) -> Plan:
    meeting = await get_meeting(session, meeting_id)
    mine = MeetingParticipant.meeting_id == meeting_id
    points = await session.scalars(select(MeetingPoint).where(MeetingPoint.meeting_id == meeting_id))
    people = await session.scalars(
        select(MeetingParticipant).where(mine, MeetingParticipant.removed_at.is_(None)).order_by("position", "id")
    )
    agenda = await session.scalars(
        select(AgendaItem).where(AgendaItem.meeting_id == meeting_id).order_by(AgendaItem.position)
    )
    papers = await session.scalars(
        select(Paper).where(Paper.meeting_id == meeting_id, Paper.removed_at.is_(None)).order_by(Paper.id)
    )
    in_order = sorted(points, key=lambda point: (point.role != PointRole.MAIN, point.position, point.venue_id))
    everybody = list(people)
    participants = [one for one in everybody if one.role == ParticipantRole.MEMBER]
    venue_ids = {point.venue_id for point in in_order} | {meeting.main_venue_id}
    person_ids = {one.person_id for one in participants if one.person_id} | {meeting.chair_person_id}
    return Plan(
        meeting=meeting,
        points=in_order,
        participants=participants,
        chair_row=next((one for one in everybody if one.role == ParticipantRole.CHAIR), None),
        agenda=list(agenda),
        papers=list(papers),
        venues={v.id: v for v in await session.scalars(select(Venue).where(Venue.id.in_(venue_ids)))},
        persons={p.id: p for p in await session.scalars(select(Person).where(Person.id.in_(person_ids)))},
    )


async def facts_for(session: AsyncSession, actor: Actor, meeting: Meeting) -> Facts:
    """What binds this actor to this meeting; access.allowed decides what follows."""
    own = actor.account_id is not None and actor.account_id in (meeting.created_by, meeting.secretary_account_id)
    chairs = actor.person_id is not None and actor.person_id == meeting.chair_person_id
    return Facts(own=own, chairs=chairs, invited=await _invited(session, actor, meeting))


async def _invited(session: AsyncSession, actor: Actor, meeting: Meeting) -> bool:
    if actor.venue_id is not None:
        return await session.get(MeetingPoint, (meeting.id, actor.venue_id)) is not None
    if actor.person_id is None:
        return False
    query = select(MeetingParticipant.id).where(
        MeetingParticipant.meeting_id == meeting.id,
        MeetingParticipant.person_id == actor.person_id,
        MeetingParticipant.role == ParticipantRole.MEMBER,
        MeetingParticipant.removed_at.is_(None),
    )
    return await session.scalar(query.limit(1)) is not None


async def set_state(session: AsyncSession, meeting: Meeting, state: str, now: datetime) -> None:
    """The conference tells how far the meeting is. A cancelled meeting stays cancelled."""
    if meeting.state == MeetingState.CANCELLED or meeting.state == state:
        return
    meeting.state = MeetingState(state)
    meeting.state_changed_at = now
    await session.flush()
