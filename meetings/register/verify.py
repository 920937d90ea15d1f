"""Proves the register: every file as it was filed, every number there once, every line as the log tells it."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.errors import Text, text
from meetings.register import rules
from meetings.register.models import Document, Series, SeriesCounter
from meetings.register.service import chain_of, sealed_line
from meetings.store import Store


async def verify_documents(session: AsyncSession, store: Store) -> list[Text]:
    """A sentence for each fault found: numbers, files, and lines that differ from the event that filed them."""
    documents = list(await session.scalars(select(Document).order_by(Document.filed_at, Document.id)))
    faults = await _number_faults(session, documents)
    for document in documents:
        fault = await asyncio.to_thread(file_fault, store, document)
        if fault is not None:
            faults.append(fault)
    return faults + await _log_faults(session, documents) + await _vanished(session, documents)


async def _vanished(session: AsyncSession, documents: list[Document]) -> list[Text]:
    """Documents that the log says were filed and that no line is left of: the last number leaves no gap."""
    filed = select(events.EventRow.subject_id, events.EventRow.chain, events.EventRow.seq)
    chosen = filed.where(events.EventRow.kind == "document.filed").order_by(events.EventRow.at)
    there = {document.id for document in documents}
    return [
        text("Sổ không còn văn bản đã lưu ở nhật ký {chain}, sự kiện {seq}.", chain=chain, seq=seq)
        for subject_id, chain, seq in await session.execute(chosen)
        if subject_id not in there
    ]


def file_fault(store: Store, document: Document) -> Text | None:
    """What is wrong with a document's file, or nothing. Reads the whole file."""
    path = store.path_of(document.pdf_sha256)
    if not path.exists():
        return text("Mất tệp của văn bản {symbol}: {file}", symbol=document.symbol, file=path.name)
    if not store.verify(document.pdf_sha256):
        return text("Tệp của văn bản {symbol} đã bị thay đổi: {file}", symbol=document.symbol, file=path.name)
    return None


async def _number_faults(session: AsyncSession, documents: list[Document]) -> list[Text]:
    chosen = select(Series, SeriesCounter).join(SeriesCounter, SeriesCounter.series_id == Series.id)
    faults = []
    for series, counter in await session.execute(chosen):
        given = [d.number for d in documents if (d.series_id, d.year) == (series.id, counter.year)]
        last = max([counter.last_no, *given])
        if missing := rules.missing_numbers(given, last):
            shown = ", ".join(rules.two_digits(number) for number in missing[:20])
            faults.append(
                text(
                    "Sổ “{series}” năm {year} thiếu số: {numbers}", series=series.name, year=counter.year, numbers=shown
                )
            )
        if last > counter.last_no:
            faults.append(text("Sổ “{series}” năm {year} đếm sai số cuối.", series=series.name, year=counter.year))
    return faults


async def _log_faults(session: AsyncSession, documents: list[Document]) -> list[Text]:
    filed: dict[str, events.Event] = {}
    erased: set[tuple[str, object]] = set()
    for chain in sorted({chain_of(document) for document in documents}):
        seq = 0
        while found := await events.read_after(session, chain, seq):
            seq = found[-1].seq
            filed = {e.subject_id: e for e in found if e.kind == "document.filed" and e.subject_id} | filed
            erased |= {(chain, e.payload.get("seq")) for e in found if e.kind == events.ERASED}
    faults = (_line_fault(document, filed.get(document.id), erased) for document in documents)
    return [fault for fault in faults if fault is not None]


def _line_fault(document: Document, event: events.Event | None, erased: set[tuple[str, object]]) -> Text | None:
    """A line without its event was never filed; one whose event was emptied agrees with nothing, unless the log
    tells that it was emptied."""
    if event is not None and (event.chain, event.seq) in erased:
        return None
    line = sealed_line(document)
    if event is not None and not event.payload.keys() >= line.keys():
        return text("Không đối chiếu được dòng của văn bản {symbol}: nhật ký thiếu nội dung.", symbol=document.symbol)
    if event is None or any(event.payload[name] != value for name, value in line.items()):
        return text("Dòng của văn bản {symbol} trong sổ khác với lúc lưu.", symbol=document.symbol)
    return None
