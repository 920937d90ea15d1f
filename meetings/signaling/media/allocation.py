"""What a subscriber's way carries, put into effect: which step of which picture, and who is told that it gets none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meetings.signaling.media.allocator import Allocator, Step, Wish
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.lanes import ALL_TEMPORAL
from meetings.signaling.media.layers import Layer
from meetings.signaling.media.schema import ConsumerStarved, Event

_SHARES = {1: {0: 1.0}, 2: {0: 0.6, 1: 1.0}, 3: {0: 0.45, 1: 0.65, 2: 1.0}}  # of a rate, up to a temporal layer


class Allocation:
    """One subscriber's allocator and the consumers it decides about."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.allocator: Allocator[Consumer] = Allocator()
        self._emit = emit

    @property
    def granted(self) -> bool:
        """Whether everything wanted is sent."""
        return self.allocator.next_step == 0

    def spend(self, budget: float, consumers: Sequence[Consumer], now: float) -> list[Consumer]:
        """Decide, and change what is to be changed; returns who is to get a smaller picture than before."""
        wanted = [consumer for consumer in consumers if wants(consumer) and known(consumer)]
        wishes = [Wish(consumer, consumer.importance, steps(consumer)) for consumer in wanted]
        before = self.allocator.chosen
        decided = self.allocator.decide(budget, wishes, now)
        for consumer, step in decided.items():
            self._apply(consumer, step, now)
        return [consumer for consumer, step in decided.items() if _smaller(step, before.get(consumer))]

    def free(self, consumers: Sequence[Consumer], limit: int, now: float) -> None:
        """Without an estimate: everything up to this layer."""
        for consumer in consumers:
            self._apply(consumer, Step(limit, ALL_TEMPORAL, 0.0), now)

    def _apply(self, consumer: Consumer, step: Step | None, now: float) -> None:
        limit, temporal = (-1, ALL_TEMPORAL) if step is None else (step.spatial, step.temporal)
        if (consumer.limit, consumer.max_temporal) != (limit, temporal):
            consumer.limit, consumer.max_temporal = limit, temporal
            consumer.producer.select(consumer, now)
        if consumer.starved != (step is None):
            consumer.starved = step is None
            self._emit(ConsumerStarved(consumer.id, consumer.starved))


def _smaller(step: Step | None, before: Step | None) -> bool:
    return step is not None and before is not None and step.spatial < before.spatial


def wants(consumer: Consumer) -> bool:
    """Whether its peer would show it if it came."""
    return consumer.producer.kind == "video" and not consumer.paused and consumer.max_spatial >= 0


def known(consumer: Consumer) -> bool:
    """Whether its publisher has sent enough to tell what it takes."""
    return not consumer.producer.muted and any(layer.rate for layer in consumer.producer.layers.values())


def steps(consumer: Consumer) -> list[Step]:
    """The ways to send its picture, from the least to the best."""
    producer = consumer.producer
    layers = [layer for layer in producer.layers.values() if layer.rate and not producer.muted]
    wanted = [layer for layer in layers if layer.spatial <= consumer.max_spatial] or layers[:1]
    found = _screen(wanted) if consumer.screen else _camera(wanted)
    useful: list[Step] = []
    for step in reversed(found):  # what is worse and takes more is not worth having
        if not useful or step.rate < useful[-1].rate:
            useful.append(step)
    return useful[::-1]


def _camera(layers: list[Layer]) -> list[Step]:
    """A small picture that jerks, a small one that moves, then larger ones that move."""
    least = _temporal_steps(layers[0]) if layers else []
    return least + [Step(layer.spatial, ALL_TEMPORAL, layer.rate) for layer in layers[1:]]


def _screen(layers: list[Layer]) -> list[Step]:
    """Larger ones first, however few a second; then more of the largest."""
    slow = [_temporal_steps(layer)[0] for layer in layers[:-1]]
    return slow + (_temporal_steps(layers[-1]) if layers else [])


def _temporal_steps(layer: Layer) -> list[Step]:
    shares = _SHARES[min(layer.temporal_layers, 3)]
    top = max(shares)
    return [
        Step(layer.spatial, ALL_TEMPORAL if temporal == top else temporal, share * layer.rate)
        for temporal, share in shares.items()
    ]
