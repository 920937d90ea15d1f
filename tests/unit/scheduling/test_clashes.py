"""A chair, a room or a point that is taken: found for half-open intervals, told in one sentence."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.scheduling.rules.clashes import Booked, Span, Wish, clashes, refusals

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NINE = datetime(2026, 4, 23, 2, 0, tzinfo=UTC)  # 09:00 in Đắk Lắk


def span(start: int, length: int) -> Span:
    return Span(NINE + timedelta(minutes=start), NINE + timedelta(minutes=start + length))


def booked(span: Span, *, chair: str = "chair1", venues: frozenset[str] = frozenset({"room1"})) -> Booked:
    return Booked("meeting1", "Họp giao ban tuần", span, chair, venues)


def wish(span: Span, *, chair: str = "chair2", main: str = "room2", members: frozenset[str] = frozenset()) -> Wish:
    return Wish(span, chair, main, members | {main})


@pytest.mark.parametrize(
    ("start", "length", "taken"),
    [
        (60, 60, False),
        (-60, 60, False),
        (59, 60, True),
        (-59, 60, True),
        (10, 10, True),
        (-60, 300, True),
        (0, 60, True),
    ],
)
def test_a_meeting_that_ends_when_the_next_begins_is_not_in_its_way(start: int, length: int, taken: bool) -> None:
    planned = [booked(span(0, 60))]
    assert bool(clashes(wish(span(start, length), main="room1"), planned)) is taken


@given(*(st.integers(-300, 300) for _ in range(2)), *(st.integers(1, 300) for _ in range(2)))
def test_two_spans_overlap_when_they_share_a_minute(a: int, b: int, length_a: int, length_b: int) -> None:
    shared = set(range(a, a + length_a)) & set(range(b, b + length_b))
    assert span(a, length_a).overlaps(span(b, length_b)) is bool(shared)
    assert span(b, length_b).overlaps(span(a, length_a)) is bool(shared)


def test_the_sentence_names_the_room_the_meeting_and_its_hours() -> None:
    found = clashes(wish(span(30, 60), main="room1"), [booked(span(0, 60))])
    [refusal] = refusals(found, {"room1": "Phòng họp số 1"}, ZONE)
    assert str(refusal.text) == (
        "Phòng họp số 1 đã có cuộc họp “Họp giao ban tuần” từ 09:00 đến 10:00 ngày 23/04. "
        "Vui lòng chọn phòng khác hoặc đổi giờ."
    )
    assert (refusal.field, refusal.status) == ("main_venue_id", 409)


def test_a_chair_in_two_places_is_named_first() -> None:
    found = clashes(wish(span(0, 60), chair="chair1", main="room1"), [booked(span(0, 60))])
    assert [clash.field for clash in found] == ["chair_person_id", "main_venue_id"]
    first = refusals(found, {"chair1": "Bà Trần Thị Chủ Trì", "room1": "Phòng họp số 1"}, ZONE)[0]
    assert "Bà Trần Thị Chủ Trì đã chủ trì “Họp giao ban tuần”" in str(first.text)


def test_a_member_point_that_is_another_meetings_room_is_taken() -> None:
    found = clashes(wish(span(0, 60), members=frozenset({"room1", "room3"})), [booked(span(0, 60))])
    assert [(clash.field, clash.taken_id) for clash in found] == [("points", "room1")]


def test_a_meeting_is_not_in_its_own_way() -> None:
    own = Wish(span(30, 60), "chair1", "room1", frozenset({"room1"}), meeting_id="meeting1")
    assert clashes(own, [booked(span(0, 60))]) == []
