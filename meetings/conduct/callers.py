"""Who asks: the seat that a point, an account holder or a guest would have in a meeting, and what they may do there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, Actor, Facts, Role, allowed, require
from meetings.conduct.models import Conference, Guest
from meetings.conduct.rules.entry import Visitor
from meetings.conduct.rules.seats import SeatKind, SeatRole
from meetings.directory.models import Venue
from meetings.ids import token_hash
from meetings.scheduling import service as scheduling
from meetings.scheduling.models import Meeting, MeetingPoint

MAIN = "main"
GUEST_LASTS = timedelta(hours=24)  # as long as the browser keeps the cookie
GUEST_STAYS = timedelta(hours=2)  # after the end of the conference


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known, in one meeting. `facts` are theirs for this meeting."""

    actor: Actor
    visitor: Visitor
    facts: Facts

    @property
    def identity(self) -> str:
        return self.visitor.identity

    @property
    def name(self) -> str:
        return self.visitor.name

    @property
    def conducts(self) -> bool:
        return self.visitor.conducts

    @property
    def sees_the_plan(self) -> bool:
        """What the meeting is about is told to who is invited or may see every plan, not to who asks to come in."""
        return self.facts.invited or allowed(self.actor, Action.VIEW_MEETING, self.facts)

    @property
    def records(self) -> bool:
        return allowed(self.actor, Action.RECORD_MEETING, self.facts)

    def require(self, action: Action) -> None:
        require(self.actor, action, self.facts)


async def identify(session: AsyncSession, actor: Actor, meeting: Meeting) -> Caller:
    """The caller in this meeting; somebody unknown is refused."""
    facts = await scheduling.facts_for(session, actor, meeting)
    if actor.venue_id is not None:
        visitor = await _point(session, actor, meeting, facts)
    elif actor.account_id is not None:
        visitor = _account(actor, facts)
    elif actor.has(Role.GUEST) and actor.session_id is not None:
        visitor = _guest(actor)
    else:
        require(actor, Action.JOIN_MEETING, facts)
        raise AssertionError("an actor who may join has a venue, an account or a guest's id")
    return Caller(actor, visitor, facts)


async def _point(session: AsyncSession, actor: Actor, meeting: Meeting, facts: Facts) -> Visitor:
    point = await session.scalar(
        select(MeetingPoint).where(MeetingPoint.meeting_id == meeting.id, MeetingPoint.venue_id == actor.venue_id)
    )
    role = SeatRole.GUEST if point is None else SeatRole.MAIN if point.role == MAIN else SeatRole.MEMBER
    venue = await session.get_one(Venue, actor.venue_id)
    return Visitor(
        identity=f"point:{actor.venue_id}",
        name=(point.unit_name if point is not None else "") or venue.name,
        kind=SeatKind.POINT,
        role=role,
        expected=allowed(actor, Action.JOIN_MEETING, facts),
        conducts=False,
        venue_id=actor.venue_id,
    )


def _account(actor: Actor, facts: Facts) -> Visitor:
    conducts = allowed(actor, Action.CONDUCT_MEETING, facts)
    expected = conducts or allowed(actor, Action.JOIN_MEETING, facts)
    return Visitor(
        identity=f"account:{actor.account_id}",
        name=actor.name,
        kind=SeatKind.ACCOUNT,
        role=_role(facts, conducts=conducts, expected=expected),
        expected=expected,
        conducts=conducts,
        account_id=actor.account_id,
    )


def _role(facts: Facts, *, conducts: bool, expected: bool) -> SeatRole:
    if conducts and facts.chairs:
        return SeatRole.CHAIR
    if conducts:
        return SeatRole.SECRETARY if facts.own else SeatRole.OPERATOR
    return SeatRole.PARTICIPANT if expected else SeatRole.GUEST


def _guest(actor: Actor) -> Visitor:
    return Visitor(
        identity=f"guest:{actor.session_id}",
        name=actor.name,
        kind=SeatKind.GUEST,
        role=SeatRole.GUEST,
        expected=False,
        conducts=False,
    )


async def guest_actor(session: AsyncSession, token: str, meeting_id: str, now: datetime) -> Actor | None:
    """The guest whose cookie this is; one of another meeting, or of one that is long over, is nobody's here."""
    query = (
        select(Guest, Conference.ended_at)
        .outerjoin(Conference, Conference.meeting_id == Guest.meeting_id)
        .where(Guest.token_hash == token_hash(token), Guest.meeting_id == meeting_id)
        .where(Guest.created_at > now - GUEST_LASTS)
    )
    row = (await session.execute(query)).first()
    if row is None or (row[1] is not None and row[1] + GUEST_STAYS < now):
        return None
    guest = row[0]
    return Actor(account_id=None, name=guest.name, roles=frozenset({Role.GUEST}), session_id=guest.id)
