"""Debian's coturn as a TURN server for tests: our credentials, and one address to relay to."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SECRET = "a-secret-that-relay-and-turn-server-share"
START_SECONDS = 30.0


@dataclass(frozen=True)
class Coturn:
    """Where it listens, over UDP and TCP."""

    port: int
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"turn:{self.address}:{self.port}?transport=udp"

    @property
    def tcp_url(self) -> str:
        return f"turn:{self.address}:{self.port}?transport=tcp"


def _free_port() -> int:
    """Free over UDP and TCP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            try:
                datagram.bind(("127.0.0.1", stream.getsockname()[1]))
            except OSError:
                continue
            return int(stream.getsockname()[1])


@asynccontextmanager
async def coturn(folder: Path, relay_to: Sequence[str], address: str = "127.0.0.1") -> AsyncIterator[Coturn]:
    """A server that relays to these addresses and to nothing else."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.fail("coturn is needed: ./test installs it, or apt-get install coturn")
    port = _free_port()
    lines = [
        f"listening-ip={address}",
        f"relay-ip={address}",
        f"listening-port={port}",
        "realm=meetings",
        "use-auth-secret",
        f"static-auth-secret={SECRET}",
        "no-tls",
        "no-dtls",
        "no-cli",
        "no-rfc5780",
        "simple-log",
        f"log-file={folder / 'coturn.log'}",
        f"pidfile={folder / 'coturn.pid'}",
        f"userdb={folder / 'coturn.db'}",
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        *(f"allowed-peer-ip={peer}" for peer in relay_to),
        "allow-loopback-peers",
        "cli-password=none",
    ]
    configuration = folder / "coturn.conf"
    configuration.write_text("\n".join(lines) + "\n")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _until_it_listens(address, port, process)
        yield Coturn(port, address)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_listens(address: str, port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(address, port)
            except OSError:
                assert process.returncode is None, "coturn ended while it was starting"
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
