"""A stage for recordings: the real relay as a process, senders through the stock SDK, a host without coordinator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import msgspec
import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

from meetings.recording.host import Host
from meetings.recording.messages import Assignment, Poll, Report, Work
from tests.senders import HEIGHT, RATE, SAMPLE_RATE, WIDTH, Sender, tone, yuv

KEY, SECRET = "house", "a secret that is long enough for anybody"
ROOM = "phien-hop"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def token(identity: str, *, name: str = "", hidden: bool = False) -> str:
    """What lets somebody into the room."""
    grants = api.VideoGrants(
        room_join=True,
        room=ROOM,
        hidden=hidden,
        can_publish=not hidden,
        can_subscribe=True,
        can_publish_data=not hidden,
    )
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_name(name).with_grants(grants).to_jwt()


class RelayProcess:
    """The relay on ports of its own; `kill` and `start` again keep the ports."""

    def __init__(self) -> None:
        self.port = free_port()
        self._udp = free_port(socket.SOCK_DGRAM)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = ["-m", "meetings", "relay", "--keys", f"{KEY}: {SECRET}", "--port", str(self.port)]
        command += ["--udp-port", str(self._udp)]
        self._process = await asyncio.create_subprocess_exec(sys.executable, *command)
        async with httpx2.AsyncClient(trust_env=False) as client:
            for _ in range(400):
                with contextlib.suppress(httpx2.HTTPError):
                    if (await client.get(self.url)).text == "OK":
                        return
                assert self._process.returncode is None, "the relay has ended"
                await asyncio.sleep(0.05)
        raise AssertionError("the relay did not answer within 20 s")

    async def kill(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def relay() -> AsyncIterator[RelayProcess]:
    """The relay, ended at the end."""
    process = RelayProcess()
    await process.start()
    try:
        yield process
    finally:
        await process.kill()


class Publisher:
    """One participant with a colour and a tone."""

    def __init__(
        self,
        url: str,
        sender: Sender,
        identity: str = "",
        size: tuple[int, int] = (WIDTH, HEIGHT),
        codec: rtc.VideoCodec.ValueType = rtc.VideoCodec.VP8,
    ) -> None:
        self.sender = sender
        self._codec = codec
        self.identity = identity or f"point:{sender.name}"
        self.room = rtc.Room()
        self._url = url
        self._tasks: list[asyncio.Task[None]] = []
        self._size = size
        self._video = rtc.VideoSource(*size)
        self._audio = rtc.AudioSource(SAMPLE_RATE, 1, 200)
        self.microphone: rtc.LocalAudioTrack | None = None

    async def enter(self, *, video: bool = True, audio: bool = True) -> None:
        """Join and publish."""
        ticket = token(self.identity, name=f"Điểm cầu {self.sender.name}")
        await self.room.connect(self._url.replace("http", "ws"), ticket, rtc.RoomOptions(auto_subscribe=False))
        if video:
            track = rtc.LocalVideoTrack.create_video_track("camera", self._video)
            options = rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True, video_codec=self._codec
            )
            await self.room.local_participant.publish_track(track, options)
            self._tasks.append(asyncio.create_task(self._show()))
        if audio:
            self.microphone = rtc.LocalAudioTrack.create_audio_track("microphone", self._audio)
            spoken = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            await self.room.local_participant.publish_track(self.microphone, spoken)
            self._tasks.append(asyncio.create_task(self._sound()))

    async def leave(self) -> None:
        """Stop and go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    async def _show(self) -> None:
        y, u, v = yuv(self.sender.rgb)
        width, height = self._size
        planes = bytes([u]) * (width * height // 4) + bytes([v]) * (width * height // 4)
        number = 0
        while True:
            number += 1
            luma = np.full((height, width), y, np.uint8)
            luma[8:24, 8 + number % RATE * 24 : 24 + number % RATE * 24] = 128
            frame = rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, luma.tobytes() + planes)
            self._video.capture_frame(frame)
            await asyncio.sleep(1 / RATE)

    async def _sound(self) -> None:
        samples = tone(self.sender.hertz, 1.0)
        step = SAMPLE_RATE // 50
        at = 0
        while True:
            part = samples[at : at + step]
            at = (at + step) % len(samples)
            await self._audio.capture_frame(rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, step))


class Desk:
    """Stands where the coordinator stands: hands out one recording, keeps what is reported."""

    def __init__(self, url: str, directory: Path, *, min_free_bytes: int = 0, prominent: tuple[str, ...] = ()) -> None:
        self._assignment = Assignment(
            "r1", ROOM, url, token("recorder:r1", hidden=True), str(directory), prominent, min_free_bytes
        )
        self.wanted = True
        self.reports: list[Report] = []

    async def poll(self, poll: Poll) -> Work:
        if self.kinds() & {"stopped", "full"}:
            return Work()
        return Work((msgspec.structs.replace(self._assignment, stop=not self.wanted),))

    async def report(self, report: Report) -> None:
        self.reports.append(report)

    def kinds(self) -> set[str]:
        return {report.kind for report in self.reports}

    def last(self, kind: str) -> Report:
        return next(report for report in reversed(self.reports) if report.kind == kind)


@asynccontextmanager
async def recorder(desk: Desk) -> AsyncIterator[Host]:
    """A recorder host that works for the desk."""
    stop = asyncio.Event()
    host = Host(desk)
    task = asyncio.create_task(host.run(stop))
    try:
        yield host
    finally:
        stop.set()
        await task


@asynccontextmanager
async def speaking(*publishers: Publisher, video: bool = True) -> AsyncIterator[None]:
    """The publishers are in the room."""
    await asyncio.gather(*(one.enter(video=video) for one in publishers))
    try:
        yield
    finally:
        await asyncio.gather(*(one.leave() for one in publishers))


def decoded_sound(path: Path) -> NDArray[np.int16]:
    """All samples of a file, mono."""
    import av

    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        parts = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def decoded_colours(path: Path) -> list[tuple[float, float, float]]:
    """The average colour of each picture of a file."""
    import av

    with av.open(str(path)) as container:
        means = [frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0) for frame in container.decode(video=0)]
    return [(float(red), float(green), float(blue)) for red, green, blue in means]


def kill(pid: int) -> float:
    """kill -9; the moment it was done."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
    return time.monotonic()


async def _record_until_killed(url: str, directory: Path) -> None:
    """A host in a process of its own: prints the id of the recording's process once it runs."""
    desk = Desk(url, directory)
    async with recorder(desk) as host:
        while "started" not in desk.kinds():
            await asyncio.sleep(0.05)
        print(host.process_ids["r1"], flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(_record_until_killed(sys.argv[1], Path(sys.argv[2])))
