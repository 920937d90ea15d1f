"""Asks a TURN server what a browser would ask (RFC 8656): does it take our credentials, where does it relay to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from meetings.signaling.media import stun
from meetings.signaling.media.wire import Malformed
from meetings.signaling.turn import IceServer, TurnAddress

_ALLOCATE, _REFRESH, _CREATE_PERMISSION = 0x0003, 0x0004, 0x0008
_SUCCESS, _ERROR = 0x0100, 0x0110
_ERROR_CODE, _LIFETIME, _PEER_ADDRESS, _REALM, _NONCE, _TRANSPORT = 0x0009, 0x000D, 0x0012, 0x0014, 0x0015, 0x0019
_UDP = bytes([17, 0, 0, 0])
_RETRANSMISSIONS = (0.5, 1.0, 1.5)
_UNAUTHORIZED, _STALE_NONCE, FORBIDDEN = 401, 438, 403


class NoTurn(Exception):
    """It cannot be used; the text says how far it went."""


@dataclass
class Allocation:
    """A relayed address held at a TURN server."""

    _socket: socket.socket
    _stream: bool
    _server: IceServer
    _realm: bytes = b""
    _nonce: bytes = b""
    _inbox: bytearray = field(default_factory=bytearray)

    def may_reach(self, host: str) -> bool:
        """Whether the server would relay to this address. Raises NoTurn."""
        transaction = os.urandom(12)
        code = self._ask(_CREATE_PERMISSION, [(_PEER_ADDRESS, stun.xor_address(host, 9, transaction))], transaction)
        if code not in (0, FORBIDDEN):
            raise NoTurn(f"asking for a permission was answered with error {code}")
        return code == 0

    def open(self) -> None:
        """Raises NoTurn."""
        code = self._ask(_ALLOCATE, [(_TRANSPORT, _UDP)])
        if code in (_UNAUTHORIZED, _STALE_NONCE) and self._nonce:
            code = self._ask(_ALLOCATE, [(_TRANSPORT, _UDP)])
        if code == _UNAUTHORIZED:
            raise NoTurn("it refuses our credentials: the secrets differ, or its clock is wrong")
        if code:
            raise NoTurn(f"it answers with error {code}")

    def release(self) -> None:
        with contextlib.suppress(NoTurn, OSError):
            self._ask(_REFRESH, [(_LIFETIME, bytes(4))])

    def _ask(self, method: int, attributes: list[tuple[int, bytes]], transaction: bytes | None = None) -> int:
        """0, or the error's code. Notes realm and nonce, which come with the first error."""
        transaction = transaction or os.urandom(12)
        answer = self._exchange(self._request(method, transaction, attributes), transaction)
        if answer.kind == method | _SUCCESS:
            return 0
        self._realm = answer.attributes.get(_REALM, self._realm)
        self._nonce = answer.attributes.get(_NONCE, self._nonce)
        code = answer.attributes.get(_ERROR_CODE, bytes(4))
        return (code[2] & 7) * 100 + code[3] if len(code) >= 4 else 500

    def _request(self, method: int, transaction: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
        if not self._nonce:
            return stun.unsigned(method, transaction, attributes)
        username = self._server.username.encode()
        # RFC 8489 section 9.2.2: what the standard demands here is MD5.
        key = hashlib.md5(
            username + b":" + self._realm + b":" + self._server.credential.encode(), usedforsecurity=False
        ).digest()
        known = [(stun.USERNAME, username), (_REALM, self._realm), (_NONCE, self._nonce)]
        return stun.signed(method, transaction, [*attributes, *known], key)

    def _exchange(self, request: bytes, transaction: bytes) -> stun.Message:
        for wait in _RETRANSMISSIONS:
            self._socket.settimeout(wait)
            try:
                self._socket.send(request)
                while (answer := self._receive()).transaction_id != transaction:
                    continue
            except TimeoutError:
                continue
            except (OSError, Malformed) as error:
                raise NoTurn(f"it cannot be reached: {error}") from error
            return answer
        raise NoTurn("it does not answer")

    def _receive(self) -> stun.Message:
        if not self._stream:
            return stun.parse(self._socket.recv(1500))
        while len(self._inbox) < 20 or len(self._inbox) < 20 + int.from_bytes(self._inbox[2:4], "big"):
            data = self._socket.recv(1500)
            if not data:
                raise NoTurn("it closed the connection")
            self._inbox += data
        end = 20 + int.from_bytes(self._inbox[2:4], "big")
        message = bytes(self._inbox[:end])
        del self._inbox[:end]
        return stun.parse(message)


@contextlib.contextmanager
def allocation(address: TurnAddress, server: IceServer, seconds: float = 5.0) -> Iterator[Allocation]:
    """Hold an allocation for a moment. Blocks; raises NoTurn."""
    try:
        sock = _connected(address, seconds)
    except OSError as error:
        raise NoTurn(f"it cannot be reached: {error}") from error
    with sock:
        held = Allocation(sock, address.transport == "tcp", server)
        held.open()
        try:
            yield held
        finally:
            held.release()


def _connected(address: TurnAddress, seconds: float) -> socket.socket:
    if address.transport == "udp":
        family, kind, protocol, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.connect(where)
        return sock
    sock = socket.create_connection((address.host, address.port), seconds)
    return ssl.create_default_context().wrap_socket(sock, server_hostname=address.host) if address.tls else sock
