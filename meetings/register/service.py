"""Filing: a document gets its number, its file and its line in the register in one act, or nothing of them."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events, ids
from meetings.errors import Conflict, Invalid, NotFound
from meetings.register import rules
from meetings.register.folding import searchable
from meetings.register.models import Document, DocumentType, Series
from meetings.register.numbering import hold_counter, require_in_order, series_for
from meetings.store import Store


@dataclass(frozen=True)
class Organisation:
    """Who issues: its symbol in numbers, its name and its superior's as they are that day."""

    symbol: str
    name: str
    superior: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Numbered:
    """What the renderer learns: the number is printed inside the document, so it comes first."""

    number: int
    symbol: str
    issued_on: date


@dataclass(frozen=True)
class Filing:
    """One document to be filed. `render` is pure and slow; it runs in a thread. A repeated `idempotency_key`
    gives the first answer."""

    organisation: Organisation
    type_code: str
    title: str
    signer: str
    recipients: str
    keeper: str
    render: Callable[[Numbered], bytes]
    idempotency_key: str
    filed_by: str
    filed_by_name: str
    retention_code: str
    copies: int = 1
    note: str = ""
    meeting_id: str | None = None
    manifest_sha256: str | None = None


async def file_document(
    session: AsyncSession, store: Store, filing: Filing, *, now: datetime, zone: tzinfo
) -> Document:
    """File within the caller's transaction. The counter's row stays locked until it commits, so whoever comes next
    waits some tens of milliseconds for the rendering; a failure anywhere gives the number back."""
    filing = _checked(filing)
    issued_on = rules.issue_date(now, zone)
    series = await series_for(session, filing.organisation.symbol, filing.type_code)
    counter = await hold_counter(session, series, issued_on.year)
    earlier = await _filed_with(session, filing)
    if earlier is not None:
        return earlier
    await require_in_order(session, series, issued_on)
    counter.last_no += 1
    numbered = _numbered(series, filing, counter.last_no, issued_on)
    pdf_sha256 = await asyncio.to_thread(_render_and_keep, filing, numbered, store)
    type_name = await _type_name(session, filing.type_code)
    document = _document(series, filing, numbered, type_name, pdf_sha256, now)
    session.add(document)
    await session.flush()
    await _log(session, document, now)
    return document


def _checked(filing: Filing) -> Filing:
    title = unicodedata.normalize("NFC", " ".join(filing.title.split()))
    if not title:
        raise Invalid("Văn bản cần có trích yếu nội dung.", field="title")
    if len(title) > 500:
        raise Invalid("Trích yếu dài quá {limit} chữ.", field="title", limit=500)
    if not 8 <= len(filing.idempotency_key) <= 100:
        raise Invalid("Yêu cầu lưu văn bản thiếu mã chống lặp. Xin tải lại trang rồi bấm lại.", field="key")
    return replace(filing, title=title)


async def _filed_with(session: AsyncSession, filing: Filing) -> Document | None:
    """The document an earlier try with the same key made. Asked under the counter's lock, so a try that is still
    at work has either finished or left nothing."""
    same_key = select(Document).where(Document.idempotency_key == filing.idempotency_key)
    earlier = (await session.scalars(same_key)).one_or_none()
    if earlier is not None and (earlier.meeting_id, earlier.type_code) != (filing.meeting_id, filing.type_code):
        raise Conflict("Mã chống lặp này đã dùng cho văn bản {symbol}.", symbol=earlier.symbol)
    return earlier


def _numbered(series: Series, filing: Filing, number: int, issued_on: date) -> Numbered:
    text = rules.symbol(
        series.number_format,
        no=number,
        type_code=filing.type_code,
        organisation=filing.organisation.symbol,
        unit=filing.organisation.unit,
        year=issued_on.year,
    )
    return Numbered(number, text, issued_on)


def _render_and_keep(filing: Filing, numbered: Numbered, store: Store) -> str:
    return store.put_bytes(filing.render(numbered))


async def _type_name(session: AsyncSession, code: str) -> str:
    name = await session.scalar(select(DocumentType.name).where(DocumentType.code == code))
    if name is None:
        raise NotFound("Không có loại văn bản “{type}”.", type=code)
    return name


def _document(
    series: Series, filing: Filing, numbered: Numbered, type_name: str, pdf_sha256: str, now: datetime
) -> Document:
    document = Document(
        id=ids.new_id(),
        series_id=series.id,
        year=numbered.issued_on.year,
        number=numbered.number,
        symbol=numbered.symbol,
        type_code=filing.type_code,
        type_name=type_name,
        organisation=filing.organisation.name,
        issued_on=numbered.issued_on,
        title=filing.title,
        signer=filing.signer,
        recipients=filing.recipients,
        keeper=filing.keeper,
        copies=filing.copies,
        sent_on=None,
        signed_receipt="",
        note=filing.note,
        retention_code=filing.retention_code,
        folded="",
        pdf_sha256=pdf_sha256,
        manifest_sha256=filing.manifest_sha256,
        meeting_id=filing.meeting_id,
        filed_by=filing.filed_by,
        filed_by_name=filing.filed_by_name,
        filed_at=now,
        idempotency_key=filing.idempotency_key,
    )
    document.folded = folded_of(document)
    return document


def folded_of(document: Document) -> str:
    """What a search looks through: number, type, title, signer, addressees and note."""
    d = document
    return searchable(d.symbol, str(d.number), d.type_name, d.title, d.signer, d.recipients, d.note)


SEALED = (
    *("number", "year", "issued_on", "symbol", "type_code", "title", "signer", "recipients", "keeper", "copies"),
    *("filed_by", "pdf_sha256", "manifest_sha256"),
)


def sealed_line(document: Document) -> dict[str, object]:
    """The line as the log keeps it: whatever no later act may change."""
    line = {name: getattr(document, name) for name in SEALED}
    return line | {"issued_on": document.issued_on.isoformat()}


def chain_of(document: Document) -> str:
    """The event chain that tells a document's story: its meeting's, or the house's."""
    return events.meeting_chain(document.meeting_id) if document.meeting_id else events.HOUSE


async def get_document(session: AsyncSession, document_id: str) -> Document:
    document = await session.get(Document, document_id) if ids.is_id(document_id) else None
    if document is None:
        raise NotFound("Không có văn bản này trong sổ.")
    return document


async def document_of_meeting(session: AsyncSession, meeting_id: str, type_code: str) -> Document | None:
    """The newest document of a type that a meeting has given rise to."""
    chosen = select(Document).where(Document.meeting_id == meeting_id, Document.type_code == type_code)
    return (await session.scalars(chosen.order_by(Document.filed_at.desc()).limit(1))).one_or_none()


async def _log(session: AsyncSession, document: Document, now: datetime) -> None:
    await events.append(
        session,
        chain=chain_of(document),
        kind="document.filed",
        at=now,
        actor_id=document.filed_by,
        subject_id=document.id,
        payload=sealed_line(document) | {"by": document.filed_by_name},
    )
