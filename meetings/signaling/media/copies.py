"""Which packets of pictures go out once more without being asked for, where asking takes too long.

On a way that loses a tenth by itself and answers after half a second, a picture that waits for what was lost stands
most of the time. Where there is room the packets are sent twice instead. Whether the loss is the way's own, and not for
want of room, is found out by that very sending: it does not grow when twice as much is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Generic, TypeVar

_WORTH = 0.03  # of packets lost: below it asking is cheaper
_OVER = 0.012
_MANY = 0.15  # one copy leaves two of a hundred: then there are two
_BEFORE_PACKETS = 50
_TRIAL_SECONDS, _TRIAL_PACKETS = 1.0, 60
_MORE = 0.2  # of what was sent were copies: then it was a trial
_AS_BEFORE, _BY_CHANCE = 1.4, 0.05
_FIRST_WAIT, _LONGEST_WAIT = 4.0, 60.0
_SMOOTHING = 0.4
_PRECIOUS = 0.01  # loss times seconds of a round trip: from here on pictures stand rather than jerk

_SPACING_SECONDS = 0.025  # between a packet and its copies: what is lost is often lost together
_SPARE = 0.95  # of what the way carries
_SAVED_SECONDS = 0.25  # of room not used
_MOST_WAITING = 500

Packet = TypeVar("Packet")


class _State(Enum):
    OFF = auto()
    TRIAL = auto()
    ON = auto()


class Copies:
    """For one subscriber's way. `count`: how often each packet is to go out besides, as far as there is room."""

    def __init__(self) -> None:
        self.own_loss = 0.0  # what is lost however much is sent; 0: not known
        self._state = _State.OFF
        self._before = 0.0  # what was lost then
        self._sent = 0  # copies, since
        self._since = 0.0
        self._counted = self._lost = 0
        self._wait = _FIRST_WAIT
        self._not_before = float("-inf")

    @property
    def count(self) -> int:
        """0 to 2."""
        if self._state is _State.OFF:
            return 0
        return 2 if self._state is _State.ON and self.own_loss > _MANY else 1

    @property
    def trying(self) -> bool:
        """Whether it is being found out whose loss it is."""
        return self._state is _State.TRIAL

    def part(self, round_trip: float) -> float:
        """How much more a picture takes with its copies, when it is worth less without them; 0: take what is over."""
        return 0.5 * self.count if self._state is _State.ON and self.own_loss * round_trip > _PRECIOUS else 0.0

    def found(self, own_loss: float, now: float) -> None:
        """It was seen otherwise that so much is lost whatever is sent."""
        self.own_loss = own_loss
        self._enter(_State.ON, now)

    def sent(self) -> None:
        """A copy went out."""
        self._sent += 1

    def measured(self, counted: int, lost: int, loss: float, overrun: bool, clear: bool, now: float) -> None:
        """What one feedback said; the loss as smoothed by now; whether the way is overrun or clear."""
        self._counted += counted
        self._lost += lost
        if self._state is _State.OFF:
            if loss > _WORTH and clear and now >= self._not_before and self._counted >= _BEFORE_PACKETS:
                self._before = max(loss, self._lost / self._counted)
                self._enter(_State.TRIAL, now)
            elif self._counted >= 2 * _BEFORE_PACKETS:
                self._counted = self._lost = 0
        elif overrun:
            self._fail(now)
        elif now - self._since > _TRIAL_SECONDS and self._counted >= _TRIAL_PACKETS:
            self._judge(self._lost / self._counted, now)

    def _judge(self, loss: float, now: float) -> None:
        """Of a second or so while copies were sent."""
        before = self.own_loss
        if self._state is _State.TRIAL:
            before = self._before
            if self._sent < _MORE * self._counted:  # there was no room for copies: nothing was tried
                self._fail(now)
                return
        if loss > _AS_BEFORE * before + _BY_CHANCE:
            self._fail(now)
            return
        smoothing = _SMOOTHING if self._state is _State.ON else 1.0
        self.own_loss += ((loss + before) / 2 - self.own_loss) * smoothing
        if self.own_loss < _OVER:
            self._enter(_State.OFF, now)
            return
        self._wait = max(_FIRST_WAIT, 0.95 * self._wait)
        self._enter(_State.ON, now)

    def _fail(self, now: float) -> None:
        self._not_before = now + self._wait
        self._wait = min(2 * self._wait, _LONGEST_WAIT)
        self.own_loss = 0.0
        self._enter(_State.OFF, now)

    def _enter(self, state: _State, now: float) -> None:
        self._state, self._since = state, now
        self._counted = self._lost = self._sent = 0


class CopyQueue(Generic[Packet]):
    """Copies on their way out: a moment after their packets, and only into room that pictures themselves leave."""

    def __init__(self, send: Callable[[Packet], None]) -> None:
        self.sent = 0
        self._send = send
        self._waiting: deque[tuple[float, Packet, int]] = deque()
        self._room = 0.0  # bits
        self._at = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: Packet, bits: int, count: int, now: float) -> None:
        """A packet has gone out; so many copies are wanted."""
        self._room -= bits
        for number in range(1, count + 1):
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append((now + number * _SPACING_SECONDS, packet, bits))

    def drain(self, rate: float, needed: Callable[[Packet], bool], now: float) -> None:
        """Send what is due; what the room left of `rate` bit/s does not take is not sent, the dispensable first."""
        most = _SAVED_SECONDS * rate
        self._room = min(max(self._room + (now - self._at) * _SPARE * rate, -most), most)
        self._at = now
        while self._waiting and self._waiting[0][0] <= now:
            _, packet, bits = self._waiting.popleft()
            if self._room > (0 if needed(packet) else most / 2):
                self._room -= bits
                self.sent += 1
                self._send(packet)

    def drop(self, unwanted: Callable[[Packet], bool]) -> None:
        """Forget copies of a picture that goes on no more."""
        self._waiting = deque(one for one in self._waiting if not unwanted(one[1]))
