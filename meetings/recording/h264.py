"""H.264 out of RTP packets (RFC 6184): whole pictures in the form that Matroska keeps, and what describes them. Pure.

A picture is kept as its NAL units, each behind its length in four bytes; sequence and picture parameters stand in front
of every keyframe, too, as they change with the size of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from meetings.recording.bits import Bits, OutOfBits
from meetings.recording.depacketize import Frame, Lost, RtpPacket

_IDR, _SEI, _SPS, _PPS, _DELIMITER, _FILLER = 5, 6, 7, 8, 9, 12
_STAP_A, _FU_A = 24, 28
_BEGINNING = (_SEI, _SPS, _DELIMITER)  # what only the first packet of a picture holds
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


class H264Assembler:
    """Whole pictures out of packets in order. After a loss nothing is given until the next keyframe."""

    def __init__(self) -> None:
        self.needs_keyframe = True
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._timestamp: int | None = None
        self._arrival = 0.0
        self._skipping = True  # a picture whose beginning is missing
        self._sps = self._pps = b""

    def push(self, item: RtpPacket | Lost) -> list[Frame]:
        """Take the next packet or loss, give the pictures it completes."""
        if isinstance(item, Lost):
            self._drop()
            return []
        if not item.payload:  # padding only
            return []
        out: list[Frame] = []
        if item.timestamp != self._timestamp:
            out = self._finish()
            # After a loss it may be the middle of a picture: what begins one says so by itself.
            self._skipping = self._timestamp is None and _first_kind(item.payload) not in _BEGINNING
            self._timestamp, self._arrival = item.timestamp, item.arrival
        if not self._skipping:
            self._units += self._units_of(item.payload)
        return out + (self._finish() if item.marker else [])

    def _drop(self) -> None:
        self._units.clear()
        self._fragment, self._timestamp = None, None
        self.needs_keyframe = True

    def _units_of(self, payload: bytes) -> Iterator[bytes]:
        kind = payload[0] & 0x1F
        if kind == _STAP_A:
            yield from _aggregated(payload)
        elif kind == _FU_A:
            yield from self._fragmented(payload)
        elif 0 < kind < _STAP_A:
            yield payload

    def _fragmented(self, payload: bytes) -> Iterator[bytes]:
        """RFC 6184 section 5.8: the unit's own header is split over the two bytes in front."""
        if len(payload) < 2:
            return
        if payload[1] & 0x80:
            self._fragment = bytearray([payload[0] & 0xE0 | payload[1] & 0x1F])
        if self._fragment is None:
            return
        self._fragment += payload[2:]
        if payload[1] & 0x40:
            whole, self._fragment = bytes(self._fragment), None
            yield whole

    def _finish(self) -> list[Frame]:
        units, self._units, self._fragment = self._units, [], None
        for unit in units:
            self._remember(unit)
        key = any(unit[0] & 0x1F == _IDR for unit in units) and bool(self._sps and self._pps)
        units = [unit for unit in units if unit[0] & 0x1F not in (_DELIMITER, _FILLER, _SPS, _PPS)]
        if not units or (self.needs_keyframe and not key) or self._timestamp is None:
            return []
        self.needs_keyframe = False
        size = sps_size(self._sps) if key else None
        data = b"".join(len(one).to_bytes(4, "big") + one for one in [*([self._sps, self._pps] if key else []), *units])
        width, height = size or (0, 0)
        private = configuration(self._sps, self._pps) if key else b""
        return [Frame(data, self._timestamp, self._arrival, key, width, height, private=private)]

    def _remember(self, unit: bytes) -> None:
        if unit[0] & 0x1F == _SPS and len(unit) >= 4:
            self._sps = unit
        elif unit[0] & 0x1F == _PPS:
            self._pps = unit


def _first_kind(payload: bytes) -> int:
    kind = payload[0] & 0x1F
    return payload[3] & 0x1F if kind == _STAP_A and len(payload) > 3 else kind


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """RFC 6184 section 5.7.1: each unit behind its length."""
    position = 1
    while position + 2 < len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        unit = payload[position + 2 : position + 2 + size]
        if unit:
            yield unit
        position += 2 + size


def configuration(sps: bytes, pps: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1) of one set of parameters."""
    head = bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1])
    return head + len(sps).to_bytes(2, "big") + sps + b"\x01" + len(pps).to_bytes(2, "big") + pps


def sps_size(sps: bytes) -> tuple[int, int] | None:
    """Width and height a sequence parameter set announces (H.264 clause 7.3.2.1.1), None if it is cut short."""
    bits = Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    try:
        return _size(bits)
    except OutOfBits:
        return None


def _size(bits: Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = _chroma(bits) if profile in _HIGH_PROFILES else 1
    bits.unsigned()  # log2_max_frame_num_minus4
    _skip_order(bits)
    bits.unsigned()  # max_num_ref_frames
    bits.take(1)
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = [bits.unsigned() for _ in range(4)] if bits.take(1) else [0, 0, 0, 0]
    across = 2 if chroma in (1, 2) else 1
    down = (2 if chroma == 1 else 1) * (2 - frames_only)
    return columns * 16 - (left + right) * across, rows * 16 * (2 - frames_only) - (top + bottom) * down


def _chroma(bits: Bits) -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling(bits: Bits, count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
