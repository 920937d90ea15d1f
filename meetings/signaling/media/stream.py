"""One incoming SSRC: what arrived, what is missing, what to ask for again, and the figures of a receiver report."""

from __future__ import annotations

from enum import Enum

from meetings.signaling.media import rtcp
from meetings.signaling.media.allowance import Allowance

# A packet further behind than this is forgotten; one further ahead means that the numbers began anew.
_WINDOW = 1024
_MAX_JUMP = 3000  # RFC 3550 appendix A.1, MAX_DROPOUT

# More missing at once than this is not repaired packet by packet: a keyframe is cheaper.
_MAX_MISSING = 256
_REORDER_SECONDS = 0.010  # before a hole counts as a loss, on a way that keeps order
_MAX_REORDER_SECONDS = 0.1
_ROUND_TRIP_SECONDS = 0.050  # until one was measured
_MIN_RETRY_SECONDS = 0.020
_MAX_TRIES = 8
_GIVE_UP_SECONDS = 1.0
_ASKS_PER_SECOND = 500.0  # of one sender's stream; its whole picture has no more packets


class Arrival(Enum):
    """What a sequence number means for its stream."""

    NEXT = "newest so far"
    LATE = "fills a hole"
    REPEAT = "seen, given up, or not believed yet"
    RESTART = "the numbers began anew"


class _Hole:
    __slots__ = ("asked_at", "first_asked_at", "found_at", "next_at", "tries")

    def __init__(self, now: float, wait: float) -> None:
        self.found_at = self.asked_at = self.first_asked_at = now
        self.next_at = now + wait
        self.tries = 0


