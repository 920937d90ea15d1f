"""What a coordinator is told of a room; what it does with one through the server API is in the scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit import api

from tests.conformance.clients import KEY, SECRET, eventually, token
from tests.conformance.conftest import RelayProcess, free_port, server_api
from tests.conformance.sdk import SdkClient
from tests.senders import RED

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]
ROOM = "one-room"


class Hooks:
    """The coordinator's side of webhooks: a few lines of HTTP, and the stock receiver."""

    def __init__(self) -> None:
        self.port = free_port()
        self.events: list[api.WebhookEvent] = []
        self._refusals = 1  # the very first attempt is refused: it must be told again
        self._receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        if self._refusals:
            self._refusals -= 1
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            self.events.append(self._receiver.receive(body, headers["authorization"]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def names(self) -> list[str]:
        return [event.event for event in self.events]


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    receiver = Hooks()
    server = await receiver.serve()
    yield receiver
    server.close()


@pytest.fixture
async def relay(tmp_path: Path, hooks: Hooks) -> AsyncIterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay.log", webhooks=[f"http://127.0.0.1:{hooks.port}/hooks/livekit"])
    await process.start()
    yield process
    await process.stop()


async def test_webhooks_tell_a_meeting_from_its_start_to_its_end(relay: RelayProcess, hooks: Hooks) -> None:
    speaker = SdkClient("speaker")
    await speaker.join(relay.url, token("speaker"))
    await speaker.publish(RED)
    await eventually("both tracks are told", hooks.names, lambda names: names.count("track_published") == 2)
    await speaker.leave()
    async with server_api(relay) as server:
        await eventually("the leaving is told", hooks.names, lambda names: "participant_left" in names)
        await server.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    await eventually("the end is told", hooks.names, lambda names: "room_finished" in names)
    names = await hooks.names()
    assert names[:2] == ["room_started", "participant_joined"]
    assert names[2:4] == ["track_published", "track_published"]
    assert sorted(names[4:]) == ["participant_left", "room_finished", "track_unpublished", "track_unpublished"]
    assert names[-1] == "room_finished"
    assert hooks.events[1].participant.identity == "speaker"
    assert {event.track.source for event in hooks.events[2:4]} == {
        api.TrackSource.CAMERA,
        api.TrackSource.MICROPHONE,
    }
