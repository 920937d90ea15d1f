"""How much of something is allowed over time."""

from __future__ import annotations


class Allowance:
    """A bucket that refills with time and is never deep."""

    def __init__(self, per_second: float, depth: float) -> None:
        self._per_second = per_second
        self._depth = depth
        self._left = depth
        self._at = 0.0

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Use some of it; False when there is not enough."""
        self._left = min(self._depth, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
