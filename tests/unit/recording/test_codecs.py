"""H.264 and VP9 become files that show what was sent: packets made of encoded pictures, cut up as senders do."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from meetings.recording import mending
from meetings.recording.clocks import SenderClock
from meetings.recording.codecs import COLORSPACE_BT601
from meetings.recording.depacketize import Assembler, Frame, Lost, RtpPacket
from meetings.recording.formats import TrackFormat, media_type
from meetings.recording.h264 import H264Assembler, sps_size
from meetings.recording.tape import Tape, media_files, recorded_files
from meetings.recording.tracks import TrackRecorder
from meetings.recording.vp9 import Vp9Assembler, parse_vp9_descriptor, superframe, vp9_keyframe_size
from meetings.recording.webm import TrackWriter
from meetings.signaling.client import RemoteTrack
from tests.unit.recording.samples import Packet, probe, seek_first_time, vp8_frames

GREY = 150
PICTURE = RemoteTrack("TR_1", "guest:1", "Khách", "video", "camera", False)


def encoded(codec: str, count: int, *, luma: int = GREY, size: tuple[int, int] = (320, 180)) -> list[bytes]:
    """One encoded picture each; the first is a keyframe. H.264 as libx264 writes it, with start codes."""
    encoder: Any = av.CodecContext.create({"h264": "libx264", "vp9": "libvpx-vp9"}[codec], "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.colorspace = COLORSPACE_BT601  # Firefox takes what is not marked for BT.709
    speed = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    encoder.options = speed if codec == "vp9" else {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    pictures: list[bytes] = []
    for index in range(count):
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, (luma + index % 4, 90, 200), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = index
        pictures += [bytes(packet) for packet in encoder.encode(frame)]
    return pictures


def units(picture: bytes) -> list[bytes]:
    """The NAL units between start codes."""
    return [part.rstrip(b"\0") for part in picture.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if part]


def h264_payloads(picture: bytes, mtu: int) -> list[bytes]:
    """Parameters in one packet, as libwebrtc sends them (STAP-A); what is larger than a packet in parts (FU-A)."""
    parameters = [unit for unit in units(picture) if unit[0] & 0x1F in (7, 8)]
    stap = b"\x78" + b"".join(len(one).to_bytes(2, "big") + one for one in parameters)
    payloads = [stap] if parameters else []
    for unit in units(picture):
        if unit in parameters:
            continue
        if len(unit) <= mtu:
            payloads.append(unit)
            continue
        body = [unit[at : at + mtu] for at in range(1, len(unit), mtu)]
        for number, part in enumerate(body):
            edge = (0x80 if number == 0 else 0) | (0x40 if number == len(body) - 1 else 0)
            payloads.append(bytes([unit[0] & 0xE0 | 28, edge | unit[0] & 0x1F]) + part)
    return payloads


def vp9_payloads(picture: bytes, mtu: int) -> list[bytes]:
    key = vp9_keyframe_size(picture) is not None
    parts = [picture[at : at + mtu] for at in range(0, len(picture), mtu)]
    payloads = []
    for number, part in enumerate(parts):
        first = 0x80 | (0 if key else 0x40) | (0x08 if number == 0 else 0) | (0x04 if number == len(parts) - 1 else 0)
        payloads.append(bytes([first, 0x81, 0x05]) + part)
    return payloads


def packets(codec: str, pictures: list[bytes], mtu: int = 60, *, start: int = 0) -> list[Packet]:
    cut = {"h264": h264_payloads, "vp9": vp9_payloads}[codec]
    result: list[Packet] = []
    for index, picture in enumerate(pictures, start):
        payloads = cut(picture, mtu)
        for number, payload in enumerate(payloads):
            last = number == len(payloads) - 1
            result.append(Packet(len(result), index * 3000, payload, last, index / 30, codec))
    return result


def assembled(assembler: Assembler, items: Sequence[RtpPacket | Lost]) -> list[Frame]:
    return [frame for item in items for frame in assembler.push(item)]


ASSEMBLERS: dict[str, type[Assembler]] = {"h264": H264Assembler, "vp9": Vp9Assembler}


def shown(path: Path) -> list[tuple[int, int, int]]:
    """Width, height and grey of each decoded picture."""
    with av.open(str(path)) as container:
        return [(f.width, f.height, round(float(f.to_ndarray()[: f.height].mean()))) for f in container.decode(video=0)]


def written(path: Path, codec: str, frames: list[Frame]) -> TrackWriter:
    first = frames[0]
    writer = TrackWriter(path, TrackFormat("video", first.width, first.height, "Khách", codec, first.private))
    for frame in frames:
        writer.write(frame.data, frame.timestamp // 90, keyframe=frame.keyframe)
    writer.flush()
    return writer


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("mtu", [60, 1200])
def test_what_was_sent_is_what_the_file_shows(tmp_path: Path, codec: str, mtu: int) -> None:
    frames = assembled(ASSEMBLERS[codec](), packets(codec, encoded(codec, 30), mtu))
    assert [one.keyframe for one in frames] == [True] + [False] * 29
    assert (frames[0].width, frames[0].height) == (320, 180)
    path = tmp_path / "t.mkv"
    written(path, codec, frames).close()
    assert [(w, h) for w, h, _ in shown(path)] == [(320, 180)] * 30
    assert all(abs(grey - GREY) <= 4 for _, _, grey in shown(path))


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_after_a_loss_nothing_is_kept_until_a_whole_keyframe(codec: str) -> None:
    assembler = ASSEMBLERS[codec]()
    arriving: list[RtpPacket | Lost] = [*packets(codec, encoded(codec, 10) + encoded(codec, 10))]
    hole = next(i for i, one in enumerate(arriving) if isinstance(one, Packet) and one.timestamp == 4 * 3000)
    arriving[hole] = Lost(1)
    assert [one.timestamp // 3000 for one in assembled(assembler, arriving)] == [*range(4), *range(10, 20)]
    assert not assembler.needs_keyframe


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_keyframe_with_a_hole_is_no_keyframe(codec: str, missing: int) -> None:
    assembler = ASSEMBLERS[codec]()
    arriving: list[RtpPacket | Lost] = [*packets(codec, encoded(codec, 3), 20)]
    arriving[missing] = Lost(1)
    assert assembled(assembler, arriving) == []
    assert assembler.needs_keyframe


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_cut_file_is_mended_and_can_be_searched(tmp_path: Path, codec: str) -> None:
    frames = assembled(ASSEMBLERS[codec](), packets(codec, encoded(codec, 60) + encoded(codec, 60)))
    path = tmp_path / "t.mkv"
    written(path, codec, frames).abandon()
    path.write_bytes(path.read_bytes()[:-7])
    sealed = mending.mend(path, "video")
    assert sealed is not None
    assert sealed.duration_ms == pytest.approx(118 * 1000 / 30, abs=2)
    assert probe(path).frames == 119
    assert seek_first_time(path, 3.5) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(("codec", "name"), [("h264", "001-video-001.mkv"), ("vp9", "001-video-001.webm")])
def test_a_track_goes_into_the_container_that_holds_it(tmp_path: Path, codec: str, name: str) -> None:
    tape = Tape(tmp_path, "r1", "m1")
    tape.begin_segment()
    track = TrackRecorder(tape, PICTURE, 90_000, SenderClock(), lambda sid: None)
    for packet in packets(codec, encoded(codec, 30)):
        track.packet(packet)
    track.close()
    tape.end()
    [file] = recorded_files(tmp_path)
    assert (file.name, file.media_type) == (name, media_type("video", name))
    assert len(shown(tmp_path / name)) == 30


def test_a_sender_that_goes_over_to_another_codec_begins_another_file(tmp_path: Path) -> None:
    tape = Tape(tmp_path, "r1", "m1")
    tape.begin_segment()
    track = TrackRecorder(tape, PICTURE, 90_000, SenderClock(), lambda sid: None)
    h264 = packets("h264", encoded("h264", 10))
    for packet in h264:
        track.packet(packet)
    for index, picture in enumerate(vp8_frames(10)):
        payload = b"\x90\x80\x81\x05" + picture
        track.packet(Packet(len(h264) + index, (10 + index) * 3000, payload, True, (10 + index) / 30, "vp8"))
    track.close()
    tape.end()
    assert [path.suffix for path in media_files(tmp_path)] == [".mkv", ".webm"]
    assert [len(shown(path)) for path in media_files(tmp_path)] == [10, 10]


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_picture_that_grows_in_the_middle_is_shown_in_its_new_size(tmp_path: Path, codec: str) -> None:
    pictures = encoded(codec, 5) + encoded(codec, 5, size=(640, 360))
    frames = assembled(ASSEMBLERS[codec](), packets(codec, pictures))
    assert [(one.width, one.height) for one in frames if one.keyframe] == [(320, 180), (640, 360)]
    path = tmp_path / "t.mkv"
    written(path, codec, frames).close()
    assert {(w, h) for w, h, _ in shown(path)} == {(320, 180), (640, 360)}


@pytest.mark.parametrize("size", [(320, 180), (1920, 1080), (16, 16), (642, 362)])
def test_the_size_is_read_from_the_parameters(size: tuple[int, int]) -> None:
    [sps] = [unit for unit in units(encoded("h264", 1, size=size)[0]) if unit[0] & 0x1F == 7]
    assert sps_size(sps) == size
    assert sps_size(sps[:4]) is None
    assert vp9_keyframe_size(encoded("vp9", 1, size=size)[0]) == size


def test_the_layers_of_one_picture_become_one_block(tmp_path: Path) -> None:
    """Two layers under one time stamp, as scalable VP9 sends them: a decoder takes the block apart again."""
    low, high = encoded("vp9", 1)[0], encoded("vp9", 1, size=(640, 360))[0]
    layers = [(low, 0x00), (high, 0x02)]
    arriving = [
        Packet(number, 0, bytes([0xAC, 0x01, spatial, 0x00]) + picture, number == 1, 0.0, "vp9")
        for number, (picture, spatial) in enumerate(layers)
    ]
    [frame] = assembled(Vp9Assembler(), arriving)
    assert frame.data == superframe([low, high])
    path = tmp_path / "t.webm"
    written(path, "vp9", [frame]).close()
    assert (640, 360) in {(w, h) for w, h, _ in shown(path)}


def test_a_descriptor_may_carry_everything_or_be_cut_anywhere() -> None:
    structure = bytes([0b001_11_000]) + (320).to_bytes(2, "big") + (180).to_bytes(2, "big")
    structure += (640).to_bytes(2, "big") + (360).to_bytes(2, "big") + bytes([2, 0x04, 0x01, 0x08, 0x01, 0x02])
    whole = bytes([0x80 | 0x40 | 0x20 | 0x10 | 0x08 | 0x02, 0x81, 0x05, 0x02, 0x03, 0x02]) + structure + b"payload"
    header = parse_vp9_descriptor(whole)
    assert header is not None
    assert (whole[header.offset :], header.size, header.spatial) == (b"payload", (640, 360), 1)
    for cut in range(len(whole) - 6):
        found = parse_vp9_descriptor(whole[:cut])
        assert found is None or found.offset < cut
