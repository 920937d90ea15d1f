"""What stands between the network and the relay's application: deadlines, sizes, secrets kept out of logs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

from meetings.signaling import limits

REQUEST_SECONDS = 10.0  # from connecting to a complete first request
CLOSE_SECONDS = 1.0  # for the closing handshake of a WebSocket
# The WebSocket parser's own bound is 8 KiB, too little for a join request, and it does not answer when that is passed.
http11.MAX_LINE_LENGTH = limits.REQUEST_LINE + 1024


class CannotListen(Exception):
    """A port or certificate cannot be used; the text is a sentence for the operator."""


class PunctualProtocol(H11Protocol):
    """HTTP whose first request must arrive in time and whose upgrade requests must fit the WebSocket parser."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its base
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        if len(event.target) > limits.REQUEST_LINE or any(
            len(value) > limits.REQUEST_LINE for _, value in event.headers
        ):
            self.send_400_response("Request line or header too long.")
            return
        super().handle_websocket_upgrade(event)

    def _too_slow(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PunctualWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose end does not depend on the client: one that reads nothing would keep it open for ever."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


class Listener(uvicorn.Server):
    """A uvicorn server on a socket of ours; signals belong to the command, not to each listener."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _WithoutDenials(logging.Filter):
    """uvicorn takes a refused upgrade, which every newer client's first attempt is, for an application's mistake."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("ASGI callable returned without completing handshake")


_WITHOUT_DENIALS = _WithoutDenials()


def listener(app: Any, *, certfile: str | None = None, keyfile: str | None = None) -> Listener:
    """A server of `app`, with TLS if a certificate is given. Raises CannotListen."""
    config = uvicorn.Config(
        app,
        http=PunctualProtocol,
        ws=PunctualWebSocket,
        ws_max_size=limits.DESCRIPTION_MESSAGE,
        ws_ping_interval=None,  # clients ping at their own protocol's level
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=limits.HEADERS,
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        raise CannotListen(f"The certificate {certfile} or its key cannot be used: {error}.") from error
    logging.getLogger("uvicorn.error").addFilter(_WITHOUT_DENIALS)
    return Listener(config)


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise CannotListen(f"TCP port {port} on {host} cannot be used: {error.strerror}.") from error
    sock.setblocking(False)
    return sock
