"""Who may see minutes in which state: those who write, then those who approve, then those who file and read."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, Actor, Facts, allowed, require
from meetings.recording.minutes.rules import State
from meetings.scheduling.models import Meeting
from meetings.scheduling.service import facts_for, get_meeting

_FROM: dict[Action, tuple[State, ...]] = {
    Action.EDIT_MINUTES: tuple(State),
    Action.APPROVE_MINUTES: tuple(State),
    Action.FILE_MINUTES: (State.APPROVED, State.FILED),
    Action.VIEW_DOCUMENT: (State.FILED,),
}


def may_see(actor: Actor, facts: Facts, state: State | None) -> bool:
    """Before there are minutes, those see the page who may write them."""
    if state is None:
        return allowed(actor, Action.EDIT_MINUTES, facts) or allowed(actor, Action.APPROVE_MINUTES, facts)
    return any(allowed(actor, action, facts) for action, states in _FROM.items() if state in states)


def require_sight(actor: Actor, facts: Facts, state: State | None) -> None:
    if not may_see(actor, facts, state):
        require(actor, Action.EDIT_MINUTES, facts)  # says why: not logged in, or no such right


async def meeting_for(session: AsyncSession, actor: Actor, meeting_id: str, action: Action) -> tuple[Meeting, Facts]:
    """The meeting, given only to somebody who may do this with it."""
    meeting = await get_meeting(session, meeting_id)
    facts = await facts_for(session, actor, meeting)
    require(actor, action, facts)
    return meeting, facts
