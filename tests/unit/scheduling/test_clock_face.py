"""The deadline clock: bars that end on the last lawful day, days off named, the most urgent first."""

from datetime import date, timedelta

import pytest

from meetings.errors import text
from meetings.scheduling.rules.clock_face import Duty, draw
from meetings.scheduling.rules.working_days import WorkingDays

TODAY = date(2026, 4, 23)
CALENDAR = WorkingDays({})


def duty(by: date, since: date = TODAY) -> Duty:
    return Duty(text("Gửi tài liệu họp"), "Họp giao ban", "/meetings/0m1", since, by)


def test_fourteen_days_are_drawn_from_the_day_before_yesterday_with_days_off_named() -> None:
    columns = draw([], TODAY, CALENDAR).columns
    assert (columns[0].day, columns[-1].day) == (date(2026, 4, 21), date(2026, 5, 4))
    assert [column.day for column in columns if column.today] == [TODAY]
    off = {column.day: column.name for column in columns if not column.worked}
    assert off[date(2026, 4, 25)] == ""
    assert "Giỗ Tổ" in off[date(2026, 4, 27)]


@pytest.mark.parametrize(
    ("by", "tone", "words"),
    [
        (date(2026, 4, 21), "live", "Quá hạn 02 ngày làm việc"),
        (TODAY, "act", "Hôm nay là ngày cuối"),
        (date(2026, 4, 24), "", "Còn 01 ngày làm việc"),
        (date(2026, 4, 28), "", "Còn 02 ngày làm việc"),  # a weekend and a bridging day between
    ],
)
def test_what_is_left_is_counted_in_working_days(by: date, tone: str, words: str) -> None:
    [bar] = draw([duty(by)], TODAY, CALENDAR).bars
    assert (bar.tone, str(bar.say)) == (tone, words)


def test_a_bar_ends_on_its_last_day_and_stays_inside_the_clock() -> None:
    near, far, past = (
        draw([one], TODAY, CALENDAR).bars[0]
        for one in (
            duty(date(2026, 4, 24)),
            duty(TODAY + timedelta(days=90)),
            duty(TODAY - timedelta(days=90), since=TODAY - timedelta(days=100)),
        )
    )
    assert (near.first, near.last) == (4, 6)  # the 23rd and the 24th; the first column is the text
    assert far.last == 16
    assert (past.first, past.last) == (2, 3)


def test_the_most_urgent_comes_first_and_the_overdue_are_counted() -> None:
    face = draw([duty(date(2026, 5, 4)), duty(date(2026, 4, 20)), duty(TODAY)], TODAY, CALENDAR)
    assert [bar.duty.by.day for bar in face.bars] == [20, 23, 4]
    assert face.overdue == 1
