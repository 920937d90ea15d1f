"""Headers of packets that each carry an extension of their own, AV1's dependency descriptor, which no plan can hold.

Elements of more than 16 bytes, as come with keyframes, take the two-byte form (RFC 8285 section 4.3).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meetings.signaling.media import av1, rtp

if TYPE_CHECKING:
    from meetings.signaling.media.forward import Entry, Plan

_FIXED = struct.Struct("!BBHII")
_HEAD = struct.Struct("!HH")
_TWO_BYTE_PROFILE = 0x1000
_LONGEST_ONE_BYTE = 16


def header(entry: Entry, plan: Plan, word: int) -> bytes:
    """The header that the plan would make, its block beginning with `word`, and the packet's own descriptor in it."""
    elements = dict(rtp.one_byte_elements(word.to_bytes(4, "big") + plan.tail))
    if entry.picture is not None and plan.dependency_id:
        elements[plan.dependency_id] = av1.renumbered(entry.picture, plan.offsets)
    fixed = _FIXED.pack(
        0x90,
        entry.marker | plan.payload_type,
        entry.sequence + plan.sequence_offset & 0xFFFF,
        entry.timestamp + plan.timestamp_offset & 0xFFFFFFFF,
        plan.ssrc,
    )
    return fixed + _block(elements)


def _block(elements: Mapping[int, bytes]) -> bytes:
    short = all(0 < number < 15 and 0 < len(value) <= _LONGEST_ONE_BYTE for number, value in elements.items())
    if short:
        parts = [bytes([number << 4 | len(value) - 1]) + value for number, value in elements.items()]
    else:
        parts = [bytes([number, len(value)]) + value for number, value in elements.items()]
    data = b"".join(parts)
    data += bytes(-len(data) % 4)
    return _HEAD.pack(rtp.ONE_BYTE_PROFILE if short else _TWO_BYTE_PROFILE, len(data) // 4) + data
