"""The worker's sockets: drains them and hands each datagram to the transport it belongs to, and sends theirs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from meetings.signaling.media import native, srtp, stun, tcp
from meetings.signaling.media.allowance import Allowance
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.stun import Address, StreamAddress
from meetings.signaling.media.transport import Transport
from meetings.signaling.media.wire import Malformed

# Datagrams per wake-up; then timers and commands have their turn. With 50 subscribers one costs half a millisecond.
_DRAIN = 32

# Checks from addresses that have passed none: a whole province that comes back at once needs some hundreds a second.
_STRANGE_CHECKS_PER_SECOND = 2_000.0
_STRANGE_CHECKS_AT_ONCE = 1_000.0

# What bursts of keyframes to many subscribers need. The kernel doubles it and caps it at net.core.[rw]mem_max.
_BUFFER_BYTES = 8 << 20
_FORCED = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}  # SO_RCVBUFFORCE, SO_SNDBUFFORCE: past the cap, as root

EVERYWHERE = "0.0.0.0"  # noqa: S104 - browsers come from every network of the house
_EVERYWHERE_6 = "::"
_TRIES = 20  # to find a number that is free in both families


@dataclass
class Sockets:
    """What a worker listens on, all UDP sockets under one number.

    `udp` has at most one of each family; `own` answer for one address each, which must also be where answers come
    from: on the main ones the kernel takes the address of the route.
    """

    udp: list[socket.socket] = field(default_factory=list)
    own: list[socket.socket] = field(default_factory=list)
    tcp: list[socket.socket] = field(default_factory=list)

    @property
    def number(self) -> int:
        return int(self.udp[0].getsockname()[1])

    @property
    def tcp_number(self) -> int:
        """0: no TCP."""
        return int(self.tcp[0].getsockname()[1]) if self.tcp else 0

    def reached_at(self, address: str) -> bool:
        """Whether there is a socket of the address's family."""
        return any(sock.family == _family(address) for sock in self.udp)

    def close(self) -> None:
        for sock in (*self.udp, *self.own, *self.tcp):
            sock.close()


def bind(host: str, port: int, own: Sequence[str] = ()) -> Sockets:
    """Non-blocking UDP sockets with large buffers; raises OSError.

    On all addresses: IPv4, and IPv6 where this machine has it, and one socket for each address of `own` it has.
    """
    if host != EVERYWHERE:
        return Sockets([_datagram(host, port)])
    main = _in_both_families(port)
    sockets = Sockets(main)
    for sock in main:
        # Only now: with it from the beginning, a second relay could take the port from this one without a word.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for address in own:
        with contextlib.suppress(OSError):  # not an address of this machine: translated on the way
            sockets.own.append(_datagram(address, sockets.number, beside=True))
    return sockets


def _in_both_families(port: int) -> list[socket.socket]:
    for attempt in range(1, _TRIES + 1):
        first = _datagram(EVERYWHERE, port)
        try:
            return [first, _datagram(_EVERYWHERE_6, first.getsockname()[1])]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # a machine without IPv6
                return [first]
            first.close()
            if port or attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening TCP sockets, one per family as in `bind`; raises OSError."""
    first = _listening(host, port)
    if host != EVERYWHERE:
        return [first]
    with contextlib.suppress(OSError):  # no IPv6, or taken there: IPv4 alone
        return [first, _listening(_EVERYWHERE_6, first.getsockname()[1])]
    return [first]


def _datagram(host: str, port: int, *, beside: bool = False) -> socket.socket:
    sock = socket.socket(_family(host), socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if beside:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option, forced in _FORCED.items():
            try:
                sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_BYTES)
            except PermissionError:
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        _bind_to(sock, host, port)
    except OSError:
        sock.close()
        raise
    return sock


def _listening(host: str, port: int) -> socket.socket:
    sock = socket.socket(_family(host), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind_to(sock, host, port)
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def _bind_to(sock: socket.socket, host: str, port: int) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((host, port))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Ways:
    """Sends to any address, as a socket does to its own kind: the shape of an address says which way it is."""

    def __init__(self, sockets: Sockets) -> None:
        main = {sock.family: sock for sock in sockets.udp}
        self._plain = main.get(socket.AF_INET, sockets.udp[0]).sendto
        self._ipv6 = main.get(socket.AF_INET6, sockets.udp[0]).sendto
        self._own = [sock.sendto for sock in sockets.own]
        self.streams: dict[StreamAddress, tcp.Stream] = {}
        self._descriptors = {
            2: main.get(socket.AF_INET, sockets.udp[0]).fileno(),
            4: main.get(socket.AF_INET6, sockets.udp[0]).fileno(),
        }
        self._own_descriptors = [sock.fileno() for sock in sockets.own]

    def descriptor(self, address: Address) -> int:
        """The UDP socket that sends there; -1 when it is none."""
        if len(address) == 3:
            return self._own_descriptors[address[2]] if isinstance(address[2], int) else -1
        return self._descriptors[len(address)]

    def sendto(self, data: bytes | memoryview, address: Address) -> None:
        """Raises OSError when it is lost."""
        if len(address) == 2:
            self._plain(data, address)
        elif len(address) == 4:
            self._ipv6(data, address)
        elif isinstance(address[2], int):
            self._own[address[2]](data, address[:2])
        elif (stream := self.streams.get(address)) is not None:
            stream.send(data)
        else:
            raise ConnectionResetError


class Port:
    """Routes by local ufrag (STUN) and by checked source address (DTLS, SRTP); everything else is dropped."""

    def __init__(self, sockets: Sockets) -> None:
        ways = _Ways(sockets)
        library = native.load()
        compiled = native.Fanout(library, ways.descriptor) if library is not None else None
        loop = self._loop = asyncio.get_running_loop()
        self.sender = Sender(cast(socket.socket, ways), compiled, loop.call_later)
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
        self.sender.flush()
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
            self._drain(sock, own)
        finally:
            self.sender.release()

    def _drain(self, sock: socket.socket, own: int | None) -> None:
        receive, data, clock = sock.recvfrom_into, self._buffer.data, time.monotonic
        for _ in range(_DRAIN):
            try:
                size, source = receive(data)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer to something we sent
                continue
            if size >= 2:
                if own is not None:
                    source = (source[0], source[1], own)
                self._route(data[0], size, source, clock())

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
