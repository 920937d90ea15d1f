"""A participant's data channels, over aiortc's SCTP: servers wait for them before they send media.

What comes over them is not used: a recording takes its events from the coordinator's log, not from the room.
The names of aiortc that this stands on: `RTCSctpTransport(transport)`, `.start`, `.stop`, and of the transport it is
given `state`, `_role`, `_register_data_receiver`, `_unregister_data_receiver`, `_send_data`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities

SCTP_PORT = 5000
MAX_WAITING = 256  # packets; more than this at once is no data channel traffic of ours
_MIN_PACKET, _MIN_CHUNK, _MIN_PARAMETER = 12, 4, 4
_WITH_PARAMETERS = {1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, 130: 4}  # chunk types whose parameters begin at this offset


class DataChannels:
    """The SCTP association of one transport. `received` takes packets, `send` is called with those to send."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.state = "connected"
        self._role = "client"
        self._send = send
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._sctp: Any = RTCSctpTransport(self)  # type: ignore[arg-type]  # it asks only for the names above
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """DTLS is up: begin the association."""
        self._task = asyncio.create_task(self._run())

    def received(self, packet: bytes) -> None:
        """One SCTP packet from the server; malformed ones are dropped."""
        if is_sound(packet):
            with contextlib.suppress(asyncio.QueueFull):
                self._waiting.put_nowait(packet)

    async def close(self) -> None:
        """Stop its timers."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sctp.stop(), 2)

    async def _run(self) -> None:
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=65_536), SCTP_PORT)
        while True:
            packet = await self._waiting.get()
            with contextlib.suppress(ValueError, AssertionError, KeyError, IndexError):  # what its parsers raise
                await self._sctp._handle_data(packet)

    # ------------------------------------------------------------------- what RTCSctpTransport calls

    def _register_data_receiver(self, receiver: Any) -> None:
        """There is only one."""

    def _unregister_data_receiver(self, receiver: Any) -> None:
        """There was only one."""

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


def is_sound(packet: bytes) -> bool:
    """Whether lengths of chunks and parameters add up: aiortc's parser never ends on a parameter shorter than 4."""
    at = _MIN_PACKET
    while at < len(packet):
        if at + _MIN_CHUNK > len(packet):
            return False
        length = int.from_bytes(packet[at + 2 : at + 4], "big")
        if length < _MIN_CHUNK or at + length > len(packet):
            return False
        start = _WITH_PARAMETERS.get(packet[at])
        if start is not None and not _sound_parameters(packet[at + start : at + length]):
            return False
        at += length + -length % 4
    return len(packet) >= _MIN_PACKET


def _sound_parameters(body: bytes) -> bool:
    at = 0
    while at < len(body):
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if at + _MIN_PARAMETER > len(body) or length < _MIN_PARAMETER:
            return False
        at += length + -length % 4
    return True
