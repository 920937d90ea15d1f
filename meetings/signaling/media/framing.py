"""Messages as length-prefixed frames on a stream: u32 big-endian length, then the bytes of one schema message."""

from __future__ import annotations

import asyncio
import struct

_LENGTH = struct.Struct("!I")

# A data message is at most 64 KiB; nothing else comes near. A longer frame means the two sides lost step.
MAX_FRAME = 1 << 20


class BrokenFrame(ValueError):
    """The stream does not carry frames of ours any more; it cannot be resynchronised."""


def frame(message: bytes) -> bytes:
    """One message with its length in front."""
    return _LENGTH.pack(len(message)) + message


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next message, or None when the other side is gone; one cut short by the end of the stream counts as gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_FRAME:
            raise BrokenFrame(f"frame of {length} bytes")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
