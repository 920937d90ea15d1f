"""Which layers publishers are asked for: more at once, fewer after a while, never fewer than somebody watches."""

from __future__ import annotations

from meetings.signaling.model import TrackSid
from meetings.signaling.watching import LOWER_AFTER_MS, Watching

TRACK = TrackSid("TR_1")


def test_nobody_is_told_what_it_does_anyway() -> None:
    watching = Watching()
    assert watching.watched(TRACK, 2, 0) is None
    assert watching.watched(TRACK, 2, 100_000) is None


def test_less_is_told_after_a_while_and_more_at_once() -> None:
    watching = Watching()
    assert watching.watched(TRACK, 0, 1_000) is None
    assert watching.watched(TRACK, 0, 1_000 + LOWER_AFTER_MS - 1) is None
    assert watching.watched(TRACK, 0, 1_000 + LOWER_AFTER_MS) == 0
    assert watching.watched(TRACK, 1, 1_001 + LOWER_AFTER_MS) == 1
    assert watching.told(TRACK) == 1


def test_a_short_look_away_changes_nothing() -> None:
    watching = Watching()
    watching.watched(TRACK, -1, 0)
    watching.watched(TRACK, 2, LOWER_AFTER_MS - 1)
    assert watching.watched(TRACK, -1, LOWER_AFTER_MS) is None
    assert watching.watched(TRACK, -1, 2 * LOWER_AFTER_MS - 1) is None
    assert watching.watched(TRACK, -1, 2 * LOWER_AFTER_MS) == -1


def test_what_was_watched_meanwhile_stays() -> None:
    watching = Watching()
    watching.watched(TRACK, 0, 0)
    watching.watched(TRACK, 1, 1_000)
    assert watching.watched(TRACK, 0, LOWER_AFTER_MS) == 1
    assert watching.watched(TRACK, 0, 2 * LOWER_AFTER_MS - 1) is None
    assert watching.watched(TRACK, 0, 3 * LOWER_AFTER_MS) == 0


def test_a_track_that_ended_is_forgotten() -> None:
    watching = Watching()
    watching.watched(TRACK, -1, 0)
    assert watching.watched(TRACK, -1, LOWER_AFTER_MS) == -1
    watching.forget(TRACK)
    assert watching.told(TRACK) == 2
