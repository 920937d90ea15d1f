"""One client's WebSocket: a bounded queue out, frames in, and an end that never depends on the client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from fastapi import WebSocket, WebSocketDisconnect
from google.protobuf import json_format
from livekit.protocol import rtc

from meetings.signaling import limits
from meetings.signaling.session import Session

logger = logging.getLogger(__name__)

LEAVE_SECONDS = 0.5  # for the last messages to a client that is being dismissed


class SocketConnection:
    """Messages wait in a bounded queue; a client that lets it fill is cut off."""

    def __init__(self, socket: WebSocket) -> None:
        self.as_text = False  # answer in kind: clients that speak protojson say so by their first frame
        self._socket = socket
        self._queue: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue(limits.OUTBOX + 1)
        self._closed = False

    def send(self, message: rtc.SignalResponse) -> None:
        if self._closed:
            return
        if self._queue.qsize() >= limits.OUTBOX:
            logger.warning("a client does not read its messages and is cut off")
            while not self._queue.empty():
                self._queue.get_nowait()
            self.close()
            return
        self._queue.put_nowait(message)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued until closed."""
        while (message := await self._queue.get()) is not None:
            if self.as_text:
                await self._socket.send_text(json_format.MessageToJson(message, indent=None))
            else:
                await self._socket.send_bytes(message.SerializeToString())


async def converse(socket: WebSocket, session: Session, connection: SocketConnection) -> None:
    """Read and write until either side ends it; what is queued for a dismissed client still goes out."""
    writer = asyncio.create_task(_quietly(connection.write()))
    reader: asyncio.Task[None] | None = None
    try:
        await socket.accept()
        reader = asyncio.create_task(_quietly(_read(socket, session, connection)))
        await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        if session.ended:
            await asyncio.wait({writer}, timeout=LEAVE_SECONDS)
        await asyncio.wait_for(_quietly(socket.close()), LEAVE_SECONDS)
    except TimeoutError:
        logger.debug("a client reads nothing any more")
    finally:
        session.lost()
        tasks = [task for task in (reader, writer) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(work: Awaitable[None]) -> None:
    """A client may go at any moment, in the middle of anything. A fault of ours ends its session only."""
    try:
        await work
    except (WebSocketDisconnect, OSError, RuntimeError) as error:
        logger.debug("connection ended: %r", error)
    except Exception:
        logger.exception("a session was ended by a fault of the relay")


async def _read(socket: WebSocket, session: Session, connection: SocketConnection) -> None:
    while not session.ended:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if (text := message.get("text")) is not None:
            connection.as_text = True
            session.receive(text)
        else:
            session.receive(message.get("bytes") or b"")
