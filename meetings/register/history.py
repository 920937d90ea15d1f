"""A document's story as its event chain tells it: how it came about, and who opened the recording it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.errors import Text, text
from meetings.events import Event
from meetings.register.models import Document
from meetings.register.service import chain_of


@dataclass(frozen=True)
class Entry:
    """One line of the story, to be translated where it is shown."""

    at: datetime
    what: Text
    by: str


@dataclass(frozen=True)
class Story:
    acts: list[Entry]
    viewings: list[Entry]


async def whole_chain(session: AsyncSession, chain: str) -> list[Event]:
    """Every event of a chain, in order."""
    found: list[Event] = []
    while batch := await events.read_after(session, chain, found[-1].seq if found else 0):
        found += batch
    return found


async def story_of(session: AsyncSession, document: Document) -> Story:
    """Acts on the document and its minutes, oldest first; openings of the recording, newest first."""
    acts: list[Entry] = []
    viewings: list[Entry] = []
    for event in await whole_chain(session, chain_of(document)):
        if event.kind == "recording.viewed":
            viewings.append(Entry(event.at, text("Nghe, xem bản ghi"), _name(event)))
        elif (what := _told(event, document)) is not None:
            acts.append(Entry(event.at, what, _name(event)))
    return Story(acts, viewings[::-1])


def _name(event: Event) -> str:
    return str(event.payload.get("by") or "")


def _told(event: Event, document: Document) -> Text | None:
    if event.kind.startswith("document.") and event.subject_id != document.id:
        return None
    match event.kind:
        case "minutes.drafted":
            return text("Lập bản thảo biên bản từ diễn biến")
        case "minutes.submitted":
            return text("Trình duyệt biên bản")
        case "minutes.returned":
            return text("Trả lại để sửa: {reason}", reason=event.payload.get("reason", ""))
        case "minutes.approved":
            return text("Đã duyệt biên bản")
        case "document.filed":
            return text("Cấp số {symbol}, vào sổ và lưu", symbol=event.payload.get("symbol", document.symbol))
        case "document.dispatched":
            return text("Ghi ngày chuyển, ký nhận, ghi chú vào sổ")
        case _:
            return None
