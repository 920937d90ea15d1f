"""A publisher's RTP: which track and layer a packet belongs to, what is asked for again, what is reported back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from meetings.signaling.media import rtcp, rtp
from meetings.signaling.media.estimate import ArrivalLog
from meetings.signaling.media.layers import Layer
from meetings.signaling.media.producer import Producer
from meetings.signaling.media.stream import Arrival, Stream
from meetings.signaling.media.uplink import Uplink

logger = logging.getLogger(__name__)

# Three layers with RTX of a camera and a screen, a microphone, and room for what was replaced.
MAX_SSRCS = 32
_MAX_LEARNED = 256  # in a transport's life

_FEEDBACK_SECONDS = 0.09  # a little less than two rounds of 50 ms
_MUCH = 20  # packets in 50 ms: about 4 Mbit/s

_MAX_REPORTS = 31  # five bits of the RTCP header


class _Source:
    """What one SSRC carries: a layer of a producer, or retransmissions for it."""

    __slots__ = ("layer", "producer", "retransmits")

    def __init__(self, producer: Producer, layer: Layer, *, retransmits: bool) -> None:
        self.producer = producer
        self.layer = layer
        self.retransmits = retransmits


class Receiver:
    """All producers of one transport. Packets come in authenticated; `send` takes RTCP to the publisher."""

    def __init__(self, ssrc: int, send: Callable[[bytes], None]) -> None:
        self._ssrc = ssrc
        self._send = send
        self._producers: list[Producer] = []
        self._worst: tuple[float, float] | None = None
        self._sources: dict[int, _Source | None] = {}  # None: replaced, its late packets are dropped
        self._learned = 0
        self._arrivals = ArrivalLog()
        self._transport_cc = self._abs_send_time = 0
        self._fed_back_at = 0.0
        self._uplink = Uplink()
        self._octets = 0

    @property
    def delay(self) -> str:
        """For a trace."""
        delay, steady = self._arrivals.steadying.delay, self._arrivals.steadying.active
        return f"usual {delay.usual_ms:.0f} swing {delay.swing_ms:.0f} stands {delay.standing_ms:.0f} steadied {steady}"

    @property
    def producers(self) -> list[Producer]:
        """All tracks expected."""
        return self._producers

    def expect(self, producer: Producer) -> None:
        """From now on packets of this track are recognised."""
        self._producers.append(producer)
        command = producer.command
        self._transport_cc = command.extensions.transport_cc or self._transport_cc
        self._abs_send_time = command.extensions.abs_send_time or self._abs_send_time
        for encoding in command.encodings:
            layer = producer.arriving[encoding.spatial]
            if encoding.ssrc:
                self._assign(encoding.ssrc, _Source(producer, layer, retransmits=False))
            if encoding.rtx_ssrc:
                self._assign(encoding.rtx_ssrc, _Source(producer, layer, retransmits=True))

    def forget(self, producer: Producer) -> None:
        """The track is gone."""
        self._producers.remove(producer)
        for ssrc in [ssrc for ssrc, source in self._sources.items() if source and source.producer is producer]:
            del self._sources[ssrc]

    # ------------------------------------------------------------------------------------------ packets

    def take(self, packet: bytes, now: float) -> None:
        """One RTP packet; raises Malformed."""
        header = rtp.parse(packet)
        extensions = header.extensions
        if self._transport_cc and self._transport_cc in extensions:
            sent = extensions.get(self._abs_send_time)
            number = int.from_bytes(extensions[self._transport_cc][:2], "big")
            self._arrivals.arrived(number, now, int.from_bytes(sent[:3], "big") if sent else -1)
        source = self._sources[header.ssrc] if header.ssrc in self._sources else self._learn(header)
        if source is None:
            return
        if source.retransmits:
            self._take_retransmission(source, header, packet, now)
        elif header.payload_type in source.producer.payload_types:
            self._take_original(source, header, packet, now)

    def _take_original(self, source: _Source, header: rtp.Header, packet: bytes, now: float) -> None:
        stream = source.layer.stream
        if stream is None:
            return
        arrival = stream.arrived(header.sequence, now)
        if arrival is Arrival.REPEAT:
            return
        stream.measured(header.timestamp, len(packet), now)
        producer = source.producer
        if producer.levels is not None:
            level = header.extensions.get(producer.level_id)
            if level:
                producer.heard(level[0] & 0x7F, now)
        producer.take(source.layer, header, packet, arrival, now)

    def _take_retransmission(self, source: _Source, header: rtp.Header, packet: bytes, now: float) -> None:
        producer, stream = source.producer, source.layer.stream
        if stream is None or header.payload_type != producer.rtx_payload_type:
            return
        original = rtp.restore_from_rtx(packet, header, stream.ssrc, producer.payload_type)
        if original is None:
            return
        restored = rtp.parse(original)
        # Only holes are filled: browsers also probe with packets that came long ago.
        if restored.sequence in stream.missing:
            arrival = stream.arrived(restored.sequence, now, again=True)
            producer.take(source.layer, restored, original, arrival, now)

    # ------------------------------------------------------------------------------------------ learning

    def _learn(self, header: rtp.Header) -> _Source | None:
        """Recognise an unknown SSRC by MID and RID, or by what leaves no choice (RFC 8843 section 9.2, RFC 8852)."""
        if len(self._sources) >= MAX_SSRCS or self._learned >= _MAX_LEARNED:
            return None
        producer = self._producer_of(header)
        if producer is None:
            return None
        source = self._source_of(producer, header)
        if source is not None:
            self._learned += 1
            self._assign(header.ssrc, source)
        return source

    def _producer_of(self, header: rtp.Header) -> Producer | None:
        fitting = [
            producer
            for producer in self._producers
            if header.payload_type in producer.payload_types or header.payload_type == producer.rtx_payload_type
        ]
        for producer in fitting:
            mid = header.extensions.get(producer.command.extensions.mid)
            if mid is not None and mid.decode("utf-8", "replace") == producer.command.mid:
                return producer
        if any(producer.command.extensions.mid in header.extensions for producer in fitting):
            return None  # it names a track we do not know (yet)
        return fitting[0] if len(fitting) == 1 else None

    def _source_of(self, producer: Producer, header: rtp.Header) -> _Source | None:
        retransmits = header.payload_type == producer.rtx_payload_type
        ids = producer.command.extensions
        rid = header.extensions.get(ids.repaired_rid if retransmits else ids.rid)
        if rid is None:
            layers = list(producer.arriving.values())
            layer = layers[0] if len(layers) == 1 else None
        else:
            name = rid.decode("utf-8", "replace")
            layer = next((layer for layer in producer.arriving.values() if layer.rid == name), None)
        return _Source(producer, layer, retransmits=retransmits) if layer is not None else None

    def _assign(self, ssrc: int, source: _Source) -> None:
        self._sources[ssrc] = source
        if source.retransmits:
            return
        before = source.layer.stream
        if before is not None and before.ssrc != ssrc and before.ssrc in self._sources:
            self._sources[before.ssrc] = None
        source.layer.stream = Stream(ssrc, source.producer.clock_rate)

    # ------------------------------------------------------------------------------------------ RTCP

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        """The publisher said what time it is on one of its streams."""
        source = self._sources.get(report.ssrc)
        if source is not None and not source.retransmits and source.layer.stream is not None:
            source.layer.stream.reported(report, now)

    def ask_again(self, now: float) -> None:
        """Every 20 ms: NACK what is missing."""
        for producer in self._producers:
            for layer in producer.arriving.values():
                stream = layer.stream
                if stream is None or not stream.missing:
                    continue
                lost = stream.due(now)
                if lost and producer.command.nack and not producer.muted:
                    self._send(rtcp.nack(self._ssrc, stream.ssrc, lost))

    def feed_back(self, now: float) -> None:
        """Every 50 ms: transport-wide feedback, that often when much comes, else every 100 ms."""
        if self._arrivals.pending < _MUCH and now - self._fed_back_at < _FEEDBACK_SECONDS:
            return
        self._fed_back_at = now
        media_ssrc = next(iter(self._sources), 0)
        for packet in self._arrivals.feedback(self._ssrc, media_ssrc):
            self._send(packet)

    def _note_quality(self, streams: list[tuple[Producer, Stream]], reports: list[rtcp.Report]) -> None:
        loss, jitter = self._worst or (0.0, 0.0)
        for (producer, _), report in zip(streams, reports, strict=False):
            loss = max(loss, report.fraction_lost / 256)
            jitter = max(jitter, report.jitter * 1000 / producer.clock_rate)
        self._worst = (loss, jitter)

    def take_worst(self) -> tuple[float, float] | None:
        """The worst loss, 0..1, and jitter, in ms, since the last call; None when nothing was received."""
        worst, self._worst = self._worst, None
        return worst

    def report(self, now: float) -> None:
        """Every second: receiver reports for all streams that live, and what the publisher may send, if it asks that
        way only.
        """
        streams = self._live_streams()
        reports = [stream.report(now) for _, stream in streams][:_MAX_REPORTS]
        if not reports:
            return
        self._send(rtcp.receiver_report(rtcp.ReceiverReport(self._ssrc, tuple(reports))))
        self._note_quality(streams, reports)
        pictures = [stream.ssrc for producer, stream in streams if producer.kind == "video"]
        octets = sum(stream.octets for _, stream in streams)
        received, self._octets = max(0, octets - self._octets) * 8, octets
        if pictures and not self._transport_cc:
            loss = max(report.fraction_lost for report in reports) / 256
            self._send(rtcp.remb(self._ssrc, self._uplink.measured(received, loss), pictures[:_MAX_REPORTS]))

    def _live_streams(self) -> list[tuple[Producer, Stream]]:
        layers = [(producer, layer) for producer in self._producers for layer in producer.arriving.values()]
        return [(producer, layer.stream) for producer, layer in layers if layer.alive and layer.stream is not None]
