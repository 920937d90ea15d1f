"""What lies on somebody's desk: minutes to write, to approve, to file, and those that may be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, Actor, Facts, allowed
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import State
from meetings.recording.minutes.sight import may_see
from meetings.register.models import Document
from meetings.scheduling.models import Meeting, MeetingState

LOOK_BACK = timedelta(days=366)
SHOWN = 200

TURN: dict[State | None, Action] = {
    None: Action.EDIT_MINUTES,
    State.DRAFT: Action.EDIT_MINUTES,
    State.RETURNED: Action.EDIT_MINUTES,
    State.SUBMITTED: Action.APPROVE_MINUTES,
    State.APPROVED: Action.FILE_MINUTES,
}


@dataclass(frozen=True)
class Line:
    """A meeting with its minutes; `mine`: the next act is the actor's."""

    meeting: Meeting
    minutes: Minutes | None
    symbol: str | None
    mine: bool


async def desk_of(session: AsyncSession, actor: Actor, now: datetime) -> list[Line]:
    """Newest first, what waits for the actor before the rest; nothing that the actor may not see."""
    held = Meeting.state == MeetingState.ENDED
    chosen = (
        select(Meeting, Minutes, Document.symbol)
        .outerjoin(Minutes, Minutes.meeting_id == Meeting.id)
        .outerjoin(Document, Document.id == Minutes.document_id)
        .where(held | Minutes.meeting_id.is_not(None), Meeting.starts_at > now - LOOK_BACK)
        .order_by(Meeting.starts_at.desc())
    )
    lines = [_line(actor, meeting, minutes, symbol) for meeting, minutes, symbol in await session.execute(chosen)]
    seen = [line for line in lines if line is not None]
    return sorted(seen, key=lambda line: not line.mine)[:SHOWN]


def _line(actor: Actor, meeting: Meeting, minutes: Minutes | None, symbol: str | None) -> Line | None:
    facts = facts_of(actor, meeting)
    state = State(minutes.state) if minutes else None
    if not may_see(actor, facts, state):
        return None
    turn = TURN.get(state)
    return Line(meeting, minutes, symbol, mine=turn is not None and allowed(actor, turn, facts))


def facts_of(actor: Actor, meeting: Meeting) -> Facts:
    """Own and chairs are in the row; who is invited decides nothing about minutes."""
    own = actor.account_id is not None and actor.account_id in (meeting.created_by, meeting.secretary_account_id)
    return Facts(own=own, chairs=actor.person_id is not None and actor.person_id == meeting.chair_person_id)
