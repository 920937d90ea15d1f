"""What runs beside the pages: the conferences are reconciled with the relay at start and every minute."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from meetings.conduct.attendance import reconcile
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

    return [keep_reconciled]
