"""What a publisher is told of arrivals: a delay that swings by itself as its mean, a queue as it is."""

from __future__ import annotations

import random
from collections.abc import Callable

from meetings.signaling.media.steadying import Steadying

TICKS = 1 << 18
SPACING = 0.01
CLOCKS_APART = 500.0


def told(seconds: float, delay: Callable[[float], float], begin: float = 0.0) -> list[tuple[float, float, float]]:
    """Sending time, true delay and the one told, of packets each hundredth of a second; none overtakes another."""
    steadying, shown, last = Steadying(), [], 0.0
    for index in range(round(seconds / SPACING)):
        sent = begin + index * SPACING
        last = max(last, sent + delay(sent))
        said = steadying.told(round(sent * TICKS) & 0xFFFFFF, last + CLOCKS_APART)
        shown.append((sent, last - sent, said - CLOCKS_APART - sent))
    return shown


def swinging(seed: int = 7) -> Callable[[float], float]:
    """Up to two fifths of a second, another delay ten times a second."""
    return lambda sent: 0.02 + random.Random(seed + int(sent * 10)).uniform(0, 0.4)


def spread(delays: list[float]) -> float:
    return max(delays) - min(delays)


def test_a_delay_that_swings_is_told_as_its_mean() -> None:
    shown = told(40, swinging())[2000:]
    assert spread([true for _, true, _ in shown]) > 0.3
    assert spread([said for _, _, said in shown]) < 0.15
    rises = [abs(shown[at + 100][2] - shown[at][2]) for at in range(0, len(shown) - 100, 10)]
    assert max(rises) < 0.03  # within a second: far below what counts as a queue


def test_a_quiet_way_is_told_as_it_is() -> None:
    chance = random.Random(1)
    for _, true, said in told(20, lambda sent: 0.02 + chance.uniform(0, 0.02)):
        assert abs(true - said) < 0.001


def test_a_queue_is_told_as_it_is_even_where_the_delay_swings() -> None:
    swing = swinging()

    def overrun(sent: float) -> float:
        return swing(sent) + (0.5 if sent > 20 else 0.0)

    shown = [one for one in told(30, overrun) if 27 < one[0] < 29]
    assert all(abs(true - said) < 0.001 for _, true, said in shown)


def test_the_clock_in_the_packets_wraps() -> None:
    shown = told(140, lambda sent: 0.02, begin=60.0)
    assert all(abs(true - said) < 0.001 for _, true, said in shown)
