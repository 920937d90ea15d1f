"""A track's file: playable at every moment, seekable once sealed, mended when cut anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from meetings.recording.formats import TrackFormat
from meetings.recording.mending import mend
from meetings.recording.webm import TrackWriter
from tests.unit.recording.samples import opus_packets, probe, seek_first_time, vp8_frames

AUDIO = opus_packets(250)
VIDEO = vp8_frames(30) * 5  # a keyframe each second


def write_audio(path: Path, close: bool = True) -> TrackWriter:
    writer = TrackWriter(path, TrackFormat("audio", title="Điểm cầu Krông Pắc"))
    for index, packet in enumerate(AUDIO):
        writer.write(packet, index * 20, keyframe=True, duration_ms=20)
    writer.close() if close else writer.flush()
    return writer


def write_video(path: Path, close: bool = True) -> TrackWriter:
    writer = TrackWriter(path, TrackFormat("video", 320, 180))
    for index, frame in enumerate(VIDEO):
        writer.write(frame, index * 33, keyframe=index % 30 == 0, duration_ms=33)
    writer.close() if close else writer.flush()
    return writer


@pytest.mark.parametrize(("write", "count", "seconds"), [(write_audio, 250, 5.0), (write_video, 150, 4.95)])
def test_a_closed_file_has_its_duration_and_all_frames(
    tmp_path: Path, write: Callable[[Path], TrackWriter], count: int, seconds: float
) -> None:
    write(tmp_path / "t.webm")
    found = probe(tmp_path / "t.webm")
    assert found.packets == found.frames == count
    assert found.duration == pytest.approx(seconds, abs=0.02)


def test_a_closed_file_can_be_seeked_by_its_cues(tmp_path: Path) -> None:
    write_video(tmp_path / "v.webm")
    assert seek_first_time(tmp_path / "v.webm", 3.5) == pytest.approx(2.97, abs=0.01)  # the keyframe before
    write_audio(tmp_path / "a.webm")
    assert 2.0 <= seek_first_time(tmp_path / "a.webm", 4.1) <= 4.1


def test_what_was_flushed_plays_before_the_file_is_closed(tmp_path: Path) -> None:
    writer = write_audio(tmp_path / "a.webm", close=False)
    assert probe(tmp_path / "a.webm").packets == 250
    writer.abandon()


def test_a_still_picture_is_in_the_file_at_once(tmp_path: Path) -> None:
    writer = TrackWriter(tmp_path / "s.webm", TrackFormat("video", 320, 180))
    writer.write(VIDEO[0], 0, keyframe=True)
    writer.flush()
    assert probe(tmp_path / "s.webm").frames == 1
    writer.abandon()


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_file_cut_anywhere_is_mended_to_all_its_whole_frames(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "whole.webm"
    writer = (write_audio if kind == "audio" else write_video)(whole, close=False)
    writer.abandon()
    data = whole.read_bytes()
    choose = random.Random(7)
    for cut in sorted(choose.randrange(1000, len(data)) for _ in range(12)):
        path = tmp_path / f"{cut}.webm"
        path.write_bytes(data[:cut])
        before = probe(path).packets
        sealed = mend(path, kind)
        found = probe(path)
        assert sealed is not None
        assert found.packets == found.frames
        assert before - 1 <= found.packets <= before  # a library may count the torn last block, we do not
        assert found.duration == pytest.approx(sealed.duration_ms / 1000, abs=0.001)


def test_a_cluster_whose_size_was_lost_in_a_power_cut_is_walked_through(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    write_audio(path, close=False).abandon()
    data = bytearray(path.read_bytes())
    clusters = [at for at in range(len(data)) if data[at : at + 4] == b"\x1f\x43\xb6\x75"]
    data[clusters[1] + 4 : clusters[1] + 12] = b"\x01" + b"\xff" * 7
    path.write_bytes(data)
    sealed = mend(path, "audio")
    assert sealed is not None
    assert sealed.duration_ms == 5000
    assert probe(path).packets == 250
    assert seek_first_time(path, 4.1) <= 4.1


def test_the_last_picture_stands_until_the_end(tmp_path: Path) -> None:
    writer = TrackWriter(tmp_path / "s.webm", TrackFormat("video", 320, 180))
    writer.write(VIDEO[0], 0, keyframe=True)
    assert writer.close(60_000).duration_ms == 60_000
    assert probe(tmp_path / "s.webm").duration == 60


def test_mending_twice_or_mending_a_sound_file_changes_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    write_audio(path)
    for _ in range(2):
        sealed = mend(path, "audio")
        assert sealed is not None
        assert sealed.duration_ms == 5000
    assert probe(path).packets == 250


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3", b"not a video at all" * 50])
def test_what_is_no_recording_is_not_mended(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(content)
    assert mend(path, "video") is None
    assert path.read_bytes() == content


def test_time_never_runs_backwards_in_a_file(tmp_path: Path) -> None:
    writer = TrackWriter(tmp_path / "a.webm", TrackFormat("audio"))
    for at in (0, 100, 60, 120):
        writer.write(AUDIO[0], at, keyframe=True, duration_ms=20)
    assert writer.close().duration_ms == 140
    assert probe(tmp_path / "a.webm").packets == 4
