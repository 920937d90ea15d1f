"""The forms in which a layer's packets go out: all of them, without upper temporal layers, or sound as RED.

What differs between subscribers of one layer in more than constant offsets is made once here, in a lane, not once for
each of them: the hot path knows plans only. A lane has its own gapless numbers, its own packets to send again, and the
subscribers that get it or wait to.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from meetings.signaling.media import red, vp8
from meetings.signaling.media.compaction import Compaction
from meetings.signaling.media.forward import Entry, Plan, Plans
from meetings.signaling.media.resend import Ring

if TYPE_CHECKING:
    from meetings.signaling.media.consumer import Consumer
    from meetings.signaling.media.layers import Layer
    from meetings.signaling.media.stream import Stream

ALL_TEMPORAL = 3  # VP8 and VP9 count temporal layers from 0 to 2 in practice; two bits at most


class Lane:
    """A layer's packets as they came."""

    temporal = ALL_TEMPORAL  # the highest temporal layer in it

    def __init__(self, layer: Layer, ring_size: int) -> None:
        self.layer = layer
        self.spatial = layer.spatial
        self.ring = Ring(ring_size)
        self.generation = 0
        self.last: Entry | None = None
        self.last_at = 0.0  # of the newest packet kept
        self.packets = 0
        self.octets = 0
        self.attached: list[Consumer] = []
        self.waiting: list[Consumer] = []
        self.plans = Plans()  # of those attached, in the same order
        self.paced: dict[Consumer, Plan] = {}  # of those that get it through a pacer; not in the two lists above

    @property
    def stream(self) -> Stream | None:
        """What the layer arrives as."""
        return self.layer.arriving

    def shape(self, entry: Entry, newest: bool) -> Entry | None:
        """The packet as it goes out here; None when it does not."""
        return entry

    def restart(self) -> None:
        """The numbers begin anew: whoever was attached starts again, continuing its own numbers."""
        for consumer in [*self.attached, *self.paced]:
            consumer.detach()
            if consumer.target is None or consumer.target is self or consumer.target.layer is not self.layer:
                self.waiting.append(consumer)  # else it waits in another lane of the same packets already
        self.generation += 1
        self.ring.clear()
        self.last = None

    def keep(self, entry: Entry, now: float) -> None:
        """Remember the newest packet."""
        self.ring.put(entry)
        self.last = entry
        self.last_at = now
        self.packets += 1
        self.octets += len(entry.payload)

    def attach(self, consumer: Consumer, plan: Plan) -> None:
        """From the next packet on the consumer gets this lane."""
        if consumer.paced:
            self.paced[consumer] = plan
        else:
            self.attached.append(consumer)
            self.plans = Plans((*self.plans, plan))

    def detach(self, consumer: Consumer) -> None:
        """It gets nothing of this lane any more, nor waits for it."""
        self._drop(consumer)
        if consumer in self.waiting:
            self.waiting.remove(consumer)

    def _drop(self, consumer: Consumer) -> None:
        self.paced.pop(consumer, None)
        if consumer in self.attached:
            index = self.attached.index(consumer)
            del self.attached[index]
            self.plans = Plans((*self.plans[:index], *self.plans[index + 1 :]))

    def replan(self, consumer: Consumer, plan: Plan) -> None:
        """The consumer's address changed."""
        if consumer in self.paced:
            self.paced[consumer] = plan
        else:
            index = self.attached.index(consumer)
            self.plans = Plans((*self.plans[:index], plan, *self.plans[index + 1 :]))

    def repace(self, consumer: Consumer, plan: Plan) -> None:
        """The consumer's packets go through its pacer now, or no longer."""
        self._drop(consumer)
        self.attach(consumer, plan)


class TemporalLane(Lane):
    """Without the packets of upper temporal layers; pictures are counted as if those had never been.

    A decoder takes a gap in the picture ids for a frame still to come and waits for it.
    """

    def __init__(self, layer: Layer, ring_size: int, temporal: int) -> None:
        super().__init__(layer, ring_size)
        self.temporal = temporal
        self._packets_left_out = Compaction()
        self._pictures_left_out = Compaction()
        self._newest_picture: int | None = None  # without wrap
        self._left_out: int | None = None

    def restart(self) -> None:
        """Numbers and pictures begin anew."""
        super().restart()
        self._packets_left_out, self._pictures_left_out = Compaction(), Compaction()
        self._newest_picture = self._left_out = None

    def shape(self, entry: Entry, newest: bool) -> Entry | None:
        """Renumbered, or left out. What was left out too late to close its gap goes out empty."""
        left_out, picture = self._packets_left_out, entry.picture
        if picture is None:
            return entry._replace(sequence=left_out.newest(entry.sequence) if newest else left_out.late(entry.sequence))
        number = self._unwrapped(picture)
        if picture.temporal <= self.temporal:
            return self._renumbered(entry, picture, number, newest)
        if not newest:
            return entry._replace(sequence=left_out.late(entry.sequence), payload=b"", picture=None)
        left_out.remove(entry.sequence)
        if number != self._left_out:
            self._left_out = number
            self._pictures_left_out.remove(number)
        return None

    def _renumbered(self, entry: Entry, picture: vp8.Picture, number: int, newest: bool) -> Entry:
        left_out = self._packets_left_out
        sequence = left_out.newest(entry.sequence) if newest else left_out.late(entry.sequence)
        shift = self._pictures_left_out.late(number) - number
        if not shift or not picture.id_at:
            return entry._replace(sequence=sequence)
        payload = bytearray(entry.payload)
        vp8.rewrite(payload, 0, picture, vp8.Offsets(picture_id=shift))
        mask = 0x7FFF if picture.id_wide else 0x7F
        renumbered = picture._replace(picture_id=picture.picture_id + shift & mask)
        return entry._replace(sequence=sequence, payload=bytes(payload), picture=renumbered)

    def _unwrapped(self, picture: vp8.Picture) -> int:
        newest = self._newest_picture
        if newest is None:
            number = picture.picture_id
        else:
            mask, half = (0x7FFF, 0x4000) if picture.id_wide else (0x7F, 0x40)
            number = newest + (picture.picture_id - newest + half & mask) - half
        self._newest_picture = number if newest is None else max(newest, number)
        return number


class RedLane(Lane):
    """Sound with the packets before it once more (RFC 2198), for subscribers whose Opus has this payload type."""

    def __init__(self, layer: Layer, ring_size: int, payload_type: int) -> None:
        super().__init__(layer, ring_size)
        self.payload_type = payload_type
        self._before: deque[Entry] = deque(maxlen=red.DISTANCE)

    def restart(self) -> None:
        """What came before does not belong to what comes now."""
        super().restart()
        self._before.clear()

    def shape(self, entry: Entry, newest: bool) -> Entry | None:
        """A late packet goes out alone: those before it were on their way long ago."""
        if not entry.payload:
            return entry
        if not newest:
            return entry._replace(payload=red.build(self.payload_type, entry, ()))
        payload = red.build(self.payload_type, entry, self._before)
        self._before.append(entry)
        return entry._replace(payload=payload)
