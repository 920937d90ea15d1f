"""AV1's dependency descriptor (RTP payload format for AV1, appendix A): which layer a packet belongs to, where frames
begin and end, and the frame number, which is rewritten when a subscriber's stream goes on over a switch.

What layers there are is said with each keyframe, by templates that later packets refer to. Of a payload nothing is
read where there are descriptors; without them its first byte says where a decoder can begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from meetings.signaling.media.vp8 import Offsets, Picture

_FIXED_BYTES = 3
_MAX_TEMPLATES = 64
_NEW_SEQUENCE = 0x08  # in the aggregation header
_SWITCH = 2  # a decode target indication: who was below can go on with this frame


_BEGINS = Picture(True, True, 0, False, 0, 0, 0, 0, 0)
_GOES_ON = Picture(False, False, 0, False, 0, 0, 0, 0, 0)


def parse(payload: bytes) -> Picture | None:
    """What is known without a descriptor."""
    if not payload:
        return None
    return _BEGINS if payload[0] & _NEW_SEQUENCE else _GOES_ON


class _Bits:
    """Reads numbers of a few bits; raises IndexError at the end."""

    def __init__(self, data: bytes, position: int) -> None:
        self._number = int.from_bytes(data, "big")
        self._left = 8 * len(data) - position

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError
        return self._number >> self._left & (1 << count) - 1


@dataclass(frozen=True)
class _Template:
    spatial: int
    temporal: int
    switches: bool  # up to its own layer


@dataclass(frozen=True)
class _Structure:
    offset: int
    templates: tuple[_Template, ...]


class Reader:
    """Reads the descriptors of one stream, in the light of the templates it said last."""

    def __init__(self) -> None:
        self._structure: _Structure | None = None

    def read(self, descriptor: bytes) -> Picture | None:
        """What a packet's descriptor says; None when there is none, or nothing is known of its template yet."""
        if len(descriptor) < _FIXED_BYTES:
            return None
        starts, ends, template = bool(descriptor[0] & 0x80), bool(descriptor[0] & 0x40), descriptor[0] & 0x3F
        announced = len(descriptor) > _FIXED_BYTES and bool(descriptor[3] & 0x80)
        if announced:
            try:
                self._structure = _read_structure(_Bits(descriptor, 8 * _FIXED_BYTES + 5))
            except IndexError:
                return None
        if (known := self._template(template)) is None:
            return None
        number = int.from_bytes(descriptor[1:3], "big")
        first = starts and known.spatial == 0
        return Picture(
            starts=first,
            keyframe=first and announced,
            id_at=0,
            id_wide=True,
            picture_id=number,
            tl0_at=0,
            tl0=0,
            key_at=0,
            key=0,
            temporal=known.temporal,
            sync=known.switches,
            spatial=known.spatial,
            ends=ends,
            descriptor=descriptor,
        )

    def _template(self, number: int) -> _Template | None:
        if self._structure is None:
            return None
        index = number - self._structure.offset & _MAX_TEMPLATES - 1
        return self._structure.templates[index] if index < len(self._structure.templates) else None


def _read_structure(bits: _Bits) -> _Structure:
    offset, targets = bits.take(6), bits.take(5) + 1
    layers = _read_layers(bits)
    indications = [[bits.take(2) for _ in range(targets)] for _ in layers]
    served = [_highest(layers, [row[target] for row in indications]) for target in range(targets)]
    found = (
        _Template(*layer, any(one == _SWITCH and served[target] == layer for target, one in enumerate(row)))
        for layer, row in zip(layers, indications, strict=True)
    )
    return _Structure(offset, tuple(found))


def _read_layers(bits: _Bits) -> list[tuple[int, int]]:
    """Spatial and temporal layer of each template."""
    spatial = temporal = 0
    layers: list[tuple[int, int]] = []
    while len(layers) < _MAX_TEMPLATES:
        layers.append((spatial, temporal))
        step = bits.take(2)
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial, temporal = spatial + 1, 0
        elif step == 3:
            break
    return layers


def _highest(layers: list[tuple[int, int]], indications: list[int]) -> tuple[int, int]:
    """The layer that a decode target shows: the highest of those it takes anything of."""
    taken = [layer for layer, one in zip(layers, indications, strict=True) if one]
    return max((layer[0] for layer in taken), default=0), max((layer[1] for layer in taken), default=0)


def renumbered(picture: Picture, offsets: Offsets | None) -> bytes:
    """The descriptor under the frame number of one subscriber's stream."""
    if offsets is None or not offsets.picture_id:
        return picture.descriptor
    number = picture.picture_id + offsets.picture_id & 0xFFFF
    return picture.descriptor[:1] + number.to_bytes(2, "big") + picture.descriptor[3:]
