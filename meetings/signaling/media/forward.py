"""The hot path: one packet in, one header packed, protected and sent for every subscriber of its layer.

No objects or tasks are made per packet and subscriber. What is constant for a subscriber between two switches of
layers is kept as a tuple, its plan, and unpacked in one step. Whoever touches this runs `python -m tests.load.forward`
before and after.

Under AES-GCM one SSRC and sequence number must never protect two different plaintexts (RFC 7714 section 8.1). Here a
packet is a pure function of (entry, plan): sending it again for a NACK makes the same bytes, and a plan's sequence
numbers are never used by a later plan.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from meetings.signaling.media import history as sent_history
from meetings.signaling.media import described, rtp, srtp, vp8
from meetings.signaling.media.history import History
from meetings.signaling.media.native import Fanout
from meetings.signaling.media.stun import Address

# No path carries more in one packet; it bounds the buffers.
LONGEST_PAYLOAD = 1900

# How long packets may wait for others to the same subscriber.
HELD_SECONDS = 0.002
Later = Callable[[float, Callable[[], None]], object]


def abs_send_time(now: float) -> int:
    """Seconds as the abs-send-time extension has them: 24 bits, 18 of them behind the point."""
    return int(now * 262_144) & 0xFFFFFF


class Entry(NamedTuple):
    """A received packet as it is kept and forwarded.

    `sequence` does not wrap, and counts without dropped padding-only packets.
    """

    sequence: int
    timestamp: int
    marker: int  # 0 or 0x80: the bit where the header has it
    payload: bytes
    send_time: int  # as `abs_send_time` gives it
    picture: vp8.Picture | None


class Plan(NamedTuple):
    """How one subscriber gets the packets of one layer. Order matters: the loop unpacks it."""

    pack_into: Callable[..., None]
    payload_type: int
    sequence_offset: int
    timestamp_offset: int
    ssrc: int
    extension_header: int
    first_word: int
    send_time_mask: int
    tail: bytes
    head_length: int
    handle: Any
    address: Address
    offsets: vp8.Offsets | None  # None: the descriptor stays as it is
    history: History | None = None  # with it every packet carries, and is remembered by, a transport-wide number
    dependency_id: int = 0  # of the extension for AV1's dependency descriptor


def make_plan(
    *,
    payload_type: int,
    ssrc: int,
    mid: bytes,
    mid_id: int,
    send_time_id: int,
    sequence_offset: int,
    timestamp_offset: int,
    outbound: srtp.Outbound,
    address: Address,
    offsets: vp8.Offsets = vp8.UNCHANGED,
    transport_cc_id: int = 0,
    history: History | None = None,
    dependency_id: int = 0,
) -> Plan:
    """Lay out the header of one subscriber's packets: fixed part, extension header, one word, constant tail.

    With the transport-wide number or, without it, abs-send-time the word begins with that element, and MID follows;
    else MID begins in the word. Where nothing is negotiated the word is padding, so that all headers are packed alike.
    """
    middle = bytes([mid_id << 4 | len(mid) - 1]) + mid if 0 < mid_id < 15 and 0 < len(mid) <= 16 else b""
    numbered = history is not None and 0 < transport_cc_id < 15
    if numbered:
        block, mask = bytes([transport_cc_id << 4 | 1, 0, 0]) + middle, 0
    elif send_time_id:
        block, mask = bytes([send_time_id << 4 | 2, 0, 0, 0]) + middle, 0xFFFFFF
    else:
        block, mask = middle, 0
    block += bytes(max(4 - len(block), -len(block) % 4))
    layout = struct.Struct(f"!BBHIIII{len(block) - 4}s")
    return Plan(
        layout.pack_into,
        payload_type,
        sequence_offset,
        timestamp_offset,
        ssrc,
        rtp.ONE_BYTE_PROFILE << 16 | len(block) // 4,
        int.from_bytes(block[:4], "big"),
        mask,
        block[4:],
        layout.size,
        outbound.handle,
        address,
        None if offsets == vp8.UNCHANGED else offsets,
        history if numbered else None,
        dependency_id,
    )


class Sender:
    """The sending side of the worker's socket, with the one buffer all packets are protected in.

    With the compiled fan-out (see `native`) packets to several subscribers go through it. Between `hold` and `release`
    they wait in it, so that those to one address leave together; so does the beginning of a frame whose end is still
    to come, where `later` can call back for it. Nothing waits longer than `HELD_SECONDS`.
    """

    def __init__(self, sock: socket.socket, compiled: Fanout | None = None, later: Later | None = None) -> None:
        self.packets = 0
        self.octets = 0  # of payload
        self.blocked = 0
        self._send = sock.sendto
        self._buffer = srtp.Buffer()
        self._compiled = compiled
        self._later = later
        self._held = False
        self._waiting_since: float | None = None
        self._frame_goes_on = False
        self._called_back = False
        self._counted = (0, 0, 0)

    def hold(self) -> None:
        """More packets may follow at once."""
        self._held = True

    def release(self) -> None:
        """None follow for now: what waits leaves, unless it is the beginning of a frame."""
        self._held = False
        if self._waiting_since is None:
            return
        if self._frame_goes_on and self._later is not None:
            if not self._called_back:
                self._called_back = True
                self._later(HELD_SECONDS / 2, self._call_back)  # a loop's timers may be a millisecond late
        else:
            self.flush()

    def _call_back(self) -> None:
        self._called_back = False
        self.flush()

    def flush(self) -> None:
        """All that waits leaves."""
        if self._compiled is None or self._waiting_since is None:
            return
        self._waiting_since = None
        self._compiled.flush()
        before, self._counted = self._counted, self._compiled.counted()
        packets, octets, blocked = (now - then for now, then in zip(self._counted, before, strict=True))
        self.packets += packets
        self.octets += octets
        self.blocked += blocked

    def datagram(self, data: bytes | memoryview, address: Address) -> None:
        """Send what is ready to go (STUN, DTLS, SRTCP); when the kernel has no room it is lost, as on the way."""
        try:
            self._send(data, address)
        except OSError:
            self.blocked += 1

    def fan_out(self, entry: Entry, plans: Sequence[Plan]) -> None:
        """Send one packet to every subscriber of its layer."""
        if len(entry.payload) > LONGEST_PAYLOAD:
            return
        now = time.monotonic()
        if entry.picture is not None and entry.picture.descriptor:
            self._fan_out_described(entry, plans, now)
            return
        if self._compiled is not None and len(plans) > 1:
            plans = self._queue(self._compiled, entry, plans, now)
        if plans:
            self._fan_out(entry, plans, now)

    def _queue(self, compiled: Fanout, entry: Entry, plans: Sequence[Plan], now: float) -> list[Plan]:
        others = compiled.fan_out(entry, plans, now)
        self._frame_goes_on = entry.picture is not None and not entry.marker
        if self._waiting_since is None:
            self._waiting_since = now
        if not self._held or now - self._waiting_since > HELD_SECONDS:
            self.flush()
        return others

    def _fan_out(self, entry: Entry, plans: Sequence[Plan], now: float) -> None:
        sequence, timestamp, marker, payload, send_time, picture = entry
        data, view, pointer, length = self._buffer.data, self._buffer.view, self._buffer.pointer, self._buffer.length
        send, protect, rewrite = self._send, srtp.protect_in_place, vp8.rewrite
        size = len(payload)
        slots = sent_history.MASK
        sent = wire_length = 0
        wire = view
        for (
            pack_into,
            payload_type,
            sequence_offset,
            timestamp_offset,
            ssrc,
            extension_header,
            first_word,
            mask,
            tail,
            head,
            handle,
            address,
            offsets,
            history,
            _,
        ) in plans:
            if history is None:
                word = first_word | send_time & mask
            else:
                newest, times, sizes = history
                number = newest[0] + 1
                newest[0] = number
                times[number & slots] = now
                sizes[number & slots] = head + size
                word = first_word | (number & 0xFFFF) << 8
            pack_into(
                data,
                0,
                0x90,
                marker | payload_type,
                sequence + sequence_offset & 0xFFFF,
                timestamp + timestamp_offset & 0xFFFFFFFF,
                ssrc,
                extension_header,
                word,
                tail,
            )
            end = head + size
            data[head:end] = payload
            if offsets is not None and picture is not None:
                rewrite(data, head, picture, offsets)
            length[0] = end
            if protect(handle, pointer, length):
                continue
            if length[0] != wire_length:
                wire_length = length[0]
                wire = view[:wire_length]
            try:
                send(wire, address)
                sent += 1
            except OSError:  # no room in the socket's buffer, or the network is gone: lost, as on the way
                self.blocked += 1
        self.packets += sent
        self.octets += sent * size

    def _fan_out_described(self, entry: Entry, plans: Sequence[Plan], now: float) -> None:
        """The same for packets whose headers differ by more than a plan says."""
        size = len(entry.payload)
        for plan in plans:
            word = plan.first_word | entry.send_time & plan.send_time_mask
            if plan.history is not None:
                newest, times, sizes = plan.history
                newest[0] += 1
                slot = newest[0] & sent_history.MASK
                times[slot], sizes[slot] = now, plan.head_length + size
                word = plan.first_word | (newest[0] & 0xFFFF) << 8
            packet = described.header(entry, plan, word) + entry.payload
            self._buffer.data[: len(packet)] = packet
            self._buffer.length[0] = len(packet)
            if srtp.protect_in_place(plan.handle, self._buffer.pointer, self._buffer.length):
                continue
            self.datagram(self._buffer.view[: self._buffer.length[0]], plan.address)
            self.packets += 1
            self.octets += size

    def retransmission(
        self, entry: Entry, plan: Plan, rtx_ssrc: int, payload_type: int, sequence: int, send_time: int
    ) -> None:
        """Send a packet again within its RTX stream (RFC 4588): own SSRC and sequence, original number in front.

        It says when it is sent, not when it was first: else the receiver would take it for very late.
        """
        original = (entry.sequence + plan.sequence_offset & 0xFFFF).to_bytes(2, "big")
        payload = entry.payload
        if plan.offsets is not None and entry.picture is not None:
            changed = bytearray(payload)
            vp8.rewrite(changed, 0, entry.picture, plan.offsets)
            payload = bytes(changed)
        again = entry._replace(sequence=sequence, payload=original + payload, send_time=send_time, picture=None)
        offsets = None
        if entry.picture is not None and entry.picture.descriptor:
            again, offsets = again._replace(picture=entry.picture), plan.offsets
        plan = plan._replace(ssrc=rtx_ssrc, payload_type=payload_type, sequence_offset=0, offsets=offsets)
        self.fan_out(again, [plan])
