"""What was sent to one subscriber under which transport-wide number, and when: the other half of its feedback.

Kept in preallocated arrays that the hot path writes and feedback reads; no object is made per packet.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

# A power of two: numbers remembered. At 1,000 packets a second four seconds; feedback comes within a quarter of one.
SLOTS = 4096
MASK = SLOTS - 1


class History(NamedTuple):
    """`newest[0]` is the last number used, without wrap; the other two are indexed by a number's low bits."""

    newest: array[int]
    times: array[float]  # when it was sent, on the worker's steady clock
    sizes: array[int]  # bytes of the RTP packet


def new_history() -> History:
    """Nothing sent yet. Numbers begin at 1, so that an unwritten slot can be told from a packet."""
    return History(array("q", [0]), array("d", bytes(8 * SLOTS)), array("H", bytes(2 * SLOTS)))


class Arrival(NamedTuple):
    """What became of one packet: when it was sent, when it came (None: it was lost), and how big it was."""

    number: int
    sent_at: float
    arrived_at: float | None
    size: int


_arrival: Callable[[tuple[int, float, float | None, int]], Arrival] = partial(
    tuple.__new__, Arrival
)  # the quickest way


def unwrapped(history: History, number: int) -> int:
    """The number, 16 bits wide in the feedback, as it was counted here: the newest one that looks like it."""
    newest = history.newest[0]
    return newest - (newest - number & 0xFFFF)


def outcomes(
    history: History, base: int, count: int, received: tuple[tuple[int, float], ...], after: int
) -> list[Arrival]:
    """What one feedback packet says, oldest first, about numbers above `after` that are still remembered.

    A number that an earlier packet reported lost may be reported again as received: it is told once, the first time.
    """
    newest = history.newest[0]
    first = unwrapped(history, base)
    begin = max(first, after + 1, newest - SLOTS + 1, 1)
    end = min(first + count, newest + 1)
    came = {first + (number - base & 0xFFFF): at for number, at in received}
    numbers, times, sizes = range(begin, end), history.times, history.sizes
    slots = [number & MASK for number in numbers]
    told = zip(
        numbers, map(times.__getitem__, slots), map(came.get, numbers), map(sizes.__getitem__, slots), strict=True
    )
    return list(map(_arrival, told))
