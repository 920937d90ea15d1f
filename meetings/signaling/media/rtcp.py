"""RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, REMB, transport-wide feedback): parsed without trust, and built."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from meetings.signaling.media.wire import Malformed

_COMMON = struct.Struct("!BBH")
_SSRC = struct.Struct("!I")
_SSRC_PAIR = struct.Struct("!II")
_SENDER = struct.Struct("!IIIII")
_REPORT = struct.Struct("!IIIIII")
_NACK = struct.Struct("!HH")
_TWCC = struct.Struct("!HHI")

_SR, _RR, _BYE, _RTPFB, _PSFB = 200, 201, 203, 205, 206
_FB_NACK, _FB_TWCC = 1, 15
_FB_PLI, _FB_FIR, _FB_APPLICATION = 1, 4, 15

# One compound packet fits a datagram, so these bounds are never met by an honest peer.
_MAX_SIZE = 2048
_MAX_TWCC_STATUSES = 8192


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
class Nack:
    """Sequence numbers of `media_ssrc` that did not arrive (RFC 4585 section 6.2.1)."""

    ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True)
class KeyframeRequest:
    """A PLI (RFC 4585 section 6.3.1) or one entry of a FIR (RFC 5104 section 4.3.1): we answer both alike."""

    ssrc: int
    media_ssrc: int


@dataclass(frozen=True)
class Remb:
    """Receiver estimated maximum bitrate in bit/s for all `media_ssrcs` together (draft-alvestrand-rmcat-remb)."""

    ssrc: int
    bitrate: int
    media_ssrcs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Twcc:
    """Transport-wide feedback: `received` has (sequence, arrival in seconds since the reference's epoch)."""

    ssrc: int
    media_ssrc: int
    base: int
    count: int
    feedback: int
    received: tuple[tuple[int, float], ...] = field(default=())


@dataclass(frozen=True)
class Bye:
    """These streams have ended."""

    ssrcs: tuple[int, ...]


Packet = SenderReport | ReceiverReport | Nack | KeyframeRequest | Remb | Twcc | Bye


def parse(data: bytes) -> list[Packet]:
    """Every packet of a compound we know, in order; others are stepped over. Raises Malformed."""
    if len(data) > _MAX_SIZE:
        raise Malformed(f"RTCP of {len(data)} bytes")
    packets: list[Packet] = []
    for count, kind, body in _split(data):
        packets += _packets(count, kind, body)
    return packets


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
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


def _packets(count: int, kind: int, body: bytes) -> list[Packet]:
    match kind:
        case 200:
            return [_parse_sender_report(count, body)]
        case 201:
            return [ReceiverReport(_ssrc(body), _parse_reports(count, body, 4))]
        case 203:
            _need(body, 4 * count)
            return [Bye(struct.unpack_from(f"!{count}I", body))]
        case 205:
            return _parse_transport_feedback(count, body)
        case 206:
            return _parse_payload_feedback(count, body)
    return []


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise Malformed("RTCP packet is shorter than its kind")


def _ssrc(body: bytes) -> int:
    _need(body, 4)
    return int(_SSRC.unpack_from(body)[0])


def _parse_sender_report(count: int, body: bytes) -> SenderReport:
    _need(body, 24)
    high, low, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    return SenderReport(_ssrc(body), high << 32 | low, timestamp, packets, octets, _parse_reports(count, body, 24))


def _parse_reports(count: int, body: bytes, start: int) -> tuple[Report, ...]:
    _need(body, start + _REPORT.size * count)
    return tuple(_parse_report(body, start + _REPORT.size * index) for index in range(count))


def _parse_report(body: bytes, position: int) -> Report:
    ssrc, loss, highest, jitter, last_sr, delay = _REPORT.unpack_from(body, position)
    cumulative = loss & 0xFFFFFF
    if cumulative & 0x800000:  # signed: duplicates can make it negative
        cumulative -= 1 << 24
    return Report(ssrc, loss >> 24, cumulative, highest, jitter, last_sr, delay)


def _parse_transport_feedback(format_: int, body: bytes) -> list[Packet]:
    if format_ not in (_FB_NACK, _FB_TWCC):
        return []
    _need(body, 8)
    sender, media = _SSRC_PAIR.unpack_from(body)
    if format_ == _FB_TWCC:
        return [_parse_twcc(sender, media, body)]
    if len(body) % 4:
        raise Malformed("NACK entry is cut off")
    lost = tuple(sequence for entry in _NACK.iter_unpack(body[8:]) for sequence in _nacked(*entry))
    return [Nack(sender, media, lost)]


def _nacked(sequence: int, mask: int) -> Iterator[int]:
    yield sequence
    for bit in range(16):
        if mask >> bit & 1:
            yield (sequence + bit + 1) & 0xFFFF


def _parse_payload_feedback(format_: int, body: bytes) -> list[Packet]:
    if format_ not in (_FB_PLI, _FB_FIR, _FB_APPLICATION):
        return []
    _need(body, 8)
    sender, media = _SSRC_PAIR.unpack_from(body)
    if format_ == _FB_PLI:
        return [KeyframeRequest(sender, media)]
    if format_ == _FB_FIR:
        return [
            KeyframeRequest(sender, _SSRC.unpack_from(body, position)[0]) for position in range(8, len(body) - 7, 8)
        ]
    return _parse_remb(sender, body)


def _parse_remb(sender: int, body: bytes) -> list[Packet]:
    if len(body) < 16 or body[8:12] != b"REMB":
        return []
    count = body[12]
    _need(body, 16 + 4 * count)
    exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
    return [Remb(sender, mantissa << exponent, struct.unpack_from(f"!{count}I", body, 16))]


def _parse_twcc(sender: int, media: int, body: bytes) -> Twcc:
    _need(body, 16)
    base, count, reference = _TWCC.unpack_from(body, 8)
    if count > _MAX_TWCC_STATUSES:
        raise Malformed(f"transport feedback about {count} packets")
    statuses, position = _twcc_statuses(body, count)
    clock = (reference >> 8) * 0.064
    received = []
    for offset, status in enumerate(statuses):
        if status in (1, 2):
            delta, position = _twcc_delta(body, position, status)
            clock += delta
            received.append(((base + offset) & 0xFFFF, clock))
    return Twcc(sender, media, base, count, reference & 0xFF, tuple(received))


def _twcc_statuses(body: bytes, count: int) -> tuple[list[int], int]:
    """Packet status chunks (section 3.1.2): run lengths, or vectors of 14 one-bit or 7 two-bit symbols."""
    statuses: list[int] = []
    position = 16
    while len(statuses) < count:
        _need(body, position + 2)
        chunk = body[position] << 8 | body[position + 1]
        position += 2
        if not chunk & 0x8000:
            statuses += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(statuses))
            if not chunk & 0x1FFF:
                raise Malformed("empty run in transport feedback")
        elif chunk & 0x4000:
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return statuses[:count], position


