"""What recording does beside the pages: a conference that has ended is not recorded any longer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from meetings.context import Context
from meetings.events.log import CHANGED
from meetings.recording import service

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """Looks at the states themselves, at once when a log has grown and every second anyhow: a word may be missed."""

    async def stop_with_the_conference(stop: asyncio.Event) -> None:
        news = asyncio.Event()

        def committed(info: dict[Any, Any]) -> None:
            if info.get(CHANGED):
                news.set()

        context.database.after_commit.append(committed)
        try:
            while not stop.is_set():
                news.clear()
                await stop_ended(context)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), EVERY_SECONDS)
        finally:
            context.database.after_commit.remove(committed)

    return [stop_with_the_conference]


async def stop_ended(context: Context) -> None:
    """One look."""
    async with context.database.read() as session:
        if not await service.any_ended(session):
            return
    async with context.database.transaction() as session:
        for meeting_id in await service.stop_ended(session, context.clock.now()):
            log.info("recording.stops_with_conference", meeting_id=meeting_id)
