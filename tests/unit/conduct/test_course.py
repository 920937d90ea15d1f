"""A conference begins by the clock, and ends by itself when nobody is left or it is long past its end."""

from datetime import UTC, datetime, timedelta

import pytest

from meetings.conduct.rules.course import ConferenceState, EndReason, begins, ends_by_itself, over_for_good, reason_of
from meetings.conduct.rules.seats import SeatRole

START = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
END = START + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def ending(
    now: datetime, empty_since: datetime | None = None, state: ConferenceState = ConferenceState.OPEN
) -> EndReason | None:
    return ends_by_itself(state, starts_at=START, ends_at=END, now=now, empty_since=empty_since)


def test_it_begins_at_its_hour_when_somebody_is_there() -> None:
    assert begins(ConferenceState.WAITING, starts_at=START, now=START, present=1)
    assert not begins(ConferenceState.WAITING, starts_at=START, now=START, present=0)
    assert not begins(ConferenceState.WAITING, starts_at=START, now=START - MINUTE, present=3)
    assert not begins(ConferenceState.OPEN, starts_at=START, now=START, present=3)


def test_fifteen_minutes_empty_end_it() -> None:
    left = START + 30 * MINUTE
    assert ending(left + 15 * MINUTE, empty_since=left) is EndReason.EMPTY
    assert ending(left + 14 * MINUTE, empty_since=left) is None
    assert ending(left + 15 * MINUTE, empty_since=None) is None


def test_a_rehearsal_that_everybody_left_does_not_end_the_meeting_before_it_began() -> None:
    tested = START - 40 * MINUTE
    assert ending(START - MINUTE, empty_since=tested) is None
    assert ending(START + 14 * MINUTE, empty_since=tested) is None
    assert ending(START + 15 * MINUTE, empty_since=tested) is EndReason.EMPTY
    assert ending(START + 15 * MINUTE, empty_since=tested, state=ConferenceState.WAITING) is None


def test_two_hours_past_its_end_it_ends_though_people_are_there() -> None:
    assert ending(END + 120 * MINUTE) is EndReason.OVERTIME
    assert ending(END + 119 * MINUTE) is None
    assert not over_for_good(ends_at=END, now=END + 119 * MINUTE)
    assert over_for_good(ends_at=END, now=END + 120 * MINUTE)


def test_an_ended_conference_does_not_end_again() -> None:
    assert ending(END + 300 * MINUTE, empty_since=START, state=ConferenceState.ENDED) is None


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        (SeatRole.CHAIR, EndReason.CHAIR),
        (SeatRole.SECRETARY, EndReason.SECRETARY),
        (SeatRole.OPERATOR, EndReason.OPERATOR),
    ],
)
def test_the_log_says_who_ended_it(role: SeatRole, reason: EndReason) -> None:
    assert reason_of(role) is reason
