"""Spends what a subscriber's way carries on the pictures it wants. Sound is not here: it is never weighed.

First everybody's smallest picture in order of importance, then, again in that order, better ones as far as they fit.
Within one importance all go up by one step in turn, so that equal tiles look equal. A picture goes up only when there
is room to spare, and one is taken away altogether only when its room has been missing for a while: what comes and goes
is worse to watch than what is small.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_ROOM_TO_RISE = 1.15
_ROOM_TO_RETURN = 1.25
_GRACE = 1.05  # rates swing: what is a little too much stays
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Step:
    """One way of sending a picture, and what it takes in bit/s."""

    spatial: int
    temporal: int
    rate: float


@dataclass(frozen=True)
class Wish(Generic[Key]):
    """A picture a subscriber wants. `steps` from the least to the best; `importance`: 0 comes first."""

    key: Key
    importance: int
    steps: Sequence[Step]


NOTHING = -1  # an index into `steps`: the picture is paused


class Allocator(Generic[Key]):
    """Decides for one subscriber, and remembers what it decided."""

    def __init__(self) -> None:
        self.chosen: dict[Key, Step | None] = {}
        self.wanted = 0.0  # bit/s that would grant every wish
        self.next_step = 0.0  # bit/s that would make one of them better; 0: all are granted
        self._short_since: dict[Key, float] = {}

    def decide(self, budget: float, wishes: Sequence[Wish[Key]], now: float) -> dict[Key, Step | None]:
        """What each picture is sent as from now on; None: not at all."""
        ordered = sorted(wishes, key=lambda wish: wish.importance)
        before = {wish.key: self._index_before(wish) for wish in ordered}
        levels = _Levels(budget, before)
        for wish in ordered:
            self._admit(wish, levels, now)
        for importance in sorted({wish.importance for wish in ordered}):
            levels.raise_all([wish for wish in ordered if wish.importance == importance])
        self._short_since = {key: since for key, since in self._short_since.items() if key in before}
        self.chosen = {wish.key: _step(wish, levels.index[wish.key]) for wish in ordered}
        self.wanted = sum(wish.steps[-1].rate for wish in ordered if wish.steps)
        missing = [wish for wish in ordered if levels.index[wish.key] < len(wish.steps) - 1]
        self.next_step = levels.spent + min((levels.cost_of_next(wish) for wish in missing), default=-levels.spent)
        return self.chosen

    def _index_before(self, wish: Wish[Key]) -> int | None:
        """Where it stood, on steps whose rates may have changed meanwhile; None: it is new."""
        if wish.key not in self.chosen:
            return None
        step = self.chosen[wish.key]
        if step is None:
            return NOTHING
        place = (step.spatial, step.temporal)
        fitting = [index for index, one in enumerate(wish.steps) if (one.spatial, one.temporal) == place]
        if fitting:
            return fitting[0]
        return max((index for index, one in enumerate(wish.steps) if one.rate <= step.rate), default=0)

    def _admit(self, wish: Wish[Key], levels: _Levels[Key], now: float) -> None:
        if not wish.steps:
            levels.index[wish.key] = NOTHING
            return
        if levels.fits(wish, 0):
            self._short_since.pop(wish.key, None)
            levels.put(wish, 0)
        elif (
            levels.before[wish.key] != NOTHING and now - self._short_since.setdefault(wish.key, now) < _PATIENCE_SECONDS
        ):
            levels.put(wish, 0)  # perhaps it passes
        else:
            levels.index[wish.key] = NOTHING


class _Levels(Generic[Key]):
    """A decision in the making."""

    def __init__(self, budget: float, before: dict[Key, int | None]) -> None:
        self.budget = budget
        self.before = before
        self.index: dict[Key, int] = {}
        self.spent = 0.0

    def put(self, wish: Wish[Key], index: int) -> None:
        self.spent += wish.steps[index].rate - self._rate(wish)
        self.index[wish.key] = index

    def fits(self, wish: Wish[Key], index: int) -> bool:
        """What is sent already may stay with little room; what is new needs more."""
        before = self.before[wish.key]
        room = _GRACE * self.budget if before is None or index <= before else self.budget / _ROOM_TO_RISE
        if before == NOTHING:
            room = self.budget / _ROOM_TO_RETURN
        return self.spent + wish.steps[index].rate - self._rate(wish) <= room

    def cost_of_next(self, wish: Wish[Key]) -> float:
        """Bits a second more for one step up."""
        return wish.steps[self.index[wish.key] + 1].rate - self._rate(wish)

    def raise_all(self, wishes: list[Wish[Key]]) -> None:
        """One step for each in turn, until nothing fits any more."""
        rising = [wish for wish in wishes if self.index[wish.key] >= 0]
        while rising:
            rising = [wish for wish in rising if self._raise(wish)]

    def _raise(self, wish: Wish[Key]) -> bool:
        """To the next step that fits; a step in between may cost more than the one above it is worth: it is passed."""
        following = self.index[wish.key] + 1
        if following >= len(wish.steps) or not self.fits(wish, following):
            return False
        self.put(wish, following)
        return True

    def _rate(self, wish: Wish[Key]) -> float:
        index = self.index.get(wish.key, NOTHING)
        return wish.steps[index].rate if index >= 0 else 0.0


def _step(wish: Wish[Key], index: int) -> Step | None:
    return wish.steps[index] if index >= 0 else None
