"""From what was typed to what is asked for: every field checked, all faults of the form told at once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from meetings.errors import N_, Invalid, Text, text
from meetings.ids import is_id

from . import words
from .clashes import Span
from .regulation import Named, Regulation
from .typed import Typed, TypedItem

TITLE_LIMIT = 300
NAME_LIMIT = 200
NOTE_LIMIT = 4000
MOST_POINTS = 300
MOST_PEOPLE = 500
MOST_ITEMS = 60
FARTHEST = timedelta(days=3 * 366)
_ADDRESS = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9\-]{2,63}"
)
T = TypeVar("T")


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


@dataclass(frozen=True)
class Booking:
    """A meeting as it is asked for; whether people and rooms exist and are free, the database says."""

    title: str
    kind: str
    regime: str
    classification: str
    periodic: bool
    chair_person_id: str
    span: Span
    main_venue_id: str
    members: tuple[str, ...]
    people: tuple[str, ...]
    guests: tuple[Guest, ...]
    agenda: tuple[Item, ...]
    note: str
    contact: str
    late_reason: str
    recording_planned: bool

    @property
    def venue_ids(self) -> frozenset[str]:
        return frozenset((self.main_venue_id, *self.members))


@dataclass(frozen=True)
class Now:
    """What a form is judged against. `begun`: the start that the meeting has already, if it is being changed."""

    instant: datetime
    zone: ZoneInfo
    begun: datetime | None = None


def read_booking(typed: Typed, regulation: Regulation, now: Now) -> Booking:
    """Raises Invalid with one fault for each field that is wrong."""
    reader = _Reader()
    title = reader.take(lambda: _required(_line(typed.title, "title", text("Tên cuộc họp"), TITLE_LIMIT), "title"))
    kind = reader.take(lambda: _one_of(typed.kind, regulation.kinds, "kind"))
    regime = reader.take(lambda: _one_of(typed.regime, regulation.regimes, "regime"))
    classification = reader.take(lambda: _one_of(typed.classification, regulation.classifications, "classification"))
    chair = reader.take(lambda: _id(typed.chair_person_id, "chair_person_id"))
    span = reader.take(lambda: _span(typed, regulation, now))
    main = reader.take(lambda: _id(typed.main_venue_id, "main_venue_id"))
    members = reader.take(lambda: _ids(typed.points, "points", MOST_POINTS))
    people = reader.take(lambda: _ids(typed.people, "people", MOST_PEOPLE))
    guests = reader.take(lambda: _guests(typed.guests))
    agenda = reader.take(lambda: _agenda(typed.agenda))
    note = reader.take(lambda: words.paragraph(typed.note, "note", text("Ghi chú"), NOTE_LIMIT))
    contact = reader.take(lambda: _line(typed.contact, "contact", text("Đầu mối liên hệ"), NAME_LIMIT))
    late_reason = reader.take(lambda: _line(typed.late_reason, "late_reason", text("Lý do đột xuất"), 500))
    if reader.faults:
        raise Invalid.many(reader.faults)
    return Booking(
        title=title,
        kind=kind,
        regime=regime,
        classification=classification,
        periodic=not typed.urgent,
        chair_person_id=chair,
        span=span,
        main_venue_id=main,
        members=tuple(one for one in members if one != main),
        people=people,
        guests=guests,
        agenda=agenda,
        note=note,
        contact=contact,
        late_reason=late_reason,
        recording_planned=typed.recording_planned,
    )


class _Reader:
    """Goes on after a fault, so that the form tells all of them at once."""

    def __init__(self) -> None:
        self.faults: list[Invalid] = []

    def take(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except Invalid as fault:
            self.faults.append(fault)
            return None  # type: ignore[return-value]  # never seen: faults are raised before anything is built


def _line(value: str, field: str, label: Text, limit: int) -> str:
    return words.line(value, field, label, limit)


_MISSING = {
    "title": N_("Vui lòng nhập tên cuộc họp, đủ như trên giấy mời."),
    "chair_person_id": N_("Vui lòng chọn người chủ trì."),
    "main_venue_id": N_("Vui lòng chọn phòng họp làm điểm cầu chính."),
    "kind": N_("Vui lòng chọn loại cuộc họp."),
}


def _required(value: str, field: str) -> str:
    if not value:
        raise Invalid(_MISSING[field], field=field, code="missing")
    return value


def _one_of(value: str, choices: tuple[Named, ...], field: str) -> str:
    if value not in {choice.code for choice in choices}:
        raise Invalid(_MISSING.get(field, "Lựa chọn này không có trong danh sách."), field=field)
    return value


def _id(value: str, field: str) -> str:
    _required(value, field)
    if not is_id(value):
        raise Invalid("Lựa chọn này không có trong danh sách.", field=field)
    return value


def _ids(values: tuple[str, ...], field: str, most: int) -> tuple[str, ...]:
    if len(values) > most:
        raise Invalid("Chỉ chọn được tối đa {most} mục.", field=field, most=most)
    if not all(is_id(value) for value in values):
        raise Invalid("Lựa chọn này không có trong danh sách.", field=field)
    return tuple(dict.fromkeys(values))


def _span(typed: Typed, regulation: Regulation, now: Now) -> Span:
    day = _day(typed.date)
    starts_at = datetime.combine(day, _hour(typed.start), now.zone).astimezone(UTC)
    length = _length(typed.length, regulation)
    unchanged = now.begun is not None and starts_at == now.begun
    if not unchanged and starts_at < now.instant - timedelta(minutes=regulation.started_minutes_ago):
        raise Invalid("Giờ họp đã qua. Vui lòng chọn ngày giờ khác.", field="date", code="past")
    if starts_at > now.instant + FARTHEST:
        raise Invalid("Ngày họp xa quá ba năm. Vui lòng kiểm tra lại năm.", field="date")
    return Span(starts_at, starts_at + length)


def _day(value: str) -> date:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(value.strip(), pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Invalid("Vui lòng nhập ngày họp, ví dụ 23/04/2026.", field="date", code="missing")


def _hour(value: str) -> time:
    found = re.fullmatch(r"(\d{1,2})[:hH.](\d{2})?", value.strip(), re.ASCII)
    if not found or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise Invalid("Vui lòng nhập giờ bắt đầu, ví dụ 08:00.", field="start", code="missing")
    return time(int(found[1]), int(found[2] or 0))


def _length(value: str, regulation: Regulation) -> timedelta:
    longest = regulation.longest_minutes
    if not re.fullmatch(r"\d{1,5}", value.strip(), re.ASCII) or not 5 <= int(value) <= longest:
        raise Invalid("Vui lòng nhập thời lượng từ 5 đến {longest} phút.", field="length", longest=longest)
    return timedelta(minutes=int(value))


def _guests(typed: str) -> tuple[Guest, ...]:
    """One a line: name; post; unit; address."""
    lines = [one for one in words.paragraph(typed, "guests", text("Khách mời"), 20_000).splitlines() if one]
    if len(lines) > MOST_PEOPLE:
        raise Invalid("Chỉ chọn được tối đa {most} mục.", field="guests", most=MOST_PEOPLE)
    return tuple(_guest(one) for one in lines)


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


def _agenda(typed: tuple[TypedItem, ...]) -> tuple[Item, ...]:
    rows = [row for row in typed if not row.blank]
    if len(rows) > MOST_ITEMS:
        raise Invalid("Chương trình chỉ nhận tối đa {most} mục.", field="agenda", most=MOST_ITEMS)
    return tuple(_item(row) for row in rows)


def _item(row: TypedItem) -> Item:
    title = _line(row.title, "agenda", text("Nội dung chương trình"), TITLE_LIMIT)
    presenter = _line(row.presenter, "agenda", text("Người trình bày"), NAME_LIMIT)
    if not title:
        raise Invalid("Mỗi dòng chương trình cần có nội dung.", field="agenda")
    minutes = row.minutes.strip() or "0"
    if not re.fullmatch(r"\d{1,4}", minutes, re.ASCII) or int(minutes) > 1440:
        raise Invalid("Số phút của “{title}” chưa đúng. Vui lòng nhập một số.", field="agenda", title=title[:80])
    return Item(title, presenter, int(minutes))
