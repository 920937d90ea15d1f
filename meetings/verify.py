"""Checks the record: every event chain, every kept file against its hash, every number of the register."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.database import Database
from meetings.errors import Text, text
from meetings.events import ChainHead, verify_chain
from meetings.register.verify import verify_documents
from meetings.store import Store


async def verify(settings: Settings) -> AsyncIterator[Text]:
    """One sentence for each thing that is not as it was written; nothing when the record is whole."""
    database, store = Database(settings.database_url), Store(settings.files_dir)
    try:
        async with database.read() as session:
            for finding in await _chains(session):
                yield finding
            for finding in await verify_documents(session, store):
                yield finding
    finally:
        await database.dispose()


async def _chains(session: AsyncSession) -> list[Text]:
    chains = list(await session.scalars(select(ChainHead.chain).order_by(ChainHead.chain)))
    return [
        text("Nhật ký {chain}, sự kiện {seq}: {what}", chain=problem.chain, seq=problem.seq, what=problem.what)
        for chain in chains
        for problem in await verify_chain(session, chain)
    ]
