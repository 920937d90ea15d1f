"""Who had the floor when, as lanes under the player; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from meetings.recording.minutes.log import Turn

SHOWN = 8


@dataclass(frozen=True)
class Bar:
    """One turn; both in thousandths of the time line, which is how wide the drawing is."""

    left: int
    width: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Lane:
    name: str
    bars: tuple[Bar, ...]


def lanes(turns: Sequence[Turn], zero: datetime, length_ms: int) -> list[Lane]:
    """A lane for each speaker in the order of their first turn; beyond some, the rest share one."""
    bars: dict[str, tuple[str, list[Bar]]] = {}
    for turn in turns:
        bar = _bar(turn, zero, length_ms)
        if bar is not None:
            bars.setdefault(turn.identity, (turn.name, []))[1].append(bar)
    found = [Lane(name, tuple(own)) for name, own in bars.values()]
    if len(found) <= SHOWN:
        return found
    rest = [bar for lane in found[SHOWN - 1 :] for bar in lane.bars]
    return [*found[: SHOWN - 1], Lane("", tuple(sorted(rest, key=lambda bar: bar.left)))]


def _bar(turn: Turn, zero: datetime, length_ms: int) -> Bar | None:
    """A turn's part of the time line, at least a hair wide; None when it lies outside."""
    start = max(0, _ms(turn.began_at, zero))
    end = min(length_ms, _ms(turn.ended_at, zero) if turn.ended_at else length_ms)
    if length_ms <= 0 or end <= start:
        return None
    left = start * 1000 // length_ms
    return Bar(left, max(3, end * 1000 // length_ms - left), start, end)


def _ms(at: datetime, zero: datetime) -> int:
    return round((at - zero).total_seconds() * 1000)
