"""RTP packets (RFC 3550 section 5.1) and their header extensions (RFC 8285): parsed without trust, and built."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from meetings.signaling.media.wire import Malformed

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
HEADER_LENGTH = _FIXED.size

ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000  # the low four bits are application bits

_NO_EXTENSIONS: Mapping[int, bytes] = {}


class Header(NamedTuple):
    """The header of one packet; its payload is `packet[payload_start:payload_end]`, padding left out."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    extensions: Mapping[int, bytes]
    payload_start: int
    payload_end: int


def is_rtcp(packet: bytes | bytearray | memoryview) -> bool:
    """Tell RTCP from RTP on one port, by what the payload type field would be (RFC 5761 section 4)."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


def parse(packet: bytes) -> Header:
    """Read a header; raises Malformed."""
    size = len(packet)
    if size < HEADER_LENGTH:
        raise Malformed(f"RTP packet of {size} bytes")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(packet)
    if first >> 6 != 2:
        raise Malformed("not RTP version 2")
    start = HEADER_LENGTH + 4 * (first & 0x0F)
    extensions = _NO_EXTENSIONS
    if first & 0x10:
        start, extensions = _extensions(packet, start)
    end = size - _padding(packet, start) if first & 0x20 else size
    if start > end:
        raise Malformed("RTP header is longer than its packet")
    return Header(second >= 0x80, second & 0x7F, sequence, timestamp, ssrc, extensions, start, end)


def _padding(packet: bytes, start: int) -> int:
    padding = packet[-1]
    if padding == 0 or padding > len(packet) - start:
        raise Malformed("RTP padding is longer than its payload")
    return padding


def _extensions(packet: bytes, start: int) -> tuple[int, Mapping[int, bytes]]:
    """Where the payload begins, and every element of the extension block."""
    if start + 4 > len(packet):
        raise Malformed("RTP extension header is cut off")
    profile, words = _EXTENSION.unpack_from(packet, start)
    end = start + 4 + 4 * words
    if end > len(packet):
        raise Malformed("RTP extension is longer than its packet")
    if profile == ONE_BYTE_PROFILE:
        return end, _one_byte_elements(packet, start + 4, end)
    if profile & 0xFFF0 == _TWO_BYTE_PROFILE:
        return end, _two_byte_elements(packet, start + 4, end)
    return end, _NO_EXTENSIONS


def _one_byte_elements(packet: bytes, position: int, end: int) -> dict[int, bytes]:
    elements = {}
    while position < end:
        head = packet[position]
        if head == 0:  # padding
            position += 1
            continue
        if head >= 0xF0:  # id 15: stop here (RFC 8285 section 4.2)
            break
        after = position + 2 + (head & 0x0F)
        if after > end:
            raise Malformed("RTP extension element is longer than its block")
        elements[head >> 4] = packet[position + 1 : after]
        position = after
    return elements


def one_byte_elements(block: bytes) -> dict[int, bytes]:
    """What is in a block of ours."""
    return _one_byte_elements(block, 0, len(block))


def _two_byte_elements(packet: bytes, position: int, end: int) -> dict[int, bytes]:
    elements = {}
    while position < end:
        element = packet[position]
        if element == 0:  # padding
            position += 1
            continue
        if position + 2 > end:
            raise Malformed("RTP extension element is cut off")
        after = position + 2 + packet[position + 1]
        if after > end:
            raise Malformed("RTP extension element is longer than its block")
        elements[element] = packet[position + 2 : after]
        position = after
    return elements


def build(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
    extensions: Mapping[int, bytes] | None = None,
) -> bytes:
    """One packet; extensions as one-byte elements (ids 1 to 14, values of 1 to 16 bytes)."""
    block = extension_block(extensions) if extensions else b""
    first = 0x90 if block else 0x80
    return _FIXED.pack(first, marker << 7 | payload_type, sequence, timestamp, ssrc) + block + payload


def extension_block(extensions: Mapping[int, bytes]) -> bytes:
    """Elements as one block with its header, padded to whole words."""
    elements = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in extensions.items())
    elements += bytes(-len(elements) % 4)
    return _EXTENSION.pack(ONE_BYTE_PROFILE, len(elements) // 4) + elements


def restore_from_rtx(packet: bytes, header: Header, ssrc: int, payload_type: int) -> bytes | None:
    """The original packet in a retransmission (RFC 4588 section 4), without padding; None when it only pads."""
    if header.payload_end - header.payload_start < 2:
        return None
    original = packet[header.payload_start : header.payload_start + 2]
    first = packet[0] & 0xDF
    second = header.marker << 7 | payload_type
    rest = packet[HEADER_LENGTH : header.payload_start] + packet[header.payload_start + 2 : header.payload_end]
    return bytes((first, second)) + original + packet[4:8] + ssrc.to_bytes(4, "big") + rest
