"""After the relay or its media worker is killed, stock clients are back by themselves and everything is heard again."""

from __future__ import annotations

import asyncio
import os
import signal

import psutil
import pytest

from tests.conformance.clients import eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.sdk import SdkClient
from tests.senders import GREEN, RED

pytestmark = [pytest.mark.conformance, pytest.mark.fault, pytest.mark.timeout(180)]
BACK_SECONDS = 10.0


async def two_who_hear_each_other(relay: RelayProcess) -> tuple[SdkClient, SdkClient]:
    first, second = SdkClient("first"), SdkClient("second")
    await first.join(relay.url, token("first"))
    await second.join(relay.url, token("second"))
    await first.publish(RED)
    await second.publish(GREEN)
    await sees_and_hears(first, "second", GREEN)
    await sees_and_hears(second, "first", RED)
    return first, second


async def both_are_back(first: SdkClient, second: SdkClient) -> float:
    """Seconds until each sees fresh pictures of the other."""
    begun = asyncio.get_running_loop().time()
    for client, other in ((first, "second"), (second, "first")):
        await client.forget(other)
        await eventually(f"{client.name} sees {other} again", lambda c=client, o=other: c.sees(o), bool)  # type: ignore[misc]  # bound per turn
    elapsed = asyncio.get_running_loop().time() - begun
    await sees_and_hears(first, "second", GREEN)
    await sees_and_hears(second, "first", RED)
    return elapsed


async def test_clients_are_back_after_the_media_worker_was_killed(relay: RelayProcess) -> None:
    first, second = await two_who_hear_each_other(relay)
    assert relay.process is not None
    (worker,) = psutil.Process(relay.process.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    elapsed = await both_are_back(first, second)
    print(f"back {elapsed:.1f} s after the media worker was killed")
    assert elapsed < BACK_SECONDS
    await first.leave()
    await second.leave()


async def test_clients_are_back_after_the_media_worker_froze(relay: RelayProcess) -> None:
    first, second = await two_who_hear_each_other(relay)
    assert relay.process is not None
    (worker,) = psutil.Process(relay.process.pid).children()
    os.kill(worker.pid, signal.SIGSTOP)
    await eventually("the frozen one is gone", lambda: _gone(worker), bool)
    await both_are_back(first, second)
    await first.leave()
    await second.leave()


async def _gone(process: psutil.Process) -> bool:
    return not process.is_running()


async def test_clients_are_back_after_the_relay_was_killed_and_started_again(relay: RelayProcess) -> None:
    first, second = await two_who_hear_each_other(relay)
    await relay.kill()
    await relay.start()
    elapsed = await both_are_back(first, second)
    print(f"back {elapsed:.1f} s after the relay was started again")
    assert elapsed < BACK_SECONDS
    await first.leave()
    await second.leave()


async def test_stopping_the_relay_ends_its_worker_too(relay: RelayProcess) -> None:
    assert relay.process is not None
    (worker,) = psutil.Process(relay.process.pid).children()
    await relay.stop()
    assert relay.process.returncode == 0
    assert not psutil.pid_exists(worker.pid)
