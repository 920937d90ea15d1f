"""What recording does beside the pages: a conference that has ended is not recorded any longer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from meetings.context import Context
from meetings.recording import service

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """Looks at the states themselves: an event may be missed, a state cannot."""

    async def stop_with_the_conference(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await stop_ended(context)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)

    return [stop_with_the_conference]


async def stop_ended(context: Context) -> None:
    """One look."""
    async with context.database.read() as session:
        if not await service.any_ended(session):
            return
    async with context.database.transaction() as session:
        for meeting_id in await service.stop_ended(session):
            log.info("recording.stops_with_conference", meeting_id=meeting_id)
