"""A worker in this process with true peers around it: what the tests of its behaviour are made of."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from meetings.signaling.media import rtp
from meetings.signaling.media.process import InProcessWorker
from meetings.signaling.media.schema import (
    Codec,
    Consume,
    ConsumerId,
    Encoding,
    Event,
    HeaderExtensions,
    Kind,
    Produce,
    ProducerId,
    Ready,
    TransportId,
)
from meetings.signaling.media.stun import Address
from meetings.signaling.media.worker import WorkerConfig
from tests.load.rtclient import RtClient, join

OPUS = Codec(111, "audio/opus", 48_000)
OPUS_RED = Codec(111, "audio/opus", 48_000, red_payload_type=63)
VP8 = Codec(96, "video/vp8", 90_000, 97)
SENT = HeaderExtensions(mid=1, rid=2, repaired_rid=3, audio_level=4, transport_cc=5)
GOT = HeaderExtensions(mid=1, abs_send_time=3)
SIMULCAST = [Encoding(0, "q"), Encoding(1, "h"), Encoding(2, "f")]

LOOPBACK = WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"])

E = TypeVar("E")


async def eventually(condition: Callable[[], object], missing: str, seconds: float = 20.0) -> None:
    """Wait until a condition holds; say what is missing when it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"after {seconds} s still missing: {missing}") from None


class Rig:
    """One worker, its events, and peers by name."""

    def __init__(self, config: WorkerConfig = LOOPBACK) -> None:
        self.events: list[Event] = []
        self.link = InProcessWorker(config)
        self.peers: dict[str, RtClient] = {}
        self.ready: Ready

    async def start(self) -> None:
        self.ready = await self.link.start(self.events.append, lambda reason: None)

    async def stop(self) -> None:
        for peer in self.peers.values():
            peer.close()
        await self.link.close()

    async def peer(
        self, name: str, *, sctp_port: int = 0, channels: Sequence[str] = (), client: RtClient | None = None
    ) -> RtClient:
        """A connected peer on transport `name`."""
        opened: list[tuple[str, bool, int | None]] = [(label, True, None) for label in channels]
        remote = self.ready.candidates[0]
        peer = await join(
            self.link, name, remote, self.ready.fingerprint, sctp_port=sctp_port, open_channels=opened, client=client
        )
        self.peers[name] = peer
        return peer

    async def come(self, name: str, peer: RtClient, remote: Address) -> RtClient:
        """A peer that comes its own way."""
        self.peers[name] = await join(self.link, name, remote, self.ready.fingerprint, client=peer)
        return peer

    def produce(
        self,
        name: str,
        transport: str,
        kind: Kind = "audio",
        encodings: Sequence[Encoding] = (Encoding(0),),
        mid: str = "0",
        *,
        codec: Codec | None = None,
    ) -> None:
        """A track `name` of the peer `transport`."""
        codec = codec or (OPUS if kind == "audio" else VP8)
        producer, owner = ProducerId(name), TransportId(transport)
        self.link.send(Produce(producer, owner, kind, mid, [codec], SENT, list(encodings)))

    def consume(
        self,
        name: str,
        producer: str,
        transport: str,
        ssrc: int,
        *,
        rtx: bool = True,
        top: int = 2,
        codec: Codec | None = None,
    ) -> None:
        """Subscribe the peer `transport` to a track."""
        video = producer.startswith("video")
        self.link.send(
            Consume(
                ConsumerId(name),
                ProducerId(producer),
                TransportId(transport),
                ssrc,
                ssrc + 1 if rtx and video else 0,
                codec or (VP8 if video else OPUS),
                "7",
                GOT,
                max_spatial=top,
            )
        )

    def told(self, kind: type[E]) -> list[E]:
        """Events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def settle(self) -> None:
        """Until a check is answered after everything sent before it, which the worker has then read."""
        for peer in self.peers.values():
            await self._answered(peer)

    async def _answered(self, peer: RtClient) -> None:
        before = peer.answers
        peer.check()
        await eventually(lambda: peer.answers > before, "an answer to a check")


def media(peer: RtClient, ssrc: int) -> list[rtp.Header]:
    """Headers of what a peer got under an SSRC, in order of arrival."""
    return [header for header in map(rtp.parse, peer.packets) if header.ssrc == ssrc]


def payloads(peer: RtClient, ssrc: int) -> list[bytes]:
    """Payloads of what a peer got under an SSRC."""
    found = []
    for packet in peer.packets:
        header = rtp.parse(packet)
        if header.ssrc == ssrc:
            found.append(packet[header.payload_start : header.payload_end])
    return found


class Camera:
    """One simulcast layer's packets, as a browser sends them."""

    def __init__(self, peer: RtClient, ssrc: int, *, rid: str = "", sequence: int = 100, picture: int = 1000) -> None:
        self.peer = peer
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = ssrc * 1000
        self.picture = picture
        self._extensions = {1: b"0", 2: rid.encode()} if rid else {1: b"0"}

    def frame(self, *, key: bool = False, packets: int = 1) -> None:
        """Send the next frame."""
        self.picture += 1
        self.timestamp += 3000
        for number in range(packets):
            self.peer.send_rtp(self.packet(key=key, first=number == 0, last=number == packets - 1))

    def packet(self, *, key: bool = False, first: bool = True, last: bool = True) -> bytes:
        """The next packet, not sent."""
        descriptor = bytes([0x90 if first else 0x80, 0xC0]) + struct.pack("!HB", 0x8000 | self.picture & 0x7FFF, 9)
        payload = descriptor + bytes([0 if key else 1]) + b"%d/%d" % (self.ssrc, self.sequence)
        packet = rtp.build(
            96,
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
            payload,
            marker=last,
            extensions=self._extensions,
        )
        self.sequence += 1
        return packet

    def padding(self) -> bytes:
        """A padding-only packet, not sent."""
        packet = rtp.build(
            96, self.sequence & 0xFFFF, self.timestamp, self.ssrc, bytes(9) + b"\x0a", extensions=self._extensions
        )
        self.sequence += 1
        return bytes([packet[0] | 0x20]) + packet[1:]


def opus(number: int, *, ssrc: int = 500, level: int = 25, mid: bytes = b"0") -> bytes:
    """One packet of a microphone."""
    return rtp.build(
        111, number & 0xFFFF, 960 * number, ssrc, b"opus %d" % number, extensions={1: mid, 4: bytes([level])}
    )
