"""The worker's one UDP socket: drains it and hands each datagram to the transport it belongs to."""

from __future__ import annotations

import asyncio
import socket
import time

from meetings.signaling.media import srtp, stun
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.stun import Address
from meetings.signaling.media.transport import Transport
from meetings.signaling.media.wire import Malformed

# Datagrams per wake-up; then timers and commands have their turn. With 50 subscribers one costs half a millisecond.
_DRAIN = 32

# What bursts of keyframes to many subscribers need. The kernel doubles it and caps it at net.core.[rw]mem_max.
_BUFFER_BYTES = 8 << 20
_FORCED = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}  # SO_RCVBUFFORCE, SO_SNDBUFFORCE: past the cap, as root


def bind(host: str, port: int) -> socket.socket:
    """A non-blocking IPv4 socket with large buffers; raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option, forced in _FORCED.items():
            try:
                sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_BYTES)
            except PermissionError:
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class Port:
    """Routes by local ufrag (STUN) and by checked source address (DTLS, SRTP); everything else is dropped."""

    def __init__(self, sock: socket.socket) -> None:
        self.sender = Sender(sock)
        self.packets_in = 0
        self._socket = sock
        self._buffer = srtp.Buffer()
        self._by_ufrag: dict[str, Transport] = {}
        self._by_address: dict[Address, Transport] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop reading and close the socket."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def add(self, transport: Transport) -> None:
        """Route to a transport by all ufrags it answers to now; again after a restart."""
        for ufrag in transport.agent.ufrags:
            self._by_ufrag[ufrag] = transport

    def remove(self, transport: Transport) -> None:
        """Nothing goes to it any more."""
        self._by_ufrag = {ufrag: other for ufrag, other in self._by_ufrag.items() if other is not transport}
        self._by_address = {address: other for address, other in self._by_address.items() if other is not transport}

    def _readable(self) -> None:
        receive, data, clock = self._socket.recvfrom_into, self._buffer.data, time.monotonic
        for _ in range(_DRAIN):
            try:
                size, source = receive(data)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer to something we sent
                continue
            if size >= 2:
                self._route(data[0], size, source, clock())

    def _route(self, first: int, size: int, source: Address, now: float) -> None:
        """Tell the protocols apart by the first byte (RFC 7983)."""
        if 127 < first < 192:
            transport = self._by_address.get(source)
            if transport is not None:
                self.packets_in += 1
                transport.take_srtp(self._buffer, size, source, now)
        elif first < 4:
            self._take_stun(bytes(self._buffer.view[:size]), source, now)
        elif 19 < first < 64:
            transport = self._by_address.get(source)
            if transport is not None:
                transport.take_dtls(bytes(self._buffer.view[:size]))

    def _take_stun(self, datagram: bytes, source: Address, now: float) -> None:
        try:
            message = stun.parse(datagram)
        except Malformed:
            return
        transport = self._by_ufrag.get(message.username.partition(":")[0])
        if message.kind != stun.REQUEST or transport is None:
            return
        checked = transport.check(message, source, now)
        if checked is None:
            return
        self._by_address[source] = transport
        for address in checked.dropped:
            self._by_address.pop(address, None)
        self.sender.datagram(checked.answer, source)
