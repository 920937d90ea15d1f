"""What a scenario is given: a server to try, the client under test, and partners made of the Python SDK."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import jwt
from livekit import api

from tests.conformance.clients import Client, Joining, eventually
from tests.conformance.sdk import SdkClient
from tests.senders import BLUE, RED

SUBJECT, PARTNER = "subject", "partner"
OWN, THEIRS = BLUE, RED  # what the subject and its partner look and sound like
KINDS = ("chromium", "firefox", "python")


class NotApplicable(Exception):
    """This client cannot do what the scenario is about, whatever the server; the text says why."""


@dataclass(frozen=True)
class Target:
    """A server that speaks LiveKit's protocol."""

    url: str  # ws://…
    key: str
    secret: str

    @property
    def http(self) -> str:
        return self.url.replace("ws", "http", 1)


Maker = Callable[[str], Awaitable[Client]]  # a client of the kind under test, by name


@dataclass
class Stage:
    """One performance of a scenario: a room of its own, and who is in it."""

    target: Target
    kind: str
    make: Maker
    single: bool | None = None  # one peer connection or two, where a scenario does not say it itself
    room: str = field(default_factory=lambda: f"room-{secrets.token_hex(4)}")
    _left: list[SdkClient] = field(default_factory=list)

    def token(self, identity: str, **grants: Any) -> str:
        allowed = api.VideoGrants(room_join=True, room=self.room, can_update_own_metadata=True, **grants)
        return self._signed(identity, allowed, self.target.secret, timedelta(hours=1))

    def bad_token(self, fault: str) -> str:
        """A token that must not let anybody in."""
        secret = "x" * 40 if fault == "forged" else self.target.secret
        if fault == "no room":  # the stock library makes no such token
            claims = {"iss": self.target.key, "sub": SUBJECT, "exp": time.time() + 600, "video": {"roomJoin": True}}
            return jwt.encode(claims, secret, "HS256")
        allowed = api.VideoGrants(room_join=fault != "no right to join", room=self.room)
        return self._signed(SUBJECT, allowed, secret, timedelta(hours=-2 if fault == "expired" else 1))

    def _signed(self, identity: str, allowed: api.VideoGrants, secret: str, ttl: timedelta) -> str:
        token = api.AccessToken(self.target.key, secret).with_identity(identity).with_name(identity.title())
        return token.with_grants(allowed).with_ttl(ttl).to_jwt()

    async def subject(self, joining: Joining | None = None, name: str = SUBJECT, **grants: Any) -> Client:
        """The client under test, joined."""
        client = await self.make(name)
        await client.join(self.target.url, self.token(name, **grants), self._joining(joining))
        return client

    async def partner(self, joining: Joining | None = None, name: str = PARTNER, **grants: Any) -> SdkClient:
        """Somebody else, joined."""
        client = SdkClient(name)
        self._left.append(client)
        await client.join(self.target.url, self.token(name, **grants), joining or Joining())
        return client

    async def both(self, joining: Joining | None = None) -> tuple[Client, SdkClient]:
        """The client under test and a partner, joined; they know of each other."""
        partner = await self.partner()
        subject = await self.subject(joining)
        for one, other in ((subject, PARTNER), (partner, SUBJECT)):
            await eventually(f"{other} is there", one.others, lambda others, other=other: other in others)  # type: ignore[misc]  # bound per turn
        return subject, partner

    def _joining(self, joining: Joining | None) -> Joining:
        joining = joining or Joining()
        return replace(joining, single=self.single) if joining.single is None else joining

    @asynccontextmanager
    async def server(self) -> AsyncIterator[api.LiveKitAPI]:
        """The stock server library."""
        client = api.LiveKitAPI(self.target.http, self.target.key, self.target.secret)
        try:
            yield client
        finally:
            await client.aclose()

    async def opened(self) -> bool:
        """Whether the room could be made."""
        async with self.server() as server:
            try:
                await server.room.create_room(api.CreateRoomRequest(name=self.room))
            except api.TwirpError as refused:
                if refused.code in ("resource_exhausted", "unavailable"):
                    return False
                raise
            return True

    async def sid(self, identity: str) -> str:
        """Of the participant, as the server knows it."""
        async with self.server() as server:
            who = api.RoomParticipantIdentity(room=self.room, identity=identity)
            return str((await server.room.get_participant(who)).sid)

    async def close(self) -> None:
        """Everybody of ours leaves."""
        for client in self._left:
            await client.leave()


Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """What clients and servers do together; `clients` that it says something about; `quick`: of every test run."""

    name: str
    proves: str
    play: Play
    clients: tuple[str, ...]
    quick: frozenset[str]


SCENARIOS: dict[str, Scenario] = {}


def scenario(clients: tuple[str, ...] = KINDS, quick: tuple[str, ...] = ()) -> Callable[[Play], Play]:
    """Enter a function into the list; its docstring says what it proves."""

    def enter(play: Play) -> Play:
        name = play.__name__
        SCENARIOS[name] = Scenario(name, " ".join((play.__doc__ or "").split()), play, clients, frozenset(quick))
        return play

    return enter


@asynccontextmanager
async def performance(target: Target, kind: str, make: Maker, single: bool | None = None) -> AsyncIterator[Stage]:
    """A stage that is cleared afterwards."""
    async with AsyncExitStack() as stack:
        stage = Stage(target, kind, make, single)
        await eventually("the server opens a room", stage.opened, bool)  # one without time for it refuses
        stack.push_async_callback(stage.close)
        yield stage
