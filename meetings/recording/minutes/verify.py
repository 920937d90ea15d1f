"""Proves minutes: what was submitted, approved or filed reads as the log sealed it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import Text, text
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import State, seal
from meetings.recording.minutes.service import content_of, sealed_with

SEALED = (State.SUBMITTED, State.APPROVED, State.FILED)


async def verify_minutes(session: AsyncSession) -> list[Text]:
    """A sentence for the minutes of each meeting whose words are not those that were sealed."""
    chosen = select(Minutes).where(Minutes.state.in_(SEALED)).order_by(Minutes.meeting_id)
    return [
        text("Biên bản của cuộc họp {meeting} không còn đúng như lúc trình hoặc duyệt.", meeting=minutes.meeting_id)
        for minutes in list(await session.scalars(chosen))
        if await sealed_with(session, minutes) != seal(await content_of(session, minutes))
    ]