def _twcc_delta(body: bytes, position: int, status: int) -> tuple[float, int]:
    _need(body, position + status)
    if status == 1:
        return body[position] * 0.00025, position + 1
    return int.from_bytes(body[position : position + 2], "big", signed=True) * 0.00025, position + 2


# ---------------------------------------------------------------------------------------------------- builders


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return _COMMON.pack(0x80 | count, kind, len(body) // 4) + body


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


def sender_report(report: SenderReport) -> bytes:
    """At most 31 report blocks; so for `receiver_report`."""
    body = _SSRC.pack(report.ssrc) + _SENDER.pack(
        report.ntp >> 32, report.ntp & 0xFFFFFFFF, report.timestamp, report.packets, report.octets
    )
    return _packet(len(report.reports), _SR, body + _reports(report.reports))


def receiver_report(report: ReceiverReport) -> bytes:
    """How we receive the peer's streams."""
    return _packet(len(report.reports), _RR, _SSRC.pack(report.ssrc) + _reports(report.reports))


def nack(ssrc: int, media_ssrc: int, lost: Iterable[int]) -> bytes:
    """`lost` in ascending order (modulo 2^16), so that neighbours share an entry."""
    entries: list[tuple[int, int]] = []
    for sequence in lost:
        distance = (sequence - entries[-1][0] - 1) & 0xFFFF if entries else 16
        if distance < 16:
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << distance)
        else:
            entries.append((sequence, 0))
    body = _SSRC_PAIR.pack(ssrc, media_ssrc) + b"".join(_NACK.pack(*entry) for entry in entries)
    return _packet(_FB_NACK, _RTPFB, body)


