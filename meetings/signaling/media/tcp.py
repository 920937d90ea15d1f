"""Media over TCP for networks without UDP: passive ICE-TCP (RFC 6544), datagrams in frames (RFC 4571).

A connection carries the datagrams of one peer, as a UDP address would. Until an authentic connectivity check has come
over it, it is a stranger's: few of those are kept, and not for long. Nothing here grows with what a peer sends or does
not read: a frame has a greatest size, and of what waits to be sent pictures are dropped first.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from meetings.signaling.media.stun import StreamAddress

logger = logging.getLogger(__name__)

# A frame holds one datagram: more than a path's MTU, or less than an RTP header, nobody sends.
LONGEST_FRAME = 2048
SHORTEST_FRAME = 12
_READ_BYTES = 1 << 14  # at a time, so that one connection's backlog does not hold up the others

# What may wait in this process for one peer: pictures up to the first, sound and control up to the second. With less
# than half a megabyte in the kernel, a line of 300 kbit/s is some seconds behind before pictures stop; NACK, loss
# reports and keyframe requests then do what they do on a bad line.
PICTURE_BYTES = 64 << 10
ALL_BYTES = 256 << 10
_KERNEL_BYTES = 128 << 10
# What is longer is taken for a picture's packet: Opus at 20 ms stays below, with its redundancy (RFC 2198), too.
_LONGEST_SOUND = 600

CONNECTIONS = 512
STRANGERS = 64  # in all; then the oldest of them goes
STRANGERS_A_HOST = 16  # a whole house may come through one address, but not all of it within one round trip
STRANGER_SECONDS = 10.0
STRANGER_FRAMES = 16  # checks that may fail: the answer to our offer may still be on its way
IDLE_SECONDS = 60.0
STALLED_SECONDS = 10.0
_ACCEPTED_AT_ONCE = 16
_SWEEP_SECONDS = 1.0

OnFrame = Callable[[bytes, "Stream"], None]
OnClosed = Callable[[StreamAddress], None]


class Stream:
    """One accepted connection. It closes itself when its peer does, or breaks the rules; `on_closed` is then told."""

    def __init__(self, sock: socket.socket, address: StreamAddress, on_frame: OnFrame, on_closed: OnClosed) -> None:
        self.address = address
        self.known = False  # an authentic check came over it
        self.closed = False
        self._socket = sock
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._heard_at = self._loop.time()
        self._stalled_at: float | None = None
        self._strange_frames = 0
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._loop.add_reader(sock, self._readable)

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._outbox)

    # ------------------------------------------------------------------------------------------ receiving

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._heard_at = self._loop.time()
        self._inbox += data
        self._take_frames()

    def _take_frames(self) -> None:
        start = 0
        while not self.closed and len(self._inbox) - start >= 2:
            size = int.from_bytes(self._inbox[start : start + 2], "big")
            if not SHORTEST_FRAME <= size <= LONGEST_FRAME:
                self.close()  # there is no way to find the next frame
                return
            end = start + 2 + size
            if len(self._inbox) < end:
                break
            self._take_frame(bytes(self._inbox[start + 2 : end]))
            start = end
        del self._inbox[:start]

    def _take_frame(self, datagram: bytes) -> None:
        if not self.known:
            self._strange_frames += 1
            if datagram[0] > 3 or self._strange_frames > STRANGER_FRAMES:
                self.close()
                return
        self._on_frame(datagram, self)

    # ------------------------------------------------------------------------------------------ sending

    def send(self, datagram: bytes | memoryview) -> None:
        """Send one datagram, or keep it until there is room; raises BlockingIOError when it is dropped."""
        size = len(datagram)
        picture = size > _LONGEST_SOUND and 127 < datagram[0] < 192
        if self.closed or len(self._outbox) + size > (PICTURE_BYTES if picture else ALL_BYTES):
            raise BlockingIOError
        frame = size.to_bytes(2, "big") + bytes(datagram)
        if self._outbox:
            self._outbox += frame
            return
        sent = self._push(frame)
        if sent < len(frame) and not self.closed:
            self._outbox += frame[sent:]
            self._stalled_at = self._loop.time()
            self._loop.add_writer(self._socket, self._writable)

    def _push(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            # Not at once: who sends may be walking through the peers.
            self._loop.call_soon(self.close)
            return len(data)

    def _writable(self) -> None:
        sent = self._push(bytes(self._outbox[: LONGEST_FRAME * 16]))
        del self._outbox[:sent]
        if sent:
            self._stalled_at = self._loop.time()
        if not self._outbox:
            self._stalled_at = None
            self._loop.remove_writer(self._socket)

    # ------------------------------------------------------------------------------------------ its end

    def overdue(self, now: float) -> bool:
        """Whether it is a stranger for too long, silent for too long, or reads nothing."""
        if not self.known:
            return now - self._opened_at > STRANGER_SECONDS
        stalled = self._stalled_at is not None and now - self._stalled_at > STALLED_SECONDS
        return stalled or now - self._heard_at > IDLE_SECONDS

    def close(self) -> None:
        """Close at once; what waits is lost."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._outbox.clear()
        self._on_closed(self.address)


class Listener:
    """The listening sockets and every connection accepted from them."""

    def __init__(self, sockets: list[socket.socket], on_frame: OnFrame, on_closed: OnClosed) -> None:
        self.streams: dict[StreamAddress, Stream] = {}  # in order of their opening
        self._sockets = sockets
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        for sock in sockets:
            self._loop.add_reader(sock, self._acceptable, sock)
        self._sweeping = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Close every connection and stop listening."""
        self._sweeping.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        for stream in list(self.streams.values()):
            stream.close()

    def _acceptable(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # out of descriptors: those who come wait in the kernel's queue
                logger.warning("a TCP connection for media could not be accepted: %s", error.strerror)
                self._loop.remove_reader(listening)
                self._loop.call_later(_SWEEP_SECONDS, self._listen_again, listening)
                return
            self._welcome(sock, (str(address[0]), int(address[1]), "tcp"))

    def _listen_again(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._acceptable, listening)

    def _welcome(self, sock: socket.socket, address: StreamAddress) -> None:
        strangers = [stream for stream in self.streams.values() if not stream.known]
        from_there = sum(stream.address[0] == address[0] for stream in strangers)
        if len(self.streams) >= CONNECTIONS or from_there >= STRANGERS_A_HOST:
            sock.close()
            return
        if len(strangers) >= STRANGERS:
            strangers[0].close()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        self.streams[address] = Stream(sock, address, self._on_frame, self._forget)

    def _forget(self, address: StreamAddress) -> None:
        del self.streams[address]
        self._on_closed(address)

    def _sweep(self) -> None:
        now = self._loop.time()
        for stream in [one for one in self.streams.values() if one.overdue(now)]:
            stream.close()
        self._sweeping = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
