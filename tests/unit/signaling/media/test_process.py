"""The worker as the control process sees it: it starts, answers, says why it cannot, and its end is noticed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from meetings.signaling.keeper import WorkerKeeper
from meetings.signaling.media import memory, schema
from meetings.signaling.media.process import InProcessWorker, ProcessWorker, WorkerLink
from meetings.signaling.media.worker import WorkerConfig, WorkerError

LOOPBACK = WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"])


class Watcher:
    """Collects what a worker says."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[schema.Event] = asyncio.Queue()
        self.exits: asyncio.Queue[str] = asyncio.Queue()


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(params=[InProcessWorker, ProcessWorker])
async def worker(request: pytest.FixtureRequest) -> AsyncIterator[WorkerLink]:
    link: WorkerLink = request.param(LOOPBACK)
    yield link
    await link.close()


async def test_a_started_worker_says_where_it_listens_and_answers_pings(worker: WorkerLink, watcher: Watcher) -> None:
    ready = await worker.start(watcher.events.put_nowait, watcher.exits.put_nowait)
    ((address, port),) = ready.candidates
    assert (address, ready.fingerprint_algorithm) == ("127.0.0.1", "sha-256")
    assert port > 0
    assert len(ready.fingerprint.split(":")) == 32
    worker.send(schema.Ping(7))
    pong = await asyncio.wait_for(watcher.events.get(), 20)
    assert isinstance(pong, schema.Pong)
    assert pong.number == 7


async def test_a_taken_port_is_reported_in_a_sentence(watcher: Watcher) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        link = ProcessWorker(WorkerConfig(udp_port=port, udp_host="127.0.0.1", announce=["127.0.0.1"]))
        with pytest.raises(WorkerError, match=f"UDP port {port} on 127.0.0.1 cannot be used"):
            await link.start(watcher.events.put_nowait, watcher.exits.put_nowait)


async def test_a_killed_worker_is_noticed_once(watcher: Watcher) -> None:
    link = ProcessWorker(LOOPBACK)
    await link.start(watcher.events.put_nowait, watcher.exits.put_nowait)
    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    reason = await asyncio.wait_for(watcher.exits.get(), 20)
    assert "code -9" in reason
    link.send(schema.Ping(1))
    await link.close()
    assert watcher.exits.empty()


async def test_a_worker_that_is_closed_ends_without_complaint(watcher: Watcher) -> None:
    link = ProcessWorker(LOOPBACK)
    await link.start(watcher.events.put_nowait, watcher.exits.put_nowait)
    await link.close()
    assert link.pid is None
    assert watcher.exits.empty()


async def test_a_worker_ends_with_its_parent() -> None:
    program = (
        "import asyncio, sys\n"
        "from meetings.signaling.media.process import ProcessWorker, WorkerConfig\n"
        "async def main():\n"
        "    link = ProcessWorker(WorkerConfig(udp_port=0, udp_host='127.0.0.1', announce=['127.0.0.1']))\n"
        "    await link.start(lambda event: None, lambda reason: None)\n"
        "    print(link.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(20):
        while _runs(child):
            await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_worker_that_is_stopped_by_a_signal_is_replaced_by_one_that_answers(watcher: Watcher) -> None:
    link = ProcessWorker(LOOPBACK)
    lost: asyncio.Queue[None] = asyncio.Queue()
    keeper = WorkerKeeper(link, watcher.events.put_nowait, lambda: lost.put_nowait(None))
    await keeper.start()
    first = link.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(60):
        while lost.empty():
            keeper.beat()
            await asyncio.sleep(1)
        killed_after = asyncio.get_running_loop().time() - began
        await keeper.restarted()
    assert killed_after < 10
    assert link.pid not in (None, first)
    assert keeper.ready.candidates
    await keeper.close()


async def test_a_worker_tells_its_memory_and_is_bounded(watcher: Watcher) -> None:
    link = ProcessWorker(LOOPBACK)
    await link.start(watcher.events.put_nowait, watcher.exits.put_nowait)
    link.send(schema.Ping(1))
    pong = await asyncio.wait_for(watcher.events.get(), 20)
    assert isinstance(pong, schema.Pong)
    assert 10 << 20 < pong.memory_bytes < memory.LIMIT_BYTES
    assert link.pid is not None
    soft, _ = resource.prlimit(link.pid, resource.RLIMIT_DATA)
    assert soft == 2 * memory.LIMIT_BYTES
    await link.close()
