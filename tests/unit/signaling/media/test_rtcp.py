"""RTCP: every packet we write is read back, by us and by the reference, and damage does no harm."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc import rtp as reference

from meetings.signaling.media import rtcp
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.mutations import mutations

REPORT = rtcp.Report(0xAABBCCDD, 12, -3, 70_000, 55, 0x11223344, 65_536)
SENDER = rtcp.SenderReport(1, 0x0123456789ABCDEF, 3, 4, 5, (REPORT,))
RECEIVER = rtcp.ReceiverReport(1, (REPORT, REPORT))
ARRIVALS = [(65_530 + n, 100.0 + n * 0.01 + (10 if n > 20 else 0)) for n in range(30) if n % 4]

SAMPLES = [
    rtcp.sender_report(SENDER),
    rtcp.receiver_report(RECEIVER),
    rtcp.nack(1, 2, [65_534, 65_535, 0, 3, 20]),
    rtcp.pli(1, 2),
    rtcp.fir(1, 2, 3),
    rtcp.remb(1, 1_234_567, [4, 5]),
    rtcp.twcc(1, 2, 65_528, ARRIVALS, 7),
    rtcp.bye([1, 2]),
]


def parse_by_reference(data: bytes) -> list[Any]:
    return list(reference.RtcpPacket.parse(data))


def test_reports_come_back_as_they_were() -> None:
    assert rtcp.parse(SAMPLES[0] + SAMPLES[1]) == [SENDER, RECEIVER]


def test_reports_are_read_by_the_reference() -> None:
    sender, receiver = parse_by_reference(SAMPLES[0] + SAMPLES[1])
    assert (sender.sender_info.ntp_timestamp, sender.sender_info.rtp_timestamp) == (SENDER.ntp, SENDER.timestamp)
    assert receiver.reports[0].packets_lost == REPORT.cumulative_lost


def test_lost_numbers_are_joined_over_the_wrap() -> None:
    (packet,) = rtcp.parse(SAMPLES[2])
    assert packet == rtcp.Nack(1, 2, (65_534, 65_535, 0, 3, 20))
    assert len(SAMPLES[2]) == 12 + 2 * 4  # four neighbours in one entry
    (read,) = parse_by_reference(SAMPLES[2])
    assert [number & 0xFFFF for number in read.lost] == [65_534, 65_535, 0, 3, 20]  # the reference does not wrap


def test_both_kinds_of_keyframe_request_mean_the_same() -> None:
    assert rtcp.parse(SAMPLES[3]) == rtcp.parse(SAMPLES[4]) == [rtcp.KeyframeRequest(1, 2)]


@pytest.mark.parametrize("bitrate", [0, 1, 30_000, 262_143, 262_144, 5_000_000_000])
def test_a_bitrate_loses_only_its_lowest_bits(bitrate: int) -> None:
    (packet,) = rtcp.parse(rtcp.remb(1, bitrate, [4, 5]))
    assert isinstance(packet, rtcp.Remb)
    assert packet.media_ssrcs == (4, 5)
    assert packet.bitrate == pytest.approx(bitrate, rel=1e-5)


def test_a_bitrate_is_read_by_the_reference() -> None:
    (packet,) = parse_by_reference(SAMPLES[5])
    assert reference.unpack_remb_fci(packet.fci)[1] == [4, 5]


def test_transport_feedback_tells_each_arrival_within_a_quarter_millisecond() -> None:
    (packet,) = rtcp.parse(SAMPLES[6])
    assert isinstance(packet, rtcp.Twcc)
    assert (packet.base, packet.count, packet.feedback) == (65_528, 65_530 + 29 - 65_528 + 1, 7)
    assert [number for number, _ in packet.received] == [number & 0xFFFF for number, _ in ARRIVALS]
    start = packet.received[0][1] - ARRIVALS[0][1]
    early = [arrival for arrival in zip(packet.received, ARRIVALS, strict=True) if arrival[1][1] < 105]
    for (_, told), (_, happened) in early:
        assert told - start == pytest.approx(happened, abs=0.0003)


@pytest.mark.parametrize(
    ("chunk", "count", "received"),
    [("2005", 5, 5), ("0005", 5, 0), ("a000", 14, 1), ("bfff", 13, 13), ("d555", 7, 7)],
    ids=["run of received", "run of lost", "one bit each", "one bit each, all", "two bits each"],
)
def test_transport_feedback_of_other_shapes_is_read(chunk: str, count: int, received: int) -> None:
    body = bytes.fromhex("00000001000000020010") + count.to_bytes(2, "big") + bytes.fromhex("00000100" + chunk)
    body += bytes(received) + bytes(-(len(body) + received) % 4)
    (packet,) = rtcp.parse(bytes([0x8F, 205]) + (len(body) // 4).to_bytes(2, "big") + body)
    assert isinstance(packet, rtcp.Twcc)
    assert len(packet.received) == received


def test_unknown_packets_are_stepped_over() -> None:
    unknown = bytes([0x80, 207, 0, 1]) + bytes(4)
    assert rtcp.parse(unknown + SAMPLES[3]) == [rtcp.KeyframeRequest(1, 2)]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_packet_cut_short_is_malformed(sample: bytes) -> None:
    with pytest.raises(Malformed):
        rtcp.parse(sample[:-1])


def test_feedback_about_more_packets_than_can_be_is_malformed() -> None:
    body = bytes(8) + bytes.fromhex("0000ffff00000000" + "1fff" * 9 + "0000")
    with pytest.raises(Malformed):
        rtcp.parse(bytes([0x8F, 205]) + (len(body) // 4).to_bytes(2, "big") + body)


def test_damaged_packets_raise_nothing_but_malformed() -> None:
    parsed = 0
    for data in mutations([*SAMPLES, SAMPLES[0] + SAMPLES[6]]):
        try:
            rtcp.parse(data)
            parsed += 1
        except Malformed:
            continue
    assert parsed
