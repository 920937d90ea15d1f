"""What calendars are told, checked by reading it back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar

from meetings.scheduling import ical

LONG = "Hội nghị trực tuyến triển khai công tác phòng, chống thiên tai; cứu nạn năm 2026 – Ủy ban nhân dân xã Ễ Ộ Ữ"
INVITATION = ical.Invitation(
    uid="0m1@hop.example.invalid",
    sequence=2,
    title=LONG,
    description="Chủ trì: Ông Nguyễn Văn Chủ Tọa\nĐường trả lời: https://hop.example.invalid/answer/abc",
    location="Phòng họp số 1, trụ sở UBND tỉnh",
    starts_at=datetime(2026, 4, 23, 2, 30, tzinfo=UTC),
    ends_at=datetime(2026, 4, 23, 4, 30, tzinfo=UTC),
    time_zone="Asia/Ho_Chi_Minh",
    organizer_name='Văn phòng "UBND" tỉnh',
    organizer_address="van-phong@example.invalid",
    attendee=ical.Attendee("Bà Trần Thị B, Phó Giám đốc", "b@so.example.invalid", "ACCEPTED"),
    stamp=datetime(2026, 4, 17, 1, 0, tzinfo=UTC),
    created=datetime(2026, 4, 16, 1, 0, tzinfo=UTC),
)


def read_back(content: bytes) -> Any:
    """Its parts have too many types for the checker to follow."""
    return Calendar.from_ical(content)


def test_a_request_reads_back_with_its_method_on_the_calendar() -> None:
    calendar = read_back(ical.request(INVITATION))
    [event] = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "REQUEST"
    assert "METHOD" not in event
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("0m1@hop.example.invalid", 2, "CONFIRMED")
    assert str(event["SUMMARY"]) == LONG
    assert str(event["LOCATION"]) == "Phòng họp số 1, trụ sở UBND tỉnh"
    assert "\nĐường trả lời: https://" in str(event["DESCRIPTION"])


def test_the_hours_are_those_of_the_office_with_the_zone_told() -> None:
    content = ical.request(INVITATION)
    calendar = read_back(content)
    [event], [zone], [standard] = (calendar.walk(name) for name in ("VEVENT", "VTIMEZONE", "STANDARD"))
    assert b"DTSTART;TZID=Asia/Ho_Chi_Minh:20260423T093000\r\n" in content
    assert str(zone["TZID"]) == "Asia/Ho_Chi_Minh"
    assert standard["TZOFFSETTO"].td == standard["TZOFFSETFROM"].td == timedelta(hours=7)
    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(hours=2)
    assert event["DTSTART"].dt == INVITATION.starts_at
    assert b"DTSTAMP:20260417T010000Z\r\n" in content


def test_the_receiver_is_the_only_attendee_and_no_reply_by_mail_is_asked() -> None:
    [event] = read_back(ical.request(INVITATION)).walk("VEVENT")
    one = event["ATTENDEE"]
    assert (str(one), one.params["CN"]) == ("mailto:b@so.example.invalid", "Bà Trần Thị B, Phó Giám đốc")
    assert (one.params["ROLE"], one.params["PARTSTAT"]) == ("REQ-PARTICIPANT", "ACCEPTED")
    assert one.params["RSVP"] == "FALSE"
    assert str(event["ORGANIZER"]) == "mailto:van-phong@example.invalid"
    assert event["ORGANIZER"].params["CN"] == "Văn phòng ”UBND” tỉnh"


def test_who_chairs_is_told_so_and_has_agreed() -> None:
    chair = replace(INVITATION, attendee=ical.Attendee("Bà Chủ Tọa", "ct@tinh.example.invalid", chairs=True))
    [event] = read_back(ical.request(chair)).walk("VEVENT")
    assert (event["ATTENDEE"].params["ROLE"], event["ATTENDEE"].params["PARTSTAT"]) == ("CHAIR", "ACCEPTED")


def test_lines_are_folded_at_75_octets_and_never_inside_a_letter() -> None:
    content = ical.request(INVITATION)
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    for line in lines:
        line.decode("utf-8")  # a letter cut in two would not be
        assert b"\n" not in line


def test_a_cancel_carries_the_same_uid_and_asks_nothing() -> None:
    cancelled = replace(INVITATION, sequence=3)
    calendar = read_back(ical.cancel(cancelled))
    [event] = calendar.walk("VEVENT")
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 3)
    assert event["UID"] == "0m1@hop.example.invalid"
    assert str(event["ATTENDEE"]) == "mailto:b@so.example.invalid"
    assert not calendar.walk("VALARM")


def test_what_people_type_cannot_add_lines_of_its_own() -> None:
    hostile = replace(
        INVITATION,
        title="Họp\r\nATTENDEE:mailto:x@evil.invalid",
        attendee=ical.Attendee('A";ROLE=CHAIR:mailto:x@evil.invalid\r\nX:y', "c@so.example.invalid"),
    )
    [event] = read_back(ical.request(hostile)).walk("VEVENT")
    assert str(event["ATTENDEE"]) == "mailto:c@so.example.invalid"
    assert "X" not in event
    assert event["ATTENDEE"].params["ROLE"] == "REQ-PARTICIPANT"
