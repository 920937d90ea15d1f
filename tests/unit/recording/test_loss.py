"""Sound over a bad line: asking again, waiting and giving up, put together and played through with simulated time."""

from __future__ import annotations

import heapq
import itertools
import random

import pytest

from meetings.recording.depacketize import Lost, Reorder
from meetings.signaling.client_receive import IncomingStats
from tests.unit.recording.samples import Packet

SECONDS = 60


def recorded_share(loss: float, jitter: float, way: float, seed: int) -> float:
    """How much of a minute of sound is recorded when each way loses and delays packets like this."""
    choose = random.Random(seed)
    stats, reorder = IncomingStats(1, 48_000), Reorder()
    order = itertools.count()
    coming: list[tuple[float, int, int, bool]] = []  # arrival, tie, sequence, resent
    recorded = 0
    sent = SECONDS * 50
    for tick in range(SECONDS * 100 + 100):
        now = tick / 100
        if tick % 2 == 0 and tick // 2 < sent and choose.random() >= loss:
            heapq.heappush(coming, (now + way + choose.random() * jitter, next(order), tick // 2, False))
        while coming and coming[0][0] <= now:
            arrival, _, sequence, resent = heapq.heappop(coming)
            if resent:
                stats.repaired(sequence)
            else:
                stats.arrived(sequence, sequence * 960, arrival)
            out = reorder.push(Packet(sequence, sequence * 960, b"x", arrival=arrival))
            recorded += sum(not isinstance(one, Lost) for one in out)
        for missing in stats.to_ask(now):
            if choose.random() >= loss and choose.random() >= loss:  # the request, and what it brings
                back = now + 2 * way + choose.random() * jitter
                heapq.heappush(coming, (back, next(order), missing, True))
        recorded += sum(not isinstance(one, Lost) for one in reorder.tick(now))
    return recorded / sent


@pytest.mark.parametrize("seed", range(3))
def test_ten_percent_loss_and_jitter_leave_nearly_all_of_the_sound(seed: int) -> None:
    assert recorded_share(loss=0.1, jitter=0.2, way=0.02, seed=seed) > 0.95


def test_over_a_slow_line_the_recording_still_holds_88_percent() -> None:
    assert recorded_share(loss=0.1, jitter=0.2, way=0.1, seed=1) > 0.88


def test_a_good_line_loses_nothing() -> None:
    # but perhaps what was overtaken by the very first packet
    assert recorded_share(loss=0.0, jitter=0.05, way=0.01, seed=1) >= (SECONDS * 50 - 3) / (SECONDS * 50)
