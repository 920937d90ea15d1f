"""Transport-wide numbers: sent with every packet, remembered, and joined with what the subscriber reports."""

from __future__ import annotations

from typing import cast

from meetings.signaling.media import rtp, srtp
from meetings.signaling.media.forward import Entry, Sender, make_plan
from meetings.signaling.media.history import SLOTS, new_history, outcomes

KEY = bytes(range(28))
ADDRESS = ("127.0.0.1", 9)


class Wire:
    """Remembers what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes | memoryview, address: object) -> None:
        self.sent.append(bytes(data))

    def send_segments(self, data: memoryview, size: int, address: object) -> list[int]:
        raise AssertionError("one packet at a time")


def test_every_packet_carries_the_subscribers_next_number_whatever_track_it_is_of() -> None:
    wire, outbound, history = Wire(), srtp.Outbound(srtp.AEAD_AES_128_GCM, KEY), new_history()
    plans = [
        make_plan(
            payload_type=96,
            ssrc=ssrc,
            mid=mid,
            mid_id=1,
            send_time_id=3,
            sequence_offset=0,
            timestamp_offset=0,
            outbound=outbound,
            address=ADDRESS,
            transport_cc_id=4,
            history=history,
        )
        for ssrc, mid in [(7, b"1"), (8, b"22")]
    ]
    sender = Sender(wire)
    for sequence in (1, 2):
        sender.fan_out(Entry(sequence, 3, 0, b"payload", 0xABCDEF, None), plans)
    inbound = srtp.Inbound(srtp.AEAD_AES_128_GCM, KEY)
    headers = [rtp.parse(cast(bytes, inbound.unprotect(sent))) for sent in wire.sent]
    assert [header.extensions for header in headers] == [
        {4: b"\x00\x01", 1: b"1"},
        {4: b"\x00\x02", 1: b"22"},
        {4: b"\x00\x03", 1: b"1"},
        {4: b"\x00\x04", 1: b"22"},
    ]
    told = outcomes(history, 1, 4, ((1, 10.0), (2, 10.1), (4, 10.2)), after=0)
    assert [(one.number, one.arrived_at) for one in told] == [(1, 10.0), (2, 10.1), (3, None), (4, 10.2)]
    assert all(one.sent_at > 0 and one.size == len(wire.sent[0]) - 16 for one in told if one.number % 2)


def test_numbers_are_found_again_after_they_wrapped_and_never_twice() -> None:
    history = new_history()
    history.newest[0] = 0x10002
    told = outcomes(history, 0xFFFE, 6, ((0xFFFE, 1.0), (0, 1.1), (2, 1.2)), after=0)
    assert [one.number for one in told] == [0xFFFE, 0xFFFF, 0x10000, 0x10001, 0x10002]
    assert [one.arrived_at for one in told] == [1.0, None, 1.1, None, 1.2]
    assert outcomes(history, 0xFFFE, 6, ((0xFFFE, 1.0),), after=0x10002) == []


def test_feedback_about_what_was_never_sent_or_is_forgotten_says_nothing() -> None:
    history = new_history()
    assert outcomes(history, 5, 100, tuple((n, 1.0) for n in range(5, 105)), after=0) == []
    history.newest[0] = 3 * SLOTS
    assert outcomes(history, SLOTS & 0xFFFF, 10, ((SLOTS & 0xFFFF, 1.0),), after=0) == []
