"""Packets kept for a while so that a receiver's NACK can be answered, and how many answers it may have."""

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
