"""Checks the record: every event chain, every kept file against its hash, every number of the register."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.database import Database
from meetings.errors import Text, text
from meetings.events import ChainHead, EventRow, verify_chain
from meetings.recording.minutes.verify import verify_minutes
from meetings.recording.review.files import binding_faults
from meetings.recording.verify import verify_recordings
from meetings.register.verify import verify_documents
from meetings.scheduling.models import Paper
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
            for finding in await verify_minutes(session):
                yield finding
            for finding in await verify_recordings(session, settings):
                yield finding
            for finding in await binding_faults(session):
                yield finding
            for finding in await _papers(session, store):
                yield finding
    finally:
        await database.dispose()


async def _chains(session: AsyncSession) -> list[Text]:
    """Also a chain whose head was taken away: its events still name it."""
    chains = list(await session.scalars(union(select(ChainHead.chain), select(EventRow.chain)).order_by("chain")))
    return [
        text("Nhật ký {chain}, sự kiện {seq}: {what}", chain=problem.chain, seq=problem.seq, what=problem.what)
        for chain in chains
        for problem in await verify_chain(session, chain)
    ]


async def _papers(session: AsyncSession, store: Store) -> list[Text]:
    papers = await session.scalars(select(Paper).order_by(Paper.id))
    return [
        text("Tài liệu họp “{title}” đã mất hoặc bị thay đổi: {file}", title=paper.title, file=paper.sha256)
        for paper in papers
        if not store.verify(paper.sha256)
    ]
