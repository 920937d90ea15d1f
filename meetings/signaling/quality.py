"""How good a participant's connection is, in the four steps that clients show, from what receivers report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    LOST = "lost"
    POOR = "poor"
    GOOD = "good"
    EXCELLENT = "excellent"


@dataclass(frozen=True)
class Rating:
    """`score` is a mean opinion score, 1 to 5."""

    quality: Quality
    score: float


LOST = Rating(Quality.LOST, 1.0)
UNKNOWN = Rating(Quality.EXCELLENT, 4.4)

# Of the pictures' bits that were wanted; below it one sees that it is not all.
_THINNED = 0.6


@dataclass(frozen=True)
class Measured:
    """One direction over the last seconds. `granted`: which share of the wanted pictures is sent, by bits; `starved`:
    how many of them not at all.
    """

    loss: float
    jitter_ms: float
    rtt_ms: float
    granted: float = 1.0
    starved: int = 0


def rate(loss: float, jitter_ms: float, rtt_ms: float) -> Rating:
    """A simplified E-model (ITU-T G.107): delay and loss subtract from a rating of 93, mapped to 1..5."""
    delay = rtt_ms / 2 + 2 * jitter_ms + 10
    factor = 93.2 - (delay / 40 if delay < 160 else (delay - 120) / 10) - 250 * min(max(loss, 0.0), 1.0)
    factor = min(max(factor, 0.0), 93.2)
    score = 1 + 0.035 * factor + 0.000007 * factor * (factor - 60) * (100 - factor)
    return Rating(_step(score), round(score, 1))


def rate_way(way: Measured) -> Rating:
    """Pictures that were made smaller or held back for want of room count, too: nobody sees the loss they prevented."""
    heard = rate(way.loss, way.jitter_ms, way.rtt_ms)
    seen = 3.0 if way.starved else 4.0 if way.granted < _THINNED else 5.0
    score = min(heard.score, seen)
    return Rating(_step(score), score)


class BothWays:
    """What a participant sends and what it gets; its connection is as good as the worse of the two."""

    def __init__(self) -> None:
        self.receiving = UNKNOWN
        self.sending = UNKNOWN

    def measured(self, way: Measured, *, receiving: bool) -> Rating:
        """One direction was measured again."""
        if receiving:
            self.receiving = rate_way(way)
        else:
            self.sending = rate_way(way)
        return min(self.receiving, self.sending, key=lambda rating: rating.score)


def _step(score: float) -> Quality:
    if score >= 4.1:
        return Quality.EXCELLENT
    return Quality.GOOD if score >= 3.1 else Quality.POOR
