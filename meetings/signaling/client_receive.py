"""One incoming track at a participant: what is missing and asked for again, what its sender is told. Pure.

Packets of the track go on at once, in whatever order they came; putting them in order is the listener's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from meetings.signaling.media.rtcp import Report, SenderReport

_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

NACK_LIFE = 0.4  # seconds; later than that the listener has given up
NACK_FIRST, NACK_AGAIN = 0.01, 0.05
NACK_MOST = 256  # more holes than this are not mended by resending: a keyframe is


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet, undecoded; `arrival` in seconds of the participant's clock."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival: float
    codec: str = ""  # as in the offer, in lower case


def ntp_seconds(report: SenderReport) -> float:
    """The sender's wall clock, seconds since 1970."""
    return report.ntp / 2**32 - _NTP_EPOCH


@dataclass
class _Hole:
    since: float
    ask_at: float


@dataclass
class IncomingStats:
    """Reception of one SSRC (RFC 3550 appendix A) and its holes."""

    ssrc: int
    clock_rate: int
    received: int = 0
    resent: int = 0
    overrun: bool = False
    _base: int | None = None
    _highest: int = 0
    _holes: dict[int, _Hole] = field(default_factory=dict)
    _jitter: float = 0.0
    _transit: float | None = None
    _expected_before: int = 0
    _received_before: int = 0
    _report: tuple[int, float] | None = None

    def arrived(self, sequence: int, timestamp: int, now: float) -> None:
        """A packet of the track itself came."""
        self.received += 1
        if self._base is None:
            self._base = self._highest = sequence
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead == 0 or ahead >= 0x8000:
            self._holes.pop(sequence, None)
            return
        if ahead > 1:
            self._open_holes(ahead - 1, now)
        self._highest += ahead
        self._measure_jitter(timestamp, now)

    def repaired(self, sequence: int) -> None:
        """A retransmission of this packet came."""
        self.resent += 1
        self._holes.pop(sequence, None)

    def to_ask(self, now: float) -> list[int]:
        """Sequence numbers to ask for again now, ascending."""
        for sequence in [one for one, hole in self._holes.items() if now - hole.since > NACK_LIFE]:
            del self._holes[sequence]
        due = [one for one, hole in self._holes.items() if now >= hole.ask_at]
        for sequence in due:
            self._holes[sequence].ask_at = now + NACK_AGAIN
        return due

    def reported(self, report: SenderReport, now: float) -> None:
        """The sender reported about this source."""
        self._report = report.ntp >> 16 & 0xFFFFFFFF, now

    def block(self, now: float) -> Report | None:
        """What to tell the sender, counted since the last call."""
        if self._base is None:
            return None
        expected = self._highest - self._base + 1
        window, got = expected - self._expected_before, self.received + self.resent - self._received_before
        self._expected_before, self._received_before = expected, self.received + self.resent
        lost = max(0, window - got)
        middle, since = self._report or (0, now)
        return Report(
            self.ssrc,
            256 * lost // window if window > 0 else 0,
            max(0, expected - self.received - self.resent),
            self._highest,
            int(self._jitter),
            middle,
            int((now - since) * 65_536) if self._report else 0,
        )

    def _open_holes(self, count: int, now: float) -> None:
        if count + len(self._holes) > NACK_MOST:
            self._holes.clear()
            self.overrun = True
            return
        for number in range(self._highest + 1, self._highest + 1 + count):
            self._holes[number & 0xFFFF] = _Hole(now, now + NACK_FIRST)

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            moved = abs(transit - self._transit)
            if moved < self.clock_rate:  # a timestamp that wrapped or started anew says nothing about jitter
                self._jitter += (moved - self._jitter) / 16
        self._transit = transit
