"""Temporal layers left out: numbers and pictures without gaps, and up again only where a decoder can follow."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from meetings.signaling.media import rtp, srtp, vp8
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.producer import Producer
from meetings.signaling.media.receive import Receiver
from meetings.signaling.media.schema import Consume, ConsumerId, Encoding, Produce, ProducerId, TransportId
from tests.unit.signaling.media.rig import GOT, SENT, VP8

PATTERN = [0, 2, 1, 2]  # as libvpx has it with three temporal layers


@dataclass
class Film:
    """A camera of three temporal layers and one subscriber of it, without sockets."""

    now: float = 10.0
    frames: int = 0
    sent: list[rtp.Header] = field(default_factory=list)
    pictures: list[vp8.Picture | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = os.urandom(28)
        self._inbound = srtp.Inbound(srtp.AEAD_AES_128_GCM, key)
        outbound = srtp.Outbound(srtp.AEAD_AES_128_GCM, key)
        produce = Produce(ProducerId("p"), TransportId("a"), "video", "0", [VP8], SENT, [Encoding(0)])
        self.asked: list[bytes] = []
        publisher = cast(Any, SimpleNamespace(feedback_ssrc=1, send_rtcp=self.asked.append))
        sender = Sender(cast(Any, self))
        self.producer = Producer(produce, publisher, sender, lambda event: None)
        self.receiver = Receiver(1, lambda packet: None)
        self.receiver.expect(self.producer)
        unused = SimpleNamespace(next_sequence=lambda ssrc: None, history=None)
        at = ("127.0.0.1", 9)
        transport = SimpleNamespace(connected=True, selected=at, outbound=outbound, subscriber=unused)
        consume = Consume(ConsumerId("c"), ProducerId("p"), TransportId("b"), 100, 101, VP8, "1", GOT)
        self.consumer = Consumer(consume, self.producer, cast(Any, transport))
        self.producer.add(self.consumer, self.now)

    def sendto(self, data: memoryview, address: object) -> int:
        packet = self._inbound.unprotect(bytes(data))
        assert packet is not None
        header = rtp.parse(packet)
        self.sent.append(header)
        self.pictures.append(vp8.parse(packet[header.payload_start : header.payload_end]))
        return len(data)

    def frame(self, temporal: int, *, key: bool = False, sync: bool = False, packets: int = 1) -> list[bytes]:
        """The next picture, not sent."""
        made = []
        self.frames += 1
        picture = 32_700 + self.frames & 0x7FFF  # wraps on the way
        for number in range(packets):
            word = temporal << 6 | (0x20 if sync else 0)
            start = 0x90 if number == 0 else 0x80
            descriptor = bytes([start, 0xE0, 0x80 | picture >> 8, picture & 0xFF, self.frames & 0xFF, word])
            self._sequence = getattr(self, "_sequence", 65_000) + 1
            payload = descriptor + bytes([0 if key else 1]) + b"picture"
            made.append(rtp.build(96, self._sequence & 0xFFFF, 3000 * self.frames, 1, payload, extensions={1: b"0"}))
        return made

    def send(self, packets: list[bytes]) -> None:
        for packet in packets:
            self.now += 0.001
            self.receiver.take(packet, self.now)

    def play(self, frames: int) -> None:
        """Frames in the usual pattern; sync nowhere."""
        for number in range(frames):
            self.send(self.frame(PATTERN[number % 4], packets=2))

    def want(self, temporal: int) -> None:
        self.consumer.max_temporal = temporal
        self.producer.select(self.consumer, self.now)

    def steps(self) -> list[int]:
        return [
            later.sequence - earlier.sequence & 0xFFFF for earlier, later in zip(self.sent, self.sent[1:], strict=False)
        ]

    def shown(self) -> list[int]:
        """Temporal layers of the pictures that went out, in order."""
        return [picture.temporal for picture in self.pictures if picture is not None and picture.starts]

    def ids(self) -> list[int]:
        numbers = dict.fromkeys(picture.picture_id for picture in self.pictures if picture is not None)
        return list(numbers)


def begun() -> Film:
    film = Film()
    film.send(film.frame(0, key=True))
    return film


def continuous(numbers: list[int]) -> bool:
    return numbers == [numbers[0] + n & 0x7FFF for n in range(len(numbers))]


def test_upper_temporal_layers_are_left_out_without_any_gap() -> None:
    film = begun()
    film.want(1)
    film.play(80)
    assert set(film.shown()) == {0, 1}
    assert len(film.shown()) == 41
    assert set(film.steps()) == {1}
    assert continuous(film.ids())


def test_nobody_is_asked_for_a_keyframe_when_only_temporal_layers_change() -> None:
    film = begun()
    film.asked.clear()
    film.want(0)
    film.play(8)
    film.want(2)
    film.now += 5
    film.producer.tick(film.now)
    assert not film.asked


def test_a_subscriber_goes_up_at_a_sync_point_only_and_its_numbers_go_on() -> None:
    film = begun()
    film.want(0)
    film.play(8)
    film.want(2)
    film.play(8)
    assert set(film.shown()) == {0}
    film.send(film.frame(0))
    film.send(film.frame(2, sync=True))  # a step too far: what follows builds on pictures it never had
    film.send(film.frame(1, sync=True))
    film.play(4)
    assert film.shown()[-6:] == [0, 1, 0, 2, 1, 2]
    assert set(film.steps()) == {1}
    assert continuous(film.ids())


def test_temporal_layer_zeros_numbers_do_not_jump_between_lanes() -> None:
    film = begun()
    before = film.pictures[-1]
    film.want(0)
    film.send(film.frame(0))
    after = film.pictures[-1]
    assert before is not None
    assert after is not None
    assert after.tl0 - before.tl0 == 1


def test_a_packet_that_was_lost_and_would_have_been_left_out_closes_its_gap_when_it_comes() -> None:
    film = begun()
    film.want(0)
    film.send(film.frame(0))
    late = film.frame(2)
    film.send(film.frame(0))
    film.send(late)
    film.send(film.frame(0))
    numbers = sorted(header.sequence - film.sent[0].sequence & 0xFFFF for header in film.sent)
    assert numbers == list(range(5))
    assert film.shown() == [0, 0, 0, 0]


def test_a_new_stream_of_the_track_begins_in_the_lane_that_was_wanted() -> None:
    film = begun()
    film.want(0)
    film.play(4)
    film._sequence += 20_000
    film.send(film.frame(0, key=True) + film.frame(0, key=True))
    film.play(8)
    assert set(film.shown()) == {0}
    assert set(film.steps()) == {1}
