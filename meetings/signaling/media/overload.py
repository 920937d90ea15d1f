"""Has the worker time for all it does? Measured by how late its own timers come, and by the CPU it uses.

When not, pictures are held back, the least important of every subscriber first, until it has; sound is never touched.
A single long pause is the machine's, not ours, and changes nothing.
"""

from __future__ import annotations

_LATE_SECONDS = 0.1
_BUSY = 0.92  # of one core
_LESS, _LEAST = 0.8, 0.2
_MORE = 1.1
_BAD_INTERVALS = 3
_CALM_INTERVALS = 4


class Overload:
    """Judged once a second. `share` is how much of the wanted pictures there is time for."""

    def __init__(self) -> None:
        self.share = 1.0
        self.lag = 0.0  # seconds; the longest since it was last taken
        self.cpu = 0.0
        self._late = 0
        self._ticks = 0
        self._bad = self._calm = 0
        self._before: tuple[float, float] | None = None

    def ticked(self, late: float) -> None:
        """A frequent timer came this late."""
        self._ticks += 1
        self._late += late > _LATE_SECONDS
        self.lag = max(self.lag, late)

    def judge(self, now: float, cpu_seconds: float) -> bool:
        """Once a second; True when `share` changed. Late now and then is no overload: late most of the time is."""
        at, used = self._before or (now - 1.0, cpu_seconds)
        self._before = (now, cpu_seconds)
        self.cpu = max(0.0, cpu_seconds - used) / max(now - at, 0.001)
        bad = self.cpu > _BUSY or (self._ticks > 0 and self._late / self._ticks > 0.5)
        self._late = self._ticks = 0
        self._bad, self._calm = (self._bad + 1, 0) if bad else (0, self._calm + 1)
        before = self.share
        if self._bad >= _BAD_INTERVALS:
            self.share, self._bad = max(_LEAST, self.share * _LESS), 0
        elif self._calm >= _CALM_INTERVALS and self.share < 1.0:
            self.share, self._calm = min(1.0, self.share * _MORE), 0
        return self.share != before

    def take_lag(self) -> float:
        """The longest since the last call."""
        lag, self.lag = self.lag, 0.0
        return lag
