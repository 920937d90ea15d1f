"""From the secretary's button to the composed file: coordinator, relay, recorder host and jobs, all real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvicorn
from fastapi import FastAPI

from meetings.app import create_app
from meetings.clock import SystemClock
from meetings.config import Settings
from meetings.recording import manifest
from meetings.recording.host import serve
from meetings.recording.verify import verify_recordings
from tests import recording_stage
from tests.conduct_world import EAST, MEETING, WEST, World, build
from tests.conftest import sqlite_database
from tests.fakes import ManualClock, eventually
from tests.fakes_livekit import FakeRelay
from tests.recording_stage import Publisher, decoded_colours, decoded_sound, free_port, relay, speaking
from tests.senders import GREEN, RED, loudest, same_colour, strength

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(300)]
STATE = f"/api/meetings/{MEETING}/recording"


@asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[str]:
    """The coordinator on a port, with its jobs and background work."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, what="the coordinator listens")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def recording_host(url: str, secret: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(serve(url, secret, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def test_from_the_button_to_the_composed_file(
    settings: Settings, sqlite_template: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_database(settings, sqlite_template)
    settings.recording_min_free_bytes = 0
    settings.livekit_api_key, settings.livekit_api_secret = recording_stage.KEY, recording_stage.SECRET
    monkeypatch.setattr(recording_stage, "ROOM", MEETING)
    app = create_app(settings)
    async with relay() as house, served(app, free_port()) as url, recording_host(url, settings.internal_secret):
        stand_in = cast(FakeRelay, type("Address", (), {"url": house.url}))
        world = await build(app, cast(ManualClock, SystemClock()), stand_in)
        assert (await world.act(world.secretary, "open")).status_code == 200
        for venue in (EAST, WEST):  # who has no seat is put out
            assert (await world.join(await world.point(venue))).status_code == 200
        red, green = Publisher(house.url, RED, f"point:{EAST}"), Publisher(house.url, GREEN, f"point:{WEST}")
        async with speaking(red, green):
            await _record(world, seconds=5)
        await _look(world, settings)
        for browser in world.browsers:
            await browser.aclose()


async def _record(world: World, seconds: float) -> None:
    assert (await world.secretary.post(STATE + "/start", json={})).json()["state"] == "requested"
    await eventually(lambda: _is(world, "recording"), within=60, what="the recording runs")
    await asyncio.sleep(1)
    await world.act(world.secretary, "agenda", item_id="itemone", action="start")
    await asyncio.sleep(seconds - 1)
    assert (await world.secretary.post(STATE + "/stop", json={})).json()["state"] == "stopping"
    await eventually(lambda: _is(world, "idle"), within=10, what="the recording is closed")


async def _is(world: World, state: str) -> bool:
    return bool((await world.secretary.get(STATE)).json()["state"] == state)


async def _look(world: World, settings: Settings) -> None:
    recording = next(e.payload["recording_id"] for e in await world.log() if e.kind == "recording.stopped")
    about = await eventually(lambda: _composed(world, recording), within=200, what="the composed file", every=0.3)
    directory = settings.recordings_dir / MEETING / recording
    assert manifest.problems(directory) == []
    assert 5000 <= about["duration_ms"] <= 8000
    assert [(one["kind"], one["title"]) for one in about["chapters"]] == [("start", "Bắt đầu ghi"), ("agenda", "Mục 1")]
    assert about["chapters"][1]["at_ms"] == pytest.approx(1500, abs=1200)
    assert {one["identity"] for one in about["files"]} == {f"point:{EAST}", f"point:{WEST}"}
    for one in about["files"]:
        sender = RED if one["identity"] == f"point:{EAST}" else GREEN
        path = directory / one["url"].rsplit("/", 1)[1]
        if one["kind"] == "audio":
            assert loudest(decoded_sound(path)) == pytest.approx(sender.hertz, abs=5)
        else:
            assert all(same_colour(seen, sender) for seen in decoded_colours(path))
    sound = decoded_sound(directory / "composed.webm")
    assert len(sound) / 48 == pytest.approx(about["duration_ms"], abs=1000)
    assert min(strength(sound[96_000:192_000], one.hertz) for one in (RED, GREEN)) > 0.05
    part = await world.secretary.get(about["composed"]["url"], headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert (await world.kinds())[-2:] == ["recording.composed", "recording.viewed"]
    async with world.context.database.read() as session:
        assert await verify_recordings(session, settings) == []


async def _composed(world: World, recording: str) -> Any:
    about = (await world.secretary.get(f"/api/recordings/{recording}")).json()
    return about if about["composed"]["state"] == "done" else None
