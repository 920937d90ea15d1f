"""Numbers without gaps where packets were left out on purpose."""

from __future__ import annotations

from collections import deque

# How far back a late packet is still placed; as far as `Stream` looks.
WINDOW = 1024


class Compaction:
    """Takes what is not forwarded out of the count, so that subscribers see no gaps where nothing is missing.

    Numbers are extended ones (without wrap), in and out.
    """

    def __init__(self) -> None:
        self._removed = 0
        self._recent: deque[int] = deque(maxlen=WINDOW)

    def remove(self, sequence: int) -> None:
        """The newest packet, with this number, is not forwarded."""
        self._removed += 1
        self._recent.append(sequence)

    def newest(self, sequence: int) -> int:
        """The number of the newest packet."""
        return sequence - self._removed

    def late(self, sequence: int) -> int:
        """The number of a packet that others overtook: only what was removed before it counts."""
        after = 0
        for removed in reversed(self._recent):
            if removed <= sequence:
                break
            after += 1
        return sequence - self._removed + after
