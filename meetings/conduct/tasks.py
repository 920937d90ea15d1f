"""What runs beside the pages: the conferences are reconciled with the relay at start and every minute; who lost the
key to a seat leaves it at once."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from meetings import events
from meetings.conduct.attendance import reconcile
from meetings.conduct.withdrawal import lost_key, withdraw
from meetings.context import Context

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    async def keep_reconciled(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await reconcile(context)
            except Exception:
                log.exception("conduct.reconciliation_failed")
            try:
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue

    async def follow_the_house(stop: asyncio.Event) -> None:
        """Ends with the bus. What happened before is found by reconciliation."""
        async with context.database.read() as session:
            head = await session.get(events.ChainHead, events.HOUSE)
        async for event in context.bus.follow(events.HOUSE, head.seq if head else 0):
            identity = lost_key(event.kind, event.subject_id, event.actor_id, event.payload)
            if identity is not None:
                await withdraw(context, just_now=True)
                context.bus.end(identity)

    return [keep_reconciled, follow_the_house]
