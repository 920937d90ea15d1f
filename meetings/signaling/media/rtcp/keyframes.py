"""Requests for a keyframe: picture loss indications and full intra requests."""

from __future__ import annotations

from dataclasses import dataclass

from meetings.signaling.media.rtcp import compound

PLI_FORMAT, FIR_FORMAT = 1, 4


@dataclass(frozen=True)
class KeyframeRequest:
    """A PLI (RFC 4585 section 6.3.1) or one entry of a FIR (RFC 5104 section 4.3.1): we answer both alike."""

    ssrc: int
    media_ssrc: int


def parse_pli(body: bytes) -> KeyframeRequest:
    compound.need(body, 8)
    return KeyframeRequest(*compound.SSRC_PAIR.unpack_from(body))


def parse_fir(body: bytes) -> list[KeyframeRequest]:
    sender = compound.read_ssrc(body)
    return [KeyframeRequest(sender, compound.read_ssrc(body, position)) for position in range(8, len(body) - 7, 8)]


def pli(ssrc: int, media_ssrc: int) -> bytes:
    """Picture loss indication: please send a keyframe."""
    return compound.packet(PLI_FORMAT, compound.PAYLOAD_FEEDBACK, compound.SSRC_PAIR.pack(ssrc, media_ssrc))


def fir(ssrc: int, media_ssrc: int, number: int) -> bytes:
    """Full intra request with its command number."""
    body = compound.SSRC_PAIR.pack(ssrc, 0) + compound.SSRC_PAIR.pack(media_ssrc, (number & 0xFF) << 24)
    return compound.packet(FIR_FORMAT, compound.PAYLOAD_FEEDBACK, body)
