"""Checks the record: every event chain, every kept file against its hash, every number of the register."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select

from meetings.config import Settings
from meetings.database import Database
from meetings.events import ChainHead, verify_chain
from meetings.store import Store


async def verify(settings: Settings) -> AsyncIterator[str]:
    """One sentence for each thing that is not as it was written; nothing when the record is whole."""
    database, store = Database(settings.database_url), Store(settings.files_dir)
    try:
        async with database.read() as session:
            for chain in list(await session.scalars(select(ChainHead.chain).order_by(ChainHead.chain))):
                for problem in await verify_chain(session, chain):
                    yield f"{problem.chain}, event {problem.seq}: {problem.what}"
            for finding in await _documents(session, store):
                yield finding
            for finding in await _recordings(session, settings):
                yield finding
    finally:
        await database.dispose()
