"""Who is speaking in a room, told when it changes: who has stopped, and all who speak.

Browsers keep the last state and would need only what differs; the Rust SDK takes those named for all there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meetings.signaling.model import ParticipantSid

_STEPS = 8  # loudness is told in eighths, so that a steady voice is not told again and again


@dataclass(frozen=True)
class Speaking:
    participant: ParticipantSid
    level: float  # 0..1
    active: bool


class Speakers:
    """One room's speakers. `heard` takes every interval's levels and returns what changed since the last."""

    def __init__(self) -> None:
        self._told: dict[ParticipantSid, Speaking] = {}

    def heard(self, levels: Iterable[tuple[ParticipantSid, float, bool]]) -> list[Speaking]:
        now: dict[ParticipantSid, Speaking] = {}
        for participant, level, active in levels:
            loudest = max(level, now[participant].level if participant in now else 0.0)
            if active:
                now[participant] = Speaking(participant, _rounded(loudest), active=True)
        stopped = [Speaking(sid, 0.0, active=False) for sid in self._told if sid not in now]
        changed = any(self._told.get(sid) != one for sid, one in now.items())
        self._told = now
        return [*stopped, *now.values()] if stopped or changed else []

    def current(self) -> list[Speaking]:
        """For someone who has just joined."""
        return list(self._told.values())

    def forget(self, participant: ParticipantSid) -> None:
        self._told.pop(participant, None)


def _rounded(level: float) -> float:
    return max(1, round(min(max(level, 0.0), 1.0) * _STEPS)) / _STEPS
