"""What is recorded of a real room: everybody's own colour and tone, as long as it lasted, tracks and composed file."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from livekit import rtc

from meetings.recording import manifest, messages
from meetings.recording.compose import ComposeOrder
from meetings.recording.messages import Report
from tests.fakes import eventually
from tests.recording_stage import (
    Desk,
    Publisher,
    RelayProcess,
    decoded_colours,
    decoded_sound,
    recorder,
    relay,
    speaking,
)
from tests.senders import BLUE, GREEN, RED, Sender, loudest, same_colour, strength

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(240)]
SENDERS = {f"point:{one.name}": one for one in (RED, GREEN, BLUE)}
# What guests' programs send: each sender in a codec of its own, so that one room holds them all.
CODECS = {RED: rtc.VideoCodec.VP8, GREEN: rtc.VideoCodec.H264, BLUE: rtc.VideoCodec.VP9}
HELD_IN = {RED: ("vp8", "webm"), GREEN: ("h264", "matroska"), BLUE: ("vp9", "webm")}
LAYERED = (960, 540)  # from this size on the Python SDK sends layers of different sizes
FONTS = Path(__file__).resolve().parents[2] / "build" / "fonts"


@pytest.fixture
async def house() -> AsyncIterator[RelayProcess]:
    async with relay() as process:
        yield process


async def recorded(
    house: RelayProcess, directory: Path, *senders: Sender, seconds: float, video: bool = True
) -> Report:
    """A recording of that many seconds, from the moment it is said to run until it is told to stop."""
    desk = Desk(house.url, directory, prominent=("point:red",))
    people = [Publisher(house.url, one, codec=CODECS[one]) for one in senders]
    async with speaking(*people, video=video), recorder(desk):
        await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
        await asyncio.sleep(seconds)
        desk.wanted = False
        asked = time.monotonic()
        await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
        assert time.monotonic() - asked < 10, "the files were not sealed within 10 s"
    return desk.last("stopped")


async def test_every_track_holds_its_senders_colour_or_tone_at_full_length(house: RelayProcess, tmp_path: Path) -> None:
    report = await recorded(house, tmp_path, RED, GREEN, BLUE, seconds=6)
    assert sorted((one.identity, one.kind) for one in report.files) == [
        ("point:blue", "audio"),
        ("point:blue", "video"),
        ("point:green", "audio"),
        ("point:green", "video"),
        ("point:red", "audio"),
        ("point:red", "video"),
    ]
    for one in report.files:
        sender, path = SENDERS[one.identity], tmp_path / one.name
        assert one.duration_ms == pytest.approx(6000, abs=1500)
        if one.kind == "audio":
            sound = decoded_sound(path)
            assert loudest(sound) == pytest.approx(sender.hertz, abs=5)
            assert len(sound) / 48_000 == pytest.approx(one.duration_ms / 1000, abs=0.1)
        else:
            colours = decoded_colours(path)
            assert len(colours) > 30
            assert all(same_colour(seen, sender) for seen in colours)
            assert held_in(path) == HELD_IN[sender]
    assert manifest.problems(tmp_path) == []


def held_in(path: Path) -> tuple[str, str]:
    """Codec and container, as the file says; both containers are read by the same program."""
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.name, "matroska" if path.suffix == ".mkv" else "webm"


async def test_who_matters_is_recorded_large_and_the_others_small(house: RelayProcess, tmp_path: Path) -> None:
    """The main point's picture at its best layer, a silent member's at its lowest."""
    desk = Desk(house.url, tmp_path, prominent=("point:red",))
    async with contextlib.AsyncExitStack() as stack:
        for sender in (RED, GREEN):
            one = Publisher(house.url, sender, size=LAYERED)
            await one.enter(audio=False)
            stack.push_async_callback(one.leave)
        await stack.enter_async_context(recorder(desk))
        sizes = await eventually(lambda: _sizes(tmp_path), within=60, what="two layers")
        assert sizes["point:red"] > sizes["point:green"]
        await eventually(lambda: _large(tmp_path), within=60, what="the best layer of the main point")


def _large(directory: Path) -> bool:
    sizes = _sizes(directory)
    return sizes is not None and sizes["point:red"] == LAYERED[0]


def _sizes(directory: Path) -> dict[str, int] | None:
    """The widths recorded last, by participant, once both are there and differ."""
    entries = manifest.read(directory)
    owners = {entry["file"]: entry["identity"] for entry in entries if entry.kind == "open"}
    sizes = {owners[entry["file"]]: int(entry["width"]) for entry in entries if entry.kind == "layer"}
    return sizes if len(set(sizes.values())) == 2 else None


async def test_a_picture_that_no_file_holds_is_declared_and_its_sound_is_recorded(
    house: RelayProcess, tmp_path: Path
) -> None:
    desk = Desk(house.url, tmp_path)
    async with speaking(Publisher(house.url, RED, codec=rtc.VideoCodec.AV1)), recorder(desk):
        await eventually(lambda: "unrecorded" in desk.kinds(), within=60, what="the picture is declared")
        await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
        await asyncio.sleep(2)
        desk.wanted = False
        await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
    told = desk.last("unrecorded")
    assert (told.identity, told.media, told.reason) == ("point:red", "video", "av1")
    assert [entry["codec"] for entry in manifest.read(tmp_path) if entry.kind == "unrecorded"] == ["av1"]
    [one] = desk.last("stopped").files
    assert loudest(decoded_sound(tmp_path / one.name)) == pytest.approx(RED.hertz, abs=5)


async def test_from_start_mark_to_stop_mark_nothing_is_missing(house: RelayProcess, tmp_path: Path) -> None:
    report = await recorded(house, tmp_path, RED, seconds=5)
    marks = {entry["what"]: entry.t for entry in manifest.read(tmp_path) if entry.kind == "mark"}
    for one in report.files:
        assert one.starts_ms - marks["start"] < 1000
        assert marks["stop"] - (one.starts_ms + one.duration_ms) < 1000
        with av.open(str(tmp_path / one.name)) as container:
            assert container.duration is not None
            assert container.duration / av.time_base == pytest.approx((marks["stop"] - marks["start"]) / 1000, abs=1)


async def test_a_room_without_cameras_is_recorded_too(house: RelayProcess, tmp_path: Path) -> None:
    report = await recorded(house, tmp_path, GREEN, seconds=3, video=False)
    [one] = report.files
    assert loudest(decoded_sound(tmp_path / one.name)) == pytest.approx(GREEN.hertz, abs=5)


async def test_a_muted_microphone_leaves_silence_where_it_was(house: RelayProcess, tmp_path: Path) -> None:
    desk, red = Desk(house.url, tmp_path), Publisher(house.url, RED)
    async with speaking(red, video=False), recorder(desk):
        await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
        await asyncio.sleep(2)
        assert red.microphone is not None
        red.microphone.mute()
        await asyncio.sleep(3)
        red.microphone.unmute()
        await asyncio.sleep(2)
        desk.wanted = False
        await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
    [one] = desk.last("stopped").files
    assert one.duration_ms == pytest.approx(7200, abs=1000)
    with av.open(str(tmp_path / one.name)) as container:
        times = [packet.pts * float(packet.time_base or 0) for packet in container.demux() if packet.pts is not None]
    longest = max(after - before for before, after in itertools.pairwise(times))
    assert 2 < longest < 4 or loudest_gap(decoded_sound(tmp_path / one.name)) > 2


def loudest_gap(sound: object) -> float:
    """Seconds of near silence in a row."""
    import numpy as np

    samples = np.abs(np.asarray(sound, dtype=float)).reshape(-1)
    quiet = [bool(samples[at : at + 4800].max() < 300) for at in range(0, len(samples) - 4800, 4800)]
    best = run = 0
    for one in quiet:
        run = run + 1 if one else 0
        best = max(best, run)
    return best / 10


async def test_when_the_relay_dies_the_recorder_comes_back_and_declares_the_gap(
    house: RelayProcess, tmp_path: Path
) -> None:
    desk, red = Desk(house.url, tmp_path), Publisher(house.url, RED)
    async with speaking(red, video=False), recorder(desk):
        await eventually(lambda: "started" in desk.kinds(), within=60, what="the recording runs")
        await asyncio.sleep(1)
        await house.kill()
        await house.start()
        await eventually(lambda: "gap" in desk.kinds(), within=60, what="the recorder is back in the room")
        await eventually(lambda: red.room.isconnected(), within=60, what="the sender is back in the room")
        await eventually(
            lambda: any(e.kind == "open" and e["segment"] == 2 for e in manifest.read(tmp_path)),
            within=20,
            what="a file of the second segment",
        )
        await asyncio.sleep(1)
        desk.wanted = False
        await eventually(lambda: "stopped" in desk.kinds(), within=60, what="the recording has stopped")
    gap = desk.last("gap")
    assert 0 < gap.until - gap.t < 10_000
    assert {one.segment for one in desk.last("stopped").files} == {1, 2}


async def test_the_composed_file_shows_the_colours_and_carries_all_tones(house: RelayProcess, tmp_path: Path) -> None:
    report = await recorded(house, tmp_path, RED, GREEN, BLUE, seconds=6)
    order = ComposeOrder(
        directory=str(tmp_path),
        target="composed.webm",
        title="Giao ban tháng 4",
        origin=report.origin,
        time_zone="Asia/Ho_Chi_Minh",
        fonts=str(FONTS),
        main="point:red",
        floor=((0, ("point:green",)), (3000, ("point:blue",))),
        chapters=((0, "Bắt đầu ghi"), (3000, "Phát biểu: blue")),
    )
    (tmp_path / "order.json").write_bytes(messages.encode(order))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "meetings.recording.compose", str(tmp_path / "order.json"), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0
    assert float(output.split()[-1]) == 1.0
    stages, strips, chapters, length = look_at(tmp_path / "composed.webm")
    assert length == pytest.approx(report.t / 1000, abs=1)
    assert same_colour(stages[2], GREEN)
    assert same_colour(stages[5], BLUE)
    assert any(same_colour(seen, RED) for seen in strips[2])
    assert chapters == [(0.0, "Bắt đầu ghi"), (3.0, "Phát biểu: blue")]
    sound = decoded_sound(tmp_path / "composed.webm")[96_000:192_000]
    assert all(strength(sound, one.hertz) > 0.05 for one in (RED, GREEN, BLUE))
    assert strength(sound, 1234) < 0.01


Colour = tuple[float, float, float]


def look_at(path: Path) -> tuple[list[Colour], list[list[Colour]], list[tuple[float, str]], float]:
    """Each second's colour on the stage and in the places of the strip; chapters; length in seconds."""
    stages: list[Colour] = []
    strips: list[list[Colour]] = []
    with av.open(str(path)) as container:
        assert container.duration is not None
        chapters = [
            (one["start"] * float(one["time_base"] or 0), one["metadata"]["title"]) for one in container.chapters()
        ]
        for number, frame in enumerate(container.decode(video=0)):
            if number % 20 == 10:
                picture = frame.to_ndarray(format="rgb24")
                means = [picture[y : y + 40, x : x + 60].reshape(-1, 3).mean(axis=0) for x, y in PLACES]
                colours = [(float(r), float(g), float(b)) for r, g, b in means]
                stages.append(colours[0])
                strips.append(colours[1:])
        return stages, strips, chapters, container.duration / av.time_base


PLACES = ((450, 350), (1090, 160), (1090, 340), (1090, 520))
