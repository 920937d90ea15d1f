"""A publisher's packets, damaged in any way but authentic: what the receiver keeps stays bounded, nothing escapes."""

from __future__ import annotations

import random
import struct
from types import SimpleNamespace
from typing import Any, cast

from meetings.signaling.media import rtcp, rtp, schema
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.producer import Producer
from meetings.signaling.media.receive import MAX_SSRCS, Receiver
from meetings.signaling.media.schema import (
    Codec,
    Encoding,
    Event,
    Kind,
    Produce,
    ProducerId,
    ProducerStarted,
    TransportId,
)
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.mutations import mutations
from tests.unit.signaling.media.rig import OPUS, SENT, SIMULCAST, VP8


class Publisher:
    """A receiver with a camera of three layers (mid 0) and a microphone (mid 1)."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.events: list[Event] = []
        self.receiver = Receiver(1, self.sent.append)
        self.video = self._producer("video", "0", VP8, SIMULCAST)
        self.audio = self._producer("audio", "1", OPUS, [Encoding(0)])

    def _producer(self, kind: Kind, mid: str, codec: Codec, encodings: list[Encoding]) -> Producer:
        command = Produce(ProducerId(kind), TransportId("t"), kind, mid, [codec], SENT, encodings)
        transport = cast(Any, SimpleNamespace(feedback_ssrc=1, send_rtcp=self.sent.append))
        sender = Sender(cast(Any, SimpleNamespace(sendto=len)))
        producer = Producer(command, transport, sender, self.events.append)
        self.receiver.expect(producer)
        return producer

    def started(self) -> set[str]:
        return {event.producer_id for event in self.events if isinstance(event, ProducerStarted)}


def picture(sequence: int, ssrc: int = 1, rid: bytes = b"q") -> bytes:
    extensions = {1: b"0", 2: rid, 5: struct.pack("!H", sequence)}
    payload = bytes([0x90, 0xE0, 0x80, 1, 2, 3, 0]) + bytes(20)
    return rtp.build(96, sequence, sequence * 90, ssrc, payload, marker=True, extensions=extensions)


def test_layers_are_told_apart_by_rid_and_known_by_ssrc_afterwards() -> None:
    publisher = Publisher()
    publisher.receiver.take(picture(1, 10, b"f"), 0.0)
    publisher.receiver.take(rtp.build(96, 2, 2, 10, b"\x10\x01"), 0.0)
    stream = publisher.video.layers[2].stream
    assert stream is not None
    assert (stream.ssrc, stream.received) == (10, 2)
    assert publisher.started() == {"video"}


def test_a_packet_without_mid_is_known_by_a_payload_type_only_one_track_has() -> None:
    publisher = Publisher()
    publisher.receiver.take(rtp.build(111, 1, 1, 20, b"opus"), 0.0)
    assert publisher.started() == {"audio"}


def test_a_packet_of_another_track_or_codec_is_not_taken() -> None:
    publisher = Publisher()
    publisher.receiver.take(rtp.build(111, 1, 1, 20, b"opus", extensions={1: b"9"}), 0.0)
    publisher.receiver.take(rtp.build(63, 1, 1, 21, b"red", extensions={1: b"1"}), 0.0)
    publisher.receiver.take(picture(1, 22, b"unknown"), 0.0)
    assert publisher.started() == set()


def test_a_removed_track_is_unknown_again() -> None:
    publisher = Publisher()
    publisher.receiver.take(picture(1), 0.0)
    publisher.receiver.forget(publisher.video)
    publisher.receiver.take(picture(2), 0.0)
    stream = publisher.video.layers[0].stream
    assert stream is not None
    assert stream.received == 1


def test_authentic_damage_raises_nothing_but_malformed_and_fills_no_memory() -> None:
    publisher, source = Publisher(), random.Random(5)
    samples = [
        picture(1),
        picture(2, 2, b"h"),
        picture(3, 3, b"f"),
        rtp.build(97, 9, 9, 4, struct.pack("!H", 1) + b"again", extensions={1: b"0", 3: b"q"}),
        rtp.build(111, 1, 1, 5, b"opus", extensions={1: b"1", 4: b"\x19"}),
    ]
    for number, data in enumerate(mutations(samples)):
        try:
            publisher.receiver.take(data, number * 0.001)
        except Malformed:
            continue
        if source.random() < 0.02:
            publisher.receiver.ask_again(number * 0.001)
            publisher.receiver.feed_back(float(number))
            publisher.receiver.report(number * 0.001)
    assert len(publisher.receiver._sources) <= MAX_SSRCS
    assert publisher.started() == {"video", "audio"}
    for packet in publisher.sent:
        assert len(packet) < 1_400
        rtcp.parse(packet)


def reports(sent: list[bytes], kind: type) -> list[Any]:
    return [packet for data in sent for packet in rtcp.parse(data) if isinstance(packet, kind)]


def test_feedback_comes_more_often_when_more_arrives() -> None:
    publisher = Publisher()
    for round_ in range(4):
        publisher.receiver.take(picture(round_, 10), round_ * 0.05)
        publisher.receiver.feed_back(10 + round_ * 0.05)
    assert len(reports(publisher.sent, rtcp.Twcc)) == 2
    publisher.sent.clear()
    for round_ in range(4):
        for number in range(30):
            publisher.receiver.take(picture(4 + 30 * round_ + number, 10), 1 + round_ * 0.05)
        publisher.receiver.feed_back(11 + round_ * 0.05)
    assert len(reports(publisher.sent, rtcp.Twcc)) == 4
    publisher.sent.clear()
    publisher.receiver.feed_back(20)
    assert publisher.sent == []


def test_only_who_cannot_be_told_of_each_arrival_is_told_what_it_may_send() -> None:
    modern = Publisher()
    modern.receiver.take(picture(1, 10), 0.0)
    modern.receiver.report(1.0)
    assert not reports(modern.sent, rtcp.Remb)
    older = Publisher()
    older.receiver = Receiver(1, older.sent.append)
    command = older.video.command
    extensions = schema.HeaderExtensions(mid=1, rid=2)
    older.video.command = Produce(
        command.producer_id, command.transport_id, "video", "0", [VP8], extensions, command.encodings
    )
    older.receiver.expect(older.video)
    for second in range(5):
        for number in range(100):
            older.receiver.take(picture(1 + 100 * second + number, 10), second + number / 100)
        older.receiver.report(second + 1.0)
    (first, *_, last) = reports(older.sent, rtcp.Remb)
    assert first.media_ssrcs == (10,)
    assert last.bitrate >= 2_490_000
