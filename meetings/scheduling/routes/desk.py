"""What the pages of scheduling have in common: the office at this request, and a meeting with what the actor may do."""

from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from meetings.access import Action, Actor, Facts, allowed, require
from meetings.context import Context
from meetings.errors import MeetingsError
from meetings.scheduling.models import Meeting
from meetings.scheduling.office import Office
from meetings.scheduling.plans import facts_for, get_meeting

log = structlog.get_logger("meetings.scheduling")


def office_of(request: Request, context: Context, actor: Actor) -> Office:
    base_url = context.settings.public_url or str(request.base_url)
    return Office(context.settings, actor, context.clock.now(), base_url.rstrip("/"))


@dataclass(frozen=True)
class Held:
    """A meeting that this actor may see or change, and the facts that say so."""

    meeting: Meeting
    actor: Actor
    facts: Facts

    def may(self, action: Action) -> bool:
        return allowed(self.actor, action, self.facts)


async def held(session: AsyncSession, actor: Actor, meeting_id: str, action: Action) -> Held:
    """The only way in which a route comes to a meeting. Somebody unknown learns nothing of it, not even that it is."""
    if actor.is_anonymous:
        require(actor, action)
    meeting = await get_meeting(session, meeting_id)
    facts = await facts_for(session, actor, meeting)
    require(actor, action, facts)
    return Held(meeting, actor, facts)


def refused(page: str, error: MeetingsError, **ids: str) -> None:
    """One line for a form that comes back with its faults."""
    fields = [fault.field for fault in error.faults]
    log.info("form.refused", page=page, code=error.code, status=error.status, fields=fields, **ids)
