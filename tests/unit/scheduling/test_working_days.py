"""Working days and the deadlines of the meeting regime, by the calendar of spring 2026."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meetings.errors import Invalid
from meetings.scheduling.rules.deadlines import Occasion, check_invitation, deadlines_of
from meetings.scheduling.rules.regulation import OVERRIDE, Regulation, regulation_in
from meetings.scheduling.rules.working_days import WorkingDays

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PLAIN = WorkingDays({})


@pytest.fixture
def regulation(tmp_path: Path) -> Regulation:
    return regulation_in(tmp_path)


def occasion(day: date, *, kind: str = "chuyen_de", periodic: bool = True, regime: str = "qd45") -> Occasion:
    return Occasion(regime, kind, periodic, datetime(day.year, day.month, day.day, 2, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 4, 24), True),
        (date(2026, 4, 25), False),  # Saturday
        (date(2026, 4, 27), False),  # in place of the Hùng Kings' day, which fell on a Sunday
        (date(2026, 5, 1), False),
        (date(2026, 8, 22), True),  # a Saturday worked for 31 August
        (date(2026, 8, 31), False),
    ],
)
def test_weekends_holidays_and_swapped_days_are_known(day: date, worked: bool) -> None:
    assert PLAIN.is_worked(day) is worked


def test_days_off_have_names() -> None:
    assert "Giỗ Tổ" in PLAIN.name(date(2026, 4, 27))
    assert PLAIN.name(date(2026, 4, 25)) == ""


def test_the_house_may_say_otherwise() -> None:
    house = WorkingDays({date(2026, 4, 24): (False, "Mất điện"), date(2026, 4, 25): (True, "Làm bù")})
    assert not house.is_worked(date(2026, 4, 24))
    assert house.is_worked(date(2026, 4, 25))
    assert house.name(date(2026, 4, 24)) == "Mất điện"


def test_invitation_papers_and_notice_are_counted_in_working_days(regulation: Regulation) -> None:
    found = deadlines_of(occasion(date(2026, 4, 23)), regulation, ZONE)
    assert (found.invite_by, found.papers_by) == (date(2026, 4, 20), date(2026, 4, 20))
    assert found.notice_by == date(2026, 5, 5)  # over the bridging day and two holidays


def test_a_bridging_holiday_makes_the_last_day_come_sooner(regulation: Regulation) -> None:
    assert deadlines_of(occasion(date(2026, 4, 29)), regulation, ZONE).invite_by == date(2026, 4, 23)


def test_the_day_of_a_meeting_is_that_of_the_office_and_not_of_greenwich(regulation: Regulation) -> None:
    late_evening = Occasion("qd45", "giao_ban", True, datetime(2026, 4, 22, 23, 30, tzinfo=UTC))  # 06:30 on the 23rd
    assert deadlines_of(late_evening, regulation, ZONE).held_on == date(2026, 4, 23)


def test_a_meeting_at_short_notice_needs_no_papers_ahead(regulation: Regulation) -> None:
    assert deadlines_of(occasion(date(2026, 4, 23), periodic=False), regulation, ZONE).papers_by == date(2026, 4, 23)


def test_days_between() -> None:
    assert PLAIN.between(date(2026, 4, 23), date(2026, 4, 29)) == 3
    assert PLAIN.between(date(2026, 4, 23), date(2026, 4, 21)) == -2
    assert PLAIN.between(date(2026, 4, 23), date(2026, 4, 23)) == 0


def test_a_late_invitation_is_refused_without_a_reason_and_goes_with_one(regulation: Regulation) -> None:
    found = deadlines_of(occasion(date(2026, 4, 29)), regulation, ZONE)
    check_invitation(found, date(2026, 4, 23), "")
    with pytest.raises(Invalid) as refusal:
        check_invitation(found, date(2026, 4, 24), "")
    assert refusal.value.field == "late_reason"
    assert "03 ngày làm việc" in str(refusal.value.text)
    assert "23/04/2026" in str(refusal.value.text)
    check_invitation(found, date(2026, 4, 24), "Theo chỉ đạo của Chủ tịch UBND tỉnh")


def test_the_installation_lays_its_own_table_over_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / OVERRIDE).write_text(
        """
[[deadlines]]
source = "Quy chế 12"
invite_min_wd = 5
papers_min_wd = 4
notice_max_wd = 2

[[days]]
date = 2026-04-22
kind = "off"
name = "Nghỉ lễ địa phương"
""",
        "utf-8",
    )
    found = deadlines_of(occasion(date(2026, 4, 23)), regulation_in(tmp_path), ZONE)
    assert (found.source, found.invite_by) == ("Quy chế 12", date(2026, 4, 15))
    assert regulation_in(tmp_path).kind("giao_ban").max_minutes == 240


def test_a_changed_table_counts_at_once(tmp_path: Path, regulation: Regulation) -> None:
    assert regulation.longest_minutes == 2880
    (tmp_path / OVERRIDE).write_text("[limits]\nstarted_minutes_ago = 5\nlongest_minutes = 300\n")
    assert regulation_in(tmp_path).longest_minutes == 300
