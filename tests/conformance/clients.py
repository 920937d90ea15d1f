"""Stock clients in one room, spoken to in the same words: the Python SDK, and livekit-client in a browser window."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

from tests.senders import Sender, loudest, same_colour

T = TypeVar("T")
KEY, SECRET = "conformance", "a-secret-for-conformance-tests-only"
WIDTH, HEIGHT, RATE = 960, 540, 15  # from this size on the Python SDK sends layers of different sizes
SAMPLE_RATE = 48_000
SILENCE = 0.01  # of full scale
PATIENCE_SECONDS = 60.0


def token(identity: str, room: str = "one-room", **grants: Any) -> str:
    """A token of the stock library."""
    allowed = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, **grants)
    return (
        api.AccessToken(KEY, SECRET).with_identity(identity).with_name(identity.title()).with_grants(allowed).to_jwt()
    )


async def eventually(what: str, measure: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Measure until it is good; otherwise say what was still missing."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while not good(last := await measure()):
        assert loop.time() < deadline, f"not yet: {what}; last seen: {last!r}"
        await asyncio.sleep(0.2)
    return last


@dataclass(frozen=True)
class Picture:
    """What one participant's camera looks like to another."""

    rgb: tuple[float, float, float]
    width: int
    height: int


@dataclass(frozen=True)
class Sound:
    """The loudest frequency, and its share of full scale."""

    hertz: float
    level: float

    @property
    def silent(self) -> bool:
        return self.level < SILENCE


class Client(Protocol):
    """A participant, whatever it is made of."""

    name: str

    async def join(self, url: str, access_token: str) -> None: ...
    async def publish(self, sender: Sender) -> None: ...
    async def unpublish(self) -> None: ...
    async def sees(self, identity: str) -> Picture | None: ...
    async def hears(self, identity: str) -> Sound | None: ...
    async def others(self) -> set[str]: ...
    async def wants(self, identity: str, *, high: bool) -> None: ...
    async def mute(self, muted: bool) -> None: ...
    async def say(self, text: str, to: list[str] | None = None) -> None: ...
    async def heard_say(self) -> list[tuple[str, str]]: ...
    async def describe(self, attributes: dict[str, str]) -> None: ...
    async def attributes(self, identity: str) -> dict[str, str]: ...
    async def connected(self) -> bool: ...
    async def leave(self) -> None: ...


async def sees_and_hears(client: Client, other: str, sender: Sender) -> None:
    """The client receives exactly this sender's colour and tone from the other participant."""
    await eventually(
        f"{client.name} sees {other} in {sender.name}",
        lambda: client.sees(other),
        lambda picture: picture is not None and same_colour(picture.rgb, sender),
    )
    await eventually(
        f"{client.name} hears {other} at {sender.hertz} Hz",
        lambda: client.hears(other),
        lambda sound: sound is not None and not sound.silent and abs(sound.hertz - sender.hertz) <= 8,
    )


# ------------------------------------------------------------------------------------------- Python SDK


