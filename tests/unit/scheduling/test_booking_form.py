"""The booking form read field by field: every fault told once, in one sentence, at its field."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meetings.errors import Invalid
from meetings.scheduling.rules.booking import Booking, Now, read_booking
from meetings.scheduling.rules.regulation import regulation_in
from meetings.scheduling.rules.rows import Guest, Item
from meetings.scheduling.rules.typed import Typed, TypedItem

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MORNING = datetime(2026, 4, 20, 1, 0, tzinfo=UTC)
GOOD = Typed(
    title="Họp giao ban tuần 18",
    kind="giao_ban",
    chair_person_id="0p1",
    date="2026-04-29",
    start="08:00",
    length="90",
    main_venue_id="0v1",
)


def read(tmp_path: Path, typed: Typed, begun: datetime | None = None) -> Booking:
    return read_booking(typed, regulation_in(tmp_path), Now(MORNING, ZONE, begun))


def test_a_good_form_becomes_a_booking_in_utc(tmp_path: Path) -> None:
    typed = replace(
        GOOD,
        points=("0v2", "0v1", "0v2"),
        people=("0p2",),
        guests="Ông Nguyễn Văn A; Giám đốc; Sở Tài chính; a@so.example.invalid\n\nBà Trần Thị B",
        agenda=(TypedItem("Khai mạc", "Chủ trì", "10"), TypedItem(), TypedItem("Thảo luận", "", "")),
        urgent=True,
    )
    booking = read(tmp_path, typed)
    assert booking.span.starts_at == datetime(2026, 4, 29, 1, 0, tzinfo=UTC)
    assert booking.span.ends_at - booking.span.starts_at == timedelta(minutes=90)
    assert booking.members == ("0v2",)
    assert booking.guests == (
        Guest("Ông Nguyễn Văn A", "Giám đốc", "Sở Tài chính", "a@so.example.invalid"),
        Guest("Bà Trần Thị B"),
    )
    assert booking.agenda == (Item("Khai mạc", "Chủ trì", 10), Item("Thảo luận", "", 0))
    assert booking.periodic is False


def test_an_empty_form_tells_all_that_is_missing_at_once(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        read(tmp_path, Typed())
    assert [fault.field for fault in refusal.value.faults] == [
        "title",
        "kind",
        "chair_person_id",
        "date",
        "start",
        "main_venue_id",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "   "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": "Họp \u202eợưđ tuần"}, "title"),
        ({"title": "Họp\x00"}, "title"),
        ({"title": "Họp\nhai dòng"}, "title"),
        ({"title": "Họp \u200b"}, "title"),
        ({"kind": "tiec_tung"}, "kind"),
        ({"regime": "<b>"}, "regime"),
        ({"classification": "x"}, "classification"),
        ({"chair_person_id": "../../etc"}, "chair_person_id"),
        ({"main_venue_id": "' OR 1=1 --"}, "main_venue_id"),
        ({"points": ("<script>",)}, "points"),
        ({"points": tuple(f"0v{n}" for n in range(301))}, "points"),
        ({"people": ("Ê",)}, "people"),
        ({"date": "30/02/2026"}, "date"),
        ({"date": "mai"}, "date"),
        ({"date": "04/29/2026"}, "date"),
        ({"date": "29/04/26"}, "date"),
        ({"date": "٢٩/٠٤/٢٠٢٦"}, "date"),
        ({"date": "2026-04-19"}, "date"),
        ({"date": "2036-04-19"}, "date"),
        ({"start": "25:00"}, "start"),
        ({"start": "08:60"}, "start"),
        ({"start": ""}, "start"),
        ({"length": "0"}, "length"),
        ({"length": "-5"}, "length"),
        ({"length": "99999"}, "length"),
        ({"length": "1e3"}, "length"),
        ({"length": "٩٠"}, "length"),
        ({"guests": "a@b"}, "guests"),
        ({"guests": "Ông A; x@y; z@"}, "guests"),
        ({"guests": "Ông A; một; hai; ba; bốn"}, "guests"),
        ({"guests": "Ông A; a@so.example.invalid\r\nBcc: b@so.example.invalid; x; y; z"}, "guests"),
        ({"guests": "Ông \u202eA"}, "guests"),
        ({"agenda": (TypedItem("", "Ai đó", ""),)}, "agenda-1"),
        ({"agenda": (TypedItem("Khai mạc", "", "mười"),)}, "agenda-1"),
        ({"agenda": (TypedItem(), TypedItem("Khai mạc", "", "2000"))}, "agenda-2"),
        ({"agenda": tuple(TypedItem("Mục", "", "1") for _ in range(61))}, "agenda"),
        ({"note": "x" * 4001}, "note"),
        ({"contact": "x" * 201}, "contact"),
        ({"late_reason": "\u2066x"}, "late_reason"),
    ],
)
def test_bad_input_is_refused_at_its_field(tmp_path: Path, change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(tmp_path, replace(GOOD, **change))  # type: ignore[arg-type]  # the table holds all types
    assert [fault.field for fault in refusal.value.faults] == [field]
    assert str(refusal.value.text).endswith(".")


@pytest.mark.parametrize(
    ("date", "start"),
    [
        ("29/04/2026", "8h00"),
        ("29/4/2026", "8:00"),
        ("2026-04-29", "08h"),
        (" 29-4-2026", "8"),
        ("29.04.2026", "8 giờ"),
        ("29 / 4 / 2026", "8g00"),
    ],
)
def test_dates_and_hours_are_read_as_people_write_them(tmp_path: Path, date: str, start: str) -> None:
    assert read(tmp_path, replace(GOOD, date=date, start=start)).span.starts_at == datetime(2026, 4, 29, 1, tzinfo=UTC)


def test_every_bad_line_of_guests_and_agenda_is_told_not_only_the_first(tmp_path: Path) -> None:
    agenda = (TypedItem("", "Ai", ""), TypedItem("Khai mạc", "", "5"), TypedItem("Thảo luận", "", "x"))
    typed = replace(GOOD, title="", date="mai", start="25:00", guests="a@b\nÔng A\nB; x@y", agenda=agenda)
    with pytest.raises(Invalid) as refusal:
        read(tmp_path, typed)
    fields = [fault.field for fault in refusal.value.faults]
    assert fields == ["title", "date", "start", "guests", "guests", "agenda-1", "agenda-3"]


def test_a_meeting_called_on_the_spot_may_have_begun_a_little_ago(tmp_path: Path) -> None:
    on_the_spot = replace(GOOD, date="2026-04-20", start="07:30")  # the clock says 08:00
    assert read(tmp_path, on_the_spot).span.starts_at < MORNING
    with pytest.raises(Invalid):
        read(tmp_path, replace(on_the_spot, start="06:59"))


def test_a_meeting_under_way_may_be_changed_in_other_things_than_its_start(tmp_path: Path) -> None:
    begun = datetime(2026, 4, 19, 1, 0, tzinfo=UTC)
    typed = replace(GOOD, date="2026-04-19", start="08:00", title="Tên mới")
    assert read(tmp_path, typed, begun).title == "Tên mới"


def test_decomposed_letters_are_composed_and_spaces_made_one(tmp_path: Path) -> None:
    assert read(tmp_path, replace(GOOD, title="  Ho\u0323p \t giao   ban ")).title == "Họp giao ban"


def test_a_form_survives_the_draft(tmp_path: Path) -> None:
    pairs: list[tuple[str, object]] = [
        ("title", "Họp"),
        ("points", "0v1"),
        ("points", "0v2"),
        ("agenda_title", "Một"),
        ("agenda_title", "Hai"),
        ("agenda_minutes", "5"),
        ("recording_planned", "1"),
        ("unknown", "x"),
        ("note", b"not text"),
    ]
    typed = Typed.from_form(pairs)
    assert typed.agenda == (TypedItem("Một", "", "5"), TypedItem("Hai", "", ""))
    assert (typed.recording_planned, typed.urgent, typed.note) == (True, False, "")
    assert Typed.from_json(typed.to_json()) == typed
