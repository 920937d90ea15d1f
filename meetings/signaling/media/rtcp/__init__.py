"""RTCP, a module for each kind of packet: parsed here without trust, built by the functions named here."""

from meetings.signaling.media.rtcp import compound, keyframes, reports
from meetings.signaling.media.rtcp import nack as _nack
from meetings.signaling.media.rtcp import remb as _remb
from meetings.signaling.media.rtcp import twcc as _twcc
from meetings.signaling.media.rtcp.keyframes import KeyframeRequest, fir, pli
from meetings.signaling.media.rtcp.nack import Nack
from meetings.signaling.media.rtcp.remb import Remb
from meetings.signaling.media.rtcp.reports import (
    Bye,
    ReceiverReport,
    Report,
    SenderReport,
    bye,
    receiver_report,
    sender_report,
)
from meetings.signaling.media.rtcp.twcc import Twcc
from meetings.signaling.media.wire import Malformed

nack, remb, twcc = _nack.build, _remb.build, _twcc.build

__all__ = [
    "Bye",
    "KeyframeRequest",
    "Nack",
    "Packet",
    "ReceiverReport",
    "Remb",
    "Report",
    "SenderReport",
    "Twcc",
    "bye",
    "fir",
    "nack",
    "parse",
    "pli",
    "receiver_report",
    "remb",
    "sender_report",
    "twcc",
]

Packet = SenderReport | ReceiverReport | Nack | KeyframeRequest | Remb | Twcc | Bye

# One compound packet fits a datagram, so this bound is never met by an honest peer.
_MAX_SIZE = 2048


def parse(data: bytes) -> list[Packet]:
    """Every packet of a compound we know, in order; others are stepped over. Raises Malformed."""
    if len(data) > _MAX_SIZE:
        raise Malformed(f"RTCP of {len(data)} bytes")
    packets: list[Packet] = []
    for count, kind, body in compound.split(data):
        packets += _packets(count, kind, body)
    return packets


def _packets(count: int, kind: int, body: bytes) -> list[Packet]:
    match kind, count:
        case compound.SENDER_REPORT, _:
            return [reports.parse_sender_report(count, body)]
        case compound.RECEIVER_REPORT, _:
            return [reports.parse_receiver_report(count, body)]
        case compound.BYE, _:
            return [reports.parse_bye(count, body)]
        case compound.TRANSPORT_FEEDBACK, _nack.FORMAT:
            return [_nack.parse(body)]
        case compound.TRANSPORT_FEEDBACK, _twcc.FORMAT:
            return [_twcc.parse(body)]
        case compound.PAYLOAD_FEEDBACK, keyframes.PLI_FORMAT:
            return [keyframes.parse_pli(body)]
        case compound.PAYLOAD_FEEDBACK, keyframes.FIR_FORMAT:
            return list(keyframes.parse_fir(body))
        case compound.PAYLOAD_FEEDBACK, _remb.FORMAT:
            return list(_remb.parse(body))
    return []
