"""A line that exists in numbers only: a bottleneck with its queue, a delay, jitter and loss; and a sender behind it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from meetings.signaling.media.bandwidth import Bandwidth
from meetings.signaling.media.history import Arrival
from meetings.signaling.media.probing import Prober

PACKET = 1100
FRAME_SECONDS = 1 / 30
FEEDBACK_SECONDS = 0.05
CLOCK_OFFSET = 1234.5  # the receiver's clock is not ours


@dataclass
class Line:
    """`rate` in bit/s; what would wait longer than `queue` seconds is lost. Jitter never reorders."""

    rate: float = float("inf")
    delay: float = 0.02
    queue: float = 0.5
    loss: float = 0.0
    jitter: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(7))
    _free_at: float = 0.0
    _last: float = 0.0

    def carry(self, now: float, size: int) -> float | None:
        """When a packet sent now arrives; None: never."""
        begin = max(now, self._free_at)
        if begin - now > self.queue:
            return None
        self._free_at = begin + size * 8 / self.rate
        if self.random.random() < self.loss:
            return None
        self._last = max(self._last, self._free_at + self.delay + abs(self.random.gauss(0, self.jitter)))
        return self._last


class Simulation:
    """Frames of a picture whose rate is `rate()`, over the line, with feedback on every packet and probes."""

    def __init__(self, line: Line, rate: Callable[[Simulation], float], *, wanted: float = 0.0) -> None:
        self.line, self.rate, self.wanted = line, rate, wanted
        self.now = 0.0
        self.bandwidth = Bandwidth(0.0)
        self.prober = Prober()
        self.probes = 0
        self._number = 0
        self._on_the_way: list[Arrival] = []
        self._frame_at = self._feedback_at = 0.0
        self._owed = 0.0

    def run(self, seconds: float) -> Simulation:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            if self.now >= self._frame_at:
                self._frame_at += FRAME_SECONDS
                self._owed += self.rate(self) * FRAME_SECONDS / 8
                self._send(int(self._owed / PACKET), spacing=0.0005)
                self._owed %= PACKET
            if self.now >= self._feedback_at:
                self._feedback_at += FEEDBACK_SECONDS
                self._feed_back()
            self.now += 0.001
        return self

    def _send(self, packets: int, spacing: float) -> None:
        for index in range(packets):
            at = self.now + index * spacing
            self._number += 1
            self._on_the_way.append(Arrival(self._number, at, self.line.carry(at, PACKET), PACKET))

    def _feed_back(self) -> None:
        told: list[Arrival] = []
        for one in self._on_the_way:
            if (one.arrived_at or one.sent_at + 0.2) + self.line.delay > self.now:
                break
            told.append(one)
        del self._on_the_way[: len(told)]
        told = [one._replace(arrived_at=one.arrived_at and one.arrived_at + CLOCK_OFFSET) for one in told]
        if told:
            self.bandwidth.feedback(told, self.now)
            if (result := self.prober.result(told)) is not None:
                self.prober.judged(self.bandwidth.probed(*result), self.now)
        if self.wanted:
            self._probe()

    def _probe(self) -> None:
        bandwidth = self.bandwidth
        count = self.prober.due(self.wanted, bandwidth.estimate, bandwidth.reduced_at, self.now, PACKET * 8)
        if count:
            self.probes += 1
            first = self._number + 1
            self._send(count, spacing=PACKET * 8 / self.prober.rate)
            self.prober.sent(first, self._number, self.now)
