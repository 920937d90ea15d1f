"""People without an account who ask to come in: they give a name and get a cookie for this one meeting."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.conduct import refusals
from meetings.conduct.models import Guest
from meetings.conduct.rules import wording
from meetings.conduct.service import JOINABLE
from meetings.ids import new_token, token_hash
from meetings.scheduling.models import Meeting

COOKIE_SECONDS = 24 * 3600
PER_MINUTE = 20
PER_MEETING = 300


async def welcome(session: AsyncSession, meeting: Meeting, name: str, now: datetime) -> str:
    """The token for the guest's cookie. It lets nobody in: it only puts a name to a place on the waiting list."""
    words = wording.guest_name(name)
    if meeting.state == "ended":
        raise refusals.Ended()
    if meeting.state not in JOINABLE:
        raise refusals.NotHeld()
    lately, ever = await _counts(session, meeting.id, now)
    if lately >= PER_MINUTE or ever >= PER_MEETING:
        raise refusals.WaitingListFull()
    token = new_token()
    session.add(Guest(meeting_id=meeting.id, name=words, token_hash=token_hash(token), created_at=now))
    await session.flush()
    return token


async def _counts(session: AsyncSession, meeting_id: str, now: datetime) -> tuple[int, int]:
    mine = select(func.count()).select_from(Guest).where(Guest.meeting_id == meeting_id)
    lately = await session.scalar(mine.where(Guest.created_at > now - timedelta(minutes=1)))
    return lately or 0, await session.scalar(mine) or 0
