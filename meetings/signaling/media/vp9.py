"""The VP9 payload descriptor (RFC 9628 section 4.2), as far as forwarding needs it.

Spatial layers may be left out from the top, since all of one moment share a picture id. Temporal ones may not: frames
name those they build on by differences of picture ids. Running numbers stand as in VP8 and are rewritten alike.
"""

from __future__ import annotations

from meetings.signaling.media.vp8 import Picture, read_picture_id


def parse(payload: bytes) -> Picture | None:
    """Read the descriptor, or None when the payload is too short for what it announces."""
    if not payload:
        return None
    first = payload[0]
    position = 1
    id_at = tl0_at = picture_id = tl0 = spatial = 0
    wide = False
    try:
        if first & 0x80:
            id_at = position
            picture_id, wide, position = read_picture_id(payload, position)
        if first & 0x20:
            spatial = payload[position] >> 1 & 0x07
            position += 1
            if not first & 0x10:
                tl0_at, tl0 = position, payload[position]
    except IndexError:
        return None
    starts = bool(first & 0x08) and spatial == 0
    keyframe = starts and not first & 0x40
    ends = bool(first & 0x04)
    return Picture(starts, keyframe, id_at, wide, picture_id, tl0_at, tl0, 0, 0, spatial=spatial, ends=ends)
