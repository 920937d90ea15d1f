"""The whole application on a real port, over both databases: pages, jobs, event streams, and a prompt end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.directory.accounts import create_account
from meetings.directory.passwords import chosen
from meetings.web import ContextDep
from tests.fakes import Browser, eventually
from tests.serving import serving


@pytest.fixture
async def address(any_app: FastAPI) -> AsyncIterator[str]:
    @any_app.get("/try/events")
    async def follow(request: Request, context: ContextDep) -> StreamingResponse:
        after = events.last_seen(request, events.HOUSE)
        return events.sse_stream(context.bus.follow(events.HOUSE, after), heartbeat=0.2)

    async with serving(any_app, lifespan=True) as address:
        yield address


@pytest.fixture
def house(any_app: FastAPI) -> Context:
    context: Context = any_app.state.context
    return context


async def say(context: Context, words: str) -> None:
    async with context.database.transaction() as session:
        await events.append(session, chain=events.HOUSE, kind="said", at=context.clock.now(), payload={"words": words})


class Stream:
    """What a browser's EventSource does: reads frames, remembers the last id, comes back with it."""

    def __init__(self, address: str) -> None:
        self._client = httpx2.AsyncClient(timeout=20)
        self._url = f"{address}/try/events"
        self.last_id = ""
        self.beats = 0

    async def take(self, count: int) -> list[dict[str, Any]]:
        """Connects anew and reads until it has so many events."""
        found: list[dict[str, Any]] = []
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            async for line in response.aiter_lines():
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")
                elif line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                elif line.startswith(":"):
                    self.beats += 1
                if len(found) == count:
                    break
        return found

    async def close(self) -> None:
        await self._client.aclose()


async def test_a_page_follows_and_comes_back_without_losing_anything(address: str, house: Context) -> None:
    await say(house, "một")
    stream = Stream(address)
    following = asyncio.create_task(stream.take(2))
    await eventually(lambda: stream.last_id == "house:1" and stream.beats, what="the first event and a beat")
    await say(house, "hai")
    assert [event["payload"]["words"] for event in await asyncio.wait_for(following, 20)] == ["một", "hai"]
    assert stream.last_id == "house:2"
    await say(house, "ba")  # while nobody listens
    again = await asyncio.wait_for(stream.take(1), 20)
    assert [(event["seq"], event["payload"]["words"]) for event in again] == [(3, "ba")]
    await stream.close()


async def test_an_open_stream_does_not_keep_the_server_from_ending(any_app: FastAPI) -> None:
    @any_app.get("/try/events")
    async def follow(context: ContextDep) -> StreamingResponse:
        return events.sse_stream(context.bus.follow(events.HOUSE))

    async with asyncio.timeout(30):
        async with serving(any_app, lifespan=True) as address:
            client = httpx2.AsyncClient(timeout=20)
            request = client.build_request("GET", f"{address}/try/events")
            response = await client.send(request, stream=True)
            assert response.status_code == 200
        await response.aclose()
        await client.aclose()


async def test_somebody_logs_in_and_works(any_app: FastAPI, house: Context) -> None:
    async with house.database.transaction() as session:
        await create_account(
            session,
            login="quan.tri",
            display_name="Quản Trị",
            password=await chosen("mot hai ba bon", "quan.tri"),
            roles=[Role.ADMIN],
            now=house.clock.now(),
        )
    async with Browser(any_app) as browser:
        answer = await browser.post("/login", data={"login": "quan.tri", "password": "mot hai ba bon"})
        assert answer.status_code == 303
        unit = {"name": "Xã Ví Dụ", "level": "commune", "since": "2025-07-01"}
        assert (await browser.post("/units", data=unit)).status_code == 303
        for path in ("/units", "/people", "/venues", "/accounts", "/account", "/readyz"):
            assert (await browser.get(path)).status_code == 200, path
    async with house.database.read() as session:
        assert await events.verify_chain(session, events.HOUSE) == []
