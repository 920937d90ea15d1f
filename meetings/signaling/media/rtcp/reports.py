"""Sender and receiver reports, and goodbyes (RFC 3550 sections 6.4 and 6.6)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from meetings.signaling.media.rtcp import compound

_SENDER = struct.Struct("!IIIII")
_REPORT = struct.Struct("!IIIIII")


@dataclass(frozen=True)
class Report:
    """One report block: how a receiver gets the stream `ssrc` (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_sr: int


@dataclass(frozen=True)
class SenderReport:
    """The moment `ntp` (64 bits, 32.32 seconds) is the RTP timestamp `timestamp`."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True)
class ReceiverReport:
    """Reports of a peer that sends nothing itself."""

    ssrc: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True)
class Bye:
    """These streams have ended."""

    ssrcs: tuple[int, ...]


def parse_sender_report(count: int, body: bytes) -> SenderReport:
    compound.need(body, 24)
    high, low, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    reports = _parse_reports(count, body, 24)
    return SenderReport(compound.read_ssrc(body), high << 32 | low, timestamp, packets, octets, reports)


def parse_receiver_report(count: int, body: bytes) -> ReceiverReport:
    return ReceiverReport(compound.read_ssrc(body), _parse_reports(count, body, 4))


def parse_bye(count: int, body: bytes) -> Bye:
    compound.need(body, 4 * count)
    return Bye(struct.unpack_from(f"!{count}I", body))


def _parse_reports(count: int, body: bytes, start: int) -> tuple[Report, ...]:
    compound.need(body, start + _REPORT.size * count)
    return tuple(_parse_report(body, start + _REPORT.size * index) for index in range(count))


def _parse_report(body: bytes, position: int) -> Report:
    ssrc, loss, highest, jitter, last_sr, delay = _REPORT.unpack_from(body, position)
    cumulative = loss & 0xFFFFFF
    if cumulative & 0x800000:  # signed: duplicates can make it negative
        cumulative -= 1 << 24
    return Report(ssrc, loss >> 24, cumulative, highest, jitter, last_sr, delay)


def sender_report(report: SenderReport) -> bytes:
    """At most 31 report blocks; so for `receiver_report`."""
    body = compound.write_ssrc(report.ssrc) + _SENDER.pack(
        report.ntp >> 32, report.ntp & 0xFFFFFFFF, report.timestamp, report.packets, report.octets
    )
    return compound.packet(len(report.reports), compound.SENDER_REPORT, body + _reports(report.reports))


def receiver_report(report: ReceiverReport) -> bytes:
    """How we receive the peer's streams."""
    body = compound.write_ssrc(report.ssrc) + _reports(report.reports)
    return compound.packet(len(report.reports), compound.RECEIVER_REPORT, body)


def bye(ssrcs: Sequence[int]) -> bytes:
    """Say that these streams have ended."""
    return compound.packet(len(ssrcs), compound.BYE, struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def _reports(reports: Sequence[Report]) -> bytes:
    return b"".join(
        _REPORT.pack(
            report.ssrc,
            report.fraction_lost << 24 | report.cumulative_lost & 0xFFFFFF,
            report.highest_sequence & 0xFFFFFFFF,
            report.jitter & 0xFFFFFFFF,
            report.last_sr,
            report.delay_since_sr,
        )
        for report in reports
    )
