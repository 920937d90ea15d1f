"""The door to the compiled fan-out (fanout.c): found where it was built, otherwise the Python one serves alone.

`python -m tools.build_fanout` builds it. MEETINGS_FANOUT=python leaves it out. It protects with the very function and
sessions of pylibsrtp, whose private names are the ones that `srtp` names.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cffi
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp_lib

from meetings.signaling.media import history as sent_history
from meetings.signaling.media.fanout import MOST_ENTRIES

if TYPE_CHECKING:
    from meetings.signaling.media.forward import Entry, Plan, Plans
    from meetings.signaling.media.stun import Address

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("fanout.c")
LIBRARY = Path(__file__).with_name("_fanout.so")

_DECLARATIONS = """
struct plan {
    void *session;
    int64_t *newest;
    double *times;
    uint16_t *sizes;
    int64_t sequence_offset;
    uint32_t timestamp_offset;
    uint32_t ssrc;
    uint32_t first_word;
    uint32_t mask;
    uint32_t picture_offset, tl0_offset, key_offset;
    int32_t descriptor;
    uint32_t history_mask;
    uint8_t payload_type;
    uint8_t head_length;
    uint8_t rewrites;
    uint8_t address_length;
    uint8_t head[60];
    uint8_t address[28];
};
struct packet;
struct engine;
const char *fanout_source(void);
size_t engine_size(void);
uint64_t engine_sent(const struct engine *engine);
uint64_t engine_octets(const struct engine *engine);
uint64_t engine_blocked(const struct engine *engine);
void engine_begin(struct engine *engine, void *protect);
void engine_forward(struct engine *engine, const struct packet *packets, int packet_count, const uint8_t *payloads,
                    const struct plan *plans, int plan_count, double now);
"""
# struct packet: sequence, size, timestamp, time of sending, picture number; marker, whether there is a picture, where
# its numbers stand, and the other two numbers.
_PACKET = struct.Struct("=qIIIIBBBBBBBB")

_NO_PICTURE = (0,) * 7
_HISTORY = ("int64_t *", "double *", "uint16_t *")

_ffi = cffi.FFI()
_ffi.cdef(_DECLARATIONS)


def fingerprint(source: Path = SOURCE) -> str:
    """What the library says of the source it was built from."""
    return hashlib.sha256(source.read_bytes()).hexdigest()[:16]


def load(library: Path = LIBRARY) -> Any | None:
    """The library, or None where it is not built, was built from another source, or is not wanted."""
    if os.environ.get("MEETINGS_FANOUT") == "python" or not library.exists():
        return None
    try:
        loaded = _ffi.dlopen(str(library))
    except OSError as error:
        logger.warning("the compiled fan-out cannot be loaded: %s", error)
        return None
    if _ffi.string(loaded.fanout_source()).decode() != fingerprint():
        logger.warning("the compiled fan-out is of another version; `python -m tools.build_fanout` builds it anew")
        return None
    return loaded


class Compiled:
    """Plans as the library reads them. It keeps alive what it points to, but for the SRTP sessions."""

    def __init__(self, plans: Sequence[Plan], descriptor: Callable[[Address], int]) -> None:
        self.others: list[Plan] = []  # not to be sent by a UDP socket
        found = []
        for plan in plans:
            number, address = descriptor(plan.address), _packed(plan.address)
            if number < 0 or not address:
                self.others.append(plan)
            else:
                found.append((plan, number, address))
        self.count = len(found)
        self.array = _ffi.new("struct plan[]", max(1, self.count))
        self._kept: list[Any] = []
        for target, (plan, number, address) in zip(self.array, found, strict=False):
            self._fill(target, plan, number, address)

    def _fill(self, target: Any, plan: Plan, descriptor: int, address: bytes) -> None:
        head = struct.pack("!II", plan.extension_header, plan.first_word) + plan.tail
        target.session = _ffi.cast("void *", int(srtp_ffi.cast("uintptr_t", plan.handle)))
        target.sequence_offset = plan.sequence_offset
        target.timestamp_offset = plan.timestamp_offset & 0xFFFFFFFF
        target.ssrc, target.first_word, target.mask = plan.ssrc, plan.first_word, plan.send_time_mask
        target.payload_type, target.head_length = plan.payload_type, plan.head_length
        _ffi.memmove(target.head, head, len(head))
        target.descriptor, target.address_length = descriptor, len(address)
        _ffi.memmove(target.address, address, len(address))
        if plan.offsets is not None:
            target.rewrites = 1
            offsets = [offset & 0xFFFFFFFF for offset in plan.offsets]
            target.picture_offset, target.tl0_offset, target.key_offset = offsets
        if plan.history is not None:
            arrays = [_ffi.from_buffer(kind, one) for kind, one in zip(_HISTORY, plan.history, strict=True)]
            target.newest, target.times, target.sizes = arrays
            target.history_mask = sent_history.MASK
            self._kept += arrays


def _packed(address: Address) -> bytes:
    """A sockaddr; empty for what the library does not send to."""
    host, port = address[0], address[1]
    try:
        if ":" in host:
            flow, scope = (int(address[2]), int(address[3])) if len(address) == 4 else (0, 0)
            where = socket.inet_pton(socket.AF_INET6, host)
            return (
                struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, flow) + where + struct.pack("=I", scope)
            )
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    except OSError:
        return b""


class Fanout:
    """The memory in which the library makes packets, and what it has sent."""

    def __init__(self, library: Any, descriptor: Callable[[Address], int]) -> None:
        self._library = library
        self._descriptor = descriptor
        self._memory = _ffi.new("char[]", library.engine_size())
        self._engine = _ffi.cast("struct engine *", self._memory)
        protect = int(srtp_ffi.cast("uintptr_t", srtp_ffi.addressof(srtp_lib, "srtp_protect")))
        library.engine_begin(self._engine, _ffi.cast("void *", protect))
        self._packets = bytearray(MOST_ENTRIES * _PACKET.size)
        self._packets_pointer = _ffi.from_buffer("struct packet *", self._packets)

    @property
    def sent(self) -> int:
        """Packets, since the beginning."""
        return int(self._library.engine_sent(self._engine))

    @property
    def octets(self) -> int:
        """Of payload."""
        return int(self._library.engine_octets(self._engine))

    @property
    def blocked(self) -> int:
        """Packets lost for want of room, or of a way."""
        return int(self._library.engine_blocked(self._engine))

    def forward(self, entries: Sequence[Entry], plans: Plans) -> list[Plan]:
        """Send the packets, in order, to every subscriber but those whose plans it returns."""
        compiled = plans.compiled
        if compiled is None:
            compiled = plans.compiled = Compiled(plans, self._descriptor)
        if compiled.count:
            at = 0
            for entry in entries:
                self._describe(entry, at)
                at += _PACKET.size
            payloads = entries[0].payload if len(entries) == 1 else b"".join([entry.payload for entry in entries])
            self._library.engine_forward(
                self._engine,
                self._packets_pointer,
                len(entries),
                payloads,
                compiled.array,
                compiled.count,
                time.monotonic(),
            )
        return compiled.others

    def _describe(self, entry: Entry, at: int) -> None:
        sequence, timestamp, marker, payload, send_time, picture = entry
        number, numbers = 0, _NO_PICTURE
        if picture is not None:
            number = picture.picture_id
            numbers = 1, picture.id_at, picture.id_wide, picture.tl0_at, picture.key_at, picture.tl0, picture.key
        _PACKET.pack_into(
            self._packets, at, sequence, len(payload), timestamp & 0xFFFFFFFF, send_time, number, marker, *numbers
        )
