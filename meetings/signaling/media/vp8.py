"""The VP8 payload descriptor (RFC 7741 section 4.2): where its running numbers stand, and how they are rewritten."""

from __future__ import annotations

from typing import NamedTuple


class Picture(NamedTuple):
    """What one packet's descriptor says. A position of 0 means the field is absent; no field can stand at 0."""

    starts: bool  # first packet of a frame
    keyframe: bool  # ... of a keyframe
    id_at: int
    id_wide: bool
    picture_id: int
    tl0_at: int
    tl0: int
    key_at: int
    key: int
    temporal: int = 0  # layer, 0 the one all others build on
    sync: bool = False  # depends on temporal layer 0 only: who had but lower layers can go up here
    spatial: int = 0  # layer within one stream (VP9, AV1)
    ends: bool = False  # last packet of its layer's frame
    descriptor: bytes = b""  # AV1's header extension, whose frame number counts as the picture id


class Offsets(NamedTuple):
    """What is added to the running numbers of one subscriber's stream so that they go on over a switch of layers."""

    picture_id: int = 0
    tl0: int = 0
    key: int = 0


UNCHANGED = Offsets()


def parse(payload: bytes) -> Picture | None:
    """Read the descriptor, or None when the payload is too short for what it announces."""
    if not payload:
        return None
    first = payload[0]
    position = 1
    id_at = tl0_at = key_at = picture_id = tl0 = key = temporal = 0
    wide = sync = False
    try:
        if first & 0x80:
            fields = payload[1]
            position = 2
            if fields & 0x80:
                id_at = position
                picture_id, wide, position = read_picture_id(payload, position)
            if fields & 0x40:
                tl0_at, tl0 = position, payload[position]
                position += 1
            if fields & 0x30:
                if fields & 0x20:
                    temporal, sync = payload[position] >> 6, bool(payload[position] & 0x20)
                if fields & 0x10:
                    key_at, key = position, payload[position] & 0x1F
                position += 1
        starts = bool(first & 0x10) and not first & 0x07
        keyframe = starts and not payload[position] & 0x01
    except IndexError:
        return None
    return Picture(starts, keyframe, id_at, wide, picture_id, tl0_at, tl0, key_at, key, temporal, sync)


def read_picture_id(payload: bytes, at: int) -> tuple[int, bool, int]:
    """The picture id of 7 or 15 bits that begins at `at`, whether it is the longer one, and what lies behind it."""
    if payload[at] & 0x80:
        return (payload[at] & 0x7F) << 8 | payload[at + 1], True, at + 2
    return payload[at], False, at + 1


def rewrite(data: bytearray, at: int, picture: Picture, offsets: Offsets) -> None:
    """Write the shifted numbers into the descriptor that begins at `data[at]`."""
    if picture.id_at:
        position = at + picture.id_at
        if picture.id_wide:
            number = picture.picture_id + offsets.picture_id & 0x7FFF | 0x8000
            data[position] = number >> 8
            data[position + 1] = number & 0xFF
        else:
            data[position] = picture.picture_id + offsets.picture_id & 0x7F
    if picture.tl0_at:
        data[at + picture.tl0_at] = picture.tl0 + offsets.tl0 & 0xFF
    if picture.key_at:
        position = at + picture.key_at
        data[position] = data[position] & 0xE0 | picture.key + offsets.key & 0x1F


def continued(last: Picture, offsets: Offsets, following: Picture) -> Offsets:
    """The offsets under which `following` comes right after `last`, which went out under `offsets`."""
    mask = 0xFFFF if following.descriptor else 0x7FFF
    return Offsets(
        last.picture_id + offsets.picture_id + 1 - following.picture_id & mask,
        last.tl0 + offsets.tl0 + 1 - following.tl0 & 0xFF,
        last.key + offsets.key + 1 - following.key & 0x1F,
    )
