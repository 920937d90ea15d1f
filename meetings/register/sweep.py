"""Removes files of the content store that nothing stands for: what a crash between file and row has left behind."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.database import Base, Database
from meetings.store import Store

log = structlog.get_logger(__name__)

# A file is written before its row: one this old was left by something that ended long ago.
AGE_SECONDS = 7 * 86400.0


async def named_files(session: AsyncSession) -> set[str]:
    """Every hash that any row of any table holds. Read off the columns' names, so that a feature which keeps files
    in the store tomorrow is not forgotten here."""
    found: set[str] = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name == "sha256" or column.name.endswith("_sha256"):
                found |= set(await session.scalars(select(column).where(column.is_not(None)).distinct()))
    return found


async def sweep(database: Database, store: Store, *, age: float = AGE_SECONDS) -> list[str]:
    """Remove old files without a row; gives their hashes. A hash is looked up after the files were listed, so a file
    filed meanwhile is not seen."""
    old = await asyncio.to_thread(_older_than, store, age)
    if not old:
        return []
    async with database.read() as session:
        named = await named_files(session)
    orphans = [sha256 for sha256 in old if sha256 not in named]
    for sha256 in orphans:
        await asyncio.to_thread(store.path_of(sha256).unlink, missing_ok=True)
        log.info("store.swept", sha256=sha256)
    return orphans


def _older_than(store: Store, age: float) -> list[str]:
    before = time.time() - age
    return [sha256 for sha256 in store.all_hashes() if store.path_of(sha256).stat().st_mtime < before]
