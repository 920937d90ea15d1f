"""A recorder that is killed again and again: little is lost, everything plays, every gap is declared."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import rtc

from meetings.recording import manifest
from meetings.recording.host import Host
from meetings.recording.messages import RecordedFile
from meetings.recording.tape import media_files
from tests.fakes import eventually
from tests.recording_stage import (
    Desk,
    Publisher,
    RelayProcess,
    decoded_colours,
    decoded_sound,
    kill,
    recorder,
    relay,
    speaking,
)
from tests.senders import RED, loudest, same_colour

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]
MOST_LOST_MS = 2000
DECLARED_WITHIN_MS = 100


@pytest.fixture
async def house() -> AsyncIterator[RelayProcess]:
    async with relay() as process:
        yield process


def seed() -> int:
    """Given by RECORDING_KILL_SEED, else fresh; printed, so that a failure can be repeated."""
    chosen = int(os.environ.get("RECORDING_KILL_SEED", random.SystemRandom().randrange(1 << 30)))
    sys.stderr.write(f"\nRECORDING_KILL_SEED={chosen}\n")
    return chosen


@pytest.mark.parametrize(
    ("kills", "codec"),
    [
        (5, rtc.VideoCodec.VP8),
        (3, rtc.VideoCodec.H264),
        (3, rtc.VideoCodec.VP9),
        pytest.param(20, rtc.VideoCodec.VP8, marks=pytest.mark.long),
        pytest.param(20, rtc.VideoCodec.H264, marks=pytest.mark.long),
    ],
)
async def test_killed_at_random_moments_it_loses_at_most_two_seconds_each_time(
    house: RelayProcess, tmp_path: Path, kills: int, codec: rtc.VideoCodec.ValueType
) -> None:
    choose = random.Random(seed())
    desk = Desk(house.url, tmp_path)
    moments: list[float] = []
    async with lateness() as late, speaking(Publisher(house.url, RED, codec=codec)), recorder(desk) as host:
        await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
        for _ in range(kills):
            await asyncio.sleep(choose.uniform(0.5, 3.5))
            moments.append(await _kill_the_process(host))
        await asyncio.sleep(3)
        desk.wanted = False
        await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
    files = desk.last("stopped").files
    assert {one.name for one in files} == {path.name for path in media_files(tmp_path)}, "an orphan was left behind"
    for kind in ("audio", "video"):
        _little_is_lost([one for one in files if one.kind == kind], tmp_path, moments, late[0])
    _everything_plays(files, tmp_path)
    assert manifest.problems(tmp_path) == []


@asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """By how many milliseconds at most this machine let somebody wait for the processor: it may be busy with others."""
    worst = [0.0]

    async def measure() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst[0] = max(worst[0], (time.monotonic() - before - 0.01) * 1000)

    task = asyncio.create_task(measure())
    try:
        yield worst
    finally:
        task.cancel()
        sys.stderr.write(f"late by {worst[0]:.0f} ms at most\n")


async def _kill_the_process(host: Host) -> float:
    before = host.process_ids.get("r1")
    if before is not None:
        kill(before)
    moment = time.monotonic()
    await eventually(lambda: host.process_ids.get("r1") not in (None, before), within=30, what="the next process")
    return moment


def _little_is_lost(files: list[RecordedFile], directory: Path, moments: list[float], late_ms: float) -> None:
    """A life that was killed before it heard anything adds its own two seconds to the hole it died in."""
    in_order = sorted(files, key=lambda one: one.starts_ms)
    entries = manifest.read(directory)
    kills = [(moment - entries[0]["monotonic"]) * 1000 for moment in moments]
    gaps = [(entry.t, entry["until"]) for entry in entries if entry.kind == "gap"]
    for before, after in itertools.pairwise(in_order):
        end = before.starts_ms + before.duration_ms
        most = MOST_LOST_MS * max(1, sum(end <= one <= after.starts_ms for one in kills)) + 2 * late_ms
        assert after.starts_ms - end <= most, f"{before.name} to {after.name}"
        if after.segment == before.segment or before.kind != "audio" or after.starts_ms - end < DECLARED_WITHIN_MS:
            continue
        declared = [gap for gap in gaps if gap[0] <= end + DECLARED_WITHIN_MS and gap[1] >= after.starts_ms - 500]
        assert declared, f"{end} to {after.starts_ms} is not declared in {gaps}"


def _everything_plays(files: tuple[RecordedFile, ...], directory: Path) -> None:
    for one in files:
        if one.kind == "audio":
            sound = decoded_sound(directory / one.name)
            assert len(sound) / 48 == pytest.approx(one.duration_ms, abs=150)
            if len(sound) > 24_000:
                assert loudest(sound) == pytest.approx(RED.hertz, abs=10)
        else:
            assert all(same_colour(seen, RED) for seen in decoded_colours(directory / one.name))


async def test_the_recording_survives_its_host(house: RelayProcess, tmp_path: Path) -> None:
    """kill -9 of the host: its process records on, until that of the next host takes over."""
    desk = Desk(house.url, tmp_path)
    async with lateness() as late, speaking(Publisher(house.url, RED), video=False):
        first = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.recording_stage", house.url, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert first.stdout is not None
        try:
            orphan = int(await asyncio.wait_for(first.stdout.readline(), 60))
        finally:
            first.kill()
            await first.wait()
        await asyncio.sleep(1.5)
        assert Path(f"/proc/{orphan}").exists(), "the process went with its host"
        async with recorder(desk):
            await eventually(lambda: "gap" in desk.kinds(), within=60, what="the next life has taken over")
            await asyncio.sleep(1)
            desk.wanted = False
            await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
    _little_is_lost(list(desk.last("stopped").files), tmp_path, [], late[0])
    assert manifest.problems(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
async def test_on_a_full_disk_the_alarm_comes_and_what_was_recorded_plays(house: RelayProcess, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=1280k", "tmpfs", str(disk))
    if await mounted.wait() != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        desk = Desk(house.url, disk / "r1")
        async with speaking(Publisher(house.url, RED)) as _, recorder(desk):
            await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
            await asyncio.sleep(2)
            _fill(disk / "filler")
            await eventually(lambda: "full" in desk.kinds(), within=5, what="the alarm")
        report = desk.last("full")
        assert {one.kind for one in report.files} == {"audio", "video"}
        _everything_plays(report.files, disk / "r1")
        assert min(one.duration_ms for one in report.files) > 1500
        assert manifest.problems(disk / "r1") == []
    finally:
        unmounted = await asyncio.create_subprocess_exec("umount", str(disk))
        await unmounted.wait()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return
