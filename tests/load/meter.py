"""One turn of a comparison: a server under known streams, and what its receivers saw."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meetings.signaling.media import rtcp, rtp
from tests.load import machine, sdp
from tests.load.counting import Arrivals, Counter, Sweeper
from tests.load.rooms import Room, room_on
from tests.load.rtclient import RtClient
from tests.load.sdp import Incoming, Sent
from tests.reference.servers import Server

_KEYFRAME_SECONDS = 2.0
_KEYFRAME_PACKETS = 30
_NACK_SHARE = 0.005
_REPORT_SECONDS = 1.0
_SWEEP_SECONDS = 0.1
_WARM_SECONDS = 1.5
_PATIENCE_SECONDS = 30.0
_JOIN_AT_ONCE = 10
_REMB = 100_000_000
_MARK = b"\xc0\xde"  # begins what stands behind the descriptor and the frame's header: our number of the packet


_ties = itertools.count()
_turns = itertools.count()


@dataclass(frozen=True)
class Source:
    """What one track sends: `frames` a second, each in so many packets. Sound is a frame of one small packet."""

    kind: str
    frames: int
    packets: int
    size: int


SOUND = Source("audio", 50, 1, 80)


def picture(frames: int, packets: int, size: int = 1100) -> Source:
    """A picture in one layer."""
    return Source("video", frames, packets, size)


@dataclass(frozen=True)
class Scenario:
    """Who sends what, by name of the publisher, and how many receive it all, each but its own."""

    name: str
    sends: dict[str, list[Source]]
    receivers: int
    together: bool = False  # publishers are receivers too, the first ones

    def receiver(self, number: int) -> str:
        """Its name."""
        publishers = list(self.sends)
        return publishers[number] if self.together and number < len(publishers) else f"receiver-{number}"


def room_of(name: str, publishers: int, receivers: int, frames: int, packets: int) -> Scenario:
    """Every publisher sends a picture and its sound; where there are several they are the receivers, too."""
    sends = {f"publisher-{number}": [SOUND, picture(frames, packets)] for number in range(publishers)}
    return Scenario(name, sends, receivers, together=publishers > 1)


@dataclass(frozen=True)
class Figures:
    """What one turn found."""

    forwarded: int
    cpu: float
    per_cpu_second: float
    p50_ms: float
    p99_ms: float
    key_p50_ms: float
    key_p99_ms: float
    loss: float
    again: int  # packets that came again because they were asked for
    memory: int
    pause_p99_ms: float
    pause_most_ms: float

    @staticmethod
    def heading(scenario: str, server: str) -> str:
        names = f"{'packets':>8} {'CPU s':>6} {'per CPU s':>10} {'p50 ms':>7} {'p99':>6} {'key p50':>8} {'p99':>6}"
        return f"{scenario:8} {server:16} {names} {'lost':>8} {'again':>6} {'MiB':>5} {'pauses p99/most ms':>19}"

    def line(self, scenario: str, server: str) -> str:
        numbers = (
            f"{self.forwarded:8} {self.cpu:6.2f} {self.per_cpu_second:10,.0f} {self.p50_ms:7.2f} {self.p99_ms:6.1f}"
        )
        numbers += f" {self.key_p50_ms:8.2f} {self.key_p99_ms:6.1f} {self.loss:8.4%} {self.again:6}"
        pauses = f"{self.pause_p99_ms:.1f} / {self.pause_most_ms:.0f}"
        return f"{scenario:8} {server:16} {numbers} {self.memory / (1 << 20):5.0f} {pauses:>19}"


class Stream:
    """One track on its way in: its numbers, and when each packet was sent."""

    def __init__(
        self, index: int, owner: str, client: RtClient, track: Sent, source: Source, wide: Iterator[int]
    ) -> None:
        self.index = index
        self.owner = owner
        self.client = client
        self.track = track
        self.source = source
        self.video = track.kind == "video"
        self.sent_at: list[int] = []  # nanoseconds, by number
        self.key: list[bool] = []
        self._picture = 0
        self._wide = wide  # transport-wide numbers, over all streams of the publisher
        self._extensions = {sdp.MID_ID: track.mid.encode()}

    def sound(self) -> None:
        self._send(b"\x78" + self._number(), self._picture * 960, False, marker=False)
        self._picture += 1

    def frame(self, *, key: bool) -> None:
        count = min(_KEYFRAME_PACKETS, 4 * self.source.packets) if key else self.source.packets
        timestamp = self._picture * 90_000 // self.source.frames
        for index in range(count):
            payload = self._descriptor(index == 0, key) + self._number()
            self._send(payload.ljust(self.source.size, b"\x55"), timestamp, key, marker=index == count - 1)
        self._picture += 1

    def _descriptor(self, first: bool, key: bool) -> bytes:
        """RFC 7741 section 4.2 with 15-bit picture ids, and the frame's header in front of its first packet."""
        picture = struct.pack("!BBH", 0x90 if first else 0x80, 0x80, 0x8000 | self._picture & 0x7FFF)
        if not first:
            return picture
        return picture + (b"\x10\x00\x00\x9d\x01\x2a\x00\x05\xd0\x02" if key else b"\x11\x00\x00")

    def _number(self) -> bytes:
        return _MARK + struct.pack("!HI", self.index, len(self.sent_at))

    def _send(self, payload: bytes, timestamp: int, key: bool, *, marker: bool) -> None:
        number = len(self.sent_at)
        if not self.video:
            payload = payload.ljust(self.source.size, b"\x55")
        kind = sdp.VIDEO_TYPE if self.video else sdp.AUDIO_TYPE
        extensions = {**self._extensions, sdp.TRANSPORT_CC_ID: struct.pack("!H", next(self._wide) & 0xFFFF)}
        packet = rtp.build(
            kind,
            number & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self.track.ssrc,
            payload,
            marker=marker,
            extensions=extensions,
        )
        self.key.append(key)
        self.sent_at.append(time.time_ns())
        self.client.send_rtp(packet)


