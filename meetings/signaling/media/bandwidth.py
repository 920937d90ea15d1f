"""How many bits a second a subscriber's way carries for pictures, from transport-wide feedback on each of them.

Delay: a growing queue means more is sent than passes; the estimate falls to a share of what arrived. Loss: above a
tenth it falls, too, unless sending less did not make it less; then it is the line's own, and only what comes on top
counts. Otherwise it grows, but not far beyond what is sent: what the way could carry besides is found by probing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from meetings.signaling.media.copies import Copies
from meetings.signaling.media.gradient import DelayGradient, Trend
from meetings.signaling.media.history import Arrival

START = 500_000.0
LEAST, MOST = 60_000.0, 30_000_000.0

_BACK_OFF = 0.85
_GROWTH = 0.08  # a second, beyond where the way's capacity was last seen
_FIRST_GROWTH = 0.25  # ... before it was seen at all
_NEAR_GROWTH = 0.02  # ... close to it
_HEADROOM, _HEADROOM_BITS = 1.5, 20_000.0
_RATE_SECONDS = 0.8
_PAUSE_SECONDS = 0.4  # between two reductions: what the first brought must be seen
_QUEUE_MS = 25.0  # below it a slope is noise
_STANDING_MS = 80.0  # above it the way is overrun, whatever the slope says
_CALM_LOSS = 0.02
_HIGH_LOSS = 0.10
_LOSS_PACKETS = 40
_LOSS_SECONDS = 0.5
_LOSS_SMOOTHING = 0.5
_LESS = 0.7  # having sent this share of it ...
_STILL = 0.75  # ... and lost this share of what was lost then: not our doing
_OWN_LOSS_SMOOTHING = 0.15
_AS_TOLD = 1.25
_PROBE_TRUST = 0.9
_SWINGING_PROBE_TRUST = 0.7
_IDLE = 0.5  # of the estimate: who sends less has not filled the way
_IDLE_BACK_OFF = 0.9


class Bandwidth:
    """The estimate for one subscriber. Times are the worker's; arrivals are on the subscriber's own clock."""

    def __init__(self, now: float) -> None:
        self.estimate = START
        self.arriving = 0.0  # bit/s, of late
        self.loss = 0.0
        self.reduced_at = float("-inf")
        self.copies = Copies()
        self._gradient = DelayGradient()
        self._grown_at = now
        self._received: deque[tuple[float, int]] = deque()  # seconds, bytes; one a feedback
        self._received_bytes, self._received_seconds = 0, 0.0
        self._newest = (0, 0.0)  # number and arrival of the last packet heard about
        self._capacity = 0.0  # what arrived when the queue grew last
        self._counted = self._lost = 0
        self._counted_since = now
        self._judged = False
        self._own_loss = 0.0
        self._tested = 0.0  # the estimate by then
        self._known_loss = 0.0
        self._before: tuple[float, float] | None = None  # rate and loss when loss first made us send less

    @property
    def queue_ms(self) -> float:
        """How long packets wait on the way."""
        return self._gradient.delay.queue_ms

    @property
    def congested(self) -> bool:
        """Whether there is a queue that more packets would make longer."""
        if self.swinging:
            return self._stands(_STANDING_MS / 2)
        return self._gradient.trend is Trend.GROWING or self.queue_ms > 2 * _QUEUE_MS

    @property
    def swinging(self) -> bool:
        """Whether the delay goes up and down by itself."""
        return self._gradient.delay.swinging

    @property
    def calm(self) -> bool:
        """Nothing speaks of a narrow place: a sample of what is reported is enough."""
        delay = self._gradient.delay
        return self.loss < _CALM_LOSS and not self.copies.count and delay.queue_ms < _QUEUE_MS + delay.usual_ms

    @property
    def carried(self) -> float:
        """Bits a second that came through the narrowest place, whatever was lost elsewhere on the way."""
        return self.arriving / (1 - min(self._own_loss, 0.5))

    def described(self, now: float) -> str:
        """For a trace."""
        gradient, delay = self._gradient, self._gradient.delay
        return (
            f"estimate {self.estimate / 1000:.0f}k arriving {self.arriving / 1000:.0f}k loss {self.loss:.2f} "
            f"own {self._own_loss:.2f} capacity {self._capacity / 1000:.0f}k "
            f"copies {self.copies.count}{'?' * self.copies.trying} swing {delay.swing_ms:.0f} "
            f"queue {delay.queue_ms:.0f} usual {delay.usual_ms:.0f} stands {delay.standing_ms:.0f} "
            f"{gradient.trend.name.lower()} reduced {now - self.reduced_at:.1f} ago"
        )

    def _overrun(self) -> bool:
        """Where the delay swings by itself, only what it never falls below is a queue."""
        gradient = self._gradient
        delay = gradient.delay
        growing = gradient.trend is Trend.GROWING and delay.queue_ms > _QUEUE_MS + 1.5 * delay.usual_ms
        return (growing and (not delay.swinging or self._stands(0.0))) or self._stands(_STANDING_MS)

    def _stands(self, least_ms: float) -> bool:
        return self._gradient.delay.standing_ms > max(least_ms, self._gradient.delay.usual_ms / 2)

    def feedback(self, outcomes: Sequence[Arrival], now: float) -> None:
        """What became of the packets of one feedback."""
        lost = self._count(outcomes)
        self._gradient.take(outcomes)
        self._measure_loss(now)
        overrun = self._overrun()
        self.copies.measured(len(outcomes), lost, self.loss, overrun, not self.congested, now)
        if self.copies.own_loss and self._known_loss == 0.0:  # what it was reduced for was nothing
            self._capacity, self.estimate = 0.0, max(self.estimate, self._tested)
        self._known_loss = self.copies.own_loss
        self._own_loss = max(self._own_loss, self._known_loss)
        if overrun:
            self._tested = 0.0
            self._reduce(self._below(), now)
        elif self._steady and self.loss - self._own_loss < _HIGH_LOSS / 2:
            self._grow(now)
        self._grown_at = now

    @property
    def _steady(self) -> bool:
        return (self.swinging or self._gradient.trend is Trend.STEADY) and not self.congested

    def _below(self) -> float:
        """What to send when the way is overrun. Who sends little of what passed before is not the one who fills it."""
        if self.carried < _IDLE * self.estimate:
            return _IDLE_BACK_OFF * self.estimate
        return _BACK_OFF * min(self.carried, self.estimate)

    def probed(self, sent: float, received: float) -> bool:
        """A cluster went out at `sent` and came in at `received` bit/s; True when the way carries what was tried."""
        passed = received >= (_SWINGING_PROBE_TRUST if self.swinging else _PROBE_TRUST) * sent
        found = min(sent, received) if passed else received * _BACK_OFF
        self.estimate = min(max(self.estimate, found), MOST)
        return passed

    def _count(self, outcomes: Sequence[Arrival]) -> int:
        arrived = [(at, size) for _, _, at, size in outcomes if at is not None]
        self._counted += len(outcomes)
        self._lost += (lost := len(outcomes) - len(arrived))
        if arrived:
            self._measure_rate(outcomes[0].number, outcomes[-1].number, arrived)
        return lost

    def _measure_rate(self, first: int, last: int, arrived: list[tuple[float, int]]) -> None:
        """From the packet before on, if that was heard about: else from the first of these."""
        number, before = self._newest
        at, size = max(arrived)[0], sum([size for _, size in arrived])
        if first != number + 1 or not before:
            before, size = arrived[0][0], size - arrived[0][1]
        self._newest = (last, at)
        received = self._received
        received.append((max(0.0, at - before), size))
        self._received_bytes += size
        self._received_seconds += received[-1][0]
        while len(received) > 2 and self._received_seconds > _RATE_SECONDS:
            seconds, gone = received.popleft()
            self._received_seconds -= seconds
            self._received_bytes -= gone
        if self._received_seconds > _RATE_SECONDS / 4:
            self.arriving = self._received_bytes * 8 / self._received_seconds

    def _measure_loss(self, now: float) -> None:
        if self._counted < _LOSS_PACKETS or now - self._counted_since < _LOSS_SECONDS:
            return
        self.loss += (self._lost / self._counted - self.loss) * (_LOSS_SMOOTHING if self._judged else 1.0)
        self._judged = True
        self._counted = self._lost = 0
        self._counted_since = now
        self._judge_loss(now)

    def _judge_loss(self, now: float) -> None:
        """Every half second or so."""
        if self.loss < self._own_loss:
            self._own_loss += (self.loss - self._own_loss) * _OWN_LOSS_SMOOTHING
        ours = self.loss - self._own_loss
        if ours <= _HIGH_LOSS:
            if ours < _HIGH_LOSS / 2:
                self._before, self._tested = None, 0.0
            return
        if self.copies.trying:
            return
        if self._before is None:
            self._before, self._tested = (self.arriving, self.loss), self.estimate
        rate, loss = self._before
        # Not while what was queued before is still going out.
        as_told = self.carried < _AS_TOLD * self.estimate and not self._stands(_STANDING_MS / 2)
        if as_told and self.arriving < _LESS * rate and self.loss > _STILL * loss:
            self._own_loss, self._before = self.loss, None
            self.copies.found(self.loss, now)
        else:
            self._reduce(min(self.estimate, _HEADROOM * self.carried) * (1 - ours / 2), now)

    def _reduce(self, to: float, now: float) -> None:
        if now - self.reduced_at < _PAUSE_SECONDS or not self.arriving:
            return
        self.reduced_at = now
        self._capacity = self.carried
        self.estimate = max(LEAST, min(self.estimate, to))

    def _grow(self, now: float) -> None:
        near = self._capacity and 0.8 * self._capacity < self.estimate < 1.2 * self._capacity
        pace = _NEAR_GROWTH if near else _GROWTH if self._capacity else _FIRST_GROWTH
        grown = self.estimate * (1 + pace) ** min(now - self._grown_at, 1.0)
        limit = max(self.estimate, _HEADROOM * self.carried + _HEADROOM_BITS)
        self.estimate = min(grown, limit, MOST)
