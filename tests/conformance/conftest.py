"""A real relay process, and a page with the stock livekit-client for browsers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from livekit import api

from tests.conformance.clients import KEY, SECRET
from tests.conformance.page import Unbuilt, served_page
from tests.conformance.sdk import SdkClient
from tests.conformance.stage import Stage, Target, performance
from tests.reference.programs import skip_without
from tests.reference.servers import livekit_server
from tests.reference.servers import relay as reference_relay

START_SECONDS = 60.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RelayProcess:
    """`meetings relay` as an operator starts it."""

    log: Path
    webhooks: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    udp_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    tcp_port: int = field(default_factory=free_port)
    options: list[str] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = [sys.executable, "-m", "meetings", "relay", f"--port={self.port}", f"--udp-port={self.udp_port}"]
        command += [f"--tcp-port={self.tcp_port}", *self.options]
        command += [f"--webhook={url}" for url in self.webhooks]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, env={**os.environ, "LIVEKIT_KEYS": f"{KEY}: {SECRET}"}, stderr=log, stdout=log
            )
        await self._until_it_answers()

    async def _until_it_answers(self) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        async with httpx2.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(self.http)).text == "OK":
                        return
                except httpx2.HTTPError:
                    pass
                assert self.process is not None
                assert self.process.returncode is None, self.log.read_text()
                assert asyncio.get_running_loop().time() < deadline, self.log.read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def freeze(self) -> None:
        """It answers nothing, and its connections stay."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), START_SECONDS)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay.log")
    await process.start()
    yield process
    await process.stop()


@pytest.fixture(scope="module", params=["relay", pytest.param("livekit-server", marks=pytest.mark.long)])
def each_server(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Ours in every run; by `./test all` LiveKit's own, too, so that what is expected is what it does."""
    if request.param == "livekit-server":
        skip_without(request.param)
    with livekit_server() if request.param == "livekit-server" else reference_relay() as server:
        yield Target(server.socket_url, server.key, server.secret)


@pytest.fixture
async def stage(each_server: Target) -> AsyncIterator[Stage]:
    """A room of the Python SDK's on each server."""

    async def make(name: str) -> SdkClient:
        return SdkClient(name)

    async with performance(each_server, "python", make) as stage:
        yield stage


@asynccontextmanager
async def server_api(relay: RelayProcess) -> AsyncIterator[api.LiveKitAPI]:
    """The stock server library, as the coordinator uses it."""
    client = api.LiveKitAPI(relay.http, KEY, SECRET)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the test page, with livekit-client bundled from web/node_modules."""
    try:
        with served_page(tmp_path_factory.mktemp("page")) as address:
            yield address
    except Unbuilt as reason:
        pytest.fail(str(reason))
