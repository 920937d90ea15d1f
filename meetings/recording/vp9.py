"""VP9 out of RTP packets (RFC 9628): whole pictures, with all spatial layers where there are several. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from meetings.recording.bits import Bits, OutOfBits
from meetings.recording.depacketize import Frame, Lost, RtpPacket

_SYNC = 0x498342
_RGB = 7


@dataclass(frozen=True)
class Vp9Header:
    """The payload descriptor: where the payload starts, and which part of which layer it is."""

    offset: int
    starts: bool  # first packet of a layer's frame
    spatial: int
    predicted: bool  # from earlier pictures
    size: tuple[int, int] | None  # of the largest layer, where the descriptor says so


def parse_vp9_descriptor(payload: bytes) -> Vp9Header | None:
    """RFC 9628 section 4.2; None if cut short."""
    try:
        return _descriptor(payload)
    except IndexError:
        return None


def _descriptor(payload: bytes) -> Vp9Header | None:
    first = payload[0]
    offset, spatial = 1, 0
    if first & 0x80:
        offset += 2 if payload[offset] & 0x80 else 1
    if first & 0x20:
        spatial = payload[offset] >> 1 & 0x07
        offset += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:  # flexible mode, predicted: up to three references
        for _ in range(3):
            offset += 1
            if not payload[offset - 1] & 0x01:
                break
    offset, size = _structure(payload, offset) if first & 0x02 else (offset, None)
    if offset >= len(payload):
        return None
    return Vp9Header(offset, bool(first & 0x08), spatial, bool(first & 0x40), size)


def _structure(payload: bytes, offset: int) -> tuple[int, tuple[int, int] | None]:
    """The scalability structure, section 4.2.1: how many layers, how large, in which groups."""
    first = payload[offset]
    offset += 1
    size = None
    if first & 0x10:
        offset += 4 * ((first >> 5) + 1)
        last = payload[offset - 4 : offset]
        size = int.from_bytes(last[:2], "big"), int.from_bytes(last[2:], "big")
    if first & 0x08:
        count = payload[offset]
        offset += 1
        for _ in range(count):
            offset += 1 + (payload[offset] >> 2 & 0x03)
    return offset, size


def vp9_keyframe_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height if the frame is a keyframe of profile 0 (VP9 bitstream section 6.2), else None."""
    bits = Bits(frame[:11])
    try:
        begins = bits.take(6)  # marker 10, profile 0, not one shown before, a keyframe
        bits.take(2)
        if begins != 0b100000 or bits.take(24) != _SYNC:
            return None
        if bits.take(3) != _RGB:
            bits.take(1)
        return bits.take(16) + 1, bits.take(16) + 1
    except OutOfBits:
        return None


def superframe(layers: list[bytes]) -> bytes:
    """Several frames as one block (VP9 bitstream annex B): behind them how long each is."""
    if len(layers) == 1:
        return layers[0]
    width = max(1, (max(len(one) for one in layers).bit_length() + 7) // 8)
    mark = bytes([0b110_00_000 | width - 1 << 3 | len(layers) - 1])
    sizes = b"".join(len(one).to_bytes(width, "little") for one in layers)
    return b"".join(layers) + mark + sizes + mark


class Vp9Assembler:
    """Whole pictures out of packets in order. After a loss nothing is given until the next keyframe."""

    def __init__(self) -> None:
        self.needs_keyframe = True
        self._layers: list[bytearray] = []
        self._timestamp = 0
        self._arrival = 0.0
        self._size: tuple[int, int] | None = None

    def push(self, item: RtpPacket | Lost) -> list[Frame]:
        """Take the next packet or loss, give the pictures it completes."""
        if isinstance(item, Lost):
            self._layers.clear()
            self.needs_keyframe = True
            return []
        header = parse_vp9_descriptor(item.payload)
        if header is None:  # padding only
            return []
        out = self._finish() if self._layers and item.timestamp != self._timestamp else []
        if header.starts and (self._layers or header.spatial == 0):
            if not self._layers:
                self._timestamp, self._arrival, self._size = item.timestamp, item.arrival, None
            self._layers.append(bytearray())
        if self._layers:
            self._layers[-1] += item.payload[header.offset :]
            self._size = header.size or self._size
        return out + (self._finish() if item.marker else [])

    def _finish(self) -> list[Frame]:
        layers = [bytes(one) for one in self._layers if one]
        self._layers.clear()
        if not layers:
            return []
        size = vp9_keyframe_size(layers[0])
        if size is None and self.needs_keyframe:
            return []
        self.needs_keyframe = False
        width, height = (self._size or size or (0, 0)) if size else (0, 0)
        return [Frame(superframe(layers), self._timestamp, self._arrival, size is not None, width, height)]
