"""A whole installation, as ./run starts it: what its commands say of it, who reaches it, and how it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from meetings.config import Settings
from meetings.running import running_now
from tests.fakes import eventually
from tests.journey.system import System, running_system

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="module")]
BACK_WITHIN = 10.0  # seconds, for a machine that does much else; the figure is printed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running


async def answers(system: System, path: str = "/") -> bool:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{system.relay_port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return await asyncio.to_thread(ask)


async def test_the_commands_know_the_ports_of_the_system_that_runs(system: System) -> None:
    ports = await asyncio.to_thread(system.command, "ports")
    assert f"{system.port}/tcp" in ports.stdout
    assert f"{system.relay_port}/tcp" in ports.stdout
    doctor = await asyncio.to_thread(system.command, "doctor", "--lang=en")
    for name in ("web", "relay", "record"):
        assert f"✓ {name}: process" in doctor.stdout, doctor.stdout
    assert f"answers at http://127.0.0.1:{system.port}/readyz" in doctor.stdout
    log = (system.data / "logs" / "meetings.log").read_text()
    assert "signalling at" in log


async def test_a_second_one_on_the_same_folder_is_refused_in_a_sentence(system: System) -> None:
    done = await asyncio.to_thread(system.command, "serve", "--port=1", "--lang=en")
    assert done.returncode == 2
    assert done.stderr.startswith(f"Another system (process {system.process.pid}) is running on {system.data}")


async def test_only_pages_of_the_house_open_a_socket_to_the_relay(system: System) -> None:
    assert await upgrade(system, f"http://localhost:{system.port}") == 401, "ours is asked for its token"
    assert await upgrade(system, "https://evil.example") == 403
    assert await upgrade(system, f"http://localhost.evil.example:{system.port}") == 403


async def upgrade(system: System, origin: str) -> int:
    """The status with which the relay answers a page of this origin that has no token."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.relay_port)
    lines = [
        "GET /rtc?access_token=x HTTP/1.1",
        f"Host: localhost:{system.relay_port}",
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Origin: {origin}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = (await asyncio.wait_for(reader.readline(), 30)).split()[1]
    writer.close()
    return int(status)


async def test_a_killed_relay_is_back_within_a_moment(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=system.data)
    await eventually(lambda: len(relays(system)) == 2, what="a standby", within=60)
    first = working(settings)
    await eventually(lambda: loaded(next(iter(relays(system) - {first}))), what="the standby is loaded", within=60)
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    await eventually(lambda: working(settings) != first, what="another relay", within=BACK_WITHIN)
    await eventually(lambda: answers(system), what="it answers", within=BACK_WITHIN)
    with capsys.disabled():
        print(f"\nrelay back {time.monotonic() - killed:.2f} s after the kill")


def working(settings: Settings) -> int:
    found = running_now(settings)
    assert found is not None
    return found.children["relay"]


def relays(system: System) -> set[int]:
    children = psutil.Process(system.process.pid).children()
    return {child.pid for child in children if "relay" in child.cmdline()}


def loaded(pid: int) -> bool:
    """It does nothing any more: it waits."""
    return bool(psutil.Process(pid).cpu_percent(0.3) == 0.0)


async def test_with_its_parent_everything_ends_and_the_note_is_not_believed(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        everybody = psutil.Process(system.process.pid).children(recursive=True)
        assert running_now(Settings(data_dir=system.data)) is not None
        system.process.kill()
        gone = lambda: not any(child.is_running() and child.status() != "zombie" for child in everybody)  # noqa: E731
        await eventually(gone, what="no child left", within=30)
        await asyncio.to_thread(system.process.wait, 10)
        assert (system.data / "running.json").exists()
        assert running_now(Settings(data_dir=system.data)) is None
        with socket.create_server(("127.0.0.1", system.port)):
            pass