class Stream:
    """Sequence numbers in, decisions out. Times are monotonic seconds."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.missing: dict[int, _Hole] = {}
        self.received = 0
        self.octets = 0
        self.asked = self.given_up = 0  # packets asked for again, and those no longer waited for
        self.sender_report: rtcp.SenderReport | None = None
        self.sender_report_at = 0.0
        self._highest = -1
        self._cycles = 0
        self._base = 0
        self._believed_next = -1
        self._reported_expected = 0
        self._reported_received = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._reorder = _REORDER_SECONDS
        self._round_trip = _ROUND_TRIP_SECONDS
        self._asks = Allowance(_ASKS_PER_SECOND, _MAX_MISSING)

    @property
    def way(self) -> str:
        """For a trace: how long an answer takes, and how far packets overtake each other."""
        return f"rtt {self._round_trip * 1000:.0f} reorder {self._reorder * 1000:.0f}"

    def arrived(self, sequence: int, now: float, *, again: bool = False) -> Arrival:
        """Place one authenticated packet; `again`: it was sent again because we asked."""
        if self._highest < 0:
            self._begin(sequence)
            return Arrival.RESTART
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead <= _MAX_JUMP:
            self._advance(sequence, ahead, now)
            return Arrival.NEXT
        if ahead == 0 or 0x10000 - ahead <= _WINDOW:
            hole = self.missing.pop(sequence, None)
            if hole is None:
                return Arrival.REPEAT
            self._measure_way(hole, now, again)
            self.received += 1
            return Arrival.LATE
        return self._far_off(sequence)

    def recovered(self, sequence: int) -> bool:
        """What a missing packet carried came with another one; False when it was not missing. It stays lost."""
        return self.missing.pop(sequence, None) is not None

    def extended(self, sequence: int) -> int:
        """The number without its wrap at 2^16, for the newest packet or one before it."""
        return (self._cycles << 16 | self._highest) - (self._highest - sequence & 0xFFFF)

    def measured(self, timestamp: int, size: int, now: float) -> None:
        """Count a packet's bytes and its part in the interarrival jitter (RFC 3550 appendix A.8)."""
        self.octets += size
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 5:  # else the timestamps wrapped or began anew
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def due(self, now: float) -> list[int]:
        """Holes to ask for now, in order. Old ones are given up: a decoder that needs them asks for a keyframe itself,
        and what was lost may have been padding.
        """
        ask: list[int] = []
        given_up = []
        for sequence, hole in self.missing.items():
            if hole.tries >= _MAX_TRIES or now - hole.found_at > _GIVE_UP_SECONDS:
                given_up.append(sequence)
            elif now >= hole.next_at and self._asks.take(now):
                hole.tries += 1
                hole.asked_at = now
                if hole.tries == 1:
                    hole.first_asked_at = now
                hole.next_at = now + max(_MIN_RETRY_SECONDS, 1.2 * self._round_trip) * 1.5 ** (hole.tries - 1)
                ask.append(sequence)
        self.asked += len(ask)
        self.given_up += len(given_up)
        for sequence in given_up:
            del self.missing[sequence]
        return ask

    def reported(self, report: rtcp.SenderReport, now: float) -> None:
        """The sender said which moment of its clock a timestamp is."""
        self.sender_report = report
        self.sender_report_at = now

    def report(self, now: float) -> rtcp.Report:
        """The report block since the last one."""
        highest = self._cycles << 16 | max(self._highest, 0)
        expected = highest - self._base + 1
        expected_now = expected - self._reported_expected
        lost_now = expected_now - (self.received - self._reported_received)
        self._reported_expected, self._reported_received = expected, self.received
        fraction = max(0, min(255, lost_now * 256 // expected_now)) if expected_now > 0 else 0
        last_sr, delay = 0, 0
        if self.sender_report is not None:
            last_sr = self.sender_report.ntp >> 16 & 0xFFFFFFFF
            delay = min(0xFFFFFFFF, int((now - self.sender_report_at) * 65536))
        cumulative = max(-0x800000, min(0x7FFFFF, expected - self.received))
        return rtcp.Report(self.ssrc, fraction, cumulative, highest, int(self._jitter), last_sr, delay)

    def _measure_way(self, hole: _Hole, now: float, again: bool) -> None:
        """How long an answer takes, and how far packets overtake each other: what is only late is not asked for."""
        if again:
            # Of several asks nobody knows which was answered: the first, where too short a wait made the others.
            asked_at, part = (hole.asked_at, 8) if hole.tries == 1 else (hole.first_asked_at, 16)
            if hole.tries == 1 or (hole.tries > 1 and now - asked_at > self._round_trip):
                self._round_trip += (now - asked_at - self._round_trip) / part
            return
        delay = now - hole.found_at
        if delay < max(self._round_trip, _REORDER_SECONDS):  # later it may be an answer without RTX
            step = delay - self._reorder
            self._reorder += step if step > 0 else step / 32
            self._reorder = min(max(self._reorder, _REORDER_SECONDS), _MAX_REORDER_SECONDS)

    def _begin(self, sequence: int) -> None:
        self._highest = self._base = sequence
        self._cycles = 0
        self._believed_next = -1
        self.received = 1
        self._reported_expected = self._reported_received = 0
        self.missing.clear()
        self.sender_report = None

    def _advance(self, sequence: int, ahead: int, now: float) -> None:
        if ahead > _MAX_MISSING:
            self.missing.clear()
        for distance in range(min(ahead, _MAX_MISSING) - 1, 0, -1):  # oldest first
            self.missing[(sequence - distance) & 0xFFFF] = _Hole(now, self._reorder)
        while len(self.missing) > _MAX_MISSING:
            del self.missing[next(iter(self.missing))]
        if sequence < self._highest:
            self._cycles += 1
        self._highest = sequence
        self._believed_next = -1
        self.received += 1

    def _far_off(self, sequence: int) -> Arrival:
        # Two in a row make a restart; a single one is junk (RFC 3550 appendix A.1).
        if sequence == self._believed_next:
            self._begin(sequence)
            return Arrival.RESTART
        self._believed_next = (sequence + 1) & 0xFFFF
        return Arrival.REPEAT
