"""Tracks that come to a subscriber and go again, by chance but the same for one seed."""

from __future__ import annotations

import random
from typing import Protocol

from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import Outgoing


class Negotiation(Protocol):
    """What is told of them."""

    def add(self, track: Outgoing) -> None: ...

    def remove(self, track_sid: TrackSid) -> None: ...


class Comings:
    """Which tracks are there now; the negotiation hears of each change."""

    def __init__(self, seed: int, negotiation: Negotiation) -> None:
        self.chance = random.Random(seed)
        self.tracks: list[TrackSid] = []
        self._told = negotiation
        self._count = 0

    def come(self) -> None:
        self._count += 1
        kind = self.chance.choice([Kind.AUDIO, Kind.VIDEO])
        sid = TrackSid(f"TR_{self._count}")
        self.tracks.append(sid)
        rtx = 90_000 + self._count if kind is Kind.VIDEO else 0
        self._told.add(Outgoing(sid, kind, f"PA_1|{sid}", 1000 + self._count, rtx))

    def go(self) -> None:
        if self.tracks:
            self._told.remove(self.tracks.pop(self.chance.randrange(len(self.tracks))))
