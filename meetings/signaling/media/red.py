"""Redundant audio (RFC 2198): the packets before once more, so that a lost one is already there when it is missed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from meetings.signaling.media.forward import Entry

DISTANCE = 2  # packets repeated at most, as LiveKit does; a speaking voice then survives two losses in a row
_ROOM = 240  # bytes for them: two of a voice, one of music
_MAX_OFFSET = (1 << 14) - 1  # a third of a second of Opus's clock
_MAX_LENGTH = (1 << 10) - 1
_MAX_BLOCKS = 8
_REMEMBERED, _REMEMBERED_SECONDS = 256, 2.0


class Block(NamedTuple):
    """One encoding in a packet; the last one is the packet's own, with offset 0."""

    offset: int  # how much earlier its timestamp is
    payload: bytes


def parse(payload: bytes, payload_type: int) -> list[Block] | None:
    """Every block, oldest first; None when damaged or when one is not of this payload type."""
    heads: list[tuple[int, int]] = []
    position = 0
    while position < len(payload) and payload[position] & 0x80:
        if position + 4 > len(payload) or payload[position] & 0x7F != payload_type or len(heads) == _MAX_BLOCKS:
            return None
        word = int.from_bytes(payload[position + 1 : position + 4], "big")
        heads.append((word >> 10, word & 0x3FF))
        position += 4
    if position >= len(payload) or payload[position] != payload_type:
        return None
    position += 1
    blocks = []
    for offset, length in heads:
        blocks.append(Block(offset, payload[position : position + length]))
        position += length
    if position > len(payload):
        return None
    return [*blocks, Block(0, payload[position:])]


class Covered:
    """What a receiver of redundancy asks for again, and which of it no later packet has brought it already.

    Clients ask for every packet that is missing, and go on asking. On a thin line the answers would take more than
    the sound itself.
    """

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}

    def uncovered(self, lost: Iterable[int], distance: int, now: float) -> tuple[int, ...]:
        """Of those the ones of which so many after them are missing, too. Numbers are 16 bits wide."""
        asked = self._asked
        for number in lost:
            asked.pop(number, None)
            asked[number] = now
        while asked and (len(asked) > _REMEMBERED or now - asked[next(iter(asked))] > _REMEMBERED_SECONDS):
            del asked[next(iter(asked))]
        steps = range(1, distance + 1)
        return tuple(number for number in lost if all(number + step & 0xFFFF in asked for step in steps))


def distance(payload: bytes) -> int:
    """How many packets before it a packet that we built brings along."""
    count = 0
    while 4 * count < len(payload) and payload[4 * count] & 0x80:
        count += 1
    return count


def build(payload_type: int, entry: Entry, before: Iterable[Entry]) -> bytes:
    """A packet with those right before it, as far as they fit; `before` oldest first."""
    heads, bodies, room = b"", b"", _ROOM
    for distance, earlier in enumerate(reversed(list(before)), start=1):
        offset, length = entry.timestamp - earlier.timestamp & 0xFFFFFFFF, len(earlier.payload)
        fits = 0 < offset <= _MAX_OFFSET and 0 < length <= min(room, _MAX_LENGTH)
        if earlier.sequence != entry.sequence - distance or not fits:
            break  # a receiver takes the block before the last one for the packet before the last one
        heads = (0x80 | payload_type).to_bytes(1, "big") + (offset << 10 | length).to_bytes(3, "big") + heads
        bodies = earlier.payload + bodies
        room -= length
    return heads + bytes([payload_type]) + bodies + entry.payload