class SdkClient:
    """The Python SDK, with a canvas of its own and an ear for every track it receives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.room = rtc.Room()
        self.disconnect_reason: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pictures: dict[str, Picture] = {}
        self._sounds: dict[str, NDArray[np.int16]] = {}
        self._said: list[tuple[str, str]] = []
        self._microphone: rtc.LocalAudioTrack | None = None
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("data_received", self._received)
        self.room.on("disconnected", self._disconnected)

    async def join(self, url: str, access_token: str) -> None:
        await asyncio.wait_for(self.room.connect(url, access_token), PATIENCE_SECONDS)

    async def publish(self, sender: Sender) -> None:
        source = rtc.AudioSource(SAMPLE_RATE, 1)
        canvas = rtc.VideoSource(WIDTH, HEIGHT)
        self._microphone = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        camera = rtc.LocalVideoTrack.create_video_track("camera", canvas)
        self._keep(_hum(source, sender.hertz))
        self._keep(_paint(canvas, sender.rgb))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(self._microphone, options)
        encoding = rtc.VideoEncoding(max_bitrate=800_000, max_framerate=RATE)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=True,
            video_codec=rtc.VideoCodec.VP8,
            video_encoding=encoding,
        )
        await self.room.local_participant.publish_track(camera, options)

    async def unpublish(self) -> None:
        for sid in list(self.room.local_participant.track_publications):
            await self.room.local_participant.unpublish_track(sid)

    async def sees(self, identity: str) -> Picture | None:
        return self._pictures.get(identity)

    def forget(self, identity: str) -> None:
        """Only what arrives from now on counts."""
        self._pictures.pop(identity, None)

    async def hears(self, identity: str) -> Sound | None:
        """Of the last second; a track that brings nothing any more is silent."""
        self._sounds.pop(identity, None)
        await asyncio.sleep(1.2)
        samples = self._sounds.get(identity)
        if samples is None or len(samples) < SAMPLE_RATE // 2:
            return Sound(0.0, 0.0)
        hertz = loudest(samples)
        return Sound(hertz, float(np.sqrt(2 * (samples.astype(float) ** 2).mean()) / 32_768))

    async def others(self) -> set[str]:
        return set(self.room.remote_participants)

    async def wants(self, identity: str, *, high: bool) -> None:
        raise NotImplementedError("the Python SDK cannot ask for a layer")

    async def mute(self, muted: bool) -> None:
        assert self._microphone is not None
        if muted:
            self._microphone.mute()
        else:
            self._microphone.unmute()

    async def say(self, text: str, to: list[str] | None = None) -> None:
        await self.room.local_participant.publish_data(text, reliable=True, topic="t", destination_identities=to or [])

    async def heard_say(self) -> list[tuple[str, str]]:
        return list(self._said)

    async def describe(self, attributes: dict[str, str]) -> None:
        await self.room.local_participant.set_attributes(attributes)

    async def attributes(self, identity: str) -> dict[str, str]:
        participant = self.room.remote_participants.get(identity)
        return dict(participant.attributes) if participant else {}

    async def connected(self) -> bool:
        return self.room.isconnected()

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    def _keep(self, work: Any) -> None:
        self._tasks.add(asyncio.ensure_future(work))

    def _subscribed(self, track: Any, publication: Any, participant: rtc.RemoteParticipant) -> None:
        watch = self._listen if track.kind == rtc.TrackKind.KIND_AUDIO else self._look
        self._keep(watch(track, participant.identity))

    def _received(self, packet: rtc.DataPacket) -> None:
        self._said.append((packet.participant.identity if packet.participant else "", packet.data.decode()))

    def _disconnected(self, reason: int) -> None:
        self.disconnect_reason = reason

    async def _look(self, track: Any, identity: str) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA):
            frame = event.frame
            pixels = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 4)
            middle = pixels[frame.height // 4 : -frame.height // 4, frame.width // 4 : -frame.width // 4, :3]
            r, g, b = (float(value) for value in middle.mean((0, 1)))
            self._pictures[identity] = Picture((r, g, b), frame.width, frame.height)

    async def _listen(self, track: Any, identity: str) -> None:
        async for event in rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1):
            heard = np.frombuffer(event.frame.data, np.int16)
            before = self._sounds.get(identity, np.empty(0, np.int16))
            self._sounds[identity] = np.concatenate([before, heard])[-SAMPLE_RATE:]


async def _hum(source: rtc.AudioSource, hertz: int) -> None:
    phase, step = 0, SAMPLE_RATE // 100
    while True:
        wave = np.sin((np.arange(step) + phase) * 2 * np.pi * hertz / SAMPLE_RATE) * 12_000
        phase += step
        await source.capture_frame(rtc.AudioFrame(wave.astype(np.int16).tobytes(), SAMPLE_RATE, 1, step))


async def _paint(canvas: rtc.VideoSource, rgb: tuple[int, int, int]) -> None:
    step = 0
    while True:
        pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        pixels[:, :, :3] = rgb
        pixels[8:24, step : step + 16, :3] = 128  # something moves, so that there is always something to encode
        step = (step + 8) % (WIDTH - 16)
        canvas.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels.tobytes()))
        await asyncio.sleep(1 / RATE)


# --------------------------------------------------------------------------------------------- browsers


class Window(Protocol):
    """A browser tab that shows the test page."""

    async def run(self, expression: str) -> Any: ...


class BrowserClient:
    """livekit-client in a window; what it measures is measured in the page (client.js)."""

    def __init__(self, name: str, window: Window) -> None:
        self.name = name
        self._window = window

    async def call(self, function: str, *arguments: Any) -> Any:
        words = ", ".join("undefined" if one is None else json.dumps(one) for one in arguments)
        return await asyncio.wait_for(self._window.run(f"client.{function}({words})"), PATIENCE_SECONDS)

    async def join(self, url: str, access_token: str) -> None:
        await self.call("join", url, access_token)

    async def publish(self, sender: Sender) -> None:
        """The tone is that of the browser's fake microphone."""
        await self.call("publish", sender.rgb)

    async def unpublish(self) -> None:
        await self.call("unpublish")

    async def sees(self, identity: str) -> Picture | None:
        seen = await self.call("seen", identity)
        if seen is None:
            return None
        r, g, b = seen["rgb"]
        return Picture((r, g, b), seen["width"], seen["height"])

    async def hears(self, identity: str) -> Sound | None:
        heard = await self.call("heard", identity)
        return None if heard is None else Sound(heard["hertz"], heard["level"])

    async def others(self) -> set[str]:
        return set(await self.call("others"))

    async def wants(self, identity: str, *, high: bool) -> None:
        await self.call("wants", identity, high)

    async def mute(self, muted: bool) -> None:
        await self.call("mute", muted)

    async def say(self, text: str, to: list[str] | None = None) -> None:
        await self.call("say", text, "t", to)

    async def heard_say(self) -> list[tuple[str, str]]:
        return [(one["from"] or "", one["text"]) for one in await self.call("data")]

    async def describe(self, attributes: dict[str, str]) -> None:
        await self.call("describe", attributes)

    async def attributes(self, identity: str) -> dict[str, str]:
        return dict(await self.call("attributes", identity) or {})

    async def speaking(self) -> set[str]:
        return set(await self.call("speaking"))

    async def connected(self) -> bool:
        return bool(await self.call("state") == "connected")

    async def leave(self) -> None:
        await self.call("leave")
