"""Subscribers behind lines of their own, at a worker with true sockets: each gets what its line carries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import rtcp, rtp
from meetings.signaling.media.estimate import ArrivalLog
from meetings.signaling.media.schema import (
    Consume,
    ConsumerId,
    ConsumerLayer,
    ConsumerStarved,
    Encoding,
    HeaderExtensions,
    ProducerId,
    TransportId,
)
from tests.load.rtclient import RtClient
from tests.unit.signaling.media.line import Line
from tests.unit.signaling.media.rig import OPUS, VP8, Camera, Rig, eventually, media, opus

NUMBERED = HeaderExtensions(mid=1, transport_cc=3)
SIZES = {0: 400, 1: 1_800, 2: 5_000}  # bytes a frame: 96, 430 and 1,200 kbit/s
FRAME_SECONDS = 1 / 30
SOUND, PICTURE = 7_000, 8_000


class Behind(RtClient):
    """A peer behind a line: what does not come through is not there, and what comes is reported as it came."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line
        self.sound = 0  # packets, whatever became of them on the line
        self._log = ArrivalLog()

    def _take_rtp(self, data: bytes) -> None:
        now = time.monotonic()
        super()._take_rtp(data)
        header = rtp.parse(self.packets[-1])
        self.sound += header.ssrc == SOUND
        arrival = self.line.carry(now, len(data))
        number = header.extensions.get(3)
        if arrival is not None and number is not None:
            self._log.arrived(int.from_bytes(number[:2], "big"), arrival)

    def feed_back(self) -> None:
        for packet in self._log.feedback(1, 2):
            self.send_rtcp(packet)


class Meeting:
    """One publisher with three layers and sound, and its subscribers, at the pace of a camera."""

    def __init__(self, rig: Rig, publisher: RtClient) -> None:
        self.rig, self.publisher = rig, publisher
        self.cameras = [Camera(publisher, 1_000 + spatial, rid=rid) for spatial, rid in enumerate("qhf")]
        self.subscribers: list[Behind] = []
        self.sounds = 0

    async def subscribe(self, name: str, line: Line, *, unthinned: bool = False) -> Behind:
        peer = Behind(line)
        await self.rig.come(name, peer, self.rig.ready.candidates[0])
        for kind, ssrc, codec in (("audio", SOUND, OPUS), ("video", PICTURE, VP8)):
            rtx = PICTURE + 1 if kind == "video" else 0
            to = (ConsumerId(f"{name}-{kind}"), ProducerId(kind), TransportId(name))
            self.rig.link.send(Consume(*to, ssrc, rtx, codec, "1", NUMBERED, unthinned=unthinned))
        self.subscribers.append(peer)
        return peer

    async def run(self) -> None:
        """Until cancelled."""
        begin, frames = time.monotonic(), 0
        while True:
            asked = {one.media_ssrc for one in self.publisher.reports if isinstance(one, rtcp.KeyframeRequest)}
            self.publisher.reports.clear()
            for spatial, camera in enumerate(self.cameras):
                self._frame(camera, SIZES[spatial], key=camera.ssrc in asked)
            self.sounds += 1
            self.publisher.send_rtp(opus(self.sounds, mid=b"1"))
            for peer in self.subscribers:
                peer.feed_back()
            frames += 1
            await asyncio.sleep(max(0.001, begin + frames * FRAME_SECONDS - time.monotonic()))

    def _frame(self, camera: Camera, size: int, *, key: bool) -> None:
        camera.picture += 1
        camera.timestamp += 3000
        count = -(-size // 1_000)
        for index in range(count):
            packet = camera.packet(key=key, first=index == 0, last=index == count - 1)
            self.publisher.send_rtp(packet + bytes(size // count - 20))

    def layer(self, name: str) -> int | None:
        told = [one.spatial for one in self.rig.told(ConsumerLayer) if one.consumer_id == f"{name}-video"]
        return told[-1] if told else None

    def starved(self, name: str) -> bool:
        told = [one.starved for one in self.rig.told(ConsumerStarved) if one.consumer_id == f"{name}-video"]
        return told[-1] if told else False


@pytest.fixture
async def meeting() -> AsyncIterator[Meeting]:
    rig = Rig()
    await rig.start()
    publisher = await rig.peer("publisher")
    rig.produce("video", "publisher", "video", [Encoding(0, "q"), Encoding(1, "h"), Encoding(2, "f")], mid="0")
    rig.produce("audio", "publisher", mid="1")
    made = Meeting(rig, publisher)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rig.stop()


async def test_each_gets_what_its_line_carries_and_all_the_sound(meeting: Meeting) -> None:
    thin = await meeting.subscribe("thin", Line(rate=280_000))
    good = await meeting.subscribe("good", Line())
    recorder = await meeting.subscribe("recorder", Line(rate=50_000), unthinned=True)
    await eventually(lambda: meeting.layer("good") == 2, "the best layer on a good line")
    await eventually(lambda: meeting.layer("thin") == 0, "the least layer on a thin line")
    assert meeting.layer("recorder") == 2  # whatever its line does to it
    thin.line.rate = 20_000
    await eventually(lambda: meeting.starved("thin"), "word that there is no room for a picture", 30)
    assert meeting.layer("good") == 2
    thin.line.rate = float("inf")
    await eventually(lambda: meeting.layer("thin") == 2, "the best layer once the line carries it", 60)
    assert not meeting.starved("thin")
    for peer in (thin, good, recorder):
        numbers = [header.sequence for header in media(peer, SOUND)]
        assert len(numbers) > 50
        assert (numbers[-1] - numbers[0] & 0xFFFF) == len(numbers) - 1  # none was held back or left out


async def test_no_number_is_ever_used_for_two_packets(meeting: Meeting) -> None:
    """Whatever was paced, dropped and begun again: under AES-GCM that would give the key away."""
    thin = await meeting.subscribe("thin", Line(rate=150_000))
    for rate in (150_000, 2_000_000, 60_000):
        thin.line.rate = rate
        await asyncio.sleep(1.5)
    sent: dict[tuple[int, int], bytes] = {}
    for packet in thin.packets:
        header = rtp.parse(packet)
        assert sent.setdefault((header.ssrc, header.sequence), packet) == packet
    assert len(sent) > 50
