"""The hot path: what is sent, how each subscriber gets it, and when it leaves.

What is constant for a subscriber between two switches of layers is kept as a tuple, its plan. The packets of a frame
are held together for a moment and go out subscriber by subscriber, by `fanout` or, compiled, by `native`. Whoever
touches this runs `python -m tests.load.forward` before and after.

Under AES-GCM one SSRC and sequence number must never protect two different plaintexts (RFC 7714 section 8.1). Here a
packet is a pure function of (entry, plan): sending it again for a NACK makes the same bytes, and a plan's sequence
numbers are never used by a later plan.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from meetings.signaling.media import fanout, native, rtp, srtp, vp8
from meetings.signaling.media.history import History
from meetings.signaling.media.stun import Address

# No path carries more in one packet; it bounds the buffers.
LONGEST_PAYLOAD = 1900

# Of a layer, held for one another: a datagram of segments has no more, and with many subscribers it takes a while.
MOST_HELD = fanout.MOST_ENTRIES
_MOST_PACKETS = 1600


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

    @property
    def ends_frame(self) -> bool:
        """Whether nothing of the same picture follows; sound is whole by itself."""
        return self.picture is None or bool(self.marker)


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


class Plans(tuple[Plan, ...]):
    """Those of a lane's subscribers. Never changed, but replaced: `compiled` is what `native` made of just these."""

    compiled: native.Compiled | None = None


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
    """The sending side of the worker's sockets.

    Between `hold` and `release` packets wait for others of their frame, so that those to one subscriber are made
    together, and leave as one datagram of segments. The compiled fan-out serves lanes with several subscribers, the
    Python one everything else, or everything.
    """

    def __init__(self, ways: fanout.Ways, compiled: native.Fanout | None = None) -> None:
        self._ways = ways
        self._python = fanout.Fanout(ways)
        self._described = fanout.DescribedFanout(ways)
        self._compiled = compiled
        self._held = False
        self._batches: dict[int, tuple[Plans, list[Entry]]] = {}  # by identity of the plans
        self._blocked = 0

    @property
    def packets(self) -> int:
        """Sent so far."""
        return self._python.sent + self._described.sent + (self._compiled.sent if self._compiled is not None else 0)

    @property
    def octets(self) -> int:
        """Of payload, sent so far."""
        return (
            self._python.octets + self._described.octets + (self._compiled.octets if self._compiled is not None else 0)
        )

    @property
    def blocked(self) -> int:
        """Lost here: no room in a socket's buffer, or no way there."""
        compiled = self._compiled.blocked if self._compiled is not None else 0
        return self._blocked + self._python.blocked + self._described.blocked + compiled

    def hold(self) -> None:
        """More packets may follow at once."""
        self._held = True

    def flush_frames(self) -> bool:
        """What is whole leaves; True when the end of a frame is still to come."""
        for key, (plans, entries) in list(self._batches.items()):
            if entries[-1].ends_frame:
                del self._batches[key]
                self._forward(entries, plans)
        return bool(self._batches)

    def release(self) -> None:
        """None follow for now: all that waits leaves."""
        self._held = False
        batches, self._batches = self._batches, {}
        for plans, entries in batches.values():
            self._forward(entries, plans)

    def datagram(self, data: bytes, address: Address) -> None:
        """Send what is ready to go (STUN, DTLS, SRTCP); when the kernel has no room it is lost, as on the way."""
        try:
            self._ways.sendto(data, address)
        except OSError:
            self._blocked += 1

    def fan_out(self, entry: Entry, plans: Sequence[Plan]) -> None:
        """Send one packet to every subscriber of its layer; what is for some of them only does not wait."""
        if len(entry.payload) > LONGEST_PAYLOAD:
            return
        if not self._held or not isinstance(plans, Plans):
            self._forward([entry], plans)
            return
        key = id(plans)
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = (plans, [])
        entries = batch[1]
        entries.append(entry)
        if len(entries) == MOST_HELD or len(entries) * len(plans) >= _MOST_PACKETS:
            del self._batches[key]
            self._forward(entries, plans)

    def _forward(self, entries: list[Entry], plans: Sequence[Plan]) -> None:
        if entries[0].picture is not None and entries[0].picture.descriptor:
            self._described.forward(entries, plans)
            return
        if self._compiled is not None and isinstance(plans, Plans):
            plans = self._compiled.forward(entries, plans)
        if plans:
            self._python.forward(entries, plans)

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
