"""Media over TCP: peers come by it and go on as others do; strangers and slow readers cost little."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from meetings.signaling.media import stun, tcp
from meetings.signaling.media.schema import CloseTransport, TransportConnected, TransportId
from meetings.signaling.media.stun import StreamAddress
from meetings.signaling.media.worker import WorkerConfig
from tests.unit.signaling.media.rig import Camera, Rig, eventually, media, opus, payloads
from tests.unit.signaling.media.stream_peer import StreamPeer

CONFIG = WorkerConfig(udp_port=0, tcp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"])


@asynccontextmanager
async def worker() -> AsyncIterator[Rig]:
    rig = Rig(CONFIG)
    await rig.start()
    try:
        yield rig
    finally:
        await rig.stop()


async def test_a_publisher_and_a_subscriber_over_tcp_are_in_the_room_like_any_other() -> None:
    async with worker() as rig:
        [address] = rig.ready.tcp_candidates
        publisher = await rig.come("publisher", StreamPeer(), address)
        by_tcp = await rig.come("by-tcp", StreamPeer(), address)
        by_udp = await rig.peer("by-udp")
        rig.produce("audio", "publisher")
        rig.consume("a", "audio", "by-tcp", 100)
        rig.consume("b", "audio", "by-udp", 200)
        await eventually(lambda: len(rig.told(TransportConnected)) == 3, "three connected transports")
        for number in range(20):
            publisher.send_rtp(opus(number))
        for peer, ssrc in ((by_tcp, 100), (by_udp, 200)):
            await eventually(lambda p=peer, s=ssrc: len(media(p, s)) == 20, "all sound")  # type: ignore[misc]
            assert payloads(peer, ssrc) == [b"opus %d" % number for number in range(20)]


async def test_a_peer_that_connects_again_goes_on_with_its_keys() -> None:
    async with worker() as rig:
        peer = await rig.come("peer", StreamPeer(), rig.ready.tcp_candidates[0])
        source = await rig.peer("source")
        rig.produce("audio", "source")
        rig.consume("a", "audio", "peer", 100)
        source.send_rtp(opus(1))
        await eventually(lambda: media(peer, 100), "sound over the first connection")
        loop = asyncio.get_running_loop()
        loop.remove_reader(peer.socket.fileno())
        peer.socket.close()
        await asyncio.sleep(0.05)
        source.send_rtp(opus(2))  # nowhere to send it: lost, and nothing breaks
        peer.socket = socket.socket()
        peer.check()
        await eventually(lambda: peer.answers > 1, "an answer over the second connection")
        source.send_rtp(opus(3))
        await eventually(lambda: b"opus 3" in payloads(peer, 100), "sound over the second connection")


async def test_closing_a_transport_closes_its_connection() -> None:
    async with worker() as rig:
        peer = await rig.come("peer", StreamPeer(), rig.ready.tcp_candidates[0])
        rig.link.send(CloseTransport(TransportId("peer")))
        await eventually(lambda: peer.closed_by_peer, "the end of the connection")


async def test_a_reader_that_stops_loses_pictures_before_sound_and_harms_nobody() -> None:
    async with worker() as rig:
        source = await rig.peer("source")
        slow = await rig.come("slow", StreamPeer(), rig.ready.tcp_candidates[0])
        quick = await rig.peer("quick")
        for name, kind, mid in (("video", "video", "0"), ("audio", "audio", "1")):
            rig.produce(name, "source", kind, mid=mid)  # type: ignore[arg-type]  # two of the kinds there are
            rig.consume(f"slow-{name}", name, "slow", 100 if kind == "video" else 300)
        rig.consume("quick-video", "video", "quick", 200)
        asyncio.get_running_loop().remove_reader(slow.socket.fileno())  # from now on it reads nothing
        camera = Camera(source, 1, rid="")
        camera.frame(key=True)
        for round_ in range(40):
            for _ in range(50):
                source.send_rtp(camera.packet(first=False, last=False) + bytes(1000))
            source.send_rtp(opus(round_, mid=b"1"))
            answers = quick.answers
            quick.check()
            await eventually(lambda before=answers: quick.answers > before, "an answer")  # type: ignore[misc]
        await eventually(lambda: len(media(quick, 200)) == 2001, "every picture's packet at the other")
        asyncio.get_running_loop().add_reader(slow.socket.fileno(), slow._readable)
        await eventually(lambda: len(media(slow, 300)) == 40, "all sound, late")
        assert len(media(slow, 100)) * 1000 < 1_000_000, "half of the pictures and more were left out"


# ------------------------------------------------------------------------------------------------- framing


class Frames:
    """A listener of its own, and what came out of it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.closed: list[StreamAddress] = []
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        self.address = sock.getsockname()
        self.listener = tcp.Listener([sock], lambda datagram, stream: self.taken.append(datagram), self.closed.append)
        self.peers: list[socket.socket] = []

    def connect(self) -> socket.socket:
        peer = socket.create_connection(self.address)
        peer.setblocking(False)
        self.peers.append(peer)
        return peer

    async def accepted(self, count: int) -> tcp.Stream:
        await eventually(lambda: len(self.listener.streams) >= count, f"{count} accepted connections")
        return list(self.listener.streams.values())[-1]


