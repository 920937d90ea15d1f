"""Seats whose key was taken back (a room's link renewed or unbound, an account switched off): whoever sits there goes.

The directory only writes to the house's log. The log and the seats say what is still to be done, so nothing has to be
remembered: looking again, in another process or after a crash, does the rest and nothing twice.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.conduct import models
from meetings.conduct.enforcement import carry_out
from meetings.conduct.rules import entry
from meetings.conduct.rules.course import ConferenceState
from meetings.conduct.scene import Deed, Order, facts, open_scene
from meetings.context import Context
from meetings.scheduling import service as scheduling

LOOKS_BACK = timedelta(days=1)
REVOKED = "seat.revoked"
KINDS = ("point.link_renewed", "point.unbound", "venue.changed", "account.changed", "account.password_set")


def lost_key(kind: str, subject_id: str | None, actor_id: str | None, payload: dict[str, Any]) -> str | None:
    """The identity that this event of the house shuts out."""
    match kind:
        case "point.link_renewed" | "point.unbound":
            return f"point:{subject_id}"
        case "venue.changed" if not payload.get("active", True):
            return f"point:{subject_id}"
        case "account.changed" if payload.get("logged_out"):
            return f"account:{subject_id}"
        case "account.password_set" if actor_id != subject_id:  # the holder's own change keeps where they are
            return f"account:{subject_id}"
    return None


async def withdraw(context: Context, *, just_now: bool = False) -> None:
    """Empties every seat whose key was taken back. `just_now`: also one whose browser has not connected yet."""
    async with context.database.read() as session:
        due = await _due(session, context.clock.now(), just_now=just_now)
    for meeting_id in sorted({meeting for meeting, _ in due}):
        await _empty(context, meeting_id, just_now=just_now)


async def _empty(context: Context, meeting_id: str, *, just_now: bool) -> None:
    now = context.clock.now()
    async with context.database.transaction() as session:
        scene = await open_scene(session, await scheduling.get_meeting(session, meeting_id), now)
        for meeting, identity in sorted(await _due(session, now, just_now=just_now)):
            if meeting == meeting_id:
                scene.apply(entry.revoke(scene.seat(identity), now), actor=None)
                scene.orders.append(Order(Deed.EXPEL, identity))
        await scene.write()
    await carry_out(context, meeting_id, scene.orders)


async def _due(session: AsyncSession, now: datetime, *, just_now: bool) -> set[tuple[str, str]]:
    """Meeting and identity of seats taken before their key was taken back, and not emptied since."""
    lost = await _lost(session, now)
    query = (
        select(models.Seat)
        .join(models.Conference, models.Conference.meeting_id == models.Seat.meeting_id)
        .where(models.Conference.state != ConferenceState.ENDED, models.Seat.identity.in_(lost))
    )
    seats = list(await session.scalars(query)) if lost else []
    due = set()
    for row in seats:
        seat, at = facts(row), lost[row.identity]
        sat_before = seat.joined_at <= at if seat.joined_at else just_now and seat.device_id is not None
        if seat.admitted and sat_before and not await _done(session, row.meeting_id, row.identity, at):
            due.add((row.meeting_id, row.identity))
    return due


async def _lost(session: AsyncSession, now: datetime) -> dict[str, datetime]:
    """When each key was last taken back."""
    row, body = events.EventRow, events.EventPayload.body
    query = (
        select(row, body)
        .outerjoin(events.EventPayload, (events.EventPayload.chain == row.chain) & (events.EventPayload.seq == row.seq))
        .where(row.chain == events.HOUSE, row.kind.in_(KINDS), row.at > now - LOOKS_BACK)
        .order_by(row.seq)
    )
    found = {}
    for event, words in await session.execute(query):
        identity = lost_key(event.kind, event.subject_id, event.actor_id, json.loads(words or b"{}"))
        if identity is not None:
            found[identity] = event.at
    return found


async def _done(session: AsyncSession, meeting_id: str, identity: str, since: datetime) -> bool:
    row = events.EventRow
    query = select(func.count()).where(
        row.chain == events.meeting_chain(meeting_id),
        row.kind == REVOKED,
        row.subject_id == identity,
        row.at >= since,
    )
    return bool(await session.scalar(query))
