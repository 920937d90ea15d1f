"""The VP8 payload descriptor: every shape is read, its numbers go on over a switch, and damage does no harm."""

from __future__ import annotations

import pytest

from meetings.signaling.media import vp8
from tests.unit.signaling.media.mutations import mutations

FULL = bytes([0x90, 0xF0, 0x81, 0x02, 0x07, 0x23]) + b"\x00frame"  # I L T K, 15 bit id 258, tl0 7, key 3
NARROW = bytes([0x90, 0xC0, 0x05, 0x07]) + b"\x01frame"  # I L, 7 bit id 5
BARE = bytes([0x10]) + b"\x00frame"


def test_a_full_descriptor_is_read() -> None:
    assert vp8.parse(FULL) == vp8.Picture(True, True, 2, True, 258, 4, 7, 5, 3, 0, True)


def test_a_narrow_picture_id_is_read() -> None:
    assert vp8.parse(NARROW) == vp8.Picture(True, False, 2, False, 5, 3, 7, 0, 0)


def test_a_bare_descriptor_is_read() -> None:
    assert vp8.parse(BARE) == vp8.Picture(True, True, 0, False, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("first", [0x80, 0x91, 0x00], ids=["continues", "second partition", "no start"])
def test_only_the_first_packet_of_a_frame_can_be_a_keyframe(first: int) -> None:
    picture = vp8.parse(bytes([first]) + FULL[1:])
    assert picture is not None
    assert not picture.keyframe


@pytest.mark.parametrize("cut", range(len(FULL) - 6))
def test_a_cut_descriptor_is_nothing(cut: int) -> None:
    assert vp8.parse(FULL[:cut]) is None


def test_rewriting_changes_the_numbers_and_nothing_else() -> None:
    picture = vp8.parse(FULL)
    assert picture is not None
    data = bytearray(b"head" + FULL)
    vp8.rewrite(data, 4, picture, vp8.Offsets(1000, 250, 30))
    assert vp8.parse(bytes(data[4:])) == picture._replace(picture_id=1258, tl0=1, key=1)
    assert data[:4] == b"head"
    assert data[4 + 5] & 0xE0 == FULL[5] & 0xE0
    assert data[10:] == FULL[6:]


def test_a_picture_after_a_switch_follows_the_one_before() -> None:
    last = vp8.Picture(True, False, 2, True, 0x7FFF, 4, 255, 5, 31)
    following = vp8.Picture(True, True, 2, True, 77, 4, 9, 5, 4)
    offsets = vp8.continued(last, vp8.UNCHANGED, following)
    data = bytearray(FULL)
    vp8.rewrite(data, 0, following, offsets)
    after = vp8.parse(bytes(data))
    assert after is not None
    assert (after.picture_id, after.tl0, after.key) == (0, 0, 0)


def test_damaged_descriptors_raise_nothing() -> None:
    for data in mutations([FULL, NARROW, BARE]):
        picture = vp8.parse(data)
        if picture is not None:
            vp8.rewrite(bytearray(data), 0, picture, vp8.Offsets(1, 1, 1))
