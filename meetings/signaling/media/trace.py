"""One line a second about every way, for whoever looks into a bad line: `MEETINGS_TRACE_WAYS=1 meetings relay …`.

What is counted is counted anyway, or costs an addition; without the variable nothing is written.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meetings.signaling.media.consumer import Consumer
    from meetings.signaling.media.producer import Producer
    from meetings.signaling.media.transport import Transport

logger = logging.getLogger(__name__)


class Trace:
    """Differences since the line before, by transport."""

    def __init__(self, wanted: bool | None = None) -> None:
        self.wanted = bool(os.environ.get("MEETINGS_TRACE_WAYS")) if wanted is None else wanted
        self._before: Counter[str] = Counter()

    def write(self, transport: Transport, now: float) -> None:
        """The lines of one transport: what it is sent, and what it sends."""
        way = transport.subscriber.way
        if transport.subscriber.consumers:
            parts = [way.described(now), *(self._sent(consumer) for consumer in transport.subscriber.consumers)]
            logger.info("down %s %.1f %s", transport.id, now, " | ".join(parts))
        producers = transport.receiver.producers
        if producers:
            parts = [transport.receiver.delay, *(self._received(one) for one in producers)]
            logger.info("up %s %.1f %s", transport.id, now, " | ".join(parts))

    def _sent(self, consumer: Consumer) -> str:
        answers, key = consumer.answers, consumer.id
        layer = f"{consumer.current.spatial}.{consumer.current.temporal}" if consumer.current is not None else "-"
        kbits = self._since(f"{key} octets", consumer.sent_octets) * 8 // 1000
        asked = self._since(f"{key} asked", answers.asked)
        given = self._since(f"{key} given", answers.given)
        waits = "+" if consumer.target is not consumer.current else ""
        return f"{consumer.producer.kind} {layer}{waits} {kbits}k nack {asked} rtx {given}"

    def _received(self, producer: Producer) -> str:
        parts = []
        for layer in producer.arriving.values():
            stream = layer.stream
            if stream is None or not layer.alive:
                continue
            key = f"{producer.id} {layer.spatial}"
            came, octets = self._since(f"{key} came", stream.received), self._since(f"{key} octets", stream.octets)
            asked, missing = self._since(f"{key} asked", stream.asked), self._since(f"{key} lost", stream.given_up)
            keys, plis = self._since(f"{key} keys", layer.keyframes), self._since(f"{key} plis", layer.keyframes_asked)
            parts.append(
                f"{layer.spatial}: {octets * 8 // 1000}k {came}p asked {asked} gave up {missing} "
                f"pli {plis} keys {keys} {stream.way}"
            )
        return f"{producer.kind} {' ; '.join(parts)}"

    def _since(self, key: str, count: int) -> int:
        before, self._before[key] = self._before[key], count
        return count - before
