"""Gives out numbers: finds the series a type belongs to and holds its counter while a document is made."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import Conflict, NotFound
from meetings.register import reference
from meetings.register.models import Document, Series, SeriesCounter


async def series_for(session: AsyncSession, organisation: str, type_code: str) -> Series:
    """The organisation's series that names the type, or the one that takes whatever is left."""
    found = await _series(session, organisation)
    if not found:
        await reference.load(session, organisation)
        found = await _series(session, organisation)
    for wanted in (type_code, "*"):
        for series in found:
            if wanted in series.types:
                return series
    raise NotFound("Chưa có sổ cấp số cho loại văn bản “{type}”. Xin thêm ở phần thiết lập sổ.", type=type_code)


async def _series(session: AsyncSession, organisation: str) -> list[Series]:
    chosen = select(Series).where(Series.organisation == organisation).order_by(Series.position)
    return list(await session.scalars(chosen))


async def hold_counter(session: AsyncSession, series: Series, year: int) -> SeriesCounter:
    """The year's counter, its row locked until the transaction ends. A clock set back across New Year would give
    numbers of a closed year, so that is refused."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"series_id": series.id, "year": year, "last_no": 0}
    await session.execute(insert(SeriesCounter).values(values).on_conflict_do_nothing())
    locked = select(SeriesCounter).where(SeriesCounter.series_id == series.id, SeriesCounter.year == year)
    counter = (await session.scalars(locked.with_for_update().execution_options(populate_existing=True))).one()
    newest = await session.scalar(select(func.max(SeriesCounter.year)).where(SeriesCounter.series_id == series.id))
    if newest is not None and newest > year:
        raise Conflict(
            "Sổ “{series}” đã sang năm {newest} mà đồng hồ máy chủ chỉ năm {year}. Xin kiểm tra ngày giờ của máy chủ.",
            series=series.name,
            newest=newest,
            year=year,
        )
    return counter


async def require_in_order(session: AsyncSession, series: Series, today: date) -> None:
    """Under the counter's lock: no document of a series is older than one with a smaller number."""
    mine = (Document.series_id == series.id, Document.year == today.year)
    newest = await session.scalar(select(func.max(Document.issued_on)).where(*mine))
    if newest is not None and newest > today:
        raise Conflict(
            "Sổ “{series}” đã có văn bản ngày {newest} mà đồng hồ máy chủ chỉ ngày {today}. "
            "Xin kiểm tra ngày giờ của máy chủ.",
            series=series.name,
            newest=f"{newest:%d/%m/%Y}",
            today=f"{today:%d/%m/%Y}",
        )
