"""What a way can carry: feedback to publishers on every packet's arrival, and the layer a subscriber's way bears."""

from __future__ import annotations

from meetings.signaling.media import rtcp
from meetings.signaling.media.steadying import Steadying

# One feedback packet stays well inside a datagram: 400 statuses are 116 bytes, their deltas at most 800.
_MAX_STATUSES = 400
_MAX_GAP = 200  # numbers missing before the first one; of more the publisher learns from what follows


class ArrivalLog:
    """Arrivals by transport-wide sequence number, until they are reported (draft-holmer-rmcat-transport-wide-cc)."""

    def __init__(self) -> None:
        self.steadying = Steadying()
        self._arrivals: dict[int, tuple[float, int]] = {}
        self._newest = -1  # without wrap
        self._reported = -1
        self._count = 0

    @property
    def pending(self) -> int:
        """Packets not reported yet."""
        return len(self._arrivals)

    def arrived(self, wrapped: int, now: float, sent: int = -1) -> None:
        """One packet with this number, and the abs-send-time in it, if there was one."""
        if self._newest < 0:
            self._newest = self._reported = wrapped + 0x10000
            self._reported -= 1
        difference = (wrapped - self._newest + 0x8000 & 0xFFFF) - 0x8000
        sequence = self._newest + difference
        self._newest = max(self._newest, sequence)
        self._arrivals.setdefault(sequence, (now, sent))

    def feedback(self, ssrc: int, media_ssrc: int) -> list[bytes]:
        """Reports on everything since the last ones; numbers between that did not come count as lost."""
        arrivals, self._arrivals = [(number, self._told(*one)) for number, one in sorted(self._arrivals.items())], {}
        packets = []
        while arrivals:
            base = min(self._reported + 1, arrivals[0][0])
            if arrivals[0][0] - base > _MAX_GAP:
                base = arrivals[0][0]
            taken = [arrival for arrival in arrivals if arrival[0] < base + _MAX_STATUSES]
            arrivals = arrivals[len(taken) :]
            packets.append(rtcp.twcc(ssrc, media_ssrc, base, taken, self._count))
            self._count = self._count + 1 & 0xFF
            self._reported = max(self._reported, taken[-1][0])
        return packets

    def _told(self, arrived: float, sent: int) -> float:
        return self.steadying.told(sent, arrived) if sent >= 0 else arrived


# Loss that needs no other witness: nobody sends into this for long. Wireless noise and NACK delays stay below.
_EXTREME_LOSS = 0.25
# Loss that counts when the receiver also estimates less than it is sent.
_HEAVY_LOSS = 0.05
_SMOOTHING = 0.2
_SHORT = 0.8  # an estimate below this share of what is sent; one that still grows comes closer
_PATIENCE_SECONDS = 2.0  # of bad reports before anything is taken away
_TOP = 2
_CALM_SECONDS = 8.0
_MAX_CALM_SECONDS = 60.0


class Downlink:
    """The highest layer one subscriber's way bears, from its receiver reports and REMB.

    A receiver's estimate grows only with what it is sent, so alone it would hold a good way down for ever; and loss
    alone may be wireless noise, which a lower layer does not mend. Together they mean congestion. After a reduction
    one layer is tried again when it has been calm, later each time that fails.
    """

    def __init__(self) -> None:
        self.limit = _TOP
        self.remb = 0  # bit/s; 0 until the receiver said
        self.sent = 0  # bit/s
        self._loss = 0.0
        self._bad_since: float | None = None
        self._calm_since: float | None = None
        self._calm_needed = _CALM_SECONDS
        self._raised_at = 0.0

    def reported(self, loss: float, now: float) -> bool:
        """A receiver report on video; True when `limit` changed."""
        self._loss += (loss - self._loss) * _SMOOTHING
        if self._congested():
            self._calm_since = None
            if self._bad_since is None:
                self._bad_since = now
            return now - self._bad_since >= _PATIENCE_SECONDS and self._lower(now)
        self._bad_since = None
        if self._calm_since is None:
            self._calm_since = now
        return self._calm_since is not None and now - self._calm_since > self._calm_needed and self._raise(now)

    def _congested(self) -> bool:
        if self._loss > _EXTREME_LOSS:
            return True
        return self._loss > _HEAVY_LOSS and 0 < self.remb < _SHORT * self.sent

    def _lower(self, now: float) -> bool:
        self._bad_since = None
        self._loss = 0.0
        if self.limit == 0:
            return False
        failed_quickly = now - self._raised_at < 2 * _CALM_SECONDS
        self._calm_needed = min(_MAX_CALM_SECONDS, self._calm_needed * 2) if failed_quickly else _CALM_SECONDS
        self.limit -= 1
        return True

    def _raise(self, now: float) -> bool:
        self._calm_since = now
        if self.limit == _TOP:
            return False
        self._raised_at = now
        self.limit += 1
        return True
