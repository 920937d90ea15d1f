"""Reads the editor's form and its small acts (up, down, remove, add, take); the page works without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from starlette.datastructures import FormData

from meetings.errors import Invalid
from meetings.recording.minutes.blanks import confirmed
from meetings.recording.minutes.happenings import Happening
from meetings.recording.minutes.rules import Content, Paragraph, Slot


def moment(value: str) -> datetime | None:
    """An instant as the page carries it; only one with its zone is an instant."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 1990 < at.year < 2200:
        raise Invalid("Mốc thời gian của một đoạn không đúng; xin tải lại trang.", field="moment")
    return at


def slot(value: str) -> Slot:
    try:
        return Slot(value)
    except ValueError:
        raise Invalid("Biểu mẫu biên bản không đúng; xin tải lại trang.", field="slot") from None


def read_content(form: FormData) -> Content:
    """The content as the form holds it, still to be checked by the rules."""
    columns = [_texts(form, name) for name in ("slot", "heading", "text", "moment")]
    if len({len(column) for column in columns}) != 1:
        raise Invalid("Biểu mẫu biên bản gửi lên không đủ; xin tải lại trang.", field="paragraphs")
    paragraphs = tuple(
        Paragraph(slot(kind), text, heading, moment(at)) for kind, heading, text, at in zip(*columns, strict=True)
    )
    return Content(_one(form, "title"), _one(form, "secretary"), _one(form, "chair"), paragraphs)


def _texts(form: FormData, name: str) -> list[str]:
    return [value.replace("\r\n", "\n") for value in form.getlist(name) if isinstance(value, str)]


def _one(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def read_version(form: FormData) -> int:
    value = _one(form, "version")
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise Invalid("Biểu mẫu biên bản không đúng; xin tải lại trang.", field="version")
    return int(value)


def act_on(content: Content, act: str, happenings: Sequence[Happening]) -> Content:
    """The content after a button `up:3`, `down:3`, `remove:3`, `add:3` (after paragraph 3), `confirm:3` (what the plan
    says there is right) or `take:17` (event 17)."""
    name, _, argument = act.partition(":")
    if not argument.isdecimal() or len(argument) > 9:
        return content
    number, paragraphs = int(argument), list(content.paragraphs)
    match name:
        case "up":
            _swap(paragraphs, number, number - 1)
        case "down":
            _swap(paragraphs, number, number + 1)
        case "remove" if number < len(paragraphs) and paragraphs[number].slot is Slot.CONTENT:
            del paragraphs[number]
        case "confirm" if number < len(paragraphs):
            paragraphs[number] = replace(paragraphs[number], text=confirmed(paragraphs[number].text))
        case "add":
            paragraphs.insert(_after(paragraphs, number), Paragraph(Slot.CONTENT, ""))
        case "take":
            _take(paragraphs, next((h for h in happenings if h.seq == number), None))
    return Content(content.title, content.secretary, content.chair, tuple(paragraphs))


def _swap(paragraphs: list[Paragraph], a: int, b: int) -> None:
    """Only paragraphs of the content change places; the labelled lines stand where the form has them."""
    if min(a, b) >= 0 and max(a, b) < len(paragraphs) and paragraphs[a].slot is paragraphs[b].slot is Slot.CONTENT:
        paragraphs[a], paragraphs[b] = paragraphs[b], paragraphs[a]


def _after(paragraphs: Sequence[Paragraph], number: int) -> int:
    """Where a new paragraph may stand: among the content, which lies before the closing."""
    content = [n for n, paragraph in enumerate(paragraphs) if paragraph.slot is Slot.CONTENT]
    closing = next((n for n, p in enumerate(paragraphs) if p.slot is Slot.CLOSING), len(paragraphs))
    first = content[0] if content else closing
    last = content[-1] + 1 if content else first
    return min(max(number + 1, first), last)


def _take(paragraphs: list[Paragraph], happening: Happening | None) -> None:
    """Put what happened among the content by its time."""
    if happening is None or any(p.moment_at == happening.at for p in paragraphs):
        return
    later = [
        n for n, p in enumerate(paragraphs) if p.slot is Slot.CONTENT and p.moment_at and p.moment_at > happening.at
    ]
    place = later[0] if later else _after(paragraphs, len(paragraphs))
    taken = Paragraph(Slot.CONTENT, happening.proposal, happening.heading, happening.at)
    paragraphs.insert(place, taken)
