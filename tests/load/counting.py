"""Receives for many sockets at little cost: headers only, with the kernel's time of arrival, many packets a call."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BATCH = 256
_HEADER = 12  # of RTP; what an RTCP or STUN packet has there tells them apart
_CONTROL = 32  # one cmsghdr with a timespec
_RECEIVE_BUFFER = 4 << 20
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_LIBC = ctypes.CDLL(None, use_errno=True)

# struct mmsghdr of Linux on 64 bits.
_MESSAGE = np.dtype(
    {
        "names": ["name", "name_length", "iov", "iov_length", "control", "control_length", "flags", "length"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
_IOV = np.dtype([("base", "u8"), ("length", "u8")])


@dataclass(frozen=True)
class Arrivals:
    """RTP packets of one socket, in order: all arrays are of one length."""

    at: NDArray[np.int64]  # nanoseconds of the wall clock
    payload_type: NDArray[np.int64]
    sequence: NDArray[np.int64]
    ssrc: NDArray[np.int64]


class Sweeper:
    """The memory that recvmmsg fills, used for one socket after the other."""

    def __init__(self) -> None:
        self._headers = np.zeros((_BATCH, _HEADER), np.uint8)
        self._controls = np.zeros((_BATCH, _CONTROL), np.uint8)
        self._iovs = np.zeros(_BATCH, _IOV)
        self._messages = np.zeros(_BATCH, _MESSAGE)
        self._iovs["base"] = self._headers.ctypes.data + np.arange(_BATCH) * _HEADER
        self._iovs["length"] = _HEADER
        self._messages["iov"] = self._iovs.ctypes.data + np.arange(_BATCH) * _IOV.itemsize
        self._messages["iov_length"] = 1
        self._messages["control"] = self._controls.ctypes.data + np.arange(_BATCH) * _CONTROL

    def sweep(self, descriptor: int) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """Everything that waits at a socket: headers, and when the kernel got them."""
        found = []
        while True:
            self._messages["control_length"] = _CONTROL
            count = _LIBC.recvmmsg(
                descriptor, ctypes.c_void_p(self._messages.ctypes.data), _BATCH, socket.MSG_DONTWAIT, None
            )
            if count < 0 and ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            if count > 0:
                seconds = self._controls[:count, 16:32].copy().view(np.int64)
                found.append((self._headers[:count].copy(), seconds[:, 0] * 1_000_000_000 + seconds[:, 1]))
            if count < _BATCH:
                return found


class Counter:
    """One socket's arrivals. The receive buffer holds what comes between two sweeps."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()
        self._found: list[tuple[NDArray[np.uint8], NDArray[np.int64]]] = []
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def sweep(self, sweeper: Sweeper) -> None:
        """Take what has come since the last time."""
        self._found += sweeper.sweep(self._descriptor)

    def take(self) -> Arrivals:
        """All RTP packets so far; forgets them."""
        found, self._found = self._found, []
        headers = np.concatenate([one for one, _ in found]) if found else np.zeros((0, _HEADER), np.uint8)
        times = np.concatenate([one for _, one in found]) if found else np.zeros(0, np.int64)
        media = (headers[:, 0] >= 128) & (headers[:, 0] < 192) & ~((headers[:, 1] >= 192) & (headers[:, 1] <= 223))
        headers, times = headers[media], times[media]
        wide = headers.astype(np.int64)
        return Arrivals(
            times,
            wide[:, 1] & 0x7F,
            wide[:, 2] << 8 | wide[:, 3],
            wide[:, 8] << 24 | wide[:, 9] << 16 | wide[:, 10] << 8 | wide[:, 11],
        )
