"""Pages of the outgoing register and of a document."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from meetings.access import Action, allowed, require
from meetings.context import Context
from meetings.errors import Invalid, NotFound
from meetings.register import dispatch as dispatching
from meetings.register import reference, rules, search, settings_routes
from meetings.register.export import cell, csv_lines, subject
from meetings.register.folding import Query, mark
from meetings.register.history import story_of
from meetings.register.models import Document
from meetings.register.service import get_document
from meetings.register.verify import file_fault
from meetings.texts import read_day
from meetings.web import ActorDep, ContextDep

router = APIRouter()
router.include_router(settings_routes.router)

MARKED = ("title", "signer", "recipients", "note")


@dataclass(frozen=True)
class Asked:
    """The filter as it stands in the address, for links that change one part of it."""

    wanted: search.Wanted
    typed: str
    page: int

    def link(self, path: str = "/register", **changes: str | int | None) -> str:
        wanted = self.wanted
        values: dict[str, object] = {
            "q": self.typed,
            "year": wanted.year if wanted.year is not None else "all",
            "series": wanted.series_id,
            "type": wanted.type_code,
            "since": wanted.since,
            "until": wanted.until,
        }
        values |= changes
        return f"{path}?{urlencode({key: value for key, value in values.items() if value})}"


def asked(
    context: ContextDep,
    q: str = "",
    year: str = "",
    series: str = "",
    type: str = "",  # noqa: A002 - the word in the address
    since: str = "",
    until: str = "",
    page: str = "1",
) -> Asked:
    """The filter in the address read; a value that is none is refused with a sentence."""
    if len(q) > 200:
        raise Invalid("Từ cần tìm dài quá {limit} ký tự.", field="q", limit=200)
    this_year = rules.issue_date(context.clock.now(), context.settings.zone).year
    wanted = search.Wanted(
        year=_year(year, this_year),
        series_id=series[:16] or None,
        type_code=type[:10] or None,
        since=_day(since, "since"),
        until=_day(until, "until"),
        query=Query.read(q),
    )
    number = int(page) if page.isdecimal() and len(page) < 9 else 1
    return Asked(wanted, " ".join(q.split()), number)


def _year(value: str, this_year: int) -> int | None:
    if value == "all":
        return None
    if not value:
        return this_year
    if not (value.isascii() and value.isdecimal() and len(value) == 4):
        raise Invalid("Năm cần tìm không đúng.", field="year")
    return int(value)


def _day(value: str, field: str) -> date | None:
    day = read_day(value)
    if day is None and value.strip():
        raise Invalid("Ngày cần tìm không đúng; xin ghi như 23/04/2026.", field=field)
    return day


AskedDep = Annotated[Asked, Depends(asked)]


@router.get("/register")
async def register_page(request: Request, context: ContextDep, actor: ActorDep, ask: AskedDep) -> Response:
    require(actor, Action.VIEW_REGISTER)
    wanted = ask.wanted
    async with context.database.read() as session:
        found = await search.find(session, wanted, ask.page)
        years = await search.years(session)
        tallies = await search.tallies(session, wanted.year) if wanted.year is not None else []
        columns, types = await reference.columns_of(session), await reference.types_in_order(session)
        series = await search.all_series(session)
    this_year = rules.issue_date(context.clock.now(), context.settings.zone).year
    return context.pages.render(
        request,
        "register/register.html",
        ask=ask,
        found=found,
        columns=columns,
        types=types,
        series=series,
        tallies=tallies,
        years=sorted({*years, this_year, *([wanted.year] if wanted.year else [])}, reverse=True),
        cell=cell,
        marked=MARKED,
        pieces=lambda text: mark(text, wanted.query, in_order=found.in_order),
    )


@router.get("/register/print")
async def register_print(request: Request, context: ContextDep, actor: ActorDep, ask: AskedDep) -> Response:
    """The book with all columns of the form, to be printed and bound (Decree 30, article 16)."""
    require(actor, Action.VIEW_REGISTER)
    async with context.database.read() as session:
        columns = await reference.columns_of(session)
    documents = [one async for one in search.book(context.database, ask.wanted, search.PRINT_LIMIT + 1)]
    return await asyncio.to_thread(
        context.pages.render,
        request,
        "register/print.html",
        ask=ask,
        columns=columns,
        documents=documents[: search.PRINT_LIMIT],
        cut=len(documents) > search.PRINT_LIMIT,
        limit=search.PRINT_LIMIT,
        cell=cell,
    )


@router.get("/register.csv")
async def register_csv(context: ContextDep, actor: ActorDep, ask: AskedDep) -> Response:
    require(actor, Action.VIEW_REGISTER)
    async with context.database.read() as session:
        columns = await reference.columns_of(session)
    documents = search.book(context.database, ask.wanted)
    name = f"so-van-ban-di-{ask.wanted.year or 'tat-ca'}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(csv_lines(columns, documents), media_type="text/csv; charset=utf-8", headers=headers)


async def _document(context: Context, document_id: str) -> Document:
    async with context.database.read() as session:
        return await get_document(session, document_id)


@router.get("/documents/{document_id}")
async def document_page(request: Request, context: ContextDep, actor: ActorDep, document_id: str) -> Response:
    require(actor, Action.VIEW_DOCUMENT)
    return await _show(request, context, document_id, may_write=allowed(actor, Action.FILE_MINUTES))


async def _show(
    request: Request,
    context: Context,
    document_id: str,
    *,
    may_write: bool,
    error: Invalid | None = None,
    entered: dict[str, str] | None = None,
) -> Response:
    async with context.database.read() as session:
        document = await get_document(session, document_id)
        story = await story_of(session, document)
        columns = await reference.columns_of(session)
        kept = next((r for r in await reference.retentions(session) if r.code == document.retention_code), None)
    fault = await asyncio.to_thread(file_fault, context.store, document)
    return context.pages.render(
        request,
        "register/document.html",
        status=error.status if error else 200,
        document=document,
        subject=subject(document),
        columns=columns,
        cell=cell,
        story=story,
        retention=kept,
        fault=fault,
        size=None if fault else context.store.path_of(document.pdf_sha256).stat().st_size,
        may_write=may_write,
        error=error,
        entered=entered
        or {
            "sent_on": document.sent_on.strftime("%d/%m/%Y") if document.sent_on else "",
            "signed_receipt": document.signed_receipt,
            "note": document.note,
        },
    )


@router.post("/documents/{document_id}/dispatch")
async def write_dispatch(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    document_id: str,
    sent_on: Annotated[str, Form()] = "",
    signed_receipt: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    require(actor, Action.FILE_MINUTES)
    try:
        issued_on = (await _document(context, document_id)).issued_on
        entry = dispatching.read_dispatch(sent_on, signed_receipt, note, issued_on=issued_on)
    except Invalid as error:
        entered = {"sent_on": sent_on, "signed_receipt": signed_receipt, "note": note}
        return await _show(request, context, document_id, may_write=True, error=error, entered=entered)
    async with context.database.transaction() as session:
        document = await get_document(session, document_id)
        await dispatching.record_dispatch(session, document, entry, actor, context.clock.now())
    return RedirectResponse(f"/documents/{document_id}", status_code=303)


@router.get("/documents/{document_id}/pdf")
async def document_pdf(context: ContextDep, actor: ActorDep, document_id: str) -> Response:
    """The file as it was filed. One that was changed since is not shown as if it were the document."""
    require(actor, Action.VIEW_DOCUMENT)
    document = await _document(context, document_id)
    if await asyncio.to_thread(file_fault, context.store, document) is not None:
        raise NotFound("Tệp của văn bản này không còn nguyên vẹn nên không mở được. Xin báo kỹ thuật.", code="damaged")
    name = document.symbol.replace("/", "-")
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name)}.pdf",
        "Cache-Control": "private, no-cache",
    }
    path = context.store.path_of(document.pdf_sha256)
    return FileResponse(path, media_type="application/pdf", headers=headers)
