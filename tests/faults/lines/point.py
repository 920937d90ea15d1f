"""A stock client at one end of the line: `python -m tests.faults.lines.point URL TOKEN WARM SECONDS`.

It publishes a tone and a moving picture, and measures what it gets of the other's. Prints JSON: `joined`, seconds it
took; `sound`, share of it that was heard as it was sent; `pictures` a second; `freeze`, the longest in seconds;
`played`, whether the client's own player ran.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from livekit import rtc

from tests import sdk_exit
from tests.sdk_exit import frames
from tests.senders import strength

SAMPLE_RATE = 48_000
WIDTH, HEIGHT, RATE = 960, 540, 15
HERTZ = 440
_HEARD = 0.03  # of full scale
_JOIN_SECONDS = 40.0
_DRAW_SECONDS = 40.0  # until the other one's picture is there
TRACE = "LINES_TRACE"  # a folder: both ends and the relay write there what they see each second
_TRACED = [
    "packets_lost",
    "packets_received",
    "frames_decoded",
    "key_frames_decoded",
    "frames_dropped",
    "nack_count",
]
_TRACED += ["pli_count", "jitter_buffer_target_delay", "jitter_buffer_emitted_count", "retransmitted_packets_received"]
_TRACED_SOUND = ["packets_lost", "packets_received", "packets_discarded", "total_samples_received", "concealed_samples"]
_TRACED_SOUND += ["fec_packets_received", "jitter_buffer_delay", "jitter_buffer_emitted_count"]
AS_OUR_PAGES = rtc.RoomOptions(single_peer_connection=False)  # a peer connection for each direction


class Point:
    """One participant, its senders and its measurements."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.voice = Voice()
        self.frames: list[float] = []
        self.heard: list[tuple[float, bool]] = []
        self.sound: Any = None
        self.picture: Any = None
        self._tasks: list[asyncio.Future[None]] = []
        self.room.on("track_subscribed", self._subscribed)

    async def publish(self) -> None:
        """A voice and a camera, as the stock client sends them."""
        camera = rtc.VideoSource(WIDTH, HEIGHT)
        self._keep(self.voice.hum())
        self._keep(_move(camera))
        local = self.room.local_participant
        await local.publish_track(
            self.voice.track(), rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=True)
        )
        picture = rtc.LocalVideoTrack.create_video_track("camera", camera)
        await local.publish_track(
            picture,
            rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA,
                simulcast=True,
                video_codec=rtc.VideoCodec.VP8,
                video_encoding=rtc.VideoEncoding(max_bitrate=900_000, max_framerate=RATE),
            ),
        )

    async def measure(self, warm: float, seconds: float) -> dict[str, float | bool]:
        """After `warm` seconds of what comes, so many of it."""
        deadline = time.monotonic() + _DRAW_SECONDS
        while (not self.frames or self.sound is None) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(warm)
        begin, before = time.monotonic(), await _samples(self.sound)
        await asyncio.sleep(seconds)
        end, after = time.monotonic(), await _samples(self.sound)
        heard = [tone for at, tone in self.heard if begin <= at < end]
        made_up = (after.made_up - before.made_up) / max(1, after.played - before.played)
        shown = [begin, *(at for at in self.frames if begin <= at < end), end]
        return {
            "sound": min(1.0 - made_up, sum(heard) / max(1, len(heard))) if heard else 0.0,
            "pictures": (len(shown) - 2) / (end - begin),
            "freeze": max(later - earlier for earlier, later in itertools.pairwise(shown)),
            "played": after.played > 0 or after.packets == 0,
        }

    def trace(self, who: str, joined: float) -> None:
        """Write down each second what the statistics of sound and picture say."""
        self._keep(self._trace(who, joined))

    async def _trace(self, who: str, joined: float) -> None:
        with trace_of(who).open("w", buffering=1) as out:
            print(f"joined after {joined:.1f} s", file=out)
            while True:
                await asyncio.sleep(1.0)
                shown = sum(at > time.monotonic() - 1.0 for at in self.frames)
                print(f"{time.monotonic():.1f} shown {shown} {await _inbound(self.picture, _TRACED)}", file=out)
                heard = [tone for at, tone in self.heard if at > time.monotonic() - 1.0]
                sound = await _inbound(self.sound, _TRACED_SOUND)
                gaps = sum(seconds for _, seconds in self.voice.gaps)
                print(f"{time.monotonic():.1f} heard {sum(heard)} of {len(heard)} gaps {gaps:.2f} {sound}", file=out)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    def _keep(self, work: Any) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    def _subscribed(self, track: Any, publication: Any, participant: Any) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self.sound = track
            self._keep(self._listen(track))
        else:
            self.picture = track
            self._keep(self._watch(track))

    async def _watch(self, track: Any) -> None:
        async for _ in frames(rtc.VideoStream(track)):
            self.frames.append(time.monotonic())

    async def _listen(self, track: Any) -> None:
        async for event in frames(rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=20)):
            piece = np.frombuffer(event.frame.data, np.int16)
            self.heard.append((time.monotonic(), strength(piece, HERTZ) > _HEARD))


