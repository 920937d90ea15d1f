"""A shared screen begins in a room of sixty, all of whom ask for keyframes: nobody's sound stops, nor its publisher."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field

import pytest

from meetings.signaling.media import rtcp, rtp
from meetings.signaling.media.dtls import Certificate
from meetings.signaling.media.process import ProcessWorker
from meetings.signaling.media.schema import (
    Codec,
    Consume,
    ConsumerId,
    Encoding,
    HeaderExtensions,
    Produce,
    ProducerId,
    Ready,
    TransportId,
)
from meetings.signaling.media.worker import WorkerConfig
from tests.load.rtclient import RtClient, join
from tests.unit.signaling.media.rig import GOT, OPUS, SENT, VP8, eventually

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

POINTS = 60
SOUND, SCREEN = 10, 20  # SSRCs at every point
KEYFRAME_PACKETS, FRAME_PACKETS = 60, 3
BEFORE_SECONDS, SHARED_SECONDS = 1.0, 5.0
LONGEST_GAP = 0.5  # seconds; a listener here shares one process with 59 others and the publishers


class Point(RtClient):
    """Remembers when each packet of sound came, and whether the screen did."""

    def __init__(self) -> None:
        super().__init__(CERTIFICATE)
        self.sound: list[tuple[float, int, int]] = []  # when, sequence number, which word
        self.screen = 0

    def _take_rtp(self, data: bytes) -> None:
        super()._take_rtp(data)
        for packet in self.packets:
            header = rtp.parse(packet)
            if header.ssrc == SOUND:
                word = int.from_bytes(packet[header.payload_start :][:4], "big")
                self.sound.append((time.monotonic(), header.sequence, word))
            elif header.ssrc == SCREEN:
                self.screen += 1
        self.packets.clear()
        self.wire.clear()

    def longest_gap(self) -> float:
        return max(later[0] - earlier[0] for earlier, later in itertools.pairwise(self.sound))

    def lost(self) -> int:
        steps = [later[1] - earlier[1] & 0xFFFF for earlier, later in itertools.pairwise(self.sound)]
        return sum(steps) - len(steps)


class Presenter(RtClient):
    """Sends a screen, and remembers when it was asked for a keyframe."""

    def __init__(self) -> None:
        super().__init__(CERTIFICATE)
        self.asked: list[float] = []
        self.sequence = 0

    def _take_rtcp(self, data: bytes) -> None:
        super()._take_rtcp(data)
        self.asked += [time.monotonic() for report in self.reports if isinstance(report, rtcp.KeyframeRequest)]
        self.reports.clear()

    def frame(self, *, key: bool) -> None:
        """As Chromium shares a screen: a keyframe is long."""
        count = KEYFRAME_PACKETS if key else FRAME_PACKETS
        for number in range(count):
            descriptor = bytes([0x90 if number == 0 else 0x80, 0x80, 0x80, 1, 0 if key else 1])
            self.sequence += 1
            payload = descriptor.ljust(1_000, b"\x55")
            timestamp = int(time.monotonic() * 90_000) & 0xFFFFFFFF
            self.send_rtp(
                rtp.build(96, self.sequence, timestamp, 7, payload, marker=number == count - 1, extensions={1: b"0"})
            )


CERTIFICATE = Certificate()


@dataclass
class Hall:
    """One speaker, one presenter, sixty points."""

    link: ProcessWorker
    ready: Ready
    speaker: RtClient
    presenter: Presenter
    points: list[Point] = field(default_factory=list)
    spoken: int = 0
    answered: int = 0

    def consume(self, producer: str, ssrc: int, codec: Codec) -> None:
        """Everybody subscribes at once."""
        for number in range(len(self.points)):
            name = f"{producer}>{number}"
            self.link.send(
                Consume(
                    ConsumerId(name), ProducerId(producer), TransportId(f"point-{number}"), ssrc, 0, codec, "1", GOT
                )
            )

    def speak(self) -> None:
        self.spoken += 1
        sequence = self.spoken & 0xFFFF
        extensions = {1: b"0", 4: b"\x19"}
        word = self.spoken.to_bytes(4, "big") + bytes(76)
        self.speaker.send_rtp(rtp.build(111, sequence, 960 * self.spoken, 5, word, extensions=extensions))

    async def go_on(self, seconds: float, *, screen: bool) -> None:
        """Sound every 20 ms, a frame every 100 ms; keyframes when asked for, which everybody does all the time."""
        began, step = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            self.speak()
            if screen and step % 5 == 0:
                due = len(self.presenter.asked) > self.answered
                self.answered = len(self.presenter.asked)
                self.presenter.frame(key=due)
            if screen and step % 10 == 0:
                for point in self.points:
                    point.send_rtcp(rtcp.pli(1, SCREEN))
            step += 1
            await asyncio.sleep(max(0.0, began + 0.02 * step - time.monotonic()))


async def filled(link: ProcessWorker, ready: Ready) -> Hall:
    remote, fingerprint = ready.candidates[0], ready.fingerprint
    speaker, presenter = RtClient(CERTIFICATE), Presenter()
    hall = Hall(link, ready, speaker, presenter)
    await join(link, "speaker", remote, fingerprint, client=speaker)
    await join(link, "presenter", remote, fingerprint, client=presenter)
    sound, screen = ProducerId("sound"), ProducerId("screen")
    link.send(Produce(sound, TransportId("speaker"), "audio", "0", [OPUS], SENT, [Encoding(0)]))
    link.send(Produce(screen, TransportId("presenter"), "video", "0", [VP8], HeaderExtensions(mid=1), [Encoding(0)]))
    for number in range(POINTS):
        hall.points.append(Point())
        await join(link, f"point-{number}", remote, fingerprint, client=hall.points[-1])
    return hall


async def test_nobodys_sound_stops_when_a_screen_is_shared_in_a_room_of_sixty() -> None:
    link = ProcessWorker(WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"]))
    hall = await filled(link, await link.start(lambda event: None, print))
    try:
        hall.consume("sound", SOUND, OPUS)
        await hall.go_on(BEFORE_SECONDS, screen=False)
        await eventually(lambda: all(point.sound for point in hall.points), "sound at every point")
        hall.presenter.frame(key=True)
        hall.consume("screen", SCREEN, VP8)
        await hall.go_on(SHARED_SECONDS, screen=True)
        await eventually(lambda: all(point.sound[-1][2] == hall.spoken for point in hall.points), "the last word")
    finally:
        for peer in [hall.speaker, hall.presenter, *hall.points]:
            peer.close()
        await link.close()
    gaps = sorted(point.longest_gap() for point in hall.points)
    asked = hall.presenter.asked
    print(f"longest gaps in the sound: median {gaps[30] * 1000:.0f} ms, worst {gaps[-1] * 1000:.0f} ms")
    print(f"keyframes asked for: {len(asked)} in {SHARED_SECONDS:.0f} s by {POINTS} points")
    assert [point.lost() for point in hall.points] == [0] * POINTS
    assert gaps[-1] < LONGEST_GAP
    assert all(point.screen > KEYFRAME_PACKETS for point in hall.points)
    assert 2 <= len(asked) <= SHARED_SECONDS + 2
    assert all(later - earlier > 0.8 for earlier, later in itertools.pairwise(asked))
