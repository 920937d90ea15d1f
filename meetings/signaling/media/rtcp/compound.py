"""Compound packets (RFC 3550 section 6.1): cut into single ones without trust, and the header of one that goes out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from meetings.signaling.media.wire import Malformed

SENDER_REPORT, RECEIVER_REPORT, BYE, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 200, 201, 203, 205, 206

SSRC_PAIR = struct.Struct("!II")  # sender and media, in front of all feedback (RFC 4585 section 6.1)
_COMMON = struct.Struct("!BBH")
_SSRC = struct.Struct("!I")


def split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Count or format, kind and body of each packet. Raises Malformed."""
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise Malformed("RTCP header is cut off")
        first, kind, words = _COMMON.unpack_from(data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise Malformed("not an RTCP packet")
        body = data[position + 4 : end]
        if first & 0x20:
            body = _unpadded(body)
        yield first & 0x1F, kind, body
        position = end


def _unpadded(body: bytes) -> bytes:
    if not body or not 0 < body[-1] <= len(body):
        raise Malformed("RTCP padding is longer than its packet")
    return body[: -body[-1]]


def need(body: bytes, size: int) -> None:
    """Raises Malformed when the body is shorter."""
    if len(body) < size:
        raise Malformed("RTCP packet is shorter than its kind")


def read_ssrc(body: bytes, position: int = 0) -> int:
    """The SSRC at a position."""
    need(body, position + 4)
    return int(_SSRC.unpack_from(body, position)[0])


def write_ssrc(ssrc: int) -> bytes:
    """An SSRC as it stands in packets."""
    return _SSRC.pack(ssrc)


def packet(count: int, kind: int, body: bytes) -> bytes:
    """One packet; its body is whole words long."""
    return _COMMON.pack(0x80 | count, kind, len(body) // 4) + body


def padded_packet(count: int, kind: int, body: bytes) -> bytes:
    """One packet whose body may end anywhere."""
    padding = -len(body) % 4
    if not padding:
        return packet(count, kind, body)
    made = packet(count, kind, body + bytes(padding - 1) + bytes([padding]))
    return bytes([made[0] | 0x20]) + made[1:]
