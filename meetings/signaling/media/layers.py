"""A simulcast layer as it arrives, spatial layers within one stream, and the choice of a layer for a subscriber."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from meetings.signaling.media.compaction import WINDOW, Compaction
from meetings.signaling.media.lanes import ALL_TEMPORAL, Lane, RedLane, TemporalLane
from meetings.signaling.media.stream import Stream

if TYPE_CHECKING:
    from meetings.signaling.media.consumer import Consumer
    from meetings.signaling.media.forward import Entry

# Browsers stop a layer within a frame or two when the uplink is short; a screen that stands still sends one a second.
ALIVE_SECONDS = 2.5

_MEASURE_SECONDS = 0.5
_MOST_RISE = 1.6  # in half a second
_OVERHEAD = 28  # RTP header and what is in it, of every packet

# Keyframes are large, and whoever joins meanwhile takes the next one: a publisher is asked this often at most.
KEYFRAME_SECONDS = 1.0


def choose(alive: Collection[int], wanted: int) -> int | None:
    """The best layer that arrives, up to the wanted one; where none so low arrives, the lowest there is."""
    if wanted < 0 or not alive:
        return None
    return max((spatial for spatial in alive if spatial <= wanted), default=min(alive))


class Layer:
    """One layer of a producer as it arrives, and the lanes in which it goes out."""

    def __init__(self, spatial: int, rid: str, ring_size: int) -> None:
        self.spatial = spatial
        self.rid = rid
        self.stream: Stream | None = None
        self.compaction = Compaction()
        self.heard_at = 0.0  # of any packet, forwarded or not
        self.alive = False
        self.newest = 0  # number of the newest packet before compaction
        self.frame_ended: int | None = None  # a timestamp after whose last packet only padding can follow
        self.main = Lane(self, ring_size)
        self.lanes = [self.main]
        self.keyframe_wanted = False
        self.keyframes = self.keyframes_asked = 0
        self.rate = 0.0  # bit/s, as it last arrived
        self.temporal_layers = 1  # seen so far
        self._measured: tuple[float, int, int] | None = None  # when; octets and packets by then
        self._ring_size = ring_size
        self._keyframe_asked_at = -KEYFRAME_SECONDS

    @property
    def whole(self) -> Layer:
        """What arrives by itself, of which this may be a part."""
        return self

    @property
    def arriving(self) -> Stream | None:
        """The stream its packets come in."""
        return self.whole.stream

    @property
    def waiting(self) -> bool:
        """Whether somebody waits to begin with this layer."""
        return any(
            consumer.current is None or not leads_to(consumer.current.layer, self) for consumer in self._waiting()
        )

    def _waiting(self) -> Iterator[Consumer]:
        return (consumer for lane in self.lanes for consumer in lane.waiting)

    def temporal_lane(self, temporal: int) -> Lane:
        """The lane without temporal layers above this one."""
        if temporal >= ALL_TEMPORAL - 1:
            return self.main
        found = next((lane for lane in self.lanes if lane.temporal == temporal), None)
        return found or self._add(TemporalLane(self, self._ring_size, temporal))

    def red_lane(self, payload_type: int) -> Lane:
        """The lane of redundant sound whose blocks have this payload type."""
        lanes = (lane for lane in self.lanes if isinstance(lane, RedLane) and lane.payload_type == payload_type)
        return next(lanes, None) or self._add(RedLane(self, self._ring_size, payload_type))

    def _add(self, lane: Lane) -> Lane:
        self.lanes.append(lane)
        return lane

    def restart(self) -> None:
        """The numbers begin anew: whoever was attached starts again, continuing its own numbers."""
        for lane in self.lanes:
            lane.restart()
        self.compaction = Compaction()

    def skip_padding(self, sequence: int, timestamp: int) -> None:
        """The newest packet is padding only: it is taken out of the count, and with it what was lost before it when
        that can only have been padding too. Browsers pad on the media's SSRC when they have no RTX, in bursts that
        carry the timestamp of the frame before; what is lost of it nobody can send again.
        """
        if timestamp == self.frame_ended and self.arriving is not None:
            for lost in range(max(self.newest + 1, sequence - WINDOW), sequence):
                self.arriving.missing.pop(lost & 0xFFFF, None)
                self.compaction.remove(lost)
        self.compaction.remove(sequence)
        self.newest, self.frame_ended = sequence, timestamp

    def place(self, entry: Entry, newest: bool) -> Entry | None:
        """A packet of its stream under its number here; None where it is left out."""
        number = self.compaction.newest(entry.sequence) if newest else self.compaction.late(entry.sequence)
        return entry._replace(sequence=number)

    def measure(self, now: float) -> None:
        """Every 100 ms. Rises are believed sooner than falls: what a picture takes is what it takes when it moves."""
        main = self.main
        if main.last is not None and main.last.picture is not None:
            self.temporal_layers = max(self.temporal_layers, main.last.picture.temporal + 1)
        if self._measured is None:
            self._measured = (now, main.octets, main.packets)
        at, octets, packets = self._measured
        if now - at < _MEASURE_SECONDS:
            return
        self._measured = (now, main.octets, main.packets)
        if main.packets > packets:
            rate = 8 * (main.octets - octets + _OVERHEAD * (main.packets - packets)) / (now - at)
            believed = min(rate, _MOST_RISE * self.rate) if self.rate else rate  # a keyframe is soon over
            self.rate += (believed - self.rate) * (1.0 if not self.rate else 0.5 if rate > self.rate else 0.2)

    def keyframe_due(self, now: float) -> bool:
        """Whether a keyframe may be asked for now; counts as asked when so."""
        if now - self._keyframe_asked_at < KEYFRAME_SECONDS:
            return False
        self._keyframe_asked_at = now
        self.keyframes_asked += 1
        self.keyframe_wanted = False
        return True

    def keyframe_came(self) -> None:
        """Whoever asked before it has it now."""
        self.keyframe_wanted = False
        self.keyframes += 1

    def detach(self, consumer: Consumer) -> None:
        """It gets nothing of this layer any more, nor waits for it."""
        for lane in self.lanes:
            lane.detach(consumer)


class Part(Layer):
    """Of a stream with spatial layers in it those up to one. Its numbers have no gaps where the others were."""

    def __init__(self, whole: Layer, spatial: int, ring_size: int) -> None:
        super().__init__(spatial, whole.rid, ring_size)
        self._whole = whole

    @property
    def whole(self) -> Layer:
        """The stream's."""
        return self._whole

    def place(self, entry: Entry, newest: bool) -> Entry | None:
        """A packet of the stream as it stands here; None when it is of a layer above. The highest layer ends what
        is shown at one moment, and says so in the marker. What is left out too late to close its gap goes out empty.
        """
        picture = entry.picture
        if picture is None or picture.spatial <= self.spatial:
            ended = picture is not None and picture.ends and picture.spatial == self.spatial
            return super().place(entry._replace(marker=0x80) if ended else entry, newest)
        if newest:
            self.compaction.remove(entry.sequence)
            return None
        return super().place(entry._replace(payload=b"", picture=None), newest)


def leads_to(current: Layer, target: Layer) -> bool:
    """Whether a decoder of one needs no keyframe to go on with the other."""
    return current is target or (current.whole is target.whole and target.spatial < current.spatial)
