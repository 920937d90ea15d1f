"""What a process says it holds on to is what it holds on to."""

from __future__ import annotations

import asyncio
import socket

from meetings.signaling.figures import of_processes
from meetings.signaling.media import upkeep


async def test_every_socket_and_task_is_counted() -> None:
    before = upkeep.measure()
    with socket.socket(), socket.socket():
        sleeping = asyncio.create_task(asyncio.sleep(60))
        during = upkeep.measure()
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    assert (during.descriptors - before.descriptors, during.tasks - before.tasks) == (2, 1)
    assert upkeep.measure().descriptors == before.descriptors
    assert during.memory > 10 << 20


async def test_prometheus_is_told_by_process() -> None:
    text = "".join(one.text() for one in of_processes({"control": upkeep.measure(), "worker": upkeep.measure()}))
    for name in ("tasks", "descriptors", "memory_bytes"):
        assert f'meetings_relay_{name}{{process="worker"}} ' in text
