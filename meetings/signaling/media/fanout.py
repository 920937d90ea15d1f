"""The fan-out in Python: the packets of a frame, made and sent for one subscriber after the other.

No objects or tasks are made per packet and subscriber but what the standard library makes; a plan is unpacked in one
step. All packets of a frame for one subscriber are laid out behind each other, protected in place, and leave in one
call where the kernel has UDP_SEGMENT. `fanout.c` makes the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from meetings.signaling.media import described, srtp, vp8
from meetings.signaling.media.history import MASK, History
from meetings.signaling.media.stun import Address

if TYPE_CHECKING:
    from meetings.signaling.media.forward import Entry, Plan

MOST_ENTRIES = 32
_SLOT = 2048  # bytes for one packet at most
_DATAGRAM = 60_000  # bytes of one datagram of segments


class Ways(Protocol):
    """Where packets go out."""

    def sendto(self, data: bytes | memoryview, address: Address) -> object:
        """One datagram; raises OSError when it is lost."""

    def send_segments(self, data: memoryview, size: int, address: Address) -> list[int]:
        """Several of this size at once, the last of them perhaps shorter; the sizes of those lost."""


class Fanout:
    """The one buffer in which packets are made, and what was sent out of it."""

    def __init__(self, ways: Ways) -> None:
        self.sent = 0
        self.octets = 0  # of payload
        self.blocked = 0
        self._ways = ways
        self.buffer = srtp.Buffer(MOST_ENTRIES * _SLOT)

    def forward(self, entries: Sequence[Entry], plans: Sequence[Plan]) -> None:
        """Send the packets, in order, to every subscriber."""
        now = time.monotonic()
        for plan in plans:
            lengths, overhead = self._lay_out(entries, plan, now)
            if len(lengths) == 1:
                self._send(self.buffer.view[: lengths[0]], lengths, overhead, plan.address)
            elif lengths:
                self._send_frame(lengths, overhead, plan.address)

    def _lay_out(self, entries: Sequence[Entry], plan: Plan, now: float) -> tuple[list[int], int]:
        """Make one subscriber's packets, one behind the other: their lengths, and how much of each is not payload."""
        pack_into, payload_type, sequence_offset, timestamp_offset, ssrc, extension_header, *rest = plan
        first_word, mask, tail, head, handle, _, offsets, history, *_ = rest
        buffer = self.buffer
        data, pointer, length = buffer.data, buffer.pointer, buffer.length
        lengths: list[int] = []
        position = overhead = 0
        for sequence, timestamp, marker, payload, send_time, picture in entries:
            end = head + len(payload)
            word = first_word | (send_time & mask if history is None else remember(history, end, now) << 8)
            pack_into(
                data,
                position,
                0x90,
                marker | payload_type,
                sequence + sequence_offset & 0xFFFF,
                timestamp + timestamp_offset & 0xFFFFFFFF,
                ssrc,
                extension_header,
                word,
                tail,
            )
            data[position + head : position + end] = payload
            if offsets is not None and picture is not None:
                vp8.rewrite(data, position + head, picture, offsets)
            length[0] = end
            if not srtp.protect_in_place(handle, pointer + position, length):
                lengths.append(length[0])
                position += length[0]
                overhead = head + length[0] - end
        return lengths, overhead

    def _send_frame(self, lengths: list[int], overhead: int, address: Address) -> None:
        """As few datagrams as there can be: segments are of one size, but for a shorter last one."""
        begin = position = 0
        while begin < len(lengths):
            size, end = lengths[begin], begin
            total = 0
            while end < len(lengths) and lengths[end] <= size and total == (end - begin) * size:
                if total + lengths[end] > _DATAGRAM:
                    break
                total += lengths[end]
                end += 1
            self._send(self.buffer.view[position : position + total], lengths[begin:end], overhead, address)
            begin, position = end, position + total

    def _send(self, data: memoryview, lengths: list[int], overhead: int, address: Address) -> None:
        lost: list[int] = []
        if len(lengths) > 1:
            lost = self._ways.send_segments(data, lengths[0], address)
        else:
            try:
                self._ways.sendto(data, address)
            except OSError:
                lost = lengths
        sent = len(lengths) - len(lost)
        self.sent += sent
        self.octets += len(data) - sum(lost) - sent * overhead
        self.blocked += len(lost)


class DescribedFanout(Fanout):
    """The same for packets whose headers differ by more than a plan says."""

    def _lay_out(self, entries: Sequence[Entry], plan: Plan, now: float) -> tuple[list[int], int]:
        buffer = self.buffer
        lengths: list[int] = []
        position = overhead = 0
        for entry in entries:
            if plan.history is None:
                word = plan.first_word | entry.send_time & plan.send_time_mask
            else:
                word = plan.first_word | remember(plan.history, plan.head_length + len(entry.payload), now) << 8
            packet = described.header(entry, plan, word) + entry.payload
            buffer.data[position : position + len(packet)] = packet
            buffer.length[0] = len(packet)
            if not srtp.protect_in_place(plan.handle, buffer.pointer + position, buffer.length):
                lengths.append(buffer.length[0])
                position += buffer.length[0]
                overhead = buffer.length[0] - len(entry.payload)
        return lengths, overhead


def remember(history: History, size: int, now: float) -> int:
    """The next transport-wide number, as it stands in the packet."""
    newest, times, sizes = history
    number = newest[0] + 1
    newest[0] = number
    times[number & MASK] = now
    sizes[number & MASK] = size
    return number & 0xFFFF
