"""Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from meetings.signaling.media.rtcp import compound

FORMAT = 15


@dataclass(frozen=True)
class Remb:
    """What a receiver can take, in bit/s, for all `media_ssrcs` together."""

    ssrc: int
    bitrate: int
    media_ssrcs: tuple[int, ...] = ()


def parse(body: bytes) -> list[Remb]:
    """Nothing where other application feedback stands."""
    compound.need(body, 8)
    if len(body) < 16 or body[8:12] != b"REMB":
        return []
    count = body[12]
    compound.need(body, 16 + 4 * count)
    exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
    return [Remb(compound.read_ssrc(body), mantissa << exponent, struct.unpack_from(f"!{count}I", body, 16))]


def build(ssrc: int, bitrate: int, media_ssrcs: Sequence[int]) -> bytes:
    """Ask the sender of these streams to stay below `bitrate` bit/s."""
    exponent = max(0, bitrate.bit_length() - 18)
    value = exponent << 18 | bitrate >> exponent
    head = b"REMB" + bytes([len(media_ssrcs)]) + value.to_bytes(3, "big")
    body = compound.SSRC_PAIR.pack(ssrc, 0) + head + struct.pack(f"!{len(media_ssrcs)}I", *media_ssrcs)
    return compound.packet(FORMAT, compound.PAYLOAD_FEEDBACK, body)
