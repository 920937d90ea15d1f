"""STUN binding requests and answers as ICE uses them (RFC 8489, RFC 8445 section 7): parsed, authenticated, built."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from meetings.signaling.media.wire import Malformed

# Where datagrams come from and go to: UDP over IPv4 and IPv6 as the kernel has it; UDP by another socket than the
# main ones, with its number; or one TCP connection. port.py makes them, and knows them by their shape.
DatagramAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[str, int, int]
StreamAddress = tuple[str, int, str]
Address = DatagramAddress | StreamAddress

REQUEST: Final = 0x0001
SUCCESS: Final = 0x0101

_COOKIE = 0x2112A442
COOKIE: Final = _COOKIE.to_bytes(4, "big")
_FINGERPRINT_XOR = 0x5354554E
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_LENGTH = struct.Struct("!H")
_MAX_SIZE = 1500

USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
XOR_MAPPED_ADDRESS: Final = 0x0020
PRIORITY: Final = 0x0024
USE_CANDIDATE: Final = 0x0025
FINGERPRINT: Final = 0x8028
ICE_CONTROLLING: Final = 0x802A


@dataclass(frozen=True)
class Message:
    """One parsed message: `attributes` up to MESSAGE-INTEGRITY, the first of each kind; what follows is not trusted."""

    kind: int
    transaction_id: bytes
    attributes: dict[int, bytes]
    _signed: bytes = b""
    _signature: bytes = b""

    def signed_with(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with this password (short-term credential)."""
        return bool(self._signature) and hmac.compare_digest(_sign(self._signed, password.encode()), self._signature)

    @property
    def username(self) -> str:
        """USERNAME, or "" when there is none or it is not text."""
        return self.attributes.get(USERNAME, b"").decode("utf-8", "replace")


def parse(data: bytes) -> Message:
    """Read one message; raises Malformed."""
    if not _HEADER.size <= len(data) <= _MAX_SIZE:
        raise Malformed(f"STUN message of {len(data)} bytes")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if cookie != _COOKIE or kind & 0xC000 or length != len(data) - _HEADER.size or length % 4:
        raise Malformed("not a STUN header")
    attributes: dict[int, bytes] = {}
    position = _HEADER.size
    while position < len(data):
        attribute, value = _attribute(data, position)
        if attribute == MESSAGE_INTEGRITY:
            if len(value) != hashlib.sha1(usedforsecurity=False).digest_size:
                raise Malformed("MESSAGE-INTEGRITY has a wrong length")
            return Message(kind, transaction_id, attributes, data[:position], value)
        attributes.setdefault(attribute, value)
        position += 4 + len(value) + -len(value) % 4
    return Message(kind, transaction_id, attributes)


def _attribute(data: bytes, position: int) -> tuple[int, bytes]:
    attribute, length = _ATTRIBUTE.unpack_from(data, position)
    end = position + 4 + length
    if end > len(data):
        raise Malformed("STUN attribute is longer than its message")
    return attribute, data[position + 4 : end]


def binding_request(
    transaction_id: bytes, username: str, password: str, *, priority: int, tie_breaker: int, nominate: bool
) -> bytes:
    """A controlling agent's connectivity check."""
    body = _pack(USERNAME, username.encode()) + _pack(PRIORITY, priority.to_bytes(4, "big"))
    body += _pack(ICE_CONTROLLING, tie_breaker.to_bytes(8, "big"))
    if nominate:
        body += _pack(USE_CANDIDATE, b"")
    return _finish(REQUEST, transaction_id, body, password.encode())


def binding_success(transaction_id: bytes, mapped: Address, password: str) -> bytes:
    """The answer to a check that came from `mapped`."""
    return _finish(SUCCESS, transaction_id, _pack(XOR_MAPPED_ADDRESS, _xor(mapped, transaction_id)), password.encode())


def mapped_address(message: Message) -> tuple[str, int]:
    """XOR-MAPPED-ADDRESS of an answer (RFC 8489 section 14.2); raises Malformed."""
    value = message.attributes.get(XOR_MAPPED_ADDRESS, b"")
    if (len(value), value[1:2]) not in ((8, b"\1"), (20, b"\2")):
        raise Malformed("no XOR-MAPPED-ADDRESS")
    port = int.from_bytes(value[2:4], "big") ^ (_COOKIE >> 16)
    return str(ipaddress.ip_address(_masked(value[4:], message.transaction_id))), port


def _xor(address: Address, transaction_id: bytes) -> bytes:
    host = ipaddress.ip_address(address[0].partition("%")[0])
    head = struct.pack("!BBH", 0, 1 if host.version == 4 else 2, address[1] ^ (_COOKIE >> 16))
    return head + _masked(host.packed, transaction_id)


def _masked(host: bytes, transaction_id: bytes) -> bytes:
    mask = _COOKIE.to_bytes(4, "big") + transaction_id
    return bytes(a ^ b for a, b in zip(host, mask, strict=False))


def _pack(attribute: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(attribute, len(value)) + value + bytes(-len(value) % 4)


def signed(kind: int, transaction_id: bytes, attributes: Iterable[tuple[int, bytes]], key: bytes) -> bytes:
    """Any message; `key` is the password, or the long-term one of RFC 8489 section 9.2.2."""
    return _finish(kind, transaction_id, b"".join(_pack(*one) for one in attributes), key)


def unsigned(kind: int, transaction_id: bytes, attributes: Iterable[tuple[int, bytes]]) -> bytes:
    """A first request, to be told realm and nonce."""
    body = b"".join(_pack(*one) for one in attributes)
    return _HEADER.pack(kind, len(body), _COOKIE, transaction_id) + body


def xor_address(host: str, port: int, transaction_id: bytes) -> bytes:
    """The value of an XOR-…-ADDRESS attribute."""
    return _xor((host, port), transaction_id)


def _finish(kind: int, transaction_id: bytes, body: bytes, key: bytes) -> bytes:
    message = _HEADER.pack(kind, len(body), _COOKIE, transaction_id) + body
    message += _pack(MESSAGE_INTEGRITY, _sign(message, key))
    message = _with_length(message, len(message) - _HEADER.size + 8)
    check = binascii.crc32(message) ^ _FINGERPRINT_XOR
    return message + _pack(FINGERPRINT, check.to_bytes(4, "big"))


def _sign(data: bytes, key: bytes) -> bytes:
    # The length counts as if MESSAGE-INTEGRITY were the last attribute (RFC 8489 section 14.5).
    return hmac.digest(key, _with_length(data, len(data) - _HEADER.size + 24), "sha1")


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + _LENGTH.pack(length) + data[4:]
