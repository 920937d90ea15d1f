"""How much a publisher may send that cannot be told of each packet's arrival: an estimate from what comes and is lost.

Clients without transport-wide feedback follow REMB (draft-alvestrand-rmcat-remb); told nothing, they stay near where
they began, and the largest layer of their picture never comes.
"""

from __future__ import annotations

_START = 2_500_000  # bit/s: room for three layers of a camera
_MIN = 100_000
_MAX = 10_000_000
_GROWTH = 1.08  # a second
_LITTLE_LOSS, _MUCH_LOSS = 0.02, 0.10  # as Google's congestion control: below it grows, above it shrinks
_HEADROOM = 1_000_000  # over twice of what comes: what was never tried is not promised


class Uplink:
    """Asked once a second."""

    def __init__(self) -> None:
        self.bitrate = _START

    def measured(self, received: float, loss: float) -> int:
        """What arrived in bit/s and the share that did not; returns the bit/s to ask for."""
        if loss > _MUCH_LOSS:
            wanted = min(self.bitrate, received) * (1 - loss / 2)
        elif loss < _LITTLE_LOSS:
            wanted = max(min(self.bitrate * _GROWTH, 2 * received + _HEADROOM), min(self.bitrate, _START))
        else:
            wanted = self.bitrate
        self.bitrate = int(min(max(wanted, _MIN), _MAX))
        return self.bitrate
