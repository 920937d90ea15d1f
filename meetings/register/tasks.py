"""What the register does beside the pages: brings in shipped rows that are missing, sweeps files nothing stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from meetings.context import Context
from meetings.register import reference
from meetings.register.sweep import sweep

SWEEP_SECONDS = 86400.0


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    async def load(stop: asyncio.Event) -> None:
        async with context.database.transaction() as session:
            await reference.load(session, context.settings.office_symbol)

    async def keep_swept(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await sweep(context.database, context.store)
            try:
                await asyncio.wait_for(stop.wait(), SWEEP_SECONDS)
            except TimeoutError:
                continue

    return [load, keep_swept]
