"""Which layer a subscriber gets, numbers without gaps, and one timeline over switches."""

from __future__ import annotations

import pytest

from meetings.signaling.media.compaction import Compaction
from meetings.signaling.media.layers import choose
from meetings.signaling.media.rtcp import SenderReport
from meetings.signaling.media.stream import Stream
from meetings.signaling.media.timeline import continue_timestamp


@pytest.mark.parametrize(
    ("alive", "wanted", "chosen"),
    [([0, 1, 2], 2, 2), ([0, 1, 2], 1, 1), ([0, 1], 2, 1), ([0, 2], 1, 0), ([2], 0, 2), ([], 2, None), ([0], -1, None)],
)
def test_the_best_layer_alive_up_to_the_wanted_one(alive: list[int], wanted: int, chosen: int | None) -> None:
    assert choose(alive, wanted) == chosen


def test_removed_packets_leave_no_gap() -> None:
    compaction = Compaction()
    numbers = [compaction.newest(10)]
    compaction.remove(11)
    compaction.remove(12)
    numbers += [compaction.newest(13), compaction.newest(15)]
    assert numbers == [10, 11, 13]
    assert compaction.late(14) == 12  # after both that were removed


def test_a_late_packet_from_before_a_removed_one_keeps_its_place() -> None:
    compaction = Compaction()
    compaction.newest(10)
    compaction.remove(12)
    assert compaction.newest(13) == 12
    assert compaction.late(11) == 11


RATE = 90_000


def reported(ntp_seconds: float, timestamp: int) -> Stream:
    stream = Stream(1, RATE)
    stream.reported(SenderReport(1, int(ntp_seconds * (1 << 32)), timestamp, 0, 0), 0.0)
    return stream


def test_without_reports_the_timeline_follows_the_clock() -> None:
    assert continue_timestamp(777, None, None, 0, 1000, 0.5, RATE) == 1000 + RATE // 2


def test_with_reports_the_timeline_is_exact() -> None:
    before = reported(100.0, 5_000)
    after = reported(100.5, 3_000_000)
    # half a second after the first report on the new layer's clock is a second after it on the old one's
    timestamp = continue_timestamp(3_000_000 + RATE // 2, after, before, 200, 5_200 + RATE, 0.03, RATE)
    assert timestamp == 5_200 + RATE + 1  # that moment was sent already: never the same timestamp twice
    timestamp = continue_timestamp(3_000_000 + RATE, after, before, 200, 5_200 + RATE, 0.4, RATE)
    assert timestamp == 5_200 + RATE + RATE // 2


def test_reports_that_make_no_sense_are_not_believed() -> None:
    timestamp = continue_timestamp(0, reported(100.0, 0), reported(5_000.0, 0), 0, 1000, 0.1, RATE)
    assert timestamp == 1000 + RATE // 10


def test_the_timeline_wraps() -> None:
    assert continue_timestamp(0, None, None, 0, 0xFFFFFFFF, 0.0, RATE) == 0
