"""From what was typed to what is asked for: every field checked, all faults of the form told at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from meetings.errors import N_, Invalid, MeetingsError, text
from meetings.ids import is_id

from . import times, words
from .clashes import Span
from .regulation import Named, Regulation
from .rows import MOST_PEOPLE, NAME_LIMIT, TITLE_LIMIT, Guest, Item, Reader, read_agenda, read_guests
from .typed import Typed

NOTE_LIMIT = 4000
MOST_POINTS = 300


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

    @property
    def known(self) -> "Known":
        return Known(
            (self.title, self.note, *(item.title for item in self.agenda)),
            self.classification,
            self.kind,
            self.regime,
            self.periodic,
            self.span,
            self.late_reason,
            self.chair_person_id,
            self.main_venue_id,
            self.members,
            self.people,
        )


@dataclass(frozen=True)
class Now:
    """What a form is judged against. `begun`: the start that the meeting has already, if it is being changed."""

    instant: datetime
    zone: ZoneInfo
    begun: datetime | None = None


@dataclass(frozen=True)
class Known:
    """As much of a form as could be read: enough to say what else stands against it. None was wrong or missing."""

    spoken: tuple[str, ...]
    classification: str | None
    kind: str | None
    regime: str | None
    periodic: bool
    span: Span | None
    late_reason: str
    chair_person_id: str | None
    main_venue_id: str | None
    members: tuple[str, ...]
    people: tuple[str, ...]

    @property
    def venue_ids(self) -> frozenset[str]:
        return frozenset(filter(None, (self.main_venue_id, *self.members)))


@dataclass(frozen=True)
class Form:
    """A form that was read: the booking when nothing is wrong with it, else each fault at its field."""

    known: Known
    booking: Booking | None
    faults: tuple[MeetingsError, ...]


def read_booking(typed: Typed, regulation: Regulation, now: Now) -> Booking:
    """Raises Invalid with one fault for each field that is wrong."""
    form = read_form(typed, regulation, now)
    if form.booking is None:
        raise Invalid.many(form.faults)
    return form.booking


def read_form(typed: Typed, regulation: Regulation, now: Now) -> Form:
    """Reads on after a fault, so that all of them are told at once."""
    reader = Reader()
    take = reader.take
    title = take(lambda: _required(words.line(typed.title, "title", text("Tên cuộc họp"), TITLE_LIMIT), "title"))
    kind = take(lambda: _one_of(typed.kind, regulation.kinds, "kind"))
    chair = take(lambda: _id(typed.chair_person_id, "chair_person_id"))
    span = _read_span(reader, typed, regulation, now)
    main = take(lambda: _id(typed.main_venue_id, "main_venue_id"))
    members = take(lambda: _ids(typed.points, "points", MOST_POINTS)) or ()
    people = take(lambda: _ids(typed.people, "people", MOST_PEOPLE)) or ()
    guests = take(lambda: read_guests(typed.guests)) or ()
    agenda = take(lambda: read_agenda(typed.agenda)) or ()
    regime = take(lambda: _one_of(typed.regime, regulation.regimes, "regime"))
    classification = take(lambda: _one_of(typed.classification, regulation.classifications, "classification"))
    late_reason = take(lambda: words.line(typed.late_reason, "late_reason", text("Lý do đột xuất"), 500)) or ""
    contact = take(lambda: words.line(typed.contact, "contact", text("Đầu mối liên hệ"), NAME_LIMIT)) or ""
    note = take(lambda: words.paragraph(typed.note, "note", text("Ghi chú"), NOTE_LIMIT)) or ""
    members = tuple(one for one in members if one != main)
    if reader.faults or not (title and kind and regime and classification and chair and span and main):
        spoken = (title or "", note, *(item.title for item in agenda))
        rest = (classification, kind, regime, not typed.urgent, span, late_reason, chair, main, members, people)
        return Form(Known(spoken, *rest), None, tuple(reader.faults))
    booking = Booking(
        title=title,
        kind=kind,
        regime=regime,
        classification=classification,
        periodic=not typed.urgent,
        chair_person_id=chair,
        span=span,
        main_venue_id=main,
        members=members,
        people=people,
        guests=guests,
        agenda=agenda,
        note=note,
        contact=contact,
        late_reason=late_reason,
        recording_planned=typed.recording_planned,
    )
    return Form(booking.known, booking, ())


def _read_span(reader: "Reader", typed: Typed, regulation: Regulation, now: Now) -> Span | None:
    day = reader.take(lambda: times.read_day(typed.date))
    hour = reader.take(lambda: times.read_hour(typed.start))
    length = reader.take(lambda: times.read_length(typed.length, regulation.longest_minutes))
    if day is None or hour is None or length is None:
        return None
    grace = timedelta(minutes=regulation.started_minutes_ago)
    starts_at = times.instant(day, hour, now.zone)
    return reader.take(lambda: times.span_of(starts_at, length, now.instant, begun=now.begun, grace=grace))


FIELDS = (
    *("title", "kind", "chair_person_id", "date", "start", "length", "main_venue_id", "points", "people", "guests"),
    *("agenda", "papers", "regime", "classification", "late_reason", "contact", "note"),
)


def in_order(faults: Sequence[MeetingsError]) -> list[MeetingsError]:
    """From the top of the page to its end, whoever found them."""

    def place(fault: MeetingsError) -> int:
        field = (fault.field or "").partition("-")[0]
        return FIELDS.index(field) if field in FIELDS else -1

    return sorted(faults, key=place)


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
