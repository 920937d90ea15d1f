"""How many packets the media worker forwards per CPU second: `python -m tests.load.forward`.

One publisher, many receivers, real sockets, handshakes and SRTP; receivers send reports and NACKs, the ring is filled.
Receivers do not read: what reached their sockets is counted by the kernel as drops (/proc/net/udp).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meetings.signaling.media import rtcp, rtp, srtp, vp8
from meetings.signaling.media.dtls import Certificate
from meetings.signaling.media.forward import Entry, Plan, Sender, make_plan
from meetings.signaling.media.process import ProcessWorker
from meetings.signaling.media.schema import (
    Codec,
    Consume,
    ConsumerId,
    Encoding,
    Event,
    HeaderExtensions,
    Ping,
    Pong,
    Produce,
    ProducerId,
    TransportId,
)
from meetings.signaling.media.stun import Address
from meetings.signaling.media.worker import WorkerConfig
from tests.load.rtclient import RtClient, join

GOAL = 50_000
NACK_SHARE = 0.005
PAYLOAD_TYPE, RTX_TYPE = 96, 97
PUBLISHED = HeaderExtensions(mid=1, transport_cc=2)
RECEIVED = HeaderExtensions(mid=1, abs_send_time=3)
KEYFRAME = bytes([0x90, 0xE0, 0x81, 0x00, 0x05, 0x21]) + bytes(8)
INTERFRAME = bytes([0x90, 0xE0, 0x81, 0x00, 0x05, 0x21, 0x01]) + bytes(8)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Reading:
    """Counters at one moment."""

    pong: Pong
    arrived: int
    user: float
    system: float


class Bench:
    """One worker with its publisher and receivers."""

    def __init__(self, receivers: int, size: int) -> None:
        self.count = receivers
        self.size = size
        self.link = ProcessWorker(WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"]))
        self.receivers: list[RtClient] = []
        self.offsets: list[int] = []
        self.sequence = random.randrange(0x8000)
        self.nacks = 0
        self._pongs: asyncio.Queue[Pong] = asyncio.Queue()

    async def __aenter__(self) -> Bench:
        ready = await self.link.start(self._event, print)
        remote, certificate = ready.candidates[0], Certificate()
        self.publisher = await join(self.link, "publisher", remote, ready.fingerprint, certificate=certificate)
        codec = Codec(PAYLOAD_TYPE, "video/vp8", 90_000, RTX_TYPE)
        self.link.send(
            Produce(ProducerId("p"), TransportId("publisher"), "video", "0", [codec], PUBLISHED, [Encoding(0)])
        )
        for index in range(self.count):
            name = f"receiver-{index}"
            client = await join(self.link, name, remote, ready.fingerprint, certificate=certificate)
            ssrc = 0x10000 + 2 * index
            self.link.send(
                Consume(
                    ConsumerId(name), ProducerId("p"), TransportId(name), ssrc, ssrc + 1, codec, str(index), RECEIVED
                )
            )
            self.receivers.append(client)
        await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in [self.publisher, *self.receivers]:
            client.close()
        await self.link.close()

    async def _begin(self) -> None:
        """Let everybody get the first keyframe, then stop reading."""
        async with asyncio.timeout(10):
            while not all(client.packets for client in self.receivers):
                self.send(KEYFRAME)
                await asyncio.sleep(0.1)
        newest = self.sequence - 1
        for client in self.receivers:
            self.offsets.append(rtp.parse(client.packets[-1]).sequence - newest)
            client.turn_deaf()

    def send(self, descriptor: bytes = INTERFRAME) -> None:
        """Publish one packet of the full size."""
        extensions = {1: b"0", 2: struct.pack("!H", self.sequence & 0xFFFF)}
        payload = descriptor.ljust(self.size - 24, b"\x55")
        sequence = self.sequence & 0xFFFF
        self.publisher.send_rtp(
            rtp.build(PAYLOAD_TYPE, sequence, sequence * 90, 0x1234, payload, extensions=extensions)
        )
        self.sequence += 1

    def feed_back(self, share: float) -> None:
        """One in `share` of what a receiver got is asked for again; each second a report and a consent check."""
        for index, client in enumerate(self.receivers):
            if random.random() < share:
                lost = self.sequence - random.randrange(5, 200) + self.offsets[index] & 0xFFFF
                client.send_rtcp(rtcp.nack(1, 0x10000 + 2 * index, [lost]))
                self.nacks += 1

    def report(self) -> None:
        """What a browser sends every second anyway."""
        for index, client in enumerate(self.receivers):
            report = rtcp.Report(0x10000 + 2 * index, 1, 10, self.sequence & 0xFFFF, 30, 0, 0)
            client.send_rtcp(rtcp.receiver_report(rtcp.ReceiverReport(1, (report,))))
            client.check()

    async def run(self, seconds: float, rate: int) -> None:
        """Publish at a steady rate, in bursts as frames are."""
        burst, start, sent, reported = 5, time.perf_counter(), 0, 0.0
        while (now := time.perf_counter() - start) < seconds:
            while sent < now * rate:
                for _ in range(burst):
                    self.send()
                self.feed_back(NACK_SHARE * burst)
                sent += burst
            if now - reported >= 1:
                reported = now
                self.report()
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.3)

    async def read(self) -> Reading:
        """All counters now."""
        self.link.send(Ping(0))
        pong = await asyncio.wait_for(self._pongs.get(), 10)
        fields = Path(f"/proc/{self.link.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ports = {client.port for client in self.receivers}
        return Reading(pong, drops(ports), int(fields[11]) / TICKS, int(fields[12]) / TICKS)

    def _event(self, event: Event) -> None:
        if isinstance(event, Pong):
            self._pongs.put_nowait(event)


def drops(ports: set[int]) -> int:
    """Datagrams the kernel dropped because these sockets' buffers were full."""
    total = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) in ports:
            total += int(fields[-1])
    return total


