"""One incoming SSRC: what arrived, what is missing, what to ask for again, and the figures of a receiver report."""

from __future__ import annotations

from enum import Enum

from meetings.signaling.media import rtcp

# A packet further behind than this is forgotten; one further ahead means that the numbers began anew.
_WINDOW = 1024
_MAX_JUMP = 3000  # RFC 3550 appendix A.1, MAX_DROPOUT

# More missing at once than this is not repaired packet by packet: a keyframe is cheaper.
_MAX_MISSING = 256
_REORDER_SECONDS = 0.010  # before a hole counts as a loss
_RETRY_SECONDS = 0.060  # then half as long again each time
_MAX_TRIES = 8
_GIVE_UP_SECONDS = 1.0


class Arrival(Enum):
    """What a sequence number means for its stream."""

    NEXT = "newest so far"
    LATE = "fills a hole"
    REPEAT = "seen, given up, or not believed yet"
    RESTART = "the numbers began anew"


class _Hole:
    __slots__ = ("found_at", "next_at", "tries")

    def __init__(self, now: float) -> None:
        self.found_at = now
        self.next_at = now + _REORDER_SECONDS
        self.tries = 0


class Stream:
    """Sequence numbers in, decisions out. Times are monotonic seconds."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.missing: dict[int, _Hole] = {}
        self.received = 0
        self.octets = 0
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

    def arrived(self, sequence: int, now: float) -> Arrival:
        """Place one authenticated packet."""
        if self._highest < 0:
            self._begin(sequence)
            return Arrival.RESTART
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead <= _MAX_JUMP:
            self._advance(sequence, ahead, now)
            return Arrival.NEXT
        if ahead == 0 or 0x10000 - ahead <= _WINDOW:
            if self.missing.pop(sequence, None) is None:
                return Arrival.REPEAT
            self.received += 1
            return Arrival.LATE
        return self._far_off(sequence)

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
            elif now >= hole.next_at:
                hole.tries += 1
                hole.next_at = now + _RETRY_SECONDS * 1.5 ** (hole.tries - 1)
                ask.append(sequence)
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
            self.missing[(sequence - distance) & 0xFFFF] = _Hole(now)
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
