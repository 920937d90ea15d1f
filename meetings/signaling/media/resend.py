"""Packets kept for a while so that a receiver's NACK can be answered, and which answers it gets."""

from __future__ import annotations

from meetings.signaling.media.forward import Entry

# A power of two. At 300 packets a second three seconds of video; at 1,500 bytes at most 1.5 MB.
VIDEO_PACKETS = 1024
AUDIO_PACKETS = 256


class Ring:
    """The last packets of one layer, by sequence number."""

    def __init__(self, size: int) -> None:
        self._mask = size - 1
        self._entries: list[Entry | None] = [None] * size

    def put(self, entry: Entry) -> None:
        """Keep a packet in place of the one `size` numbers before it."""
        self._entries[entry.sequence & self._mask] = entry

    def get(self, sequence: int) -> Entry | None:
        """The packet with this number, if it is still here."""
        entry = self._entries[sequence & self._mask]
        return entry if entry is not None and entry.sequence == sequence else None

    def clear(self) -> None:
        """Forget all: the numbers begin anew."""
        self._entries = [None] * (self._mask + 1)


# One more try after this many answers that did not arrive helps nobody: what it belongs to has been given up.
_ANSWERS = 6
_FORGOTTEN_SECONDS = 5.0
_REMEMBERED = 512  # packets answered lately
_MIN_INTERVAL, _MAX_INTERVAL = 0.015, 0.25

# A way that loses half of everything is not mended by sending all of it twice.
_SHARE = 0.5  # of what the receiver is sent anyway
_FLOOR = 8_000.0  # bytes a second, whatever it is sent: a voice
_DEPTH = 150_000.0  # bytes: two large keyframes


class Answers:
    """Limits of one receiver's NACKs: each packet again once a round trip and a few times, all within a share."""

    def __init__(self) -> None:
        self.round_trip = 0.0
        self.asked = self.given = 0
        self._given: dict[int, tuple[float, int]] = {}  # by sequence number: when last, how often
        self._left = _DEPTH
        self._at = 0.0
        self._octets = 0

    def allow(self, sequence: int, size: int, sent_octets: int, now: float) -> bool:
        """Whether this packet goes out again now; counts as answered when so. `sent_octets`: sent so far at all."""
        self.asked += 1
        at, times = self._given.get(sequence, (0.0, 0))
        if now - at > _FORGOTTEN_SECONDS:
            times = 0  # a number used again, or a very patient receiver
        interval = min(max(0.9 * self.round_trip, _MIN_INTERVAL), _MAX_INTERVAL)
        if times >= _ANSWERS or (times and now - at < interval):
            return False  # the last answer is still on its way
        earned = (now - self._at) * _FLOOR + max(0, sent_octets - self._octets) * _SHARE
        self._left = min(_DEPTH, self._left + earned)
        self._at, self._octets = now, sent_octets
        if self._left < size:
            return False
        self._left -= size
        self.given += 1
        self._given.pop(sequence, None)
        self._given[sequence] = (now, times + 1)
        if len(self._given) > _REMEMBERED:
            del self._given[next(iter(self._given))]
        return True
