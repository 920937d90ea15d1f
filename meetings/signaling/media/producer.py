"""One published track: its layers, who subscribes to them, and what happens to each of its packets."""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from typing import TYPE_CHECKING

from meetings.signaling.media import av1, h264, red, rtcp, vp8, vp9
from meetings.signaling.media.forward import Entry, Sender, abs_send_time
from meetings.signaling.media.lanes import Lane
from meetings.signaling.media.layers import ALIVE_SECONDS, Layer, Part, choose, leads_to
from meetings.signaling.media.levels import LevelMeter
from meetings.signaling.media.resend import AUDIO_PACKETS, VIDEO_PACKETS
from meetings.signaling.media.rtp import Header
from meetings.signaling.media.schema import ConsumerLayer, Event, Produce, ProducerLayers, ProducerStarted
from meetings.signaling.media.stream import Arrival
from meetings.signaling.media.voices import Gate

if TYPE_CHECKING:
    from meetings.signaling.media.consumer import Consumer
    from meetings.signaling.media.transport import Transport

_SPATIAL_LAYERS = 3  # in one stream, at most
_PARSERS = {"video/vp8": vp8.parse, "video/vp9": vp9.parse, "video/h264": h264.parse, "video/av1": av1.parse}


class Producer:
    """A track of one transport. Packets come in by `take`; subscribers move between layers as these come and go."""

    def __init__(
        self,
        command: Produce,
        transport: Transport,
        sender: Sender,
        emit: Callable[[Event], None],
        gate: Gate | None = None,
    ) -> None:
        self.gate = gate or Gate(command.producer_id, None, always=False)
        self.id = command.producer_id
        self.kind = command.kind
        self.command = command
        self.transport = transport
        codec = command.codecs[0]
        self.clock_rate = codec.clock_rate
        self.payload_type = codec.payload_type
        self.rtx_payload_type = codec.rtx_payload_type
        self.red_payload_type = codec.red_payload_type
        self.payload_types = (codec.payload_type, codec.red_payload_type)
        self.level_id = command.extensions.audio_level
        self.muted = command.muted
        self.speaking = False  # somebody is heard who belongs to this picture
        self.consumers: list[Consumer] = []
        self.levels = LevelMeter() if command.kind == "audio" else None
        size = VIDEO_PACKETS if command.kind == "video" else AUDIO_PACKETS
        self.arriving = {one.spatial: Layer(one.spatial, one.rid, size) for one in command.encodings}
        self.layers = self.arriving  # what subscribers choose from
        self._dependency_id = command.extensions.dependency if codec.mime_type == "video/av1" else 0
        if (codec.mime_type == "video/vp9" or self._dependency_id) and len(self.arriving) == 1:
            (whole,) = self.arriving.values()
            self.layers = {spatial: Part(whole, spatial, size) for spatial in range(_SPATIAL_LAYERS)}
        self._top = 0  # the highest spatial layer seen in a stream that has them
        self._readers = {spatial: av1.Reader() for spatial in self.arriving}
        self._sender = sender
        self._emit = emit
        self._started = False
        self._parse = _PARSERS.get(codec.mime_type)

    # ------------------------------------------------------------------------------------------ packets

    def take(self, layer: Layer, header: Header, packet: bytes, arrival: Arrival, now: float) -> None:
        """One packet of a layer, authenticated and placed in its stream."""
        layer.heard_at = now
        if not layer.alive:
            self._revive(layer, now)
        if arrival is Arrival.RESTART:
            for part in self._parts(layer):
                part.restart()
        if self.muted or layer.stream is None:
            return
        newest = arrival is not Arrival.LATE
        sequence = layer.stream.extended(header.sequence)
        payload = packet[header.payload_start : header.payload_end]
        if header.payload_type == self.red_payload_type and payload:
            blocks = red.parse(payload, self.payload_type)
            if blocks is None:
                return
            self._recover(layer, header, blocks, now)
            payload = blocks[-1].payload
        if not payload and newest:
            for part in self._parts(layer):
                part.skip_padding(sequence, header.timestamp)
            return
        self._place(layer, header, payload, sequence, newest, now)

    def _place(self, layer: Layer, header: Header, payload: bytes, sequence: int, newest: bool, now: float) -> None:
        """Into whatever subscribers can choose of what came in."""
        picture = self._picture(layer, header, payload)
        entry = Entry(sequence, header.timestamp, 0x80 if header.marker else 0, payload, abs_send_time(now), picture)
        if self.layers is not self.arriving:
            self._heard_part(picture, now)
        placed = []
        for part in self._parts(layer):
            if newest:
                part.newest, part.frame_ended = sequence, header.timestamp if header.marker else None
            if (one := part.place(entry, newest)) is not None:
                placed.append((part, one))
        self._hand_out(placed, newest, now)

    def _parts(self, layer: Layer) -> list[Layer]:
        """What of the subscribers' choice comes in with this layer: itself, or the parts seen of its stream."""
        if self.layers is self.arriving:
            return [layer]
        return [part for part in self.layers.values() if part.spatial <= self._top]

    def _picture(self, layer: Layer, header: Header, payload: bytes) -> vp8.Picture | None:
        if self._dependency_id:
            return self._readers[layer.spatial].read(header.extensions.get(self._dependency_id, b""))
        return self._parse(payload) if self._parse is not None else None

    def _heard_part(self, picture: vp8.Picture | None, now: float) -> None:
        """A packet of a spatial layer within the stream; of which one may be known with the next keyframe only."""
        if picture is None:
            self.request_keyframe(self.layers[0], now)
            return
        part = self.layers[min(picture.spatial, _SPATIAL_LAYERS - 1)]
        part.heard_at = now
        self._top = max(self._top, part.spatial)
        if not part.alive:
            self._revive(part, now)

    def _recover(self, layer: Layer, header: Header, blocks: list[red.Block], now: float) -> None:
        """Redundant sound fills holes, in order, before the packet that brought it; nobody need be asked for it."""
        assert layer.stream is not None
        for distance, block in zip(range(len(blocks) - 1, 0, -1), blocks, strict=False):
            lost = header.sequence - distance & 0xFFFF
            if block.payload and layer.stream.recovered(lost):
                number = layer.compaction.late(layer.stream.extended(lost))
                timestamp = header.timestamp - block.offset & 0xFFFFFFFF
                entry = Entry(number, timestamp, 0, block.payload, abs_send_time(now), None)
                self._hand_out([(layer, entry)], False, now)

    def _hand_out(self, placed: list[tuple[Layer, Entry]], newest: bool, now: float) -> None:
        """Into every lane; whoever changes lanes with this packet does so before anybody gets it."""
        shaped = [
            (lane, one)
            for layer, entry in placed
            for lane in layer.lanes
            if (one := lane.shape(entry, newest)) is not None
        ]
        if newest:
            for layer, entry in placed:
                if entry.picture is not None and entry.picture.keyframe:
                    layer.keyframe_came()
            for lane, one in shaped:
                if lane.waiting:
                    self._switch_to(lane, one, now)
        for lane, one in shaped:
            if newest:
                lane.keep(one, now)
                if lane.plans:
                    self._sender.fan_out(one, lane.plans)
                if lane.paced:
                    self._pace(lane, one, now)
            else:
                self._take_late(lane, one, now)

    def _take_late(self, lane: Lane, entry: Entry, now: float) -> None:
        if lane.last is None or entry.sequence > lane.last.sequence:
            lane.keep(entry, now)  # only what was left out had overtaken it
        else:
            lane.ring.put(entry)
        covered = [consumer.covers(entry) for consumer in lane.attached]
        plans = lane.plans if all(covered) else [*compress(lane.plans, covered)]
        self._sender.fan_out(entry, plans)
        self._pace(lane, entry, now)

    def _pace(self, lane: Lane, entry: Entry, now: float) -> None:
        for consumer, plan in list(lane.paced.items()):
            if consumer.covers(entry):
                consumer.transport.subscriber.pace(consumer, entry, plan, now)

    def _switch_to(self, lane: Lane, entry: Entry, now: float) -> None:
        for consumer in list(lane.waiting):
            if self._begins(consumer.current, lane, entry):
                lane.waiting.remove(consumer)
                consumer.attach(lane, entry, now)
                self._emit(ConsumerLayer(consumer.id, lane.spatial))

    def _begins(self, before: Lane | None, lane: Lane, entry: Entry) -> bool:
        """Whether a decoder that has got `before` so far can go on with this packet of the lane."""
        if self._parse is None:
            return True
        picture = entry.picture
        if picture is None or picture.keyframe:
            return picture is not None
        if before is None or before.layer.whole is not lane.layer.whole or not picture.starts:
            return False
        if before.layer is not lane.layer:
            return lane.spatial < before.spatial  # a part of what it got so far
        return lane.temporal < before.temporal or (picture.sync and picture.temporal == before.temporal + 1)

    # ------------------------------------------------------------------------------------------ subscribers

    def add(self, consumer: Consumer, now: float) -> None:
        """A new subscriber; it begins with the next keyframe."""
        self.consumers.append(consumer)
        self.select(consumer, now)

    def remove(self, consumer: Consumer) -> None:
        """It wants nothing any more."""
        self.consumers.remove(consumer)
        self._leave(consumer)

    def select(self, consumer: Consumer, now: float) -> None:
        """Choose the subscriber's layer again, after anything changed that the choice depends on."""
        alive = [layer.spatial for layer in self.layers.values() if layer.alive]
        passes = not self.muted and (self.gate.open or consumer.unthinned)
        spatial = choose(alive, consumer.wanted) if passes else None
        target = self._lane(self.layers[spatial], consumer) if spatial is not None else None
        if target is consumer.target and (target is None or consumer in target.waiting or consumer.current is target):
            return
        if consumer.target is not None and consumer in consumer.target.waiting:
            consumer.target.waiting.remove(consumer)
        consumer.target = target
        if target is None:
            self._leave(consumer)
        elif consumer.current is not target:
            target.waiting.append(consumer)
            if consumer.current is None or not leads_to(consumer.current.layer, target.layer):
                self.request_keyframe(target.layer, now)

    def _lane(self, layer: Layer, consumer: Consumer) -> Lane:
        """The form in which this subscriber takes a layer."""
        if consumer.red:
            return layer.red_lane(consumer.opus_payload_type)
        return layer.temporal_lane(consumer.max_temporal)

    def _leave(self, consumer: Consumer) -> None:
        had = consumer.current is not None
        consumer.detach()
        for layer in self.layers.values():
            layer.detach(consumer)
        consumer.target = None
        if had:
            self._emit(ConsumerLayer(consumer.id, -1))

    def select_all(self, now: float) -> None:
        """Choose every subscriber's layer again."""
        for consumer in self.consumers:
            self.select(consumer, now)

    def set_muted(self, muted: bool, now: float) -> None:
        """Muted, nothing passes; afterwards everybody starts again where they were."""
        if muted == self.muted:
            return
        self.muted = muted
        if muted:
            self.gate.left()
        self.select_all(now)
        for layer in self.layers.values():
            for lane in layer.lanes:
                lane.ring.clear()  # nor is anything resent

    def heard(self, level: int, now: float) -> None:
        """How loud a packet of sound is, before it is taken: whoever rises is passed on with it."""
        if self.levels is not None:
            self.levels.heard(level)
        if not self.muted and self.gate.heard(level, now):
            self.select_all(now)

    def set_always_heard(self, always: bool, now: float) -> None:
        """The participant holds the floor, or no longer."""
        if self.gate.keep_open(always):
            self.select_all(now)

    # ------------------------------------------------------------------------------------------ keyframes and life

    def request_keyframe(self, layer: Layer, now: float) -> None:
        """Ask the publisher, at most every second; a request in between is kept until then or the next keyframe."""
        if self.kind != "video" or layer.arriving is None:
            return
        layer.keyframe_wanted = True
        if layer.whole.keyframe_due(now):
            layer.keyframe_wanted = False
            self.transport.send_rtcp(rtcp.pli(self.transport.feedback_ssrc, layer.arriving.ssrc))

    def request_keyframes(self, now: float) -> None:
        """Ask for one on every layer."""
        for layer in self.layers.values():
            self.request_keyframe(layer, now)

    def tick(self, now: float) -> None:
        """Every 100 ms: which layers still come, and keyframes somebody still waits for."""
        for layer in self.layers.values():
            layer.measure(now)
        for layer in self.layers.values():
            if layer.keyframe_wanted or layer.waiting:
                self.request_keyframe(layer, now)
        heard_at = max(layer.heard_at for layer in self.layers.values())
        if now - heard_at > ALIVE_SECONDS:
            return  # all are silent: a still screen or a covered camera goes on where it was
        faded = [layer for layer in self.layers.values() if layer.alive and now - layer.heard_at > ALIVE_SECONDS]
        for layer in faded:
            layer.alive = False
        if faded:
            self._layers_changed(now)

    def _revive(self, layer: Layer, now: float) -> None:
        layer.alive = True
        if not self._started:
            self._started = True
            self._emit(ProducerStarted(self.id))
        if layer in self.layers.values():
            self._layers_changed(now)

    def _layers_changed(self, now: float) -> None:
        self._emit(ProducerLayers(self.id, sorted(layer.spatial for layer in self.layers.values() if layer.alive)))
        self.select_all(now)