@contextlib.contextmanager
def frames() -> Iterator[Frames]:
    made = Frames()
    yield made
    made.listener.close()
    for peer in made.peers:
        peer.close()


def frame(datagram: bytes) -> bytes:
    return len(datagram).to_bytes(2, "big") + datagram


CHECK = stun.binding_request(bytes(12), "a:b", "password", priority=1, tie_breaker=1, nominate=True)


async def hung_up(peer: socket.socket) -> None:
    def over() -> bool:
        try:
            return peer.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    await eventually(over, "the end of the connection")


async def test_frames_are_read_however_they_are_cut() -> None:
    with frames() as wire:
        peer = wire.connect()
        (await wire.accepted(1)).known = True
        datagrams = [bytes([0x90]) + os.urandom(random.Random(n).randrange(12, 1200)) for n in range(50)]
        stream = b"".join(map(frame, datagrams))
        cut = random.Random(7)
        while stream:
            size = cut.choice([1, 1, 2, 3, 500, 2000])
            peer.send(stream[:size])
            stream = stream[size:]
            await asyncio.sleep(0)
        await eventually(lambda: len(wire.taken) == 50, "all datagrams")
        assert wire.taken == datagrams


@pytest.mark.parametrize("size", [0, 1, 11, 2049, 65_535])
async def test_a_frame_of_impossible_size_ends_the_connection(size: int) -> None:
    with frames() as wire:
        peer = wire.connect()
        peer.send(frame(CHECK) + size.to_bytes(2, "big") + bytes(3000))
        await hung_up(peer)
        assert wire.taken == [CHECK]


async def test_a_stranger_may_send_nothing_but_checks() -> None:
    with frames() as wire:
        for first in (0x14, 0x16, 0x90, 0xFF):
            peer = wire.connect()
            peer.send(frame(bytes([first]) + bytes(50)))
            await hung_up(peer)
        assert wire.taken == []


async def test_a_stranger_may_not_try_for_ever() -> None:
    with frames() as wire:
        peer = wire.connect()
        peer.send(frame(CHECK) * 100)
        await hung_up(peer)
        assert len(wire.taken) == tcp.STRANGER_FRAMES


async def test_random_bytes_neither_get_through_nor_break_anything() -> None:
    with frames() as wire:
        for seed in range(200):
            peer = wire.connect()
            junk = random.Random(seed).randbytes(400)
            with contextlib.suppress(OSError):
                peer.send(junk)
                peer.shutdown(socket.SHUT_WR)
            await hung_up(peer)
        assert all(datagram[0] < 4 for datagram in wire.taken)
        assert not wire.listener.streams


async def test_one_host_may_have_few_strangers_and_they_make_room_when_known() -> None:
    with frames() as wire:
        for _ in range(tcp.STRANGERS_A_HOST):
            wire.connect()
        await wire.accepted(tcp.STRANGERS_A_HOST)
        await hung_up(wire.connect())
        next(iter(wire.listener.streams.values())).known = True
        wire.connect()
        await wire.accepted(tcp.STRANGERS_A_HOST + 1)


async def test_time_runs_out_for_strangers_the_silent_and_those_who_do_not_read() -> None:
    with frames() as wire:
        peer = wire.connect()
        stream = await wire.accepted(1)
        now = asyncio.get_running_loop().time()
        assert not stream.overdue(now + tcp.STRANGER_SECONDS - 1)
        assert stream.overdue(now + tcp.STRANGER_SECONDS + 1)
        stream.known = True
        assert not stream.overdue(now + tcp.IDLE_SECONDS - 1)
        assert stream.overdue(now + tcp.IDLE_SECONDS + 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(BlockingIOError):
            while True:
                stream.send(bytes([0x16]) + bytes(1199))
        assert stream.waiting <= tcp.ALL_BYTES
        assert stream.overdue(asyncio.get_running_loop().time() + tcp.STALLED_SECONDS + 1)
