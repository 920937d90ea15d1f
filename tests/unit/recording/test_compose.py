"""Composing without a room: colours and tones put on tape by the test come out on the stage and in the mix."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import av
import pytest

from meetings.recording import compose as composing
from meetings.recording.canvas import BLACK, HEIGHT, STAGE, WHOLE, WIDTH, Box, Canvas, Pen, fitted
from meetings.recording.compose import ComposeOrder, compose, parts_of
from meetings.recording.formats import TrackFormat
from meetings.recording.tape import Tape
from meetings.signaling.client import RemoteTrack
from tests.unit.recording.samples import opus_packets, vp8_frames

FONTS = Path(__file__).resolve().parents[3] / "build" / "fonts"
LUMA = {"east": 60, "west": 180}


def taped(directory: Path, seconds: int = 4, switched: Sequence[tuple[int, bool]] = ()) -> ComposeOrder:
    """Two points with their greys and tones; the first speaks, then the second has the floor."""
    tape = Tape(directory, "r1", "m1")
    tape.begin_segment()
    for name, hertz in (("east", 440.0), ("west", 880.0)):
        picture = RemoteTrack(f"TR_v{name}", f"point:{name}", f"Điểm cầu {name}", "video", "camera", False)
        opened = tape.open(picture, 0, TrackFormat("video", 320, 180))
        for index, frame in enumerate(vp8_frames(seconds * 15, LUMA[name])):
            opened.writer.write(frame, index * 66, keyframe=index == 0, duration_ms=66)
        tape.close(opened)
        sound = tape.open(
            RemoteTrack(f"TR_a{name}", f"point:{name}", name, "audio", "microphone", False), 0, TrackFormat("audio")
        )
        for index, packet in enumerate(opus_packets(seconds * 50, hertz)):
            sound.writer.write(packet, index * 20, keyframe=True, duration_ms=20)
        tape.close(sound)
    tape.note("speakers", 0, active=["point:east"])
    for at, muted in switched:
        tape.note("mute", at, track="TR_veast", identity="point:east", muted=muted)
    tape.note("mark", seconds * 1000, what="stop")
    tape.end()
    return ComposeOrder(
        directory=str(directory),
        target="composed.webm",
        title="Giao ban tháng 4",
        origin="2026-04-23T01:41:00+00:00",
        time_zone="Asia/Ho_Chi_Minh",
        fonts=str(FONTS),
        floor=((2000, ("point:west",)),),
        chapters=((0, "Bắt đầu ghi"), (2000, "Phát biểu: west")),
    )


def luma_at(path: Path, second: float, x: int, y: int) -> float:
    with av.open(str(path)) as container:
        frame = next(frame for frame in container.decode(video=0) if (frame.time or 0) >= second)
        row = bytes(frame.planes[0])[y * frame.planes[0].line_size :][x : x + 40]
    return sum(row) / len(row)


def test_stage_strip_length_and_chapters(tmp_path: Path) -> None:
    assert list(compose(taped(tmp_path)))[-1] == 1.0
    path = tmp_path / "composed.webm"
    assert luma_at(path, 1, 400, 300) == pytest.approx(LUMA["east"], abs=12)
    assert luma_at(path, 1, 1100, 150) == pytest.approx(LUMA["west"], abs=12)
    assert luma_at(path, 3, 400, 300) == pytest.approx(LUMA["west"], abs=12)
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(4, abs=0.1)
        assert [one["metadata"]["title"] for one in container.chapters()] == ["Bắt đầu ghi", "Phát biểu: west"]
        names = [stream.codec_context.codec.canonical_name for stream in container.streams]
        assert sorted(names) == ["opus", "vp9"]
    assert not (tmp_path / "parts").exists()


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "PART_MS", 1000)
    order = taped(tmp_path)
    work = compose(order)
    next(work)
    next(work)
    work.close()  # killed after two of four parts
    done = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (tmp_path / "parts").glob("*.mkv")}
    assert len(done) == 2
    (tmp_path / "parts" / "0002.draft").write_bytes(b"half a part")
    steps = compose(order)
    for _ in range(4):
        next(steps)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in done} == done, "done work was done again"
    list(steps)
    with av.open(str(tmp_path / "composed.webm")) as container:
        times = [
            packet.pts * float(packet.time_base or 0) for packet in container.demux(video=0) if packet.pts is not None
        ]
    assert len(times) == 80
    assert max(after - before for before, after in itertools.pairwise(times)) < 0.06


def test_a_camera_that_was_switched_off_is_not_shown_meanwhile(tmp_path: Path) -> None:
    def shown(order: ComposeOrder) -> list[tuple[int, int, int]]:
        pictures = composing.story_of(order).pictures
        return [(one.starts_ms, one.ends_ms, one.origin_ms) for one in pictures if one.identity == "point:east"]

    [(starts, ends, _)] = shown(taped(tmp_path / "always on"))
    assert starts == 0
    assert ends == pytest.approx(4000, abs=100)
    order = taped(tmp_path / "switched", switched=((1000, True), (2500, False), (3500, True)))
    assert shown(order) == [(0, 1000, 0), (2500, 3500, 0)]


def test_chapters_end_where_the_next_begins_and_there_may_be_none() -> None:
    order = ComposeOrder("", "", "", "", "", "", chapters=((0, "a"), (2000, "b")))
    assert composing._chapter_marks(order, 5000) == [(0, 2000, "a"), (2000, 5000, "b")]
    assert composing._chapter_marks(ComposeOrder("", "", "", "", "", ""), 5000) == []


def test_parts_cover_the_recording() -> None:
    assert parts_of(150_000) == [(0, 60_000), (60_000, 120_000), (120_000, 150_000)]
    assert parts_of(0) == [(0, 1000)]


def test_a_picture_keeps_its_shape() -> None:
    assert fitted(640, 360, STAGE) == (960, 540)
    assert fitted(480, 640, Box(0, 0, 320, 180)) == (134, 180)
    assert fitted(1, 1000, STAGE) == (2, 540)


def test_boxes_are_filled_to_their_edges_and_no_further() -> None:
    canvas = Canvas()
    canvas.fill(Box(10, 20, 30, 40), (200, 90, 91))
    luma = canvas.planes[0]
    assert luma[20 * WIDTH + 10] == luma[59 * WIDTH + 39] == 200
    assert luma[20 * WIDTH + 9] == luma[59 * WIDTH + 40] == luma[60 * WIDTH + 10] == BLACK[0]
    assert canvas.planes[1].count(90) == 15 * 20
    assert len(luma) == WIDTH * HEIGHT


@pytest.mark.parametrize("name", ["", "Điểm cầu Krông Pắc", "x" * 500, "a\u202eb\n\0", "🎤 phòng họp"])
def test_any_name_fits_its_label(name: str) -> None:
    pen, canvas = Pen(FONTS), Canvas()
    label = pen.label(name, 320)
    assert label.width <= 320
    canvas.put(label, WIDTH - label.width, HEIGHT - label.height)
    canvas.put(pen.head(name, "08:41:00"), 0, 0)
    canvas.put_centred(pen.card(name, STAGE), WHOLE)


@pytest.mark.skipif(not any(FONTS.glob("Tinos*")), reason="the fonts are not built: run tools/build_front.py")
def test_vietnamese_letters_are_drawn_and_not_boxes() -> None:
    pen = Pen(FONTS)
    letters = "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ"
    drawn = {bytes(pen.label(letter, 100).rows[0][0]) for letter in letters}
    assert len(drawn) == len(letters)


def test_the_process_is_nice(tmp_path: Path) -> None:
    assert composing.NICE >= 10
    assert os.nice(0) < 19
