"""Drains the worker's sockets and hands each datagram to the transport it belongs to."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import cast

from meetings.signaling.media import native, srtp, stun, tcp
from meetings.signaling.media.allowance import Allowance
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.sockets import Sockets, Ways
from meetings.signaling.media.stun import Address, StreamAddress
from meetings.signaling.media.transport import Transport
from meetings.signaling.media.wire import Malformed

# Datagrams per wake-up; then timers and commands have their turn. With 50 subscribers one costs half a millisecond.
_DRAIN = 32

# The packets of a frame come one after the other; to be woken for each costs more than they do. While the end of one is
# still to come the socket is looked at again so often, after so long (the kernel adds 0.06 ms); then what came leaves.
_LOOKS = 4
_LOOK_SECONDS = 0.0002

# Checks from addresses that have passed none: a whole province that comes back at once needs some hundreds a second.
_STRANGE_CHECKS_PER_SECOND = 2_000.0
_STRANGE_CHECKS_AT_ONCE = 1_000.0


class Port:
    """Routes by local ufrag (STUN) and by checked source address (DTLS, SRTP); everything else is dropped."""

    def __init__(self, sockets: Sockets) -> None:
        ways = Ways(sockets)
        library = native.load()
        compiled = native.Fanout(library, ways.descriptor) if library is not None else None
        self._loop = asyncio.get_running_loop()
        self.sender = Sender(ways, compiled)
        self.packets_in = 0
        self._sockets = sockets
        self._buffer = srtp.Buffer()
        self._by_ufrag: dict[str, Transport] = {}
        self._by_address: dict[Address, Transport] = {}
        self._strangers = Allowance(_STRANGE_CHECKS_PER_SECOND, _STRANGE_CHECKS_AT_ONCE)
        for sock in sockets.udp:
            self._loop.add_reader(sock.fileno(), self._readable, sock)
        for number, sock in enumerate(sockets.own):
            self._loop.add_reader(sock.fileno(), self._readable, sock, number)
        self._listener = tcp.Listener(sockets.tcp, self._take_frame, self._stream_closed)
        ways.streams = self._listener.streams

    def close(self) -> None:
        """Stop reading and close the sockets."""
        for sock in (*self._sockets.udp, *self._sockets.own):
            self._loop.remove_reader(sock.fileno())
        self._listener.close()
        self._sockets.close()

    def add(self, transport: Transport) -> None:
        """Route to a transport by all ufrags it answers to now; again after a restart."""
        for ufrag in transport.agent.ufrags:
            self._by_ufrag[ufrag] = transport

    def remove(self, transport: Transport) -> None:
        """Nothing goes to it any more; its TCP connections are closed."""
        self._by_ufrag = {ufrag: other for ufrag, other in self._by_ufrag.items() if other is not transport}
        gone = [address for address, other in self._by_address.items() if other is transport]
        for address in gone:
            self._drop(address)

    def _readable(self, sock: socket.socket, own: int | None = None) -> None:
        self.sender.hold()
        try:
            for _ in range(_LOOKS):
                emptied = self._drain(sock, own)
                if not self.sender.flush_frames() or not emptied:
                    break
                time.sleep(_LOOK_SECONDS)  # the loop has nothing to do that could not wait as long
        finally:
            self.sender.release()

    def _drain(self, sock: socket.socket, own: int | None) -> bool:
        """Take what waits; False when there may be more."""
        receive, data, clock = sock.recvfrom_into, self._buffer.data, time.monotonic
        for _ in range(_DRAIN):
            try:
                size, source = receive(data)
            except BlockingIOError:
                return True
            except OSError:  # an ICMP answer to something we sent
                continue
            if size >= 2:
                if own is not None:
                    source = (source[0], source[1], own)
                self._route(data[0], size, source, clock())
        return False

    def _take_frame(self, datagram: bytes, stream: tcp.Stream) -> None:
        size = len(datagram)
        self._buffer.data[:size] = datagram
        self._route(datagram[0], size, stream.address, time.monotonic())

    def _stream_closed(self, address: StreamAddress) -> None:
        transport = self._by_address.pop(address, None)
        if transport is not None:
            transport.forget(address)

    def _drop(self, address: Address) -> None:
        self._by_address.pop(address, None)
        if (stream := self._stream(address)) is not None:
            stream.close()

    def _stream(self, address: Address) -> tcp.Stream | None:
        return self._listener.streams.get(cast(StreamAddress, address)) if len(address) == 3 else None

    def _route(self, first: int, size: int, source: Address, now: float) -> None:
        """Tell the protocols apart by the first byte (RFC 7983)."""
        if 127 < first < 192:
            transport = self._by_address.get(source)
            if transport is not None:
                self.packets_in += 1
                transport.take_srtp(self._buffer, size, source, now)
        elif first < 4:
            # Junk must not cost the others their sound: what is no STUN goes at once, and strangers share an allowance.
            if self._buffer.data[4:8] != stun.COOKIE:
                return
            if source not in self._by_address and not self._strangers.take(now):
                return
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
        if (stream := self._stream(source)) is not None:
            stream.known = True
        for address in checked.dropped:
            self._drop(address)
        self.sender.datagram(checked.answer, source)
