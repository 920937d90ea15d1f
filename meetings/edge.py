"""The coordinator's listeners: http on loopback and https on the house's addresses, one application behind both."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from meetings.config import Settings
from meetings.tls import TlsFiles


@dataclass(frozen=True)
class _Listener:
    host: str
    port: int
    tls: TlsFiles | None


class _Server(uvicorn.Server):
    """Signals belong to whoever runs both listeners, not to each of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_web(app: FastAPI, settings: Settings, tls: TlsFiles | None) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError if a port cannot be bound."""
    listeners = [_Listener(settings.host, settings.port, None)]
    if tls is not None:
        listeners.append(_Listener(settings.https_host, settings.https_port, tls))
    servers = [_Server(_config(app, listener, first=index == 0)) for index, listener in enumerate(listeners)]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(servers[0].serve())
        # the application starts once, under the first listener; uvicorn has no event to wait for
        while not servers[0].started and not first.done():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for server in servers[1:]:
            group.create_task(server.serve())


def _config(app: FastAPI, listener: _Listener, *, first: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=listener.host,
        port=listener.port,
        ssl_certfile=str(listener.tls.certificate) if listener.tls else None,
        ssl_keyfile=str(listener.tls.key) if listener.tls else None,
        lifespan="on" if first else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,  # event streams never end by themselves
        h11_max_incomplete_event_size=16_384,
        backlog=512,
    )
