"""Webhooks are signed so that stock receivers take them, told in order, and told again until they are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from livekit import api

from meetings.clock import SystemClock
from meetings.signaling import webhooks as module
from meetings.signaling.effects import Happened, Happening
from meetings.signaling.model import Identity, Participant, ParticipantSid, Permission, RoomFacts, RoomSettings, RoomSid
from meetings.signaling.webhooks import Webhooks

KEY, SECRET = "key", "a-secret-of-at-least-thirty-two-bytes"
HUE = Participant(ParticipantSid("PA_1"), Identity("hue"), "Huế", "", {}, Permission(), 1_000)


class Receiver:
    """Somebody's web server, with a list of what it will answer."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.taken: list[tuple[bytes, dict[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer == 200:
            self.taken.append((body, headers))
        return answer

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.taken]

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.taken) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def hooks(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Webhooks]]:
    monkeypatch.setattr(module, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(module, "LONGEST_DELAY_SECONDS", 0.002)
    made: list[Webhooks] = []
    yield made
    for one in made:
        await one.close()


def telling(hooks: list[Webhooks], receiver: Receiver) -> Webhooks:
    hooks.append(Webhooks(["http://x.invalid"], key=KEY, secret=SECRET, clock=SystemClock(), post=receiver.post))
    return hooks[-1]


def room(name: str = "m1") -> RoomFacts:
    return RoomFacts(RoomSid("RM_1"), name, 1_000, RoomSettings())


async def test_the_stock_receiver_takes_what_we_sign(hooks: list[Webhooks]) -> None:
    receiver = Receiver()
    telling(hooks, receiver).happened(room(), Happened(Happening.PARTICIPANT_JOINED, HUE))
    await receiver.has(1)
    body, headers = receiver.taken[0]
    stock = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
    event = stock.receive(body.decode(), headers["Authorization"])
    assert (event.event, event.room.name, event.participant.identity) == ("participant_joined", "m1", "hue")
    assert event.id.startswith("EV_")
    assert headers["Content-Type"] == "application/webhook+json"
    with pytest.raises(Exception, match="hash"):
        stock.receive(body.decode() + " ", headers["Authorization"])


async def test_what_is_not_taken_is_told_again_and_nothing_overtakes_it(hooks: list[Webhooks]) -> None:
    receiver = Receiver(500, httpx2.ConnectError("refused"), 429)
    hook = telling(hooks, receiver)
    for happening in (Happening.ROOM_STARTED, Happening.PARTICIPANT_JOINED, Happening.ROOM_FINISHED):
        hook.happened(room(), Happened(happening))
    await receiver.has(3)
    assert [event["event"] for event in receiver.events()] == ["room_started", "participant_joined", "room_finished"]
    assert receiver.asked == 6


async def test_a_receiver_that_understands_and_refuses_is_not_asked_again(hooks: list[Webhooks]) -> None:
    receiver = Receiver(401)
    hook = telling(hooks, receiver)
    hook.happened(room(), Happened(Happening.ROOM_STARTED))
    hook.happened(room(), Happened(Happening.ROOM_FINISHED))
    await receiver.has(1)
    assert receiver.events()[0]["event"] == "room_finished"
    assert receiver.events()[0]["numDropped"] == 1


async def test_rooms_do_not_wait_for_each_other(hooks: list[Webhooks]) -> None:
    gate = asyncio.Event()

    class Slow(Receiver):
        async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
            if json.loads(body)["room"]["name"] == "slow":
                await gate.wait()
            return await super().post(url, body, headers)

    receiver = Slow()
    hook = telling(hooks, receiver)
    hook.happened(room("slow"), Happened(Happening.ROOM_STARTED))
    hook.happened(room("quick"), Happened(Happening.ROOM_STARTED))
    await receiver.has(1)
    assert receiver.events()[0]["room"]["name"] == "quick"
    gate.set()
    await receiver.has(2)


async def test_a_receiver_that_is_away_for_long_loses_the_oldest_and_is_told_how_many(
    hooks: list[Webhooks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE", 2)
    gate = asyncio.Event()

    class Away(Receiver):
        async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
            await gate.wait()
            return await super().post(url, body, headers)

    receiver = Away()
    hook = telling(hooks, receiver)
    hook.happened(room(), Happened(Happening.ROOM_STARTED))
    await asyncio.sleep(0)  # the first is on its way, no longer waiting
    for _ in range(5):
        hook.happened(room(), Happened(Happening.PARTICIPANT_JOINED, HUE))
    gate.set()
    await receiver.has(3)
    assert [event.get("numDropped", 0) for event in receiver.events()] == [0, 3, 0]


async def test_an_address_that_is_away_makes_two_lines_in_the_log_not_one_for_each_attempt(
    hooks: list[Webhooks], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", module.__name__)
    receiver = Receiver(*[httpx2.ConnectError("away")] * 9)
    hook = telling(hooks, receiver)
    for name in ("m1", "m2", "m3"):
        hook.happened(room(name), Happened(Happening.PARTICIPANT_JOINED, HUE))
    await receiver.has(3)
    assert [record.getMessage().split(" ", 3)[3] for record in caplog.records] == [
        "wait: ConnectError",
        "are taken again",
    ]
