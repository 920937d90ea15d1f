"""What an official document can print: the characters that its face has a glyph for."""

from __future__ import annotations

import struct
import unicodedata
from functools import lru_cache

from meetings.register.forms import shipped_fonts

_KEPT = {"\n", "\t"}


def unprintable(text: str) -> list[str]:
    """The characters that Tinos has no glyph for, each once. PDF/A refuses a document that holds one."""
    covered = _covered()
    return sorted({sign for sign in text if sign not in _KEPT and ord(sign) not in covered})


def printable(text: str) -> str:
    """The text without what cannot be printed or seen, for texts that nobody can correct any more (a chat message)."""
    covered = _covered()
    return "".join(c for c in text if c in _KEPT or (ord(c) in covered and unicodedata.category(c) != "Cf")).strip()


@lru_cache(maxsize=1)
def _covered() -> frozenset[int]:
    """The code points of every face the form uses: those in all of them."""
    faces = sorted(shipped_fonts().rglob("Tinos*.ttf"))
    return frozenset.intersection(*(_code_points(face.read_bytes()) for face in faces))


def _code_points(font: bytes) -> frozenset[int]:
    """The characters a TrueType font maps to a glyph (OpenType specification, table `cmap`, formats 4 and 12)."""
    start = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, start + 2)
    points: set[int] = set()
    for record in range(count):
        _, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * record)
        at = start + offset
        (kind,) = struct.unpack_from(">H", font, at)
        if kind == 4:
            points |= _format_4(font, at)
        elif kind == 12:
            points |= _format_12(font, at)
    return frozenset(points)


def _table(font: bytes, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for record in range(count):
        name, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * record)
        if name == tag:
            return int(offset)
    raise ValueError(f"a font without {tag!r}")


def _format_4(font: bytes, at: int) -> set[int]:
    (doubled,) = struct.unpack_from(">H", font, at + 6)
    count = doubled // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + doubled)
    return {
        point for first, last in zip(starts, ends, strict=True) for point in range(first, last + 1) if point < 0xFFFF
    }


def _format_12(font: bytes, at: int) -> set[int]:
    (count,) = struct.unpack_from(">I", font, at + 12)
    groups = (struct.unpack_from(">III", font, at + 16 + 12 * n) for n in range(count))
    return {point for first, last, _ in groups for point in range(first, last + 1)}
