"""Who takes part in the journey: windows of real browsers, and a third point that is a stock client in Python."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import numpy as np
from livekit import rtc
from playwright.async_api import Page

from tests.chromium import colour_of, tone_of
from tests.fakes import eventually
from tests.sdk_exit import frames
from tests.senders import HEIGHT, SAMPLE_RATE, TOLERANCE_HERTZ, WIDTH, Sender, loudest, same_colour, tone

PASSWORD = "minh-hoa-2026"


async def log_in(page: Page, url: str, role: str) -> None:
    await page.goto(f"{url}/login")
    await page.fill("#login", role)
    await page.fill("#password", PASSWORD)
    await page.click("main button[type=submit]")
    await page.wait_for_url(f"{url}/")


@dataclass
class Window:
    """A browser window with a seat in the room."""

    page: Page
    sender: Sender
    identity: str

    async def sees(self, other: str, sender: Sender) -> bool:
        seen = await colour_of(self.page, f'[data-tile="{other}"] video')
        return seen is not None and same_colour(seen, sender)

    async def hears(self, other: str, sender: Sender) -> bool:
        heard = await tone_of(self.page, f'[data-sound="{other}"]')
        return heard is not None and abs(heard - sender.hertz) <= TOLERANCE_HERTZ

    async def hears_nothing_of(self, other: str) -> bool:
        return await tone_of(self.page, f'[data-sound="{other}"]') is None

    async def microphone(self, *, on: bool) -> None:
        """Press the microphone's plate until it says so."""
        button = self.page.locator('[data-act="mute"]').first
        if (await button.get_attribute("data-on")) != str(on).lower():
            await button.click()
        await eventually(
            lambda: self._microphone_is(on), within=15, what=f"the microphone of {self.identity} on={on}", every=0.2
        )

    async def _microphone_is(self, on: bool) -> bool:
        return await self.page.locator('[data-act="mute"]').first.get_attribute("data-on") == str(on).lower()


@dataclass
class Ear:
    """What the Python client hears and sees of one other participant."""

    colour: tuple[float, float, float] | None = None
    samples: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = field(default_factory=list)

    @property
    def hertz(self) -> float | None:
        if sum(map(len, self.samples)) < SAMPLE_RATE:
            return None
        window = np.concatenate(self.samples)[-SAMPLE_RATE:]
        return loudest(window) if np.abs(window).max() > 300 else None


class StockClient:
    """The `livekit` package for Python, joined with the token that the point's own page would get."""

    def __init__(self, sender: Sender, identity: str) -> None:
        self.sender, self.identity = sender, identity
        self.ears: dict[str, Ear] = {}
        self.picture = np.empty((HEIGHT, WIDTH, 4), np.uint8)
        self.picture[:] = (*sender.rgb, 255)
        self.room = rtc.Room()
        self.room.on("track_subscribed", self._on_track)
        self._tasks: list[asyncio.Task[None]] = []

    def sees(self, other: str, sender: Sender) -> bool:
        ear = self.ears.get(other)
        return ear is not None and ear.colour is not None and same_colour(ear.colour, sender)

    def hears(self, other: str, sender: Sender) -> bool:
        hertz = self.ears[other].hertz if other in self.ears else None
        return hertz is not None and abs(hertz - sender.hertz) <= TOLERANCE_HERTZ

    def _on_track(self, track: rtc.Track, publication: object, participant: rtc.RemoteParticipant) -> None:
        ear = self.ears.setdefault(participant.identity, Ear())
        watch = self._watch if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen
        self._tasks.append(asyncio.create_task(watch(track, ear)))

    async def _watch(self, track: rtc.Track, ear: Ear) -> None:
        async for event in frames(rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)):
            frame = event.frame
            pixels = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 4)
            middle = pixels[frame.height // 4 : -frame.height // 4, frame.width // 4 : -frame.width // 4, :3]
            red, green, blue = middle.reshape(-1, 3).mean(axis=0)
            ear.colour = (float(red), float(green), float(blue))

    async def _listen(self, track: rtc.Track, ear: Ear) -> None:
        async for event in frames(rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1)):
            ear.samples.append(np.frombuffer(event.frame.data, np.int16).copy())
            del ear.samples[:-150]

    async def publish(self) -> None:
        picture, sound = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(SAMPLE_RATE, 1)
        camera = rtc.LocalVideoTrack.create_video_track("camera", picture)
        microphone = rtc.LocalAudioTrack.create_audio_track("microphone", sound)
        await self.room.local_participant.publish_track(
            camera, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        )
        await self.room.local_participant.publish_track(
            microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self._tasks += [asyncio.create_task(self._show(picture)), asyncio.create_task(self._sound(sound))]

    async def _show(self, source: rtc.VideoSource) -> None:
        for count in range(10**9):
            pixels = self.picture.copy()
            pixels[8:24, 8 + count % 15 * 24 : 24 + count % 15 * 24] = 128
            source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels.tobytes()))
            await asyncio.sleep(1 / 10)

    async def _sound(self, source: rtc.AudioSource) -> None:
        samples, step = tone(self.sender.hertz, 1), SAMPLE_RATE // 100
        while True:
            for start in range(0, SAMPLE_RATE, step):
                frame = rtc.AudioFrame(samples[start : start + step].tobytes(), SAMPLE_RATE, 1, step)
                await source.capture_frame(frame)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()


@asynccontextmanager
async def stock_client(
    url: str, link: str, meeting_id: str, sender: Sender, identity: str
) -> AsyncIterator[StockClient]:
    """A point that opens its permanent link and joins over the interface of the page, without the page."""
    client = StockClient(sender, identity)
    async with httpx2.AsyncClient(base_url=url, follow_redirects=True) as browser:
        page = await browser.get(link)
        token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page.text)
        assert token, page.text
        joined = await browser.post(
            f"/api/meetings/{meeting_id}/join?as=point",
            json={"device_id": "stock-client-1", "take_over": False},
            headers={"X-CSRF-Token": token[1], "Origin": url, "Sec-Fetch-Site": "same-origin"},
        )
        assert joined.status_code == 200, joined.text
        answer = joined.json()
        await client.room.connect(answer["url"], answer["token"])
        try:
            await client.publish()
            yield client
        finally:
            await client.close()
