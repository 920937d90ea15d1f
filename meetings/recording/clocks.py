"""One clock for all tracks: RTP timestamps and sender reports (RFC 3550 6.4) to seconds of the recorder. Pure."""

from __future__ import annotations

from collections import deque

from meetings.recording.depacketize import unwrap

JUMP_SECONDS = 0.4  # a track whose media time is this far from its arrival is anchored anew
STALL_SECONDS = 2.0  # a line may hold packets back this long before the track is anchored anew
SLEW = 0.01  # correction per second of media: inaudible, and 50 ppm of drift needs 0.00005


class SenderClock:
    """One sender's wall clock against the recorder's: the smallest (arrival - NTP) of its last sender reports.

    Shared by all tracks of a participant, which is what keeps lips and voice together.
    """

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=12)

    def report(self, ntp: float, arrival: float) -> None:
        """A sender report (RFC 3550 section 6.4.1) arrived; `ntp` in seconds."""
        offset = arrival - ntp
        if self._offsets and abs(offset - self._offsets[-1]) > 1.0:  # the sender's clock was set
            self._offsets.clear()
        self._offsets.append(offset)

    @property
    def offset(self) -> float | None:
        """Seconds to add to the sender's time; None before its first report."""
        return min(self._offsets) if self._offsets else None


class TrackClock:
    """RTP timestamps of one track as seconds of the recorder's clock.

    Anchored at the first packet's arrival, then pulled gently towards what the sender reports say. `jumps` counts the
    times the track was anchored anew because its timestamps and its arrival had nothing to do with each other any more.
    """

    def __init__(self, rate: int, sender: SenderClock) -> None:
        self._rate = rate
        self._sender = sender
        self._anchor: tuple[int, float] | None = None
        self._report: tuple[int, float] | None = None
        self._late_since: float | None = None
        self._last: int = 0
        self.jumps = 0

    def report(self, ntp: float, timestamp: int) -> None:
        """The sender said that `timestamp` belongs to its time `ntp`."""
        if self._anchor is not None:
            self._report = unwrap(timestamp, self._last, 32), ntp

    def time_of(self, timestamp: int, arrival: float) -> float:
        """When this was captured (plus the constant delay of the way here)."""
        if self._anchor is None:
            self._anchor, self._last = (timestamp, arrival), timestamp
            return arrival
        extended = unwrap(timestamp, self._last, 32)
        media = (extended - self._last) / self._rate
        here = self._anchor[1] + (extended - self._anchor[0]) / self._rate
        if self._astray(here, arrival):
            here, self._report, self._late_since = arrival, None, None
            self.jumps += 1
        elif (wanted := self._wanted(extended)) is not None:
            limit = SLEW * max(media, 0.0)
            here += max(-limit, min(limit, wanted - here))
        self._anchor, self._last = (extended, here), extended
        return here

    def _astray(self, here: float, arrival: float) -> bool:
        """Nothing arrives before it was captured; what is late may be held up on the way, but not for long."""
        late = arrival - here
        if late <= JUMP_SECONDS:
            self._late_since = None
            return late < -JUMP_SECONDS
        if self._late_since is None:
            self._late_since = arrival
        return late > STALL_SECONDS or arrival - self._late_since > STALL_SECONDS

    def _wanted(self, extended: int) -> float | None:
        if self._report is None or self._sender.offset is None:
            return None
        timestamp, ntp = self._report
        return ntp + (extended - timestamp) / self._rate + self._sender.offset
