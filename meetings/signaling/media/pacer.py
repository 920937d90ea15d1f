"""Packets of pictures on their way to a thin line: sent no faster than it takes them, so that sound is never behind.

A keyframe is a hundred packets at once; on a thin line they would stand in its queue for a second, and every packet of
sound behind them. Here they wait on our side, and sound, which never enters, goes past. When it is full the pictures
that wait are dropped, each track to its next keyframe; sound never is. What was asked for again goes before what is
new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Packet = TypeVar("Packet")

LONGEST_SECONDS = 1.5  # a keyframe's worth; what would wait longer is not worth having
MOST_PACKETS = 1000
_BURST_SECONDS = 0.010
OVERHEAD = 60  # headers of every layer, and the authentication tag


class Pacer(Generic[Packet]):
    """One subscriber's queue. `send` is called with what is due."""

    def __init__(self, send: Callable[[Packet], None]) -> None:
        self.rate = 1_000_000.0  # bit/s
        self.waiting_bits = 0
        self._send = send
        self._urgent: deque[tuple[Packet, int]] = deque()
        self._waiting: deque[tuple[Packet, int]] = deque()
        self._credit = 0.0  # bits; below zero: too early for the next packet
        self._at = 0.0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._waiting)

    @property
    def roomy(self) -> bool:
        """Whether half of it is free."""
        return len(self) <= MOST_PACKETS / 2 and self.waiting_bits <= self._longest / 2

    @property
    def _longest(self) -> float:
        return LONGEST_SECONDS * max(self.rate, 200_000)

    def put(self, packet: Packet, size: int, now: float, *, urgent: bool = False) -> bool:
        """Send it now or keep it; False: there is no room, and it is not kept."""
        bits = 8 * (size + OVERHEAD)
        if len(self) >= MOST_PACKETS or self.waiting_bits + bits > self._longest:
            return False
        (self._urgent if urgent else self._waiting).append((packet, bits))
        self.waiting_bits += bits
        self.drain(now)
        return True

    def drain(self, now: float) -> None:
        """Send what is due by now."""
        self._credit = min(self._credit + (now - self._at) * self.rate, _BURST_SECONDS * self.rate)
        self._at = now
        while self._credit > 0 and (queue := self._urgent or self._waiting):
            packet, bits = queue.popleft()
            self._credit -= bits
            self.waiting_bits -= bits
            self._send(packet)

    def flush(self) -> None:
        """Send everything at once: the line is no longer thin."""
        for queue in (self._urgent, self._waiting):
            while queue:
                self._send(queue.popleft()[0])
        self.waiting_bits, self._credit = 0, 0.0

    def drop(self, unwanted: Callable[[Packet], bool]) -> list[Packet]:
        """Take out the new pictures this holds for; returned oldest first."""
        dropped = [one for one in self._waiting if unwanted(one[0])]
        self._waiting = deque(one for one in self._waiting if not unwanted(one[0]))
        self.waiting_bits -= sum(bits for _, bits in dropped)
        return [packet for packet, _ in dropped]
