"""The sockets that a worker listens on, and sending through them to any address."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from meetings.signaling.media import tcp
from meetings.signaling.media.stun import Address, StreamAddress

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


_UDP_SEGMENT = 103  # of Linux 4.18; the socket module has no name for it
_NO_SEGMENTS = (errno.EIO, errno.ENOPROTOOPT)  # a kernel or an interface without it
_NO_ROOM = (errno.EAGAIN, errno.ENOBUFS)


class Ways:
    """Sends to any address, as a socket does to its own kind: the shape of an address says which way it is."""

    def __init__(self, sockets: Sockets) -> None:
        main = {sock.family: sock for sock in sockets.udp}
        self.streams: dict[StreamAddress, tcp.Stream] = {}
        self._plain = main.get(socket.AF_INET, sockets.udp[0])
        self._ipv6 = main.get(socket.AF_INET6, sockets.udp[0])
        self._own = sockets.own
        self._segmentation = True

    def descriptor(self, address: Address) -> int:
        """The UDP socket that sends there; -1 when it is none."""
        sock = self._socket(address)
        return sock.fileno() if sock is not None else -1

    def _socket(self, address: Address) -> socket.socket | None:
        if len(address) == 2:
            return self._plain
        if len(address) == 4:
            return self._ipv6
        return self._own[address[2]] if isinstance(address[2], int) else None

    def sendto(self, data: bytes | memoryview, address: Address) -> None:
        """One datagram; raises OSError when it is lost."""
        if len(address) == 2:
            self._plain.sendto(data, address)
        elif (sock := self._socket(address)) is not None:
            sock.sendto(data, address if len(address) == 4 else address[:2])
        elif (stream := self.streams.get(address)) is not None:  # type: ignore[arg-type]
            stream.send(data)
        else:
            raise ConnectionResetError

    def send_segments(self, data: memoryview, size: int, address: Address) -> list[int]:
        """Several datagrams of this size at once, the last of them perhaps shorter; the sizes of those lost."""
        sock = self._socket(address)
        if sock is not None and self._segmentation:
            try:
                control = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", size))]
                sock.sendmsg([data], control, 0, address if len(address) != 3 else address[:2])
            except OSError as error:
                if error.errno in _NO_ROOM:
                    return [min(size, len(data) - at) for at in range(0, len(data), size)]
                self._segmentation = error.errno not in _NO_SEGMENTS
            else:
                return []
        packets = [data[at : at + size] for at in range(0, len(data), size)]
        return [len(packet) for packet in packets if not self._sent(packet, address)]

    def _sent(self, data: memoryview, address: Address) -> bool:
        try:
            self.sendto(data, address)
        except OSError:
            return False
        return True
