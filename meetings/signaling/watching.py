"""Dynacast: which layers of each picture somebody watches, so that publishers send no others.

More is told at once, because somebody waits for it; less only after a while, because views change back and forth.
"""

from __future__ import annotations

from dataclasses import dataclass

from meetings.signaling.model import TrackSid
from meetings.signaling.viewing import HIGHEST

LOWER_AFTER_MS = 5_000
NOTHING = -1


@dataclass
class _Watched:
    told: int
    lower_since_ms: int | None = None
    highest_since: int = NOTHING  # of what was watched since then: going down goes no further than that


class Watching:
    """The highest layer watched of each picture of a room, as its publisher was told."""

    def __init__(self) -> None:
        self._tracks: dict[TrackSid, _Watched] = {}

    def watched(self, track: TrackSid, highest: int, now_ms: int, *, unasked: int = HIGHEST) -> int | None:
        """The highest layer anybody watches now; returns what the publisher must be told, if anything.

        `unasked`: what it sends as long as it was told nothing.
        """
        known = self._tracks.setdefault(track, _Watched(unasked))
        if highest >= known.told:
            changed = highest > known.told
            known.told, known.lower_since_ms = highest, None
            return highest if changed else None
        if known.lower_since_ms is None:
            known.lower_since_ms, known.highest_since = now_ms, highest
        known.highest_since = max(known.highest_since, highest)
        if now_ms - known.lower_since_ms < LOWER_AFTER_MS:
            return None
        known.told, known.lower_since_ms = known.highest_since, None
        return known.told

    def forget(self, track: TrackSid) -> None:
        """The track has ended."""
        self._tracks.pop(track, None)

    def told(self, track: TrackSid) -> int:
        """What its publisher was told last."""
        known = self._tracks.get(track)
        return known.told if known is not None else HIGHEST
