"""VP9 and H.264: where a decoder can begin, and numbers that go on; damage does no harm."""

from __future__ import annotations

import pytest

from meetings.signaling.media import h264, vp8, vp9
from tests.unit.signaling.media.mutations import mutations

# I P L F B E V Z; then M and picture id, layer indices T U S D, TL0PICIDX
VP9_KEY = bytes([0xAC, 0x81, 0x02, 0x00, 0x07]) + b"frame"
VP9_DELTA = bytes([0xEC, 0x05, 0x40, 0x08]) + b"frame"
VP9_UPPER = bytes([0xA8, 0x81, 0x02, 0x03, 0x07]) + b"frame"  # spatial layer 1 of a keyframe's picture
VP9_FLEXIBLE = bytes([0xB8, 0x81, 0x02, 0x00]) + b"frame"

SPS, PPS, IDR, SLICE = b"\x67\x42\xe0\x1f", b"\x68\xce", b"\x65slice", b"\x41slice"


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def test_a_keyframe_of_vp9_begins_at_its_lowest_spatial_layer() -> None:
    assert vp9.parse(VP9_KEY) == vp8.Picture(True, True, 1, True, 258, 4, 7, 0, 0, ends=True)
    upper = vp9.parse(VP9_UPPER)
    assert upper is not None
    assert not upper.starts
    assert not upper.keyframe
    assert upper.spatial == 1


def test_a_picture_of_vp9_that_builds_on_others_is_no_keyframe() -> None:
    assert vp9.parse(VP9_DELTA) == vp8.Picture(True, False, 1, False, 5, 3, 8, 0, 0, ends=True)


def test_flexible_mode_has_no_tl0() -> None:
    assert vp9.parse(VP9_FLEXIBLE) == vp8.Picture(True, True, 1, True, 258, 0, 0, 0, 0)


def test_numbers_of_vp9_go_on_over_a_switch() -> None:
    last, following = vp9.parse(VP9_DELTA), vp9.parse(VP9_KEY)
    assert last is not None
    assert following is not None
    data = bytearray(VP9_KEY)
    vp8.rewrite(data, 0, following, vp8.continued(last, vp8.UNCHANGED, following))
    after = vp9.parse(bytes(data))
    assert after is not None
    assert (after.picture_id, after.tl0) == (6, 9)
    assert data[5:] == VP9_KEY[5:]


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (SPS, True),
        (stap(SPS, PPS), True),
        (stap(PPS, SPS, IDR), True),
        (b"\x7c\x87rest", True),
        (b"\x7c\x07rest", False),
        (IDR, False),
        (SLICE, False),
        (stap(PPS, SLICE), False),
        (b"\x7c\x85rest", False),
    ],
    ids=[
        "sps",
        "aggregate",
        "later",
        "first part",
        "middle part",
        "idr alone",
        "slice",
        "aggregate without",
        "idr part",
    ],
)
def test_a_keyframe_of_h264_begins_with_its_parameters(payload: bytes, key: bool) -> None:
    picture = h264.parse(payload)
    assert picture is not None
    assert (picture.starts, picture.keyframe) == (key, key)


def test_nothing_is_made_of_nothing() -> None:
    assert h264.parse(b"") is None
    assert vp9.parse(b"") is None


def test_damaged_payloads_raise_nothing() -> None:
    for data in mutations([VP9_KEY, VP9_DELTA, VP9_FLEXIBLE, SPS, stap(SPS, PPS)]):
        h264.parse(data)
        picture = vp9.parse(data)
        if picture is not None:
            vp8.rewrite(bytearray(data), 0, picture, vp8.Offsets(1, 1, 1))
