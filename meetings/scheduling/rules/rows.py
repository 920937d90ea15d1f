"""The rows of the booking form, guests and agenda, and the reader that goes on after a fault."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from meetings.errors import Invalid, MeetingsError, text

from . import words
from .typed import TypedItem

TITLE_LIMIT = 300
NAME_LIMIT = 200
MOST_PEOPLE = 500
MOST_ITEMS = 60
_ADDRESS = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9\-]{2,63}"
)
T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Guest:
    """Somebody who is not in the directory."""

    name: str
    post: str = ""
    unit_name: str = ""
    email: str | None = None


@dataclass(frozen=True)
class Item:
    title: str
    presenter: str
    minutes: int


class Reader:
    """Remembers what was wrong and goes on."""

    def __init__(self) -> None:
        self.faults: list[MeetingsError] = []

    def take(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Invalid as error:
            self.faults += error.faults
            return None


def read_guests(typed: str) -> tuple[Guest, ...]:
    """One a line: name; post; unit; address."""
    lines = [one for one in words.paragraph(typed, "guests", text("Khách mời"), 20_000).splitlines() if one]
    if len(lines) > MOST_PEOPLE:
        raise Invalid("Chỉ chọn được tối đa {most} mục.", field="guests", most=MOST_PEOPLE)
    return _each(lines, _guest)


def _guest(typed: str) -> Guest:
    name, *rest = (part.strip() for part in typed.split(";"))
    email = next((part for part in rest if "@" in part), None)
    others = [part for part in rest if part and part != email]
    if not name or "@" in name or len(others) > 2:
        raise Invalid(
            "Dòng khách mời “{line}” chưa đúng. Mỗi dòng một người: họ tên; chức vụ; đơn vị; thư điện tử.",
            field="guests",
            line=typed[:80],
        )
    if any(len(part) > NAME_LIMIT for part in (name, *rest)):
        raise Invalid("Dòng khách mời “{line}” quá dài.", field="guests", line=typed[:80])
    if email is not None and not is_address(email):
        raise Invalid("Địa chỉ thư “{address}” chưa đúng.", field="guests", address=email[:80])
    post, unit = (*others, "", "")[:2]
    return Guest(name, post, unit, email)


def is_address(value: str) -> bool:
    return len(value) <= 254 and _ADDRESS.fullmatch(value) is not None


def read_agenda(typed: tuple[TypedItem, ...]) -> tuple[Item, ...]:
    rows = [(n, row) for n, row in enumerate(typed, 1) if not row.blank]
    if len(rows) > MOST_ITEMS:
        raise Invalid("Chương trình chỉ nhận tối đa {most} mục.", field="agenda", most=MOST_ITEMS)
    return _each(rows, lambda numbered: _item(*numbered))


def _each(rows: Sequence[S], read: Callable[[S], T]) -> tuple[T, ...]:
    """All rows, or the faults of all rows."""
    reader = Reader()
    found = [reader.take(lambda row=row: read(row)) for row in rows]  # type: ignore[misc]  # bound now
    if reader.faults:
        raise Invalid.many(reader.faults)
    return tuple(one for one in found if one is not None)


def _item(number: int, row: TypedItem) -> Item:
    """`number`: of the line as it was typed; its fault stands at that line."""
    field = f"agenda-{number}"
    title = words.line(row.title, field, text("Nội dung chương trình"), TITLE_LIMIT)
    presenter = words.line(row.presenter, field, text("Người trình bày"), NAME_LIMIT)
    if not title:
        raise Invalid("Dòng {n} của chương trình cần có nội dung.", field=field, n=number)
    minutes = row.minutes.strip() or "0"
    if not re.fullmatch(r"\d{1,4}", minutes, re.ASCII) or int(minutes) > 1440:
        raise Invalid("Số phút của “{title}” chưa đúng. Vui lòng nhập một số.", field=field, title=title[:80])
    return Item(title, presenter, int(minutes))
