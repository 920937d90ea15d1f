"""EBML, the bytes that WebM and Matroska are written in (RFC 8794). Pure."""

from __future__ import annotations

VOID = 0xEC
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def vint(value: int, width: int = 8) -> bytes:
    """An EBML data size of fixed width (RFC 8794 section 4)."""
    return (value | 1 << (7 * width)).to_bytes(width, "big")


def element(identifier: int, *parts: bytes, width: int = 0) -> bytes:
    """One EBML element; `width` fixes the size field, else the smallest that fits is taken."""
    body = b"".join(parts)
    if not width:
        width = next(n for n in range(1, 9) if len(body) < (1 << (7 * n)) - 1)
    return identifier_bytes(identifier) + vint(len(body), width) + body


def number(identifier: int, value: int) -> bytes:
    """An unsigned integer element."""
    return element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def text(identifier: int, value: str) -> bytes:
    """A string element."""
    return element(identifier, value.encode())


def void(total: int) -> bytes:
    """A Void element that takes exactly `total` bytes (at least 9)."""
    return element(VOID, bytes(total - 9), width=8)


def identifier_bytes(value: int) -> bytes:
    """An identifier as it stands in a file: it carries its own length."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
