"""The relay through hours of coming and going: what it holds on to returns to what it was, and does not grow.

`SOAK_SECONDS` sets the length of the long one (20 minutes). Who comes: many light peers for numbers, clients of the
Python SDK that publish, ask for other layers, resume and vanish, and strangers with wrong tokens and junk.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx2
import numpy as np
import pytest
from livekit import api
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.conformance.sdk import SdkClient
from tests.fakes import eventually
from tests.load.meter import measure, room_of
from tests.reference import servers
from tests.reference.servers import Server
from tests.senders import BLUE, GREEN, RED

pytestmark = [pytest.mark.fault]
LENGTH = float(os.environ.get("SOAK_SECONDS", 20 * 60))
SHORT = 40.0
SAMPLE_SECONDS = 2.0
WARM_SHARE = 0.3  # of a run: caches, fragments and the interpreter's own arenas fill up first
GROWTH = {"memory_bytes": 8 << 20, "tasks": 5, "descriptors": 5}  # between the first and the last third after that
LEFT_SECONDS = 90.0  # rooms outlive their last guest by 20 s, seats of lost clients by 15 s
PROCESSES = ("control", "worker")
Values = dict[str, float]


async def figures(server: Server) -> Values:
    """What the relay says of itself, by name and labels as they stand there."""
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        text = (await client.get(f"{server.url}/metrics")).text
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name.removeprefix("meetings_relay_"): float(value) for name, _, value in lines}


def of_process(values: Values, what: str, process: str) -> float:
    return values[f'{what}{{process="{process}"}}']


@dataclass
class Log:
    """Samples in the order of time, and what was done meanwhile."""

    samples: list[Values] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    def series(self, what: str, process: str) -> list[float]:
        return [of_process(one, what, process) for one in self.samples]


# ---------------------------------------------------------------------------------------------------- who comes


async def crowd(server: Server, log: Log, choose: random.Random) -> None:
    """A room of light peers for some seconds; they vanish without a word."""
    scenario = room_of("soak", choose.choice((1, 2, 3)), choose.randrange(3, 9), 10, 2)
    try:
        await measure(server, scenario, choose.uniform(2, 4))  # long enough for every stream to be heard
    except TimeoutError:  # a machine with too much to do holds pictures back; that is not what is measured here
        log.count("rooms of light peers that did not get everything")
    else:
        log.count("rooms of light peers")


async def guest(server: Server, log: Log, choose: random.Random) -> None:
    """Two clients of the stock SDK in one room: one publishes, one watches, changes layers, resumes."""
    room = f"stock-{choose.randrange(3)}"
    publisher, watcher = SdkClient(f"p{choose.getrandbits(32)}"), SdkClient(f"w{choose.getrandbits(32)}")
    try:
        for client in (publisher, watcher):
            await client.join(server.socket_url, token(client.name, room))
        await publisher.publish(choose.choice((RED, GREEN, BLUE)))
        await eventually(lambda: _has_camera(watcher, publisher), within=60, what="the picture is offered")
        for turn in range(choose.randrange(1, 4)):
            await watcher.wants(publisher.name, high=bool(turn % 2))
            log.count("switches of layers")
            await asyncio.sleep(choose.uniform(0.3, 1.5))
        if choose.random() < 0.5:
            await choose.choice((publisher, watcher)).simulate("signal-reconnect")
            await asyncio.sleep(1.5)
            log.count("resumes")
        if choose.random() < 0.3:
            await _unpublish(publisher, log)
    finally:
        for client in (publisher, watcher):
            await client.leave()
    log.count("pairs of stock clients")


async def _unpublish(publisher: SdkClient, log: Log) -> None:
    """A client that loses its room meanwhile is never told by its own library that a track is gone."""
    try:
        await asyncio.wait_for(publisher.unpublish(), 20)
    except TimeoutError:
        log.count("tracks whose end the client was not told")


async def _has_camera(watcher: SdkClient, publisher: SdkClient) -> bool:
    return "camera" in await watcher.sources(publisher.name)


async def stranger(server: Server, log: Log, choose: random.Random) -> None:
    """A wrong key, no key, half a handshake, nonsense at both ports."""
    good = token(f"stranger{choose.getrandbits(32)}", "stock-0")  # who joins again and again is put off by name
    for given in ("", "nonsense", good[:-4] + "AAAA", token("x", "y", secret="another secret that is long enough")):
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):
            address = f"{server.socket_url}/rtc?access_token={given}"
            async with connect(address, proxy=None, open_timeout=10):
                raise AssertionError(f"let in with {given!r}")
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(b"GET /rtc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
        await asyncio.sleep(choose.uniform(0, 0.5))
        writer.transport.abort()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
        for _ in range(200):
            junk.sendto(choose.randbytes(choose.randrange(1, 200)), ("127.0.0.1", server.udp_port))
    async with connect(f"{server.socket_url}/rtc?access_token={good}&protocol=15", proxy=None) as opened:
        await opened.send(choose.randbytes(100))
    log.count("strangers")
    await asyncio.sleep(choose.uniform(0.2, 1))


def token(identity: str, room: str, secret: str = servers.SECRET) -> str:
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken(servers.KEY, secret).with_identity(identity).with_grants(grants).to_jwt()


Visit = Callable[[Server, Log, random.Random], Awaitable[None]]


async def again_and_again(visit: Visit, server: Server, log: Log, seed: int, until: float) -> None:
    choose = random.Random(seed)
    while time.monotonic() < until:
        await visit(server, log, choose)


async def watch(server: Server, log: Log) -> None:
    while True:
        log.samples.append(await figures(server))
        await asyncio.sleep(SAMPLE_SECONDS)


@contextlib.asynccontextmanager
async def watched(server: Server, log: Log) -> AsyncIterator[None]:
    task = asyncio.create_task(watch(server, log))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def soak(server: Server, log: Log, seconds: float, seed: int) -> None:
    """Everybody at once, until the time is over."""
    until = time.monotonic() + seconds
    visits: list[Visit] = [crowd, guest, guest, stranger]
    async with watched(server, log), asyncio.TaskGroup() as group:
        for number, visit in enumerate(visits):
            group.create_task(again_and_again(visit, server, log, seed + number, until))


# ------------------------------------------------------------------------------------------------------ verdicts


async def idle(server: Server) -> bool:
    now = await figures(server)
    return not any(now[name] for name in ("rooms", "participants", "transports", "producers", "consumers"))


async def rest(server: Server) -> Values:
    """The figures once everybody has left and every deadline has passed."""
    await eventually(lambda: idle(server), within=LEFT_SECONDS, every=1.0, what="rooms and transports are gone")
    await asyncio.sleep(12)  # a worker tells its figures every few seconds; connections that were cut off end, too
    return await figures(server)


def given_back(before: Values, after: Values) -> None:
    for what, process in itertools.product(("tasks", "descriptors"), PROCESSES):
        was, now = of_process(before, what, process), of_process(after, what, process)
        assert now <= was + 1, f"{what} of {process}: {was:g} before, {now:g} after everybody left"
    assert after["worker_restarts_total"] == 0


def told(log: Log, before: Values, after: Values) -> None:
    lines = [f"{what}: {count}" for what, count in log.done.items()]
    for what, process in itertools.product(GROWTH, PROCESSES):
        values = log.series(what, process)
        hour = np.polyfit(np.arange(len(values)) * SAMPLE_SECONDS / 3600, values, 1)[0] if len(values) > 2 else 0.0
        ends = f"{of_process(before, what, process):,.0f} → {of_process(after, what, process):,.0f}"
        lines.append(f"{what} of {process}: {ends}, most {max(values):,.0f}, {hour:+,.0f} an hour over all")
    sys.stderr.write("\n" + "\n".join(lines) + "\n")


def thirds(values: list[float]) -> tuple[float, float]:
    """The middle of the first and of the last third, after warming up."""
    kept = values[int(len(values) * WARM_SHARE) :]
    third = max(1, len(kept) // 3)
    return float(np.median(kept[:third])), float(np.median(kept[-third:]))


async def run(seconds: float, *, seed: int) -> Log:
    log = Log()
    with servers.relay() as server:
        await asyncio.sleep(6)  # until the worker has told its first figures
        before = await figures(server)
        await soak(server, log, seconds, seed)
        after = await rest(server)
        told(log, before, after)
        given_back(before, after)
    assert log.done.get("rooms of light peers that did not get everything", 0) * 10 <= log.done["rooms of light peers"]
    assert min(log.done.get(one, 0) for one in ("rooms of light peers", "pairs of stock clients", "strangers")) > 2
    return log


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_whatever_people_and_strangers_took_is_given_back() -> None:
    await run(SHORT, seed=1)


@pytest.mark.long
@pytest.mark.timeout(int(LENGTH) + 600)
async def test_a_long_coming_and_going_leaves_memory_and_tasks_flat() -> None:
    log = await run(LENGTH, seed=int(time.time()))
    for what, process in itertools.product(GROWTH, PROCESSES):
        first, last = thirds(log.series(what, process))
        assert last - first <= GROWTH[what], f"{what} of {process}: {first:,.0f}, later {last:,.0f}"
