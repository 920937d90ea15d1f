"""Peers reach the worker over IPv6, and at each of its addresses, and are answered from there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meetings.signaling.media import sockets
from meetings.signaling.media.worker import Worker, WorkerConfig, WorkerError
from tests.load.rtclient import RtClient
from tests.unit.signaling.media.rig import Rig, eventually, opus, payloads
from tests.unit.signaling.media.stream_peer import DatagramPeer6, StreamPeer

EVERYWHERE = WorkerConfig(udp_port=0, tcp_port=0, announce=["127.0.0.1", "127.0.0.2", "::1"])


@asynccontextmanager
async def worker(config: WorkerConfig) -> AsyncIterator[Rig]:
    rig = Rig(config)
    await rig.start()
    try:
        yield rig
    finally:
        await rig.stop()


class StrictPeer(RtClient):
    """As browsers: what does not come from where it was sent to is not taken."""

    def open(self, host: str = "127.0.0.1") -> None:
        super().open(host)
        self.bound = False

    def transmit(self, datagram: bytes) -> None:
        if not self.bound:
            self.socket.connect(self.remote)  # the kernel then drops what comes from elsewhere
            self.bound = True
        self.socket.send(datagram)


async def hears(rig: Rig, peer: RtClient, name: str) -> None:
    source = await rig.peer(f"source of {name}")
    rig.produce(f"audio for {name}", f"source of {name}")
    rig.consume(name, f"audio for {name}", name, 100)
    for number in range(5):
        source.send_rtp(opus(number))
    await eventually(lambda: len(payloads(peer, 100)) == 5, f"sound at {name}")
    peer.send_rtp(opus(1))


@pytest.mark.parametrize("index", [0, 1])
async def test_answers_come_from_the_address_that_was_asked(index: int) -> None:
    async with worker(EVERYWHERE) as rig:
        peer = await rig.come("peer", StrictPeer(), rig.ready.candidates[index])
        await hears(rig, peer, "peer")


async def test_media_over_ipv6() -> None:
    async with worker(EVERYWHERE) as rig:
        assert rig.ready.candidates[2][0] == "::1"
        await hears(rig, await rig.come("udp", DatagramPeer6(), rig.ready.candidates[2]), "udp")
        await hears(rig, await rig.come("tcp", StreamPeer(socket.AF_INET6), rig.ready.tcp_candidates[2]), "tcp")


async def test_ipv6_alone() -> None:
    config = WorkerConfig(udp_port=0, tcp_port=0, udp_host="::1", announce=["::1"])
    async with worker(config) as rig:
        peer = await rig.come("peer", DatagramPeer6(), rig.ready.candidates[0])
        await eventually(peer.connected.is_set, "a connection")


async def test_an_address_of_a_family_that_it_does_not_listen_on_is_refused() -> None:
    lost = Worker(WorkerConfig(udp_port=0, udp_host="::1", announce=["127.0.0.1"]), lambda event: None)
    with pytest.raises(WorkerError, match=r"cannot be reached at 127\.0\.0\.1"):
        lost.start()


async def test_a_second_worker_cannot_share_the_port_unnoticed() -> None:
    async with worker(EVERYWHERE) as rig:
        second = Worker(WorkerConfig(udp_port=rig.ready.candidates[0][1], announce=["127.0.0.1"]), lambda event: None)
        with pytest.raises(WorkerError, match="cannot be used"):
            second.start()


async def test_a_taken_tcp_port_keeps_nobody_else_out(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = WorkerConfig(udp_port=0, tcp_port=taken.getsockname()[1], udp_host="127.0.0.1", announce=["127.0.0.1"])
        async with worker(config) as rig:
            assert rig.ready.tcp_candidates == []
            assert "Networks without UDP stay out" in caplog.text
            await rig.peer("peer")


async def test_one_number_in_both_families() -> None:
    found = sockets.bind(sockets.EVERYWHERE, 0)
    try:
        assert {sock.getsockname()[1] for sock in found.udp} == {found.number}
        assert found.reached_at("192.0.2.1")
        assert found.reached_at("2001:db8::1")
    finally:
        found.close()
    await asyncio.sleep(0)
