"""Checks the record: every event chain, every kept file against its hash, every number of the register."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.database import Database
from meetings.errors import Invalid, Text, text
from meetings.events import ChainHead, EventRow, verify_chain
from meetings.recording.minutes.verify import verify_minutes
from meetings.recording.review.files import binding_faults
from meetings.recording.verify import verify_recordings
from meetings.register.verify import verify_documents
from meetings.scheduling.models import Paper
from meetings.store import Store


@dataclass(frozen=True)
class Anchor:
    """How far a chain was, written down where nobody who can change the database can change it."""

    chain: str
    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain} {self.seq} {self.hash}"


async def anchors(settings: Settings) -> list[Anchor]:
    """The newest event of every chain."""
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            heads = await session.scalars(select(ChainHead).where(ChainHead.seq > 0).order_by(ChainHead.chain))
            return [Anchor(head.chain, head.seq, head.hash) for head in heads]
    finally:
        await database.dispose()


_ANCHOR = re.compile(r"(\S+) ([1-9]\d{0,17}) ([0-9a-f]{64})")


def read_anchors(lines: str) -> list[Anchor]:
    """What `meetings anchor` wrote, one day or many after each other."""
    found = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        if (parts := _ANCHOR.fullmatch(line.strip())) is None:
            raise Invalid("Dòng {number} không phải là mốc của nhật ký.", number=number)
        found.append(Anchor(parts[1], int(parts[2]), parts[3]))
    return found


async def verify(settings: Settings, known: Sequence[Anchor] = ()) -> AsyncIterator[Text]:
    """One sentence for each thing that is not as it was written; nothing when the record is whole. `known` are
    anchors kept elsewhere: they show a chain whose end was cut off, or that is gone."""
    database, store = Database(settings.database_url), Store(settings.files_dir)
    try:
        async with database.read() as session:
            for finding in await _chains(session, known):
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


async def _chains(session: AsyncSession, known: Sequence[Anchor]) -> list[Text]:
    """Also a chain whose head was taken away: its events still name it, or an anchor does. Of several anchors of one
    chain the furthest holds the others."""
    furthest = {one.chain: (one.seq, one.hash) for one in sorted(known, key=lambda one: one.seq)}
    there = await session.scalars(union(select(ChainHead.chain), select(EventRow.chain)))
    chains = sorted({*there, *furthest})
    return [
        text("Nhật ký {chain}, sự kiện {seq}: {what}", chain=problem.chain, seq=problem.seq, what=problem.what)
        for chain in chains
        for problem in await verify_chain(session, chain, furthest.get(chain))
    ]


async def _papers(session: AsyncSession, store: Store) -> list[Text]:
    papers = await session.scalars(select(Paper).order_by(Paper.id))
    return [
        text("Tài liệu họp “{title}” đã mất hoặc bị thay đổi: {file}", title=paper.title, file=paper.sha256)
        for paper in papers
        if not store.verify(paper.sha256)
    ]
