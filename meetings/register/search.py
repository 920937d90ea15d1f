"""Finds documents in the outgoing register: by year, series, type, days and words without diacritics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.database import Database
from meetings.register.folding import Query
from meetings.register.models import Document, Series, SeriesCounter

PAGE_SIZE = 50
PRINT_LIMIT = 5000
CHUNK = 500
NO_WORDS = Query(())
_NEWEST_FIRST = (Document.year.desc(), Document.issued_on.desc(), Document.filed_at.desc(), Document.id.desc())


@dataclass(frozen=True)
class Wanted:
    """What of the register is asked for; None and an empty query mean everything."""

    year: int | None = None
    series_id: str | None = None
    type_code: str | None = None
    since: date | None = None
    until: date | None = None
    query: Query = NO_WORDS


@dataclass(frozen=True)
class Found:
    """One page of documents, newest first; `in_order` is False where the words stand only scattered."""

    documents: list[Document]
    total: int
    page: int
    pages: int
    in_order: bool = True

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE_SIZE + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.page * PAGE_SIZE, self.total)


async def find(session: AsyncSession, wanted: Wanted, page: int = 1) -> Found:
    """The words as a phrase; when no document has the phrase, all of them in any order."""
    in_order = True
    conditions = _conditions(wanted, in_order=True)
    total = await _count(session, conditions)
    if not total and len(wanted.query.words) > 1:
        in_order = False
        conditions = _conditions(wanted, in_order=False)
        total = await _count(session, conditions)
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    chosen = select(Document).where(*conditions).order_by(*_NEWEST_FIRST)
    rows = await session.scalars(chosen.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
    return Found(list(rows), total, page, pages, in_order)


async def book(database: Database, wanted: Wanted, limit: int | None = None) -> AsyncIterator[Document]:
    """The documents in the order of the bound book: oldest first, without pages. Read some hundreds at a time, so
    that a year's book holds up nobody else."""
    async with database.read() as session:
        in_order = (await find(session, wanted)).in_order
    conditions, given = _conditions(wanted, in_order=in_order), 0
    last: Document | None = None
    while limit is None or given < limit:
        size = CHUNK if limit is None else min(CHUNK, limit - given)
        beyond = [tuple_(Document.filed_at, Document.id) > tuple_(last.filed_at, last.id)] if last else []
        chosen = select(Document).where(*conditions, *beyond).order_by(Document.filed_at, Document.id).limit(size)
        async with database.read() as session:
            found = list(await session.scalars(chosen))
        for last in found:
            yield last
        given += len(found)
        if len(found) < size:
            return


async def _count(session: AsyncSession, conditions: list[ColumnElement[bool]]) -> int:
    return await session.scalar(select(func.count()).select_from(Document).where(*conditions)) or 0


def _conditions(wanted: Wanted, *, in_order: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.year is not None:
        conditions.append(Document.year == wanted.year)
    if wanted.series_id:
        conditions.append(Document.series_id == wanted.series_id)
    if wanted.type_code:
        conditions.append(Document.type_code == wanted.type_code)
    if wanted.since:
        conditions.append(Document.issued_on >= wanted.since)
    if wanted.until:
        conditions.append(Document.issued_on <= wanted.until)
    if wanted.query:
        patterns = [wanted.query.phrase] if in_order else wanted.query.scattered
        conditions.extend(Document.folded.like(pattern) for pattern in patterns)
    return conditions


@dataclass(frozen=True)
class Tally:
    """How far a series has come in a year, and whether a number is missing."""

    series: Series
    count: int
    last_no: int

    @property
    def whole(self) -> bool:
        return self.count == self.last_no


async def tallies(session: AsyncSession, year: int) -> list[Tally]:
    """The series of a year with their counts. `whole` needs no list of numbers: they are unique and from 1."""
    counted = (
        select(Document.series_id, func.count().label("count"))
        .where(Document.year == year)
        .group_by(Document.series_id)
    ).subquery()
    chosen = (
        select(Series, func.coalesce(counted.c.count, 0), SeriesCounter.last_no)
        .join(SeriesCounter, SeriesCounter.series_id == Series.id)
        .outerjoin(counted, counted.c.series_id == Series.id)
        .where(SeriesCounter.year == year)
        .order_by(Series.organisation, Series.position)
    )
    return [Tally(series, count, last_no) for series, count, last_no in await session.execute(chosen)]


async def years(session: AsyncSession) -> list[int]:
    """The years that have documents, newest first."""
    return list(await session.scalars(select(Document.year).distinct().order_by(Document.year.desc())))


async def all_series(session: AsyncSession) -> list[Series]:
    return list(await session.scalars(select(Series).order_by(Series.organisation, Series.position)))
