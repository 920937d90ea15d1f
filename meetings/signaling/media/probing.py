"""When a subscriber's way is tried with more than is sent, by how much, and what that showed.

A probe is a short burst of repeated packets at the rate that the next better picture would need. It is tried when
something wanted does not fit; after each failure the next one waits twice as long, so that a thin line is not overrun
again and again for a picture it will never carry.
"""

from __future__ import annotations

from collections.abc import Sequence

from meetings.signaling.media.history import Arrival

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 32.0
_AFTER_REDUCTION = 2.0
_SECONDS = 0.05
_FEWEST, _MOST = 6, 80
_GIVE_UP_SECONDS = 2.0
_STEP = 2.0  # times what is known: a queue of our own making stays short
_SLOW_SECONDS, _SLOW_STEP = 0.8, 1.5  # where the delay swings a short burst shows nothing


class Prober:
    """One subscriber's probes. `due` says how many packets at which rate; `sent` and `result` frame one of them."""

    def __init__(self) -> None:
        self.slow = False
        self._wait = 0.0
        self._next_at = 0.0
        self._numbers: tuple[int, int] | None = None  # first and last of the cluster on its way
        self._sent_at = 0.0
        self._rate = 0.0
        self._arrivals: list[Arrival] = []

    def due(self, wanted: float, estimate: float, reduced_at: float, now: float, packet_bits: float) -> int:
        """How many packets to send as a probe now; 0: none. `wanted`: bit/s that would satisfy."""
        if self._numbers is not None and now - self._sent_at > _GIVE_UP_SECONDS:
            self._numbers = None
            self._failed(now)
        if self._numbers is not None or now < self._next_at or now - reduced_at < _AFTER_REDUCTION:
            return 0
        if wanted <= estimate:
            return 0
        self._rate = min(wanted * 1.1, estimate * (_SLOW_STEP if self.slow else _STEP))
        seconds = _SLOW_SECONDS if self.slow else _SECONDS
        return min(max(_FEWEST, round(self._rate * seconds / packet_bits)), _MOST)

    @property
    def rate(self) -> float:
        """At which bit/s the probe is to be sent."""
        return self._rate

    def sent(self, first: int, last: int, now: float) -> None:
        """The probe went out under these transport-wide numbers."""
        self._numbers, self._sent_at, self._arrivals = (first, last), now, []

    def result(self, outcomes: Sequence[Arrival]) -> tuple[float, float] | None:
        """Sent and received bit/s, once the feedback on all of the probe is in and enough of it came."""
        if self._numbers is None or not outcomes:
            return None
        first, last = self._numbers
        self._arrivals += [one for one in outcomes if first <= one.number <= last]
        if outcomes[-1].number < last:
            return None
        self._numbers = None
        came = [one for one in self._arrivals if one.arrived_at is not None]
        if len(came) < 2 or len(came) < (last - first + 1) // 2:
            return None
        return _rates(came)

    def judged(self, passed: bool, now: float) -> None:
        """After a success the next may follow at once; after a failure later each time."""
        if passed:
            self._wait, self._next_at = 0.0, now
        else:
            self._failed(now)

    def _failed(self, now: float) -> None:
        self._wait = min(max(_FIRST_WAIT, 2 * self._wait), _LONGEST_WAIT)
        self._next_at = now + self._wait


def _rates(came: list[Arrival]) -> tuple[float, float] | None:
    sent = came[-1].sent_at - came[0].sent_at
    arrivals = [one.arrived_at or 0.0 for one in came]
    received = max(arrivals) - min(arrivals)
    bits = 8 * sum(one.size for one in came[1:])
    if sent <= 0:
        return None
    return bits / sent, bits / max(received, 0.001)
