"""Which packets a receiver wants again (RFC 4585 section 6.2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from meetings.signaling.media.rtcp import compound
from meetings.signaling.media.wire import Malformed

FORMAT = 1
_ENTRY = struct.Struct("!HH")


@dataclass(frozen=True)
class Nack:
    """Sequence numbers of `media_ssrc` that did not arrive."""

    ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]


def parse(body: bytes) -> Nack:
    compound.need(body, 8)
    sender, media = compound.SSRC_PAIR.unpack_from(body)
    if len(body) % 4:
        raise Malformed("NACK entry is cut off")
    lost = tuple(sequence for entry in _ENTRY.iter_unpack(body[8:]) for sequence in _nacked(*entry))
    return Nack(sender, media, lost)


def _nacked(sequence: int, mask: int) -> Iterator[int]:
    yield sequence
    for bit in range(16):
        if mask >> bit & 1:
            yield (sequence + bit + 1) & 0xFFFF


def build(ssrc: int, media_ssrc: int, lost: Iterable[int]) -> bytes:
    """`lost` in ascending order (modulo 2^16), so that neighbours share an entry."""
    entries: list[tuple[int, int]] = []
    for sequence in lost:
        distance = (sequence - entries[-1][0] - 1) & 0xFFFF if entries else 16
        if distance < 16:
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << distance)
        else:
            entries.append((sequence, 0))
    body = compound.SSRC_PAIR.pack(ssrc, media_ssrc) + b"".join(_ENTRY.pack(*entry) for entry in entries)
    return compound.packet(FORMAT, compound.TRANSPORT_FEEDBACK, body)