class _Straight:
    """One socket and nothing else."""

    def __init__(self, sock: socket.socket) -> None:
        self.sendto: Callable[[bytes | memoryview, Address], object] = sock.sendto

    def send_segments(self, data: memoryview, size: int, address: Address) -> list[int]:
        raise AssertionError("one packet at a time")


class _Nowhere:
    """A socket that takes no time."""

    def sendto(self, data: bytes | memoryview, address: Address) -> int:
        return len(data)

    def send_segments(self, data: memoryview, size: int, address: Address) -> list[int]:
        return []


def breakdown(size: int, subscribers: int = 50, rounds: int = 400) -> dict[str, float]:
    """Microseconds per forwarded packet in this process: all, without the kernel, and SRTP alone."""
    payload = INTERFRAME.ljust(size - 24, b"\x55")
    entries = [Entry(n, n * 90, 0, payload, n, vp8.parse(payload)) for n in range(3 * rounds)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target, socket.socket(type=socket.SOCK_DGRAM) as sock:
        target.bind(("127.0.0.1", 0))
        target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        sessions = [srtp.Outbound(srtp.AEAD_AES_128_GCM, os.urandom(28)) for _ in range(subscribers)]
        plans = [_plan(n, session, target.getsockname()) for n, session in enumerate(sessions)]
        all_of_it = _microseconds(Sender(_Straight(sock)), entries[:rounds], plans)
        without_send = _microseconds(Sender(_Nowhere()), entries[rounds : 2 * rounds], plans)
    return {"all": all_of_it, "kernel": all_of_it - without_send, "srtp": _protect_microseconds(size, 20_000)}


def _plan(number: int, outbound: srtp.Outbound, address: tuple[str, int]) -> Plan:
    return make_plan(
        payload_type=PAYLOAD_TYPE,
        ssrc=number + 1,
        mid=b"1",
        mid_id=1,
        send_time_id=3,
        sequence_offset=0,
        timestamp_offset=0,
        outbound=outbound,
        address=address,
    )


def _microseconds(sender: Sender, entries: list[Entry], plans: list[Plan]) -> float:
    start = time.process_time()
    for entry in entries:
        sender.fan_out(entry, plans)
    return (time.process_time() - start) * 1e6 / (len(entries) * len(plans))


def _protect_microseconds(size: int, rounds: int) -> float:
    outbound, buffer = srtp.Outbound(srtp.AEAD_AES_128_GCM, os.urandom(28)), srtp.Buffer()
    start = time.process_time()
    for n in range(rounds):
        struct.pack_into("!BBHII", buffer.data, 0, 0x80, 96, n & 0xFFFF, n, 1)
        buffer.length[0] = size
        srtp.protect_in_place(outbound.handle, buffer.pointer, buffer.length)
    return (time.process_time() - start) * 1e6 / rounds


async def measure(arguments: argparse.Namespace) -> float:
    """Run, print what was found, and return packets per CPU second."""
    async with Bench(arguments.receivers, arguments.size) as bench:
        await bench.run(2, arguments.rate)  # fills the ring
        before, nacks = await bench.read(), bench.nacks
        await bench.run(arguments.seconds, arguments.rate)
        after = await bench.read()
        nacks = bench.nacks - nacks
    out = after.pong.packets_out - before.pong.packets_out
    cpu = after.pong.cpu_seconds - before.pong.cpu_seconds
    user, system = after.user - before.user, after.system - before.system
    packets_in = after.pong.packets_in - before.pong.packets_in
    print(f"{arguments.receivers} receivers, {arguments.size} bytes, {bench.publisher.keys}")
    print(
        f"in {packets_in}, forwarded {out} ({nacks} asked for again), at the receivers {after.arrived - before.arrived}"
    )
    print(f"CPU {cpu:.2f} s: user {user:.2f}, system {system:.2f}; {cpu * 1e6 / out:.2f} us a packet")
    return out / cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receivers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--size", type=int, default=1100)
    parser.add_argument("--rate", type=int, default=500, help="packets a second published")
    arguments = parser.parse_args()
    figure = asyncio.run(measure(arguments))
    parts = breakdown(arguments.size)
    print(
        f"where a packet's time goes in the loop: {parts['all']:.2f} us, of it kernel {parts['kernel']:.2f}, "
        f"SRTP {parts['srtp']:.2f}, packing and the loop {parts['all'] - parts['kernel'] - parts['srtp']:.2f}"
    )
    print(f"{figure:,.0f} packets forwarded per CPU second (goal {GOAL:,})")
    return 0 if figure >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
