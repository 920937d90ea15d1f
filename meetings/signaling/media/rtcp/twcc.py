"""Transport-wide feedback on every packet's arrival (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from meetings.signaling.media.rtcp import compound
from meetings.signaling.media.wire import Malformed

FORMAT = 15
_HEAD = struct.Struct("!HHI")
_MAX_STATUSES = 8192  # one compound packet fits a datagram: never met by an honest peer


@dataclass(frozen=True)
class Twcc:
    """`received` has (sequence, arrival in seconds since the reference's epoch)."""

    ssrc: int
    media_ssrc: int
    base: int
    count: int
    feedback: int
    received: tuple[tuple[int, float], ...] = field(default=())


def parse(body: bytes) -> Twcc:
    compound.need(body, 16)
    sender, media = compound.SSRC_PAIR.unpack_from(body)
    base, count, reference = _HEAD.unpack_from(body, 8)
    if count > _MAX_STATUSES:
        raise Malformed(f"transport feedback about {count} packets")
    statuses, position = _statuses(body, count)
    clock = (reference >> 8) * 0.064
    received = []
    sequence = base - 1
    compound.need(body, position + statuses.count(1) + 2 * statuses.count(2))
    for status in statuses:
        sequence += 1
        if status == 1:
            clock += body[position] * 0.00025
            position += 1
        elif status == 2:
            clock += int.from_bytes(body[position : position + 2], "big", signed=True) * 0.00025
            position += 2
        else:
            continue
        received.append((sequence & 0xFFFF, clock))
    return Twcc(sender, media, base, count, reference & 0xFF, tuple(received))


def _statuses(body: bytes, count: int) -> tuple[list[int], int]:
    """Packet status chunks (section 3.1.2): run lengths, or vectors of 14 one-bit or 7 two-bit symbols."""
    statuses: list[int] = []
    position = 16
    while len(statuses) < count:
        compound.need(body, position + 2)
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


def build(ssrc: int, media_ssrc: int, base: int, arrivals: Sequence[tuple[int, float]], feedback: int) -> bytes:
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
    body = compound.SSRC_PAIR.pack(ssrc, media_ssrc)
    body += _HEAD.pack(base & 0xFFFF, len(statuses), (reference & 0xFFFFFF) << 8 | feedback & 0xFF)
    return compound.padded_packet(FORMAT, compound.TRANSPORT_FEEDBACK, body + _status_chunks(statuses) + deltas)


def _status_chunks(statuses: Sequence[int]) -> bytes:
    chunks = b""
    for start in range(0, len(statuses), 7):
        chunk = 0xC000
        for index, status in enumerate(statuses[start : start + 7]):
            chunk |= status << (12 - 2 * index)
        chunks += chunk.to_bytes(2, "big")
    return chunks
