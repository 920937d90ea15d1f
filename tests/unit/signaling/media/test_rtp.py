"""RTP headers, extensions and retransmissions: as the standard says, and safe against anything else."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtpPacket

from meetings.signaling.media import rtp
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.mutations import mutations

PLAIN = rtp.build(111, 65_535, 0xFFFFFFFF, 0x12345678, b"payload", marker=True)
EXTENDED = rtp.build(96, 7, 8, 9, b"payload", extensions={1: b"mid", 2: b"\x0a", 14: bytes(16)})
PADDED = bytes([PLAIN[0] | 0x20]) + PLAIN[1:] + bytes([0, 0, 3])
WITH_CSRC = bytes([PLAIN[0] | 2]) + PLAIN[1:12] + bytes(8) + b"payload"


def two_byte() -> bytes:
    block = bytes([1, 0]) + bytes([2, 3]) + b"abc" + b"\x00" + bytes([31, 4]) + b"1234" + b"\x00\x00"
    packet = bytes([0x90, 96]) + PLAIN[2:12] + (0x1000).to_bytes(2, "big") + (len(block) // 4).to_bytes(2, "big")
    return packet + block + b"payload"


def test_a_plain_packet_is_read() -> None:
    header = rtp.parse(PLAIN)
    assert header == rtp.Header(True, 111, 65_535, 0xFFFFFFFF, 0x12345678, {}, 12, 19)
    assert PLAIN[header.payload_start : header.payload_end] == b"payload"


def test_one_byte_extensions_are_read() -> None:
    header = rtp.parse(EXTENDED)
    assert header.extensions == {1: b"mid", 2: b"\x0a", 14: bytes(16)}
    assert EXTENDED[header.payload_start :] == b"payload"


def test_two_byte_extensions_are_read() -> None:
    assert rtp.parse(two_byte()).extensions == {1: b"", 2: b"abc", 31: b"1234"}


def test_padding_and_contributors_are_left_out() -> None:
    header = rtp.parse(PADDED)
    assert PADDED[header.payload_start : header.payload_end] == b"payload"
    header = rtp.parse(WITH_CSRC)
    assert WITH_CSRC[header.payload_start : header.payload_end] == b"payload"


def test_a_padding_only_packet_has_an_empty_payload() -> None:
    header = rtp.parse(bytes([0xA0]) + PLAIN[1:12] + bytes(254) + b"\xff")
    assert header.payload_start == header.payload_end


def test_built_packets_are_read_by_the_reference() -> None:
    packet = RtpPacket.parse(EXTENDED)
    assert (packet.payload_type, packet.sequence_number, packet.timestamp, packet.ssrc) == (96, 7, 8, 9)
    assert packet.payload == b"payload"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        PLAIN[:11],
        bytes([0x40]) + PLAIN[1:],  # version 1
        bytes([0x8F]) + PLAIN[1:],  # 15 contributors, no room
        bytes([0x90]) + PLAIN[1:13],  # extension header cut off
        bytes([0x90]) + PLAIN[1:12] + b"\xbe\xde\xff\xff",  # extension longer than the packet
        bytes([0x90]) + PLAIN[1:12] + b"\xbe\xde\x00\x01\x1f\x00\x00\x00",  # element longer than its block
        bytes([0xA0]) + PLAIN[1:12] + b"\xff",  # padding longer than the payload
        bytes([0xA0]) + PLAIN[1:12] + b"\x00",  # padding of nothing
    ],
)
def test_what_lies_about_its_length_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        rtp.parse(packet)


def test_a_retransmission_gives_the_original_back() -> None:
    original = rtp.build(96, 500, 900, 77, b"picture", marker=True, extensions={1: b"0"})
    again = rtp.build(97, 1, 900, 78, (500).to_bytes(2, "big") + b"picture", marker=True, extensions={1: b"0"})
    assert rtp.restore_from_rtx(again, rtp.parse(again), 77, 96) == original


def test_a_retransmission_that_only_pads_gives_nothing_back() -> None:
    padding = bytes([0xA0]) + PLAIN[1:12] + bytes(10) + b"\x0b"
    assert rtp.restore_from_rtx(padding, rtp.parse(padding), 77, 96) is None


def test_damaged_packets_raise_nothing_but_malformed() -> None:
    parsed = 0
    for data in mutations([PLAIN, EXTENDED, two_byte(), PADDED, WITH_CSRC]):
        rtp.is_rtcp(data)
        try:
            header = rtp.parse(data)
            rtp.restore_from_rtx(data, header, 1, 2)
            assert 12 <= header.payload_start <= header.payload_end <= len(data)
            parsed += 1
        except Malformed:
            continue
    assert parsed
