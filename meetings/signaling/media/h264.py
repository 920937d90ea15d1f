"""H.264 payloads (RFC 6184): where a decoder can begin. They carry no running numbers of their own."""

from __future__ import annotations

from meetings.signaling.media.vp8 import Picture

_SEQUENCE_PARAMETERS = 7
_STAP_A, _FU_A, _FU_B = 24, 28, 29

_BEGINS = Picture(True, True, 0, False, 0, 0, 0, 0, 0)
_GOES_ON = Picture(False, False, 0, False, 0, 0, 0, 0, 0)


def parse(payload: bytes) -> Picture | None:
    """A keyframe begins with its sequence parameters: without them the pictures that follow cannot be decoded."""
    if not payload:
        return None
    return _BEGINS if _has_parameters(payload) else _GOES_ON


def _has_parameters(payload: bytes) -> bool:
    kind = payload[0] & 0x1F
    if kind == _STAP_A:
        return _aggregate_has_parameters(payload)
    if kind in (_FU_A, _FU_B):
        return len(payload) > 1 and payload[1] >= 0x80 and payload[1] & 0x1F == _SEQUENCE_PARAMETERS
    return kind == _SEQUENCE_PARAMETERS


def _aggregate_has_parameters(payload: bytes) -> bool:
    position = 1
    while position + 2 < len(payload):
        if payload[position + 2] & 0x1F == _SEQUENCE_PARAMETERS:
            return True
        position += 2 + (payload[position] << 8 | payload[position + 1])
    return False
