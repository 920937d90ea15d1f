"""What is lost whatever a publisher sends is not held against it; what is lost for want of room is told."""

from __future__ import annotations

import random
from collections.abc import Callable

from meetings.signaling.media.forgiving import OwnLoss

PACKET = 1_000


def told(own: OwnLoss, seconds: float, rate: float, loss: Callable[[float], float], begin: float = 0.0) -> float:
    """The share of packets reported as lost while so much is sent on a line that loses so much of it."""
    chance, packets, reported, total = random.Random(5), rate / 8 / PACKET * 0.1, 0, 0
    for step in range(round(seconds / 0.1)):
        sent = max(5, round(packets))  # sound is there always, in small packets
        lost = sum(chance.random() < loss(rate) for _ in range(sent))
        octets = min(PACKET, round(rate / 80 / sent)) * (sent - lost)
        reported += lost - own.forgiven(sent, lost, octets, begin + step * 0.1)
        total += sent
    return reported / total


def test_loss_at_a_low_rate_is_not_told_at_any_rate() -> None:
    own = OwnLoss()
    told(own, 10, 130_000, lambda rate: 0.1)
    assert told(own, 30, 130_000, lambda rate: 0.1, 10) < 0.03
    assert told(own, 30, 1_500_000, lambda rate: 0.1, 40) < 0.05


def test_loss_for_want_of_room_is_told() -> None:
    own = OwnLoss()
    assert told(own, 30, 1_500_000, lambda rate: 0.3) > 0.25  # nothing is known of it at a low rate
    told(own, 10, 130_000, lambda rate: 0.0, 30)
    assert told(own, 30, 1_500_000, lambda rate: 0.3, 40) > 0.25


def test_what_comes_on_top_is_told() -> None:
    own = OwnLoss()
    told(own, 20, 130_000, lambda rate: 0.05)
    assert told(own, 30, 1_500_000, lambda rate: 0.25, 20) > 0.15


def test_a_line_that_gets_better_is_not_forgiven_for_ever() -> None:
    own = OwnLoss()
    told(own, 10, 130_000, lambda rate: 0.1)
    told(own, 30, 1_500_000, lambda rate: 0.0, 10)
    assert own.share == 0
    assert told(own, 10, 1_500_000, lambda rate: 0.1, 40) > 0.08


def test_a_silent_second_is_told() -> None:
    own = OwnLoss()
    told(own, 20, 130_000, lambda rate: 0.1)
    assert own.forgiven(100, 100, 0, 20.0) <= 7
