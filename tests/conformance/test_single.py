"""Over one peer connection stock browsers see more cameras than they began with room for, and those who come later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from livekit import rtc

from tests.conformance.browser import BrowserClient
from tests.conformance.clients import Joining, Publishing, eventually, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.sdk import SdkClient
from tests.conformance.windows import browser_client
from tests.senders import BLUE, GREEN, RED, YELLOW, Sender, same_colour

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(240)]
WHITE = Sender("white", (230, 230, 230), 1320)
SENDERS = {"one": RED, "two": GREEN, "three": BLUE, "four": YELLOW}
ONE_SIZE = Publishing(simulcast=False)


@pytest.fixture(params=["chromium", "firefox"])
async def viewer(request: pytest.FixtureRequest, tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with browser_client(request.param, tmp_path, page, BLUE) as client:
        yield client


async def shows_itself(name: str, sender: Sender, relay: RelayProcess) -> SdkClient:
    client = SdkClient(name)
    await client.join(relay.url, token(name), Joining(single=True))
    await client.publish_picture(sender, ONE_SIZE)
    return client


@asynccontextmanager
async def noise(relay: RelayProcess) -> AsyncIterator[None]:
    """A participant whose picture takes a megabit and a half."""
    client = SdkClient("noise")
    await client.join(relay.url, token("noise"), Joining(single=True))
    canvas = rtc.VideoSource(640, 360)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        simulcast=False,
        video_encoding=rtc.VideoEncoding(max_bitrate=1_500_000, max_framerate=15),
    )
    track = rtc.LocalVideoTrack.create_video_track("noise", canvas)
    await client.room.local_participant.publish_track(track, options)
    painting = asyncio.create_task(_paint_noise(canvas))
    yield
    painting.cancel()
    await client.leave()


async def _paint_noise(canvas: rtc.VideoSource) -> None:
    while True:
        pixels = np.random.default_rng().integers(0, 256, (360, 640, 4), np.uint8)
        canvas.capture_frame(rtc.VideoFrame(640, 360, rtc.VideoBufferType.RGBA, pixels.tobytes()))
        await asyncio.sleep(1 / 15)


async def seen(viewer: BrowserClient, name: str, sender: Sender) -> None:
    await eventually(
        f"{viewer.name} sees {name} in {sender.name}",
        lambda: viewer.sees(name),
        lambda picture: picture is not None and same_colour(picture.rgb, sender),
    )


async def figure(relay: RelayProcess, name: str, participant: str = "") -> float:
    """One of the relay's figures."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        lines = (await client.get(f"{relay.http}/metrics")).text.splitlines()
    labels = f'{{room="one-room",participant="{participant}"}}' if participant else ""
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"meetings_relay_{name}{labels} ")), 0.0)


async def test_more_are_seen_than_there_was_room_for_at_first(viewer: BrowserClient, relay: RelayProcess) -> None:
    async with AsyncExitStack() as stack:
        senders = {name: await shows_itself(name, sender, relay) for name, sender in SENDERS.items()}
        for client in senders.values():
            stack.push_async_callback(client.leave)
        await viewer.join(relay.url, token(viewer.name), Joining(single=True))
        assert await viewer.single()
        for name, sender in SENDERS.items():
            await seen(viewer, name, sender)
        await everything_goes_over_one_transport_each(relay)
        await what_its_line_carries_is_found_out(viewer, relay, stack)
        await who_comes_after_another_left_is_seen(viewer, senders, relay, stack)
        await a_picture_that_was_not_wanted_for_a_while_comes_back(viewer)


async def everything_goes_over_one_transport_each(relay: RelayProcess) -> None:
    everybody = len(SENDERS) + 1
    await eventually("one transport each", lambda: figure(relay, "transports"), lambda count: count == everybody)


async def what_its_line_carries_is_found_out(viewer: BrowserClient, relay: RelayProcess, stack: AsyncExitStack) -> None:
    """Half a megabit is believed of everybody at first; where more is wanted, what the viewer reports shows more."""
    await stack.enter_async_context(noise(relay))
    await eventually(
        f"the way to {viewer.name} is known",
        lambda: figure(relay, "participant_estimate_bits", viewer.name),
        lambda bits: bits > 600_000,
    )


async def who_comes_after_another_left_is_seen(
    viewer: BrowserClient, senders: dict[str, SdkClient], relay: RelayProcess, stack: AsyncExitStack
) -> None:
    await senders["one"].leave()
    await eventually("one is gone", viewer.others, lambda others: "one" not in others)
    late = await shows_itself("late", WHITE, relay)
    stack.push_async_callback(late.leave)
    await seen(viewer, "late", WHITE)


async def a_picture_that_was_not_wanted_for_a_while_comes_back(viewer: BrowserClient) -> None:
    await viewer.subscribe("two", "camera", False)
    await eventually("it is gone", lambda: viewer.subscribed("two", "camera"), lambda there: not there)
    await viewer.subscribe("two", "camera", True)
    await seen(viewer, "two", GREEN)
    await seen(viewer, "three", BLUE)
