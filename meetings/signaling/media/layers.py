"""A simulcast layer as it arrives, its sequence numbers made gapless, and the choice of a layer for a subscriber."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING

from meetings.signaling.media.forward import Entry, Plan
from meetings.signaling.media.resend import Ring
from meetings.signaling.media.stream import Stream

if TYPE_CHECKING:
    from meetings.signaling.media.consumer import Consumer

# How far back a late packet is still placed; as far as `Stream` looks.
_WINDOW = 1024

# Browsers stop a layer within a frame or two when the uplink is short; a screen that stands still sends one a second.
ALIVE_SECONDS = 2.5

# A second keyframe within this time helps nobody: the first is still on its way.
KEYFRAME_SECONDS = 0.5


def choose(alive: Collection[int], wanted: int) -> int | None:
    """The best layer that arrives, up to the wanted one; where none so low arrives, the lowest there is."""
    if wanted < 0 or not alive:
        return None
    return max((spatial for spatial in alive if spatial <= wanted), default=min(alive))


class Compaction:
    """Takes dropped padding-only packets out of the count, so that subscribers see no gaps where nothing is missing.

    Numbers are extended ones (without wrap), in and out.
    """

    def __init__(self) -> None:
        self._removed = 0
        self._recent: deque[int] = deque(maxlen=_WINDOW)

    def remove(self, sequence: int) -> None:
        """The newest packet, with this number, is not forwarded."""
        self._removed += 1
        self._recent.append(sequence)

    def newest(self, sequence: int) -> int:
        """The number of the newest packet."""
        return sequence - self._removed

    def late(self, sequence: int) -> int:
        """The number of a packet that others overtook: only what was removed before it counts."""
        after = sum(1 for removed in self._recent if removed > sequence)
        return sequence - self._removed + after


class Layer:
    """One layer of a producer: the packets kept, the subscribers that get it and those that wait for its keyframe."""

    def __init__(self, spatial: int, rid: str, ring_size: int) -> None:
        self.spatial = spatial
        self.rid = rid
        self.stream: Stream | None = None
        self.ring = Ring(ring_size)
        self.compaction = Compaction()
        self.generation = 0
        self.last: Entry | None = None
        self.last_at = 0.0  # of the newest packet kept
        self.heard_at = 0.0  # of any packet, forwarded or not
        self.packets = 0
        self.octets = 0
        self.alive = False
        self.newest = 0  # number of the newest packet before compaction
        self.frame_ended: int | None = None  # a timestamp after whose last packet only padding can follow
        self.attached: list[Consumer] = []
        self.waiting: list[Consumer] = []
        self.plans: list[Plan] = []
        self.keyframe_wanted = False
        self._keyframe_asked_at = -KEYFRAME_SECONDS

    def restart(self) -> None:
        """The numbers begin anew: whoever was attached starts again, continuing its own numbers."""
        for consumer in list(self.attached):
            consumer.detach()
            self.waiting.append(consumer)
        self.generation += 1
        self.ring.clear()
        self.compaction = Compaction()
        self.last = None

    def skip_padding(self, sequence: int, timestamp: int) -> None:
        """The newest packet is padding only: it is taken out of the count, and with it what was lost before it when
        that can only have been padding too. Browsers pad on the media's SSRC when they have no RTX, in bursts that
        carry the timestamp of the frame before; what is lost of it nobody can send again.
        """
        if timestamp == self.frame_ended and self.stream is not None:
            for lost in range(max(self.newest + 1, sequence - _WINDOW), sequence):
                self.stream.missing.pop(lost & 0xFFFF, None)
                self.compaction.remove(lost)
        self.compaction.remove(sequence)
        self.newest, self.frame_ended = sequence, timestamp

    def keep(self, entry: Entry, now: float) -> None:
        """Remember the newest packet."""
        self.ring.put(entry)
        self.last = entry
        self.last_at = now
        self.packets += 1
        self.octets += len(entry.payload)

    def keyframe_due(self, now: float) -> bool:
        """Whether a keyframe may be asked for now; counts as asked when so."""
        if now - self._keyframe_asked_at < KEYFRAME_SECONDS:
            return False
        self._keyframe_asked_at = now
        self.keyframe_wanted = False
        return True

    def attach(self, consumer: Consumer, plan: Plan) -> None:
        """From the next packet on the consumer gets this layer."""
        self.attached.append(consumer)
        self.plans.append(plan)

    def detach(self, consumer: Consumer) -> None:
        """It gets nothing of this layer any more, nor waits for it."""
        if consumer in self.attached:
            index = self.attached.index(consumer)
            del self.attached[index]
            del self.plans[index]
        if consumer in self.waiting:
            self.waiting.remove(consumer)

    def replan(self, consumer: Consumer, plan: Plan) -> None:
        """The consumer's address changed."""
        self.plans[self.attached.index(consumer)] = plan
