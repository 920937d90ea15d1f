"""What the register does when the house starts: brings in the shipped rows that are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from meetings.context import Context
from meetings.register import reference


def background(context: Context) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    async def load(stop: asyncio.Event) -> None:
        async with context.database.transaction() as session:
            await reference.load(session, context.settings.office_symbol)

    return [load]
