"""Is a queue growing on the way to a subscriber? A trend line through the delays its feedback shows.

After draft-ietf-rmcat-gcc-02 section 5 in the trend line form that browsers use: packets sent close together count as
one group; what each group was delayed more than the one before is summed up and smoothed, and a line is laid through
the last of these sums. A slope that stays above an adaptive threshold is a queue that grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum, auto
from operator import mul

from meetings.signaling.media.delay import Delay
from meetings.signaling.media.history import Arrival

_GROUP_SECONDS = 0.005
_WINDOW = 20
_SMOOTHING = 0.9
_GAIN = 4.0
_MOST_COUNTED = 60
_SUSTAINED_SECONDS = 0.01
_FIRST_THRESHOLD, _LEAST_THRESHOLD, _MOST_THRESHOLD = 12.5, 6.0, 600.0
_WIDENING, _NARROWING = 0.0087, 0.039
_OUTLIER = 15.0  # a trend this far above the threshold does not move it
_STANDSTILL_SECONDS = 3.0  # without packets for so long: begin anew


class Trend(Enum):
    """What the way's queue does."""

    GROWING = auto()
    STEADY = auto()
    SHRINKING = auto()


class DelayGradient:
    """Takes every feedback's arrivals in order; `trend` and `delay` are what they say by now."""

    def __init__(self) -> None:
        self.trend = Trend.STEADY
        self.delay = Delay()
        self._group_began = self._group_sent = self._group_arrived = -1.0
        self._last: tuple[float, float] | None = None  # sending and arrival of the group before
        self._points: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self._sum_ms = self._smooth_ms = 0.0
        self._groups = 0
        self._threshold = _FIRST_THRESHOLD
        self._above_since: float | None = None
        self._slope = 0.0
        self._judged_at = 0.0  # by the receiver's clock

    def take(self, arrivals: Iterable[Arrival]) -> None:
        """One feedback packet's worth; judged once at its end."""
        began, last_sent, last_arrived = self._group_began, self._group_sent, self._group_arrived
        groups = self._groups
        for _, sent, arrived, _ in arrivals:
            if arrived is None:
                continue
            if sent - began <= _GROUP_SECONDS and began >= 0:
                if sent > last_sent:
                    last_sent = sent
                if arrived > last_arrived:
                    last_arrived = arrived
                continue
            if began >= 0:
                self._end_group(last_sent, last_arrived)
            began = last_sent = sent
            last_arrived = arrived
        self._group_began, self._group_sent, self._group_arrived = began, last_sent, last_arrived
        if self._groups != groups and self._last is not None:
            self._judge(self._last[1])

    def _end_group(self, sent: float, arrived: float) -> None:
        self.delay.note(arrived - sent, arrived)
        before, self._last = self._last, (sent, arrived)
        if before is None:
            return
        if sent - before[0] > _STANDSTILL_SECONDS:
            self._points.clear()
            self._sum_ms = self._smooth_ms = 0.0
            self._groups = 0
            return
        self._groups += 1
        self._sum_ms += (arrived - before[1] - (sent - before[0])) * 1000
        self._smooth_ms = _SMOOTHING * self._smooth_ms + (1 - _SMOOTHING) * self._sum_ms
        self._points.append((arrived * 1000, self._smooth_ms))

    def _judge(self, arrived: float) -> None:
        slope = _slope(self._points) if len(self._points) == _WINDOW else 0.0
        trend = min(self._groups, _MOST_COUNTED) * slope * _GAIN
        spacing, self._judged_at = max(0.0, arrived - self._judged_at), arrived
        if trend > self._threshold:
            since = self._above_since = arrived - spacing / 2 if self._above_since is None else self._above_since
            if arrived - since > _SUSTAINED_SECONDS and slope >= self._slope:
                self.trend = Trend.GROWING
        else:
            self._above_since = None
            self.trend = Trend.SHRINKING if trend < -self._threshold else Trend.STEADY
        self._slope = slope
        self._adapt(abs(trend), spacing)

    def _adapt(self, trend: float, spacing: float) -> None:
        """The threshold follows the trend slowly, so that other flows' ups and downs are not taken for ours."""
        if trend > self._threshold + _OUTLIER:
            return
        pace = _NARROWING if trend < self._threshold else _WIDENING
        moved = self._threshold + pace * (trend - self._threshold) * min(spacing * 1000, 100.0)
        self._threshold = min(max(moved, _LEAST_THRESHOLD), _MOST_THRESHOLD)


def _slope(points: deque[tuple[float, float]]) -> float:
    """Of the line with the least squares."""
    count, first = len(points), points[0][0]
    xs = [x - first for x, _ in points]
    ys = [y for _, y in points]
    x_sum = sum(xs)
    spread = count * sum(map(mul, xs, xs)) - x_sum * x_sum
    return (count * sum(map(mul, xs, ys)) - x_sum * sum(ys)) / spread if spread else 0.0