def trace_of(who: str) -> Path:
    """Where that one writes."""
    return Path(os.environ[TRACE]) / f"{who}.log"


async def _inbound(track: Any, names: list[str]) -> dict[str, float]:
    for one in await track.get_stats() if track is not None else ():
        if one.HasField("inbound_rtp"):
            parts = (one.inbound_rtp.inbound, one.inbound_rtp.received)
            return {name: round(getattr(part, name), 2) for name in names for part in parts if hasattr(part, name)}
    return {}


class Samples(NamedTuple):
    """Packets that came so far, samples played of them, and how many of those were made up for want of packets."""

    packets: int = 0
    played: int = 0
    made_up: int = 0


async def _samples(track: Any) -> Samples:
    if track is None:
        return Samples()
    for one in await track.get_stats():
        if one.HasField("inbound_rtp"):
            inbound = one.inbound_rtp.inbound
            received = one.inbound_rtp.received.packets_received
            return Samples(received, inbound.total_samples_received, inbound.concealed_samples)
    return Samples()


class Voice:
    """A steady tone: wherever it is missing something was lost, unless it was missing here already.

    `gaps` are those that the sending machine had no time to fill.
    """

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []  # when, and how many seconds
        self._source = rtc.AudioSource(SAMPLE_RATE, 1)
        self._lasts_until = 0.0

    def track(self) -> rtc.LocalAudioTrack:
        """To be published."""
        return rtc.LocalAudioTrack.create_audio_track("microphone", self._source)

    async def hum(self) -> None:
        """Until cancelled. Long frames: the source keeps a second of them for when this process is not scheduled."""
        steps = np.arange(SAMPLE_RATE // 10) * (2 * np.pi * HERTZ / SAMPLE_RATE)  # 44 whole periods
        samples = (np.sin(steps) * 0.3 * 32_767).astype(np.int16).tobytes()
        while True:
            await self._source.capture_frame(rtc.AudioFrame(samples, SAMPLE_RATE, 1, SAMPLE_RATE // 10))
            now = time.monotonic()
            if self._lasts_until and now > self._lasts_until:
                self.gaps.append((now, now - self._lasts_until))
            self._lasts_until = max(self._lasts_until, now) + 0.1


async def _move(source: rtc.VideoSource) -> None:
    """A coarse pattern that slides, so that every frame costs something."""
    chance = np.random.default_rng(7)
    pattern = np.kron(chance.integers(40, 200, (HEIGHT // 20, WIDTH // 20)), np.ones((20, 20))).astype(np.uint8)
    colour = np.full(WIDTH * HEIGHT // 2, 128, np.uint8).tobytes()
    shift = 0
    while True:
        started = time.monotonic()
        luma = np.roll(pattern, shift, axis=1)
        shift += 7
        frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, luma.tobytes() + colour)
        source.capture_frame(frame)
        await asyncio.sleep(max(0.0, 1 / RATE - (time.monotonic() - started)))


async def run(url: str, token: str, warm: float, seconds: float, who: str = "far") -> dict[str, float | bool]:
    """Join, publish, measure, leave."""
    point = Point()
    begin = time.monotonic()
    await asyncio.wait_for(point.room.connect(url, token, AS_OUR_PAGES), _JOIN_SECONDS)
    joined = time.monotonic() - begin
    await point.publish()
    if os.environ.get(TRACE):
        point.trace(who, joined)
    figures = {"joined": joined, **await point.measure(warm, seconds)}
    print(json.dumps(figures), flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # the other end says when it has measured, too
    await point.leave()
    return figures


async def join_again_and_again(url: str, token: str, times: int) -> None:
    """Join and leave so often; prints JSON: the seconds each time took."""
    taken = []
    for _ in range(times):
        room, begin = rtc.Room(), time.monotonic()
        try:
            await asyncio.wait_for(room.connect(url, token, AS_OUR_PAGES), _JOIN_SECONDS)
        except (TimeoutError, rtc.ConnectError) as error:
            print(f"after {time.monotonic() - begin:.1f} s: {error!r}", file=sys.stderr)
            taken.append(_JOIN_SECONDS)
            continue
        taken.append(time.monotonic() - begin)
        await room.disconnect()
    print(json.dumps({"joined": taken}), flush=True)


if __name__ == "__main__" and sys.argv[3] == "joins":
    asyncio.run(join_again_and_again(sys.argv[1], sys.argv[2], int(sys.argv[4])))
elif __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
    sdk_exit.settle()