class Receiver:
    """A peer that counts. Which of its SSRCs carries which stream it learns by reading the first packets."""

    def __init__(self, client: RtClient, incoming: list[Incoming], streams: list[Stream]) -> None:
        self.client = client
        self.streams = streams
        self.rtx_types = {one.rtx_payload_type for one in incoming if one.rtx_payload_type is not None}
        self.offsets: dict[int, tuple[Stream, int]] = {}  # by SSRC: outgoing number minus ours
        self.counter: Counter | None = None

    def learn(self) -> bool:
        """Read what came; True when every stream is known."""
        for packet in self.client.packets:
            header = rtp.parse(packet)
            at = packet.find(_MARK, header.payload_start, header.payload_start + 32)
            if at < 0 or header.ssrc in self.offsets or header.payload_type in self.rtx_types:
                continue
            index, number = struct.unpack_from("!HI", packet, at + 2)
            stream = next(one for one in self.streams if one.index == index)
            self.offsets[header.ssrc] = (stream, header.sequence - number & 0xFFFF)
        self.client.packets.clear()
        self.client.wire.clear()
        return len(self.offsets) == len(self.streams)

    def count(self) -> None:
        """From now on headers only."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.client.socket.fileno())
        self.counter = Counter(self.client.socket)

    def report(self) -> None:
        """A receiver report, an estimate, and a check that keeps the way open."""
        reports = [
            rtcp.Report(ssrc, 0, 0, offset + len(stream.sent_at) - 1 & 0xFFFF, 30, 0, 0)
            for ssrc, (stream, offset) in self.offsets.items()
        ]
        pictures = [ssrc for ssrc, (stream, _) in self.offsets.items() if stream.video]
        report = rtcp.receiver_report(rtcp.ReceiverReport(1, tuple(reports[:31])))
        self.client.send_rtcp(report + remb(1, _REMB, pictures))
        self.client.check()

    def ask_again(self, stream: Stream) -> None:
        """One packet of the last second or so is said to be lost."""
        for ssrc, (one, offset) in self.offsets.items():
            if one is stream:
                self.client.send_rtcp(
                    rtcp.nack(1, ssrc, [len(stream.sent_at) - random.randrange(5, 60) + offset & 0xFFFF])
                )


def remb(sender: int, bitrate: int, ssrcs: list[int]) -> bytes:
    """Receiver Estimated Maximum Bitrate (draft-alvestrand-rmcat-remb section 2.2)."""
    exponent = max(0, bitrate.bit_length() - 18)
    body = struct.pack("!II4sI", sender, 0, b"REMB", len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent)
    body += b"".join(struct.pack("!I", ssrc) for ssrc in ssrcs)
    return struct.pack("!BBH", 0x8F, 206, len(body) // 4) + body


@dataclass(frozen=True)
class Seen:
    """What a receiver got of one stream within the measured span."""

    delays_ms: NDArray[np.float64]
    key: NDArray[np.bool_]
    expected: int
    missing: int


def seen(arrivals: Arrivals, receiver: Receiver, spans: dict[int, tuple[int, int]]) -> Iterator[Seen]:
    """Arrivals sorted out by stream; numbers are told from each other within 2^15."""
    for ssrc, (stream, offset) in receiver.offsets.items():
        first, end = spans[stream.index]
        mine = arrivals.ssrc == ssrc
        numbers = (arrivals.sequence[mine] - offset - first + 0x8000 & 0xFFFF) - 0x8000 + first
        times = arrivals.at[mine]
        inside = (numbers >= first) & (numbers < end)
        numbers, where = np.unique(numbers[inside], return_index=True)
        sent = np.array(stream.sent_at, np.int64)[numbers]
        delays = (times[inside][where] - sent) / 1e6
        yield Seen(delays, np.array(stream.key, np.bool_)[numbers], end - first, end - first - len(numbers))


class Pump:
    """Sends all streams in step with the clock, lets the receivers speak, and sweeps their sockets."""

    def __init__(self, streams: list[Stream]) -> None:
        self.streams = streams
        self.receivers: list[Receiver] = []
        self.keyframe_seconds = 0.4  # until everybody has begun
        self.asking = False
        self._sweeper = Sweeper()
        self._due: list[tuple[float, int, Callable[[], float]]] = []  # a heap: when, a tie-breaker, what

    async def run(self) -> None:
        """Until cancelled."""
        start = time.monotonic()
        for index, stream in enumerate(self.streams):
            shift = index / len(self.streams)
            period = 1 / stream.source.frames
            act = self._video(stream, period) if stream.video else self._audio(stream, period)
            self._at(start + shift * period, act)
        self._at(start, self._sweep)
        self._at(start, self._report)
        while True:
            at, _, act = heapq.heappop(self._due)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            self._at(at + act(), act)

    def _at(self, at: float, act: Callable[[], float]) -> None:
        heapq.heappush(self._due, (at, next(_ties), act))

    def _audio(self, stream: Stream, period: float) -> Callable[[], float]:
        def act() -> float:
            stream.sound()
            return period

        return act

    def _video(self, stream: Stream, period: float) -> Callable[[], float]:
        last = -1000.0

        def act() -> float:
            nonlocal last
            now = time.monotonic()
            key = now - last >= self.keyframe_seconds
            last = now if key else last
            stream.frame(key=key)
            if self.asking:
                self._ask_again(stream)
            return period

        return act

    def _ask_again(self, stream: Stream) -> None:
        for receiver in self.receivers:
            if random.random() < _NACK_SHARE * stream.source.packets:
                receiver.ask_again(stream)

    def _sweep(self) -> float:
        for receiver in self.receivers:
            if receiver.counter is not None:
                receiver.counter.sweep(self._sweeper)
        return _SWEEP_SECONDS

    def _report(self) -> float:
        """One receiver after the other, each once a second."""
        if not self.receivers:
            return _REPORT_SECONDS / 10
        self.receivers[next(_turns) % len(self.receivers)].report()
        return _REPORT_SECONDS / len(self.receivers)


def _came_again(arrivals: Arrivals, receiver: Receiver, measured: NDArray[np.bool_]) -> int:
    """Retransmissions in streams of their own (RFC 4588), or the same packet once more."""
    apart = np.isin(arrivals.payload_type, list(receiver.rtx_types)) & measured
    plain = measured & ~apart
    names = arrivals.ssrc[plain] << 16 | arrivals.sequence[plain]
    return int(apart.sum()) + len(names) - len(np.unique(names))


async def measure(server: Server, scenario: Scenario, seconds: float) -> Figures:
    """Join, learn, warm up, measure, leave."""
    async with room_on(server) as room:
        streams: list[Stream] = []
        for name, sources in scenario.sends.items():
            streams += await _publish(room, name, len(streams), sources)
        pump = Pump(streams)
        task = asyncio.create_task(pump.run())
        try:
            await _join(room, pump, scenario)
            pump.keyframe_seconds, pump.asking = _KEYFRAME_SECONDS, True
            await _while(task, _WARM_SECONDS)
            return await _measured(server, pump, task, seconds)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _while(task: asyncio.Task[None], seconds: float) -> None:
    """Wait; what ends the pump ends this too."""
    await asyncio.wait([task], timeout=seconds)
    if task.done():
        task.result()


async def _publish(room: Room, name: str, index: int, sources: list[Source]) -> list[Stream]:
    tracks = [
        Sent(source.kind, f"{name}-{place}", str(place), 1000 + 10 * (index + place))
        for place, source in enumerate(sources)
    ]
    client, wide = await room.publish(name, tracks), itertools.count()
    pairs = zip(tracks, sources, strict=True)
    return [Stream(index + place, name, client, *pair, wide) for place, pair in enumerate(pairs)]


async def _join(room: Room, pump: Pump, scenario: Scenario) -> None:
    for first in range(0, scenario.receivers, _JOIN_AT_ONCE):
        together = range(first, min(first + _JOIN_AT_ONCE, scenario.receivers))
        joining = [_receiver(room, pump, list(scenario.sends), scenario.receiver(number)) for number in together]
        pump.receivers += await asyncio.gather(*joining)


async def _receiver(room: Room, pump: Pump, publishers: list[str], name: str) -> Receiver:
    wanted = [stream for stream in pump.streams if stream.owner != name]
    client, incoming = await room.subscribe(name, [one for one in publishers if one != name], len(wanted))
    receiver = Receiver(client, incoming, wanted)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not receiver.learn():
            await asyncio.sleep(0.05)
    receiver.count()
    return receiver


async def _measured(server: Server, pump: Pump, task: asyncio.Task[None], seconds: float) -> Figures:
    for receiver in pump.receivers:
        assert receiver.counter is not None
        receiver.counter.take()
    pids = server.pids()
    first = {stream.index: len(stream.sent_at) for stream in pump.streams}
    start, before = time.time_ns(), machine.cpu_seconds(pids)
    with machine.pauses() as paused:
        await _while(task, seconds)
    cpu, end = machine.cpu_seconds(pids) - before, time.time_ns()
    memory = machine.memory_bytes(pids)
    spans = {stream.index: (first[stream.index], len(stream.sent_at)) for stream in pump.streams}
    await _while(task, 4 * _SWEEP_SECONDS)  # what is on its way, and one more sweep
    return _figures(pump.receivers, spans, (start, end), cpu, memory, paused)


def _figures(
    receivers: list[Receiver],
    spans: dict[int, tuple[int, int]],
    within: tuple[int, int],
    cpu: float,
    memory: int,
    paused: machine.Pauses,
) -> Figures:
    streams, forwarded, again = [], 0, 0
    for receiver in receivers:
        assert receiver.counter is not None
        arrivals = receiver.counter.take()
        streams += list(seen(arrivals, receiver, spans))
        measured = (arrivals.at >= within[0]) & (arrivals.at < within[1])
        forwarded += int(measured.sum())
        again += _came_again(arrivals, receiver, measured)
    delays = np.concatenate([one.delays_ms for one in streams])
    key = np.concatenate([one.key for one in streams])
    p50, p99 = np.percentile(delays[~key], [50, 99])
    key_p50, key_p99 = np.percentile(delays[key], [50, 99]) if key.any() else (0.0, 0.0)
    expected = sum(one.expected for one in streams)
    loss = sum(one.missing for one in streams) / expected
    return Figures(
        forwarded,
        cpu,
        forwarded / cpu if cpu else 0.0,
        float(p50),
        float(p99),
        float(key_p50),
        float(key_p99),
        loss,
        again,
        memory,
        paused.p99_ms,
        paused.most_ms,
    )
