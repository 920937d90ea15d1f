"""Owns the record of what is done to the directory: one event each in the house's chain."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events


async def note(
    session: AsyncSession, kind: str, subject_id: str, now: datetime, actor_id: str | None, **payload: Any
) -> None:
    """Call it last in the transaction: from here on the house's chain is locked."""
    await events.append(
        session, chain=events.HOUSE, kind=kind, at=now, actor_id=actor_id, subject_id=subject_id, payload=payload
    )
