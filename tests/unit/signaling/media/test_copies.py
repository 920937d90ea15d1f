"""Packets of pictures sent twice unasked: where the loss is the line's own and there is room, and nowhere else."""

from __future__ import annotations

import pytest

from meetings.signaling.media.copies import Copies, CopyQueue


def measured(
    copies: Copies, loss: float, seconds: float, now: float, *, room: bool = True, overrun: bool = False
) -> float:
    """So long what 100 packets a second show; returns the new time."""
    for _ in range(round(seconds / 0.1)):
        now += 0.1
        for _ in range(5 * (copies.count > 0) * room):
            copies.sent()
        copies.measured(10, round(10 * loss), loss, overrun, not overrun, now)
    return now


def test_a_way_that_loses_no_more_when_more_is_sent_gets_copies() -> None:
    copies = Copies()
    now = measured(copies, 0.1, 0.5, 0.0)
    assert copies.trying
    assert copies.count == 1
    measured(copies, 0.1, 2, now)
    assert not copies.trying
    assert copies.count == 1
    assert copies.own_loss == pytest.approx(0.1, abs=0.02)


def test_a_way_that_loses_a_fifth_gets_two() -> None:
    copies = Copies()
    now = measured(copies, 0.2, 0.5, 0.0)
    measured(copies, 0.2, 5, now)
    assert copies.count == 2
    assert copies.part(round_trip=0.3) == 1.0
    assert copies.part(round_trip=0.02) == 0.0  # asking is quick enough


def test_loss_that_grows_with_what_is_sent_is_for_want_of_room() -> None:
    copies = Copies()
    now = measured(copies, 0.1, 0.5, 0.0)
    now = measured(copies, 0.5, 2, now)
    assert copies.count == 0
    now = measured(copies, 0.1, 1, now)
    assert copies.count == 0  # and it is not tried again at once
    measured(copies, 0.1, 3.4, now)
    assert copies.trying


def test_a_queue_ends_it() -> None:
    copies = Copies()
    now = measured(copies, 0.1, 0.5, 0.0)
    now = measured(copies, 0.1, 2, now)
    measured(copies, 0.1, 0.1, now, overrun=True)
    assert copies.count == 0


def test_without_room_for_copies_nothing_was_found_out() -> None:
    copies = Copies()
    now = measured(copies, 0.1, 0.5, 0.0)
    measured(copies, 0.1, 2, now, room=False)
    assert copies.count == 0
    assert copies.own_loss == 0


def test_they_end_with_the_loss() -> None:
    copies = Copies()
    now = measured(copies, 0.1, 0.5, 0.0)
    now = measured(copies, 0.1, 2, now)
    measured(copies, 0.0, 40, now)
    assert copies.count == 0


@pytest.mark.parametrize(("rate", "expected"), [(1_000_000, 100), (300_000, 33), (150_000, 0)])
def test_copies_take_only_what_pictures_leave(rate: float, expected: int) -> None:
    sent: list[int] = []
    queue: CopyQueue[int] = CopyQueue(sent.append)
    now = 0.0
    for number in range(300):  # 200 kbit/s: 25 packets a second
        queue.put(number, 8_000, 1, now)
        for _ in range(8):
            now += 0.005
            queue.drain(rate, lambda one: True, now)
    assert 100 * len(sent) / 300 == pytest.approx(expected, abs=12)


def test_the_dispensable_are_left_out_first() -> None:
    sent: list[int] = []
    queue: CopyQueue[int] = CopyQueue(sent.append)
    now = 0.0
    for number in range(300):
        queue.put(number, 8_000, 1, now)
        for _ in range(8):
            now += 0.005
            queue.drain(300_000, lambda one: one % 4 == 0, now)
    needed = sum(one % 4 == 0 for one in sent)
    assert needed > 65  # of 75
    assert needed > len(sent) / 2
