"""The note of what runs is believed while its writer lives; the doctor tells what it finds there, and nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from meetings import alive, running
from meetings.config import Settings
from meetings.ports import ports
from meetings.running import Running
from tests.fakes import ManualClock

SINCE = datetime(2026, 4, 23, 1, 0, tzinfo=UTC)


def note_of(settings: Settings, pid: int, born: int, **children: int) -> None:
    """Web and relay where nobody answers."""
    away = "http://127.0.0.1:9"
    running.note(settings, Running(pid, born, SINCE, away, f"{away}/", ports(settings), children))


def test_what_a_living_process_noted_is_found_with_its_ports(settings: Settings) -> None:
    settings.port = 18000
    note_of(settings, *running.own_process())
    found = running.running_now(Settings(data_dir=settings.data_dir))
    assert found is not None
    assert {port.option: port.number for port in found.ports}["--port"] == 18000
    running.forget(settings)
    assert running.running_now(settings) is None


def test_what_a_dead_process_noted_is_not_believed(settings: Settings) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = running.born(process.pid)
    assert born is not None
    note_of(settings, process.pid, born)
    assert running.running_now(settings) is not None
    process.kill()
    process.communicate()
    assert running.running_now(settings) is None


def test_another_process_under_the_same_id_is_another_one(settings: Settings) -> None:
    note_of(settings, os.getpid(), running.own_process()[1] - 1)
    assert running.running_now(settings) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff" * 100])
def test_a_garbled_note_is_no_note(settings: Settings, content: bytes) -> None:
    (settings.data_dir / "running.json").write_bytes(content)
    assert running.running_now(settings) is None


def findings(settings: Settings, clock: ManualClock) -> dict[str, tuple[str, str]]:
    found = list(alive.running(settings, clock.now()))
    assert all(one.remedy for one in found if one.level != "ok")
    return {one.subject: (one.level, one.saw.format(**one.seen)) for one in found}


async def test_the_doctor_tells_alive_from_answering_and_from_dead(settings: Settings, clock: ManualClock) -> None:
    async with _Answering() as port:
        pid, born = running.own_process()
        web, relay = f"http://127.0.0.1:{port}", "http://127.0.0.1:9/"
        children = {"web": pid, "relay": pid, "record": pid, "jobs": 4_190_000}
        running.note(settings, Running(pid, born, SINCE, web, relay, ports(settings), children))
        found = await asyncio.to_thread(findings, settings, clock)
    assert found["Hệ thống"] == ("ok", f"đang chạy từ 23/04/2026 08:00, tiến trình {pid}")
    assert {name: found[name][0] for name in children} == {"web": "ok", "relay": "fail", "record": "ok", "jobs": "fail"}


@pytest.mark.parametrize(("told", "level"), [("media_tcp 1", "ok"), ("media_tcp 0", "warn")])
async def test_a_relay_without_its_tcp_port_is_told(
    settings: Settings, clock: ManualClock, told: str, level: str
) -> None:
    async with _Answering(f"meetings_relay_{told}\n") as port:
        pid, born = running.own_process()
        relay = f"http://127.0.0.1:{port}/"
        running.note(settings, Running(pid, born, SINCE, relay, relay, ports(settings), {"relay": pid}))
        found = await asyncio.to_thread(findings, settings, clock)
    assert found["Âm thanh, hình ảnh qua TCP"][0] == level


class _Answering:
    """Says OK to whoever asks, and some words."""

    def __init__(self, words: str = "") -> None:
        self._words = words.encode()

    async def __aenter__(self) -> int:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(self._words))
            writer.write(self._words)
            with closing(writer):
                await writer.drain()

        self._server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *error: object) -> None:
        self._server.close()


async def test_somebody_else_s_system_on_our_ports_is_not_called_ours(settings: Settings, clock: ManualClock) -> None:
    async with _Answering() as port:
        settings.port = port
        found = findings(settings, clock)
    assert found["Hệ thống"] == ("warn", "chưa chạy trên thư mục này")
    assert found["Cổng"][0] == "warn"
    assert str(port) in found["Cổng"][1]