def pli(ssrc: int, media_ssrc: int) -> bytes:
    """Picture loss indication: please send a keyframe."""
    return _packet(_FB_PLI, _PSFB, _SSRC_PAIR.pack(ssrc, media_ssrc))


def fir(ssrc: int, media_ssrc: int, number: int) -> bytes:
    """Full intra request with its command number."""
    return _packet(_FB_FIR, _PSFB, _SSRC_PAIR.pack(ssrc, 0) + _SSRC_PAIR.pack(media_ssrc, (number & 0xFF) << 24))


def remb(ssrc: int, bitrate: int, media_ssrcs: Sequence[int]) -> bytes:
    """Ask the sender of these streams to stay below `bitrate` bit/s."""
    exponent = max(0, bitrate.bit_length() - 18)
    value = exponent << 18 | bitrate >> exponent
    head = b"REMB" + bytes([len(media_ssrcs)]) + value.to_bytes(3, "big")
    return _packet(
        _FB_APPLICATION, _PSFB, _SSRC_PAIR.pack(ssrc, 0) + head + struct.pack(f"!{len(media_ssrcs)}I", *media_ssrcs)
    )


def bye(ssrcs: Sequence[int]) -> bytes:
    """Say that these streams have ended."""
    return _packet(len(ssrcs), _BYE, struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def twcc(ssrc: int, media_ssrc: int, base: int, arrivals: Sequence[tuple[int, float]], feedback: int) -> bytes:
    """Feedback on (transport-wide sequence, arrival in seconds), ascending from `base`; numbers do not wrap here.

    Statuses go out as vectors of seven two-bit symbols: never the shortest form, always a correct one.
    """
    reference = int(arrivals[0][1] / 0.064)
    ticks = reference * 256  # of 250 microseconds
    statuses = [0] * (arrivals[-1][0] - base + 1)
    deltas = bytearray()
    for sequence, arrival in arrivals:
        delta = max(-32768, min(32767, int(arrival / 0.00025) - ticks))
        ticks += delta
        small = 0 <= delta <= 255
        statuses[sequence - base] = 1 if small else 2
        deltas += bytes([delta]) if small else delta.to_bytes(2, "big", signed=True)
    body = _SSRC_PAIR.pack(ssrc, media_ssrc)
    body += _TWCC.pack(base & 0xFFFF, len(statuses), (reference & 0xFFFFFF) << 8 | feedback & 0xFF)
    return _padded(_FB_TWCC, _RTPFB, body + _status_chunks(statuses) + deltas)


def _padded(count: int, kind: int, body: bytes) -> bytes:
    padding = -len(body) % 4
    if not padding:
        return _packet(count, kind, body)
    packet = _packet(count, kind, body + bytes(padding - 1) + bytes([padding]))
    return bytes([packet[0] | 0x20]) + packet[1:]


def _status_chunks(statuses: Sequence[int]) -> bytes:
    chunks = b""
    for start in range(0, len(statuses), 7):
        chunk = 0xC000
        for index, status in enumerate(statuses[start : start + 7]):
            chunk |= status << (12 - 2 * index)
        chunks += chunk.to_bytes(2, "big")
    return chunks
