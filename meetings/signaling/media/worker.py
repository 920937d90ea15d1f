"""The media worker: one UDP socket, the transports, producers and consumers on it, and what a command does to them."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

import msgspec

from meetings.signaling.media import schema
from meetings.signaling.media.addresses import NoUsableAddress, announced
from meetings.signaling.media.dtls import Certificate

logger = logging.getLogger(__name__)


class WorkerConfig(msgspec.Struct, frozen=True):
    """Where media is received and under which addresses browsers find it."""

    udp_port: int = 7882  # 0: any free one
    udp_host: str = "0.0.0.0"  # noqa: S104 - browsers come from every network of the house
    announce: list[str] = []  # empty: the default route's address, then loopback


class WorkerError(Exception):
    """The worker cannot start or go on; its text is a sentence for the operator."""


class Worker:
    """Carries out commands and emits events. Everything happens on one event loop; nothing here awaits."""

    def __init__(self, config: WorkerConfig, emit: Callable[[schema.Event], None]) -> None:
        self.closed = False
        self._config = config
        self._emit = emit
        self._certificate = Certificate()
        self._socket: socket.socket | None = None
        self._packets_in = 0
        self._packets_out = 0

    def start(self) -> schema.Ready:
        """Bind the socket; raises WorkerError when the port is taken or no address is usable."""
        try:
            addresses = announced(self._config.announce)
        except NoUsableAddress as error:
            raise WorkerError(str(error)) from error
        self._socket = _bind(self._config)
        port = self._socket.getsockname()[1]
        return schema.Ready([(address, port) for address in addresses], "sha-256", self._certificate.fingerprint())

    def handle(self, command: schema.Command) -> None:
        """Carry out one command."""
        match command:
            case schema.Ping(number):
                self._emit(schema.Pong(number, time.process_time(), self._packets_in, self._packets_out))
            case schema.Shutdown():
                self.close()
            case _:
                logger.warning("not carried out: %s", type(command).__name__)

    def close(self) -> None:
        """Close everything; may be called again."""
        self.closed = True
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bind(config: WorkerConfig) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.bind((config.udp_host, config.udp_port))
    except OSError as error:
        sock.close()
        raise WorkerError(
            f"UDP port {config.udp_port} on {config.udp_host} cannot be used: {error.strerror}."
        ) from error
    return sock
