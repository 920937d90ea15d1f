"""How much later packets come than on the empty way: a queue stays or grows, a swinging delay falls back by itself."""

from __future__ import annotations

from collections import deque

_STANDING_SECONDS = 1.0
_SWINGING_STANDING_SECONDS = 3.0  # a delay that swings stays up for a second now and then
_SWINGING_MS = 50.0
_SWING_SECONDS, _SWINGS = 1.0, 3  # a queue of our own making empties now and then, too, but not every second
_BASE_SECONDS = 10.0  # how long the least delay seen counts as that of the empty way


class Delay:
    """Takes the delays of one way in the order of sending. The two ends' clocks need not agree."""

    def __init__(self) -> None:
        self.queue_ms = 0.0  # how much later than on the emptiest way of late
        self.usual_ms = 0.0  # the same over some seconds: where it jitters, this is not nothing
        self.standing_ms = 0.0  # the least of it over the last second or two: jitter comes and goes, a full queue stays
        self.swing_ms = 0.0  # how far it fell back within every one of the last seconds
        self._count = 0
        self._least: tuple[float, float, float] | None = None  # since when; the least since then, and before
        self._falls: deque[float] = deque(maxlen=_SWINGS)
        self._fall: tuple[float, float, float] | None = None  # since when; the peak, and the deepest fall from one
        self._base: list[tuple[float, float]] = []  # (arrival, least delay) of the present stretch and the last one

    @property
    def swinging(self) -> bool:
        """Whether it goes up and down by itself, so that neither a slope nor one moment's delay says much."""
        return self.swing_ms > _SWINGING_MS

    @property
    def base(self) -> float:
        """Seconds on the empty way, by two clocks."""
        return min(least for _, least in self._base)

    def note(self, delay: float, arrived: float) -> None:
        """One packet's, in seconds."""
        base = self._base
        if not base or arrived - base[-1][0] > _BASE_SECONDS:
            self._base = base = [*base[-1:], (arrived, delay)]
        elif delay < base[-1][1]:
            base[-1] = (base[-1][0], delay)
        queue = (delay - self.base) * 1000
        self._note_standing(queue, arrived)
        self._note_fall(queue, arrived)
        self._count += 1
        self.queue_ms += (queue - self.queue_ms) * 0.3
        self.usual_ms += (queue - self.usual_ms) * max(0.01, 1 / (self._count + 20))

    def _note_fall(self, queue: float, arrived: float) -> None:
        since, peak, fall = self._fall or (arrived, queue, 0.0)
        if arrived - since > _SWING_SECONDS:
            self._falls.append(fall)
            self.swing_ms = min(self._falls) if len(self._falls) > 1 else 0.0
            since, peak, fall = arrived, queue, 0.0
        peak = max(peak, queue)
        self._fall = (since, peak, max(fall, peak - queue))

    def _note_standing(self, queue: float, arrived: float) -> None:
        since, least, before = self._least or (arrived, queue, 0.0)
        if arrived - since > (_SWINGING_STANDING_SECONDS if self.swinging else _STANDING_SECONDS):
            since, least, before = arrived, queue, least
        self._least = (since, min(least, queue), before)
        self.standing_ms = min(self._least[1], before)
