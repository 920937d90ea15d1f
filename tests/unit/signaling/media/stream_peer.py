"""A peer whose way to the worker is one TCP connection (RFC 4571 frames)."""

from __future__ import annotations

import asyncio
import socket

from tests.load.rtclient import RtClient


class StreamPeer(RtClient):
    """As any other peer; `socket` is connected when it is aimed."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        super().__init__()
        self.socket.close()
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self._inbox = b""

    def open(self, host: str = "127.0.0.1") -> None:
        """Nothing to bind: connecting comes with the first datagram."""

    def transmit(self, datagram: bytes) -> None:
        if self.socket.getsockname()[1] == 0:
            self._connect()
        self.socket.sendall(len(datagram).to_bytes(2, "big") + datagram)

    def _connect(self) -> None:
        self.socket.connect(self.remote)
        self.socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            self.closed_by_peer = True
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self._inbox += data
        while len(self._inbox) >= 2 and len(self._inbox) >= (end := 2 + int.from_bytes(self._inbox[:2], "big")):
            frame, self._inbox = self._inbox[2:end], self._inbox[end:]
            self.take(frame)


class DatagramPeer6(RtClient):
    """A peer over UDP and IPv6."""

    def open(self, host: str = "127.0.0.1") -> None:
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("::1", 0))
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)
