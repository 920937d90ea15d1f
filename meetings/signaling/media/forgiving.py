"""How much of what a publisher sends is lost whatever it sends, and is therefore not held against it.

Browsers take a loss of a few percent for want of room and send a tenth of what the line would carry. What is lost while
hardly anything is sent is the line's own: so much is reported as if it had come, however much is sent. What is lost
beyond that, for want of room, is told.
"""

from __future__ import annotations

_SECONDS, _PACKETS = 2.0, 80  # of one stretch
_LITTLE = 250_000.0  # bit/s: sound and the smallest picture
_SMOOTHING = 0.4
_WORTH, _MOST = 0.01, 0.35
_SAVED = 6.0  # packets lost at once: of more it is told


class OwnLoss:
    """Of one publisher's line."""

    def __init__(self) -> None:
        self.share = 0.0
        self._learned = False
        self._expected = self._lost = self._octets = 0
        self._since: float | None = None
        self._saved = 0.0

    def forgiven(self, expected: int, lost: int, octets: int, now: float) -> int:
        """Of so many packets of which so many were lost: how many of those not to tell."""
        self._expected += expected
        self._lost += lost
        self._octets += octets
        if self._since is None:
            self._since = now
        elif self._expected >= _PACKETS and now - self._since >= _SECONDS:
            self._learn(self._lost / self._expected, 8 * self._octets / (now - self._since))
            self._expected = self._lost = self._octets = 0
            self._since = now
        self._saved = min(self._saved + self.share * expected, _SAVED)
        forgiven = min(lost, int(self._saved))
        self._saved -= forgiven
        return forgiven

    def _learn(self, loss: float, rate: float) -> None:
        """More of little, less of anything."""
        if not self._learned and rate < _LITTLE:
            self._learned, share = True, loss
        elif rate < _LITTLE or loss < self.share:
            share = self.share + (loss - self.share) * _SMOOTHING
        else:
            return
        self.share = min(share, _MOST) if share > _WORTH else 0.0
