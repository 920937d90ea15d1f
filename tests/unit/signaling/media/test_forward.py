"""The hot path: headers as laid out, and never two different packets under one SSRC and sequence number."""

from __future__ import annotations

import os
import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meetings.signaling.media import rtp, srtp, vp8
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.forward import Entry, Sender, make_plan
from meetings.signaling.media.producer import Producer
from meetings.signaling.media.receive import Receiver
from meetings.signaling.media.schema import (
    Codec,
    Consume,
    ConsumerId,
    Encoding,
    Kind,
    Produce,
    ProducerId,
    TransportId,
)
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.rig import GOT, OPUS, SENT, VP8

WITH_RED = Codec(111, "audio/opus", 48_000, red_payload_type=63)
KEY = os.urandom(28)
ADDRESS = ("127.0.0.1", 9)


class Wire:
    """A socket that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes | memoryview, address: object) -> None:
        self.sent.append(bytes(data))

    def send_segments(self, data: memoryview, size: int, address: object) -> list[int]:
        self.sent += [bytes(data[at : at + size]) for at in range(0, len(data), size)]
        return []


def sender_on(wire: Wire) -> Sender:
    return Sender(wire)


@pytest.mark.parametrize("mid", [b"", b"1", b"22", b"333", b"4444", b"a-longer-mid-16b"])
@pytest.mark.parametrize("send_time_id", [0, 3])
@pytest.mark.parametrize("mid_id", [0, 1])
def test_every_header_is_read_back_whatever_was_negotiated(mid: bytes, send_time_id: int, mid_id: int) -> None:
    wire, outbound = Wire(), srtp.Outbound(srtp.AEAD_AES_128_GCM, KEY)
    plan = make_plan(
        payload_type=96,
        ssrc=7,
        mid=mid,
        mid_id=mid_id,
        send_time_id=send_time_id,
        sequence_offset=65_000,
        timestamp_offset=-5,
        outbound=outbound,
        address=ADDRESS,
    )
    sender_on(wire).fan_out(Entry(1_000, 3, 0x80, b"payload", 0xABCDEF, None), [plan])
    packet = srtp.Inbound(srtp.AEAD_AES_128_GCM, KEY).unprotect(wire.sent[0])
    assert packet is not None
    header = rtp.parse(packet)
    expected = {}
    if send_time_id:
        expected[send_time_id] = b"\xab\xcd\xef"
    if mid_id and mid:
        expected[mid_id] = mid
    assert header[:6] == (True, 96, 66_000 & 0xFFFF, 0xFFFFFFFE, 7, expected)
    assert packet[header.payload_start : header.payload_end] == b"payload"


def test_a_picture_is_renumbered_for_those_who_switched_only() -> None:
    wire, outbound = Wire(), srtp.Outbound(srtp.AEAD_AES_128_GCM, KEY)
    payload = bytes([0x90, 0xC0, 0x81, 0x02, 0x07]) + b"\x00frame"
    picture = vp8.parse(payload)
    plans = [
        make_plan(
            payload_type=96,
            ssrc=ssrc,
            mid=b"1",
            mid_id=1,
            send_time_id=3,
            sequence_offset=0,
            timestamp_offset=0,
            outbound=outbound,
            address=ADDRESS,
            offsets=offsets,
        )
        for ssrc, offsets in [(1, vp8.Offsets(10, 20, 0)), (2, vp8.UNCHANGED)]
    ]
    sender_on(wire).fan_out(Entry(1, 1, 0, payload, 0, picture), plans)
    inbound = srtp.Inbound(srtp.AEAD_AES_128_GCM, KEY)
    first, second = (inbound.unprotect(sent) for sent in wire.sent)
    assert first is not None
    assert second is not None
    assert second.endswith(payload)
    assert first.endswith(bytes([0x90, 0xC0, 0x81, 0x0C, 0x1B]) + b"\x00frame")


class Meeting:
    """A producer with three layers (or one of sound) and two subscribers, without sockets; packets come as told."""

    def __init__(self, codec: Codec, source: random.Random) -> None:
        self.source = source
        self.wire = Wire()
        self.sender = sender_on(self.wire)
        video = codec is VP8
        encodings = [Encoding(n, name) for n, name in enumerate("qhf")] if video else [Encoding(0)]
        kind: Kind = "video" if video else "audio"
        produce = Produce(ProducerId("p"), TransportId("a"), kind, "0", [codec], SENT, encodings)
        publisher = cast(Any, SimpleNamespace(feedback_ssrc=1, send_rtcp=lambda packet: None))
        self.producer = Producer(produce, publisher, self.sender, lambda event: None)
        self.receiver = Receiver(1, lambda packet: None)
        self.receiver.expect(self.producer)
        self.consumers = [self._consumer(codec, number, rtx=video and number == 0) for number in range(2)]
        if not video:
            self.consumers.append(self._consumer(WITH_RED, 2, rtx=False))
        self.sequences = [source.randrange(0x10000) for _ in encodings]
        self.held: list[bytes] = []
        self.now = 0.0

    def _consumer(self, codec: Codec, number: int, *, rtx: bool) -> Consumer:
        outbound = srtp.Outbound(srtp.AEAD_AES_128_GCM, os.urandom(28))
        unused = SimpleNamespace(next_sequence=lambda ssrc: None)
        transport = SimpleNamespace(connected=True, selected=ADDRESS, outbound=outbound, subscriber=unused)
        ssrc = 100 + 10 * number
        consume = Consume(
            ConsumerId(str(number)), ProducerId("p"), TransportId("b"), ssrc, ssrc + 1 if rtx else 0, codec, "1", GOT
        )
        consumer = Consumer(consume, self.producer, cast(Any, transport))
        self.producer.add(consumer, 0.0)
        return consumer

    def step(self) -> None:
        """Something happens: a packet, lost, late, twice or only padding, a jump, a switch, a mute, a NACK."""
        self.now += 0.004
        match self.source.randrange(40):
            case 0:
                consumer = self.source.choice(self.consumers)
                consumer.max_spatial = self.source.randrange(-1, 3)
                consumer.max_temporal = self.source.randrange(3)
                self.producer.select(consumer, self.now)
            case 1:
                self.producer.set_muted(self.source.random() < 0.3, self.now)
            case 2 if self.source.random() < 0.2:
                self.sequences[0] += self.source.choice((300, 20_000, 40_000))
            case 3 | 4 | 5:
                self._nack(self.source.choice(self.consumers))
            case 6:
                self.producer.tick(self.now)
            case _:
                self._packet()

    def _packet(self) -> None:
        layer = self.source.randrange(len(self.sequences))
        self.sequences[layer] += 1
        packet = self._made(layer, self.sequences[layer])
        fate = self.source.random()
        if fate < 0.1:
            self.held.append(packet)
        elif fate < 0.95:
            self._take(packet)
        if self.held and self.source.random() < 0.2:
            self._take(self.held.pop(self.source.randrange(len(self.held))))
        if fate > 0.9:
            self._take(packet)

    def _made(self, layer: int, sequence: int) -> bytes:
        key = self.source.random() < 0.1
        temporal = 0 if key else self.source.randrange(8) << 5  # with and without the sync bit
        descriptor = bytes([0x90, 0xE0, 0x80 | sequence >> 8 & 0x7F, sequence & 0xFF, 1, temporal, 0 if key else 1])
        payload = b"" if self.source.random() < 0.1 else descriptor + self.source.randbytes(8)
        extensions = {1: b"0", 2: "qhf"[layer].encode()} if len(self.sequences) > 1 else {1: b"0"}
        payload_type = self.producer.payload_type
        return rtp.build(
            payload_type, sequence & 0xFFFF, int(self.now * 90_000), layer + 1, payload, extensions=extensions
        )

    def _take(self, packet: bytes) -> None:
        try:
            self.receiver.take(packet, self.now)
        except Malformed:
            pytest.fail("a packet of ours was malformed")

    def _nack(self, consumer: Consumer) -> None:
        newest = consumer._newest_sequence()
        lost = tuple(newest - self.source.randrange(-20, 60) & 0xFFFF for _ in range(5))
        consumer.resend(self.sender, lost, self.now)


@pytest.mark.parametrize("codec", [VP8, OPUS], ids=["video", "audio"])
@pytest.mark.parametrize("seed", range(12))
def test_one_number_never_carries_two_different_packets(codec: Codec, seed: int) -> None:
    meeting = Meeting(codec, random.Random(seed))
    for _ in range(4_000):
        meeting.step()
    seen: dict[bytes, bytes] = {}
    again = 0
    for packet in meeting.wire.sent:
        number = packet[2:4] + packet[8:12]  # sequence and SSRC: fewer than 2^16 of each, so no wrap
        again += number in seen
        assert seen.setdefault(number, packet) == packet
    assert len(seen) > 300
    assert again > 3


def test_numbers_of_one_subscriber_have_no_gap_but_losses() -> None:
    meeting = Meeting(OPUS, random.Random(3))
    for number in range(500):
        meeting._take(rtp.build(111, number, number * 960, 1, b"x" if number % 3 else b"", extensions={1: b"0"}))
    sequences = [
        int.from_bytes(packet[2:4], "big") for packet in meeting.wire.sent if packet[8:12] == bytes([0, 0, 0, 100])
    ]
    assert sequences == [sequences[0] + n & 0xFFFF for n in range(len(sequences))]
    assert len(sequences) == 333
