"""What runs beside the pages: the conferences are reconciled with the relay at start and every minute, and at once when
a relay that was away answers again; who lost the key to a seat leaves it at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from meetings import events
from meetings.conduct.attendance import answers, catch_up, reconcile
from meetings.conduct.enforcement import any_behind
from meetings.conduct.withdrawal import lost_key, withdraw
from meetings.context import Context

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
LOOK_SECONDS = 1.0  # how soon an outage of the relay is seen, and its end
LONGEST_SECONDS = 8.0  # between attempts to catch up that fail


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def keep_up(context: Context, stop: asyncio.Event) -> None:
    """As soon as the relay answers again it is told what it missed: mutes, floors, removals, ends."""
    was_away, pause = False, LOOK_SECONDS
    while not stop.is_set():
        try:
            if not await answers(context):
                was_away = True
            elif was_away or await any_behind(context):
                was_away = not await catch_up(context, departures=False)
                log.info("conduct.relay_caught_up", done=not was_away)
                pause = min(pause * 2, LONGEST_SECONDS) if was_away else LOOK_SECONDS
        except Exception:
            log.exception("conduct.catching_up_failed")
            pause = LONGEST_SECONDS
        await _pause(stop, pause)


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    async def keep_reconciled(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await reconcile(context)
            except Exception:
                log.exception("conduct.reconciliation_failed")
            await _pause(stop, EVERY_SECONDS)

    async def keep_relay_up(stop: asyncio.Event) -> None:
        await keep_up(context, stop)

    async def follow_the_house(stop: asyncio.Event) -> None:
        """Ends with the bus. What happened before is found by reconciliation."""
        async with context.database.read() as session:
            head = await session.get(events.ChainHead, events.HOUSE)
        async for event in context.bus.follow(events.HOUSE, head.seq if head else 0):
            identity = lost_key(event.kind, event.subject_id, event.actor_id, event.payload)
            if identity is not None:
                await withdraw(context, just_now=True)
                context.bus.end(identity)

    return [keep_reconciled, keep_relay_up, follow_the_house]
