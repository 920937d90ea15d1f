"""What a publisher is told of its packets' arrival where the delay swings by itself: as if it did not.

Browsers take every rise of the delay for a queue of their own making, and on a line whose delay goes up and down ten
times a second they end at a tenth of what it carries. The sending times in the packets show which it is; while nothing
stands on the way they are told the mean delay instead of each packet's. A queue that stands is told as it is.
"""

from __future__ import annotations

from meetings.signaling.media.delay import Delay

_TICKS = 1 << 18  # a second of the abs-send-time extension, which wraps after 64
_WRAP = 1 << 24
_STANDING_MS = 60.0
_SLEW = 0.02  # seconds a second: what is told moves to the mean too slowly to look like a queue


class Steadying:
    """Of one publisher. Packets in the order of their transport-wide numbers."""

    def __init__(self) -> None:
        self.delay = Delay()
        self.active = False
        self._ticks: int | None = None
        self._told = 0.0  # the delay told last
        self._told_at = 0.0

    def told(self, ticks: int, arrived: float) -> float:
        """When to say that a packet arrived which left at `ticks`, by its abs-send-time."""
        before = self._ticks if self._ticks is not None else ticks
        self._ticks = before + (ticks - before + _WRAP // 2) % _WRAP - _WRAP // 2
        sent = self._ticks / _TICKS
        delay = self.delay
        delay.note(arrived - sent, arrived)
        self.active, before_active = self._is_steady(), self.active
        if not self.active:
            return arrived
        if not before_active:
            self._told, self._told_at = arrived - sent, arrived
        most = _SLEW * max(0.0, arrived - self._told_at)
        self._told_at = max(arrived, self._told_at)
        mean = delay.base + delay.usual_ms / 1000
        self._told += min(max(mean - self._told, -most), most)
        return sent + self._told

    def _is_steady(self) -> bool:
        return self.delay.swinging and self.delay.standing_ms <= max(_STANDING_MS, self.delay.usual_ms / 2)
