"""From RTP packets to frames with a time: reordering, VP8 and Opus assembly; other codecs have modules. Pure.

RFC 3550 (RTP), RFC 7741 (VP8), RFC 7587 and RFC 6716 (Opus). Nothing here decodes, waits or reads a clock: the arrival
time comes with each packet, and `Reorder.tick` is told what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

REORDER_WAIT = 0.35  # seconds a hole may wait for a retransmission: three rounds of NACK over a slow line
REORDER_LIMIT = 1024  # packets held for one track; a 1080p keyframe is about 200
SEQUENCE_JUMP = 3000  # further than this is another source, not a loss


class RtpPacket(Protocol):
    """What is read of a packet; arrival in seconds of the recorder's clock."""

    @property
    def sequence(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def marker(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def arrival(self) -> float: ...
    @property
    def codec(self) -> str: ...


@dataclass(frozen=True)
class Lost:
    """That many packets in a row never came."""

    count: int


@dataclass(frozen=True)
class Frame:
    """One encoded picture or Opus packet; `timestamp` in RTP units, unwrapped by `clocks.TrackClock`."""

    data: bytes
    timestamp: int
    arrival: float
    keyframe: bool
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    private: bytes = b""  # of a keyframe: what a decoder must know before it


def unwrap(value: int, near: int, bits: int) -> int:
    """The number congruent to `value` modulo 2**bits that lies nearest to `near`."""
    span = 1 << bits
    delta = (value - near) % span
    return near + (delta - span if delta >= span // 2 else delta)


class Reorder:
    """Puts packets in order; a hole is waited for `wait` seconds or until `limit` are held, then declared."""

    def __init__(self, wait: float = REORDER_WAIT, limit: int = REORDER_LIMIT) -> None:
        self._wait = wait
        self._limit = limit
        self._held: dict[int, RtpPacket] = {}
        self._next: int | None = None
        self._highest = 0

    def push(self, packet: RtpPacket) -> list[RtpPacket | Lost]:
        """Take one packet, give those that are now in order."""
        out: list[RtpPacket | Lost] = []
        sequence = packet.sequence if self._next is None else unwrap(packet.sequence, self._highest, 16)
        if self._next is None:
            self._next = self._highest = sequence
        elif abs(sequence - self._next) > SEQUENCE_JUMP:
            out += self._release(force=True)
            out.append(Lost(0))
            self._next = self._highest = sequence
        if sequence >= self._next:
            self._held.setdefault(sequence, packet)
            self._highest = max(self._highest, sequence)
        return out + self._release() + self.tick(packet.arrival)

    def tick(self, now: float) -> list[RtpPacket | Lost]:
        """Give up on holes that have waited long enough."""
        out: list[RtpPacket | Lost] = []
        while self._held and (len(self._held) > self._limit or now - self._oldest() >= self._wait):
            out += self._skip_hole()
        return out

    def drain(self) -> list[RtpPacket | Lost]:
        """Everything still held; the track is closing."""
        return self._release(force=True)

    def _oldest(self) -> float:
        return next(iter(self._held.values())).arrival  # insertion order is order of arrival

    def _release(self, force: bool = False) -> list[RtpPacket | Lost]:
        out: list[RtpPacket | Lost] = []
        while self._next is not None and self._next in self._held:
            out.append(self._held.pop(self._next))
            self._next += 1
        while force and self._held:
            out += self._skip_hole()
        return out

    def _skip_hole(self) -> list[RtpPacket | Lost]:
        first = min(self._held)
        assert self._next is not None
        lost = Lost(first - self._next)
        self._next = first
        return [lost, *self._release()]


@dataclass(frozen=True)
class Vp8Header:
    """The VP8 payload descriptor: where the payload starts, and whether it is the start of a frame."""

    offset: int
    starts_frame: bool


def parse_vp8_descriptor(payload: bytes) -> Vp8Header | None:
    """RFC 7741 section 4.2; None if cut short."""
    if not payload:
        return None
    first = payload[0]
    offset = 1
    if first & 0x80:
        if len(payload) < 2:
            return None
        extended = payload[1]
        offset = 2
        if extended & 0x80:
            if len(payload) <= offset:
                return None
            offset += 2 if payload[offset] & 0x80 else 1
        offset += bool(extended & 0x40) + bool(extended & 0x30)
    if offset >= len(payload):
        return None
    return Vp8Header(offset, bool(first & 0x10) and not first & 0x07)


def vp8_keyframe_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height if the frame is a keyframe (RFC 6386 section 9.1), else None."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    return int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF


class Assembler(Protocol):
    """Whole frames out of packets in order. `needs_keyframe` tells the caller to ask for one."""

    needs_keyframe: bool

    def push(self, item: RtpPacket | Lost) -> list[Frame]: ...


class Vp8Assembler:
    """Whole VP8 frames out of packets in order. After a loss nothing is given until the next keyframe.

    `needs_keyframe` tells the caller to ask for one: a frame built on a missing one would show garbage.
    """

    def __init__(self) -> None:
        self.needs_keyframe = True
        self._parts: list[bytes] = []
        self._timestamp = 0
        self._arrival = 0.0

    def push(self, item: RtpPacket | Lost) -> list[Frame]:
        """Take the next packet or loss, give the frames it completes."""
        if isinstance(item, Lost):
            self._parts.clear()
            self.needs_keyframe = True
            return []
        header = parse_vp8_descriptor(item.payload)
        if header is None:  # padding only
            return []
        out = self._finish() if self._parts and item.timestamp != self._timestamp else []
        if header.starts_frame and not self._parts:
            self._timestamp, self._arrival = item.timestamp, item.arrival
            self._parts.append(item.payload[header.offset :])
        elif self._parts:
            self._parts.append(item.payload[header.offset :])
        return out + (self._finish() if item.marker else [])

    def _finish(self) -> list[Frame]:
        data = b"".join(self._parts)
        self._parts.clear()
        if not data:
            return []
        size = vp8_keyframe_size(data)
        if size is None and self.needs_keyframe:
            return []
        self.needs_keyframe = False
        width, height = size or (0, 0)
        return [Frame(data, self._timestamp, self._arrival, size is not None, width, height)]


_OPUS_SILK_MS = (10, 20, 40, 60)
_OPUS_CELT_US = (2500, 5000, 10_000, 20_000)


def opus_duration_ms(packet: bytes) -> int:
    """Length of an Opus packet from its table-of-contents byte (RFC 6716 section 3.1), rounded to milliseconds."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame_us = _OPUS_SILK_MS[config & 3] * 1000
    elif config < 16:
        frame_us = 10_000 if config % 2 == 0 else 20_000
    else:
        frame_us = _OPUS_CELT_US[config & 3]
    count = (1, 2, 2)[code] if code < 3 else (packet[1] & 0x3F if len(packet) > 1 else 0)
    return min(frame_us * count // 1000, 120)


class OpusAssembler:
    """Opus needs no assembly: one packet is one frame. Silence not sent (DTX) is simply a gap in the timestamps."""

    def __init__(self) -> None:
        self.needs_keyframe = False

    def push(self, item: RtpPacket | Lost) -> list[Frame]:
        """Take the next packet or loss."""
        if isinstance(item, Lost) or not item.payload:
            return []
        duration = opus_duration_ms(item.payload)
        return [Frame(item.payload, item.timestamp, item.arrival, True, duration_ms=duration)] if duration else []
