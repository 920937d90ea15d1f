"""The page of the logs: for those who may watch, read only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from meetings.access import Action, allowed, require
from meetings.audit import reading, words
from meetings.audit.reading import EVERYTHING, HOUSE, Asked
from meetings.errors import Invalid, NotFound, Text
from meetings.events import verify_chain
from meetings.ids import is_id
from meetings.texts import read_day
from meetings.web import ActorDep, ContextDep

router = APIRouter()


def asked(log: str = HOUSE, since: str = "", until: str = "", who: str = "", kind: str = "", page: str = "1") -> Asked:
    """The filter in the address read; a value that is none is refused with a sentence."""
    if log not in (HOUSE, EVERYTHING) and not is_id(log):
        raise NotFound("Không có nhật ký này.")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    return Asked(log, _day(since, "since"), _day(until, "until"), who[:16], kind[:40], max(1, number))


def _day(value: str, field: str) -> date | None:
    day = read_day(value)
    if day is None and value.strip():
        raise Invalid("Ngày cần tìm không đúng; xin ghi như 23/04/2026.", field=field)
    return day


AskedDep = Annotated[Asked, Depends(asked)]


def link(ask: Asked, **changes: object) -> str:
    """The page with one thing of the filter changed."""
    ask = replace(ask, **changes)  # type: ignore[arg-type]  # the template names fields of Asked
    values = {
        "log": ask.log,
        "since": ask.since,
        "until": ask.until,
        "who": ask.account_id,
        "kind": ask.kind,
        "page": ask.page if ask.page > 1 else None,
    }
    return f"/audit?{urlencode({key: value for key, value in values.items() if value})}"


@router.get("/audit")
async def audit_page(
    request: Request, context: ContextDep, actor: ActorDep, ask: AskedDep, check: str = ""
) -> Response:
    """Titles and files of meetings are shown to who may see meetings; what was said in them to nobody here."""
    require(actor, Action.VIEW_AUDIT)
    may_read = allowed(actor, Action.VIEW_MEETING)
    async with context.database.read() as session:
        found = await reading.find(session, ask, context.settings.zone)
        names = await reading.names_in(session, found.events)
        meetings = await reading.meetings_offered(session, ask.log)
        accounts = await reading.accounts_offered(session)
        faults = await _checked(session, ask) if check else None
    return context.pages.render(
        request,
        "audit/audit.html",
        ask=ask,
        found=found,
        names=names,
        told=lambda event: words.told(event, names.of(event.subject_id), may_read=may_read),
        may_read=may_read,
        meetings=meetings,
        accounts=accounts,
        kinds=words.SENTENCES,
        name_of_kind=words.name_of_kind,
        faults=faults,
        link=link,
    )


async def _checked(session: AsyncSession, ask: Asked) -> list[Text] | None:
    """Every event of the log read again and compared with what follows it; None where no one log is chosen."""
    if ask.chain is None:
        return None
    return [words.fault(problem) for problem in await verify_chain(session, ask.chain)]
