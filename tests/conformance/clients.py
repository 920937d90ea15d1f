"""What scenarios say to a participant, whatever it is made of, and what they measure of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from livekit import api

from tests.senders import Sender, same_colour

T = TypeVar("T")
KEY, SECRET = "conformance", "a-secret-for-conformance-tests-only"
SILENCE = 0.01  # of full scale
PATIENCE_SECONDS = 60.0  # for a client to do what it was told
patience: ContextVar[float] = ContextVar("patience", default=PATIENCE_SECONDS)  # for what is waited for


def token(identity: str, room: str = "one-room", **grants: Any) -> str:
    """A token of the stock library."""
    allowed = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, **grants)
    return (
        api.AccessToken(KEY, SECRET).with_identity(identity).with_name(identity.title()).with_grants(allowed).to_jwt()
    )


async def eventually(what: str, measure: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Measure until it is good; otherwise say what was still missing."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.get()
    while not good(last := await measure()):
        assert loop.time() < deadline, f"not yet: {what}; last seen: {last!r}"
        await asyncio.sleep(0.2)
    return last


@dataclass(frozen=True)
class Picture:
    """What one participant's camera looks like to another."""

    rgb: tuple[float, float, float]
    width: int
    height: int


@dataclass(frozen=True)
class Sound:
    """The loudest frequency, and its share of full scale."""

    hertz: float
    level: float

    @property
    def silent(self) -> bool:
        return self.level < SILENCE


@dataclass(frozen=True)
class Known:
    """What one participant knows of another."""

    name: str
    metadata: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class Stream:
    """One stream of sound or pictures as a client counts it: frames encoded or decoded (sound: packets) by now."""

    kind: str
    codec: str  # "video/vp8"
    rid: str
    width: int
    count: int
    mode: str = ""  # of scalability


@dataclass(frozen=True)
class Joining:
    """How a client joins; what is not said is as the client does it by itself."""

    single: bool | None = None  # one peer connection for both directions, or two
    auto_subscribe: bool = True
    adaptive: bool = False  # asks for the layers that fill its tiles
    dynacast: bool = False  # sends no layers that nobody watches
    secret: str = ""  # of end-to-end encryption


@dataclass(frozen=True)
class Publishing:
    """How a picture is published."""

    codec: str = "vp8"
    simulcast: bool = True
    mode: str = ""  # of scalability, for codecs that have spatial layers in one stream
    source: str = "camera"
    backup: str = ""  # a second codec, for those who cannot take the first
    instead: bool = False  # everybody gets the second once somebody needs it, as clients ask for by themselves


BY_ITSELF, AS_USUAL = Joining(), Publishing()


class Client(Protocol):
    """A participant, whatever it is made of."""

    name: str

    async def join(self, url: str, access_token: str, joining: Joining = ...) -> None: ...
    async def refusal(self, url: str, access_token: str) -> str: ...
    async def publish(self, sender: Sender) -> None: ...
    async def publish_sound(self, sender: Sender, *, red: bool = ..., left: bool = ...) -> None: ...
    async def publish_picture(self, sender: Sender, how: Publishing = ...) -> None: ...
    async def unpublish(self) -> None: ...
    async def encodes(self, codec: str) -> bool: ...
    async def decodes(self, codec: str) -> bool: ...
    async def sends(self) -> list[Stream]: ...
    async def receives(self) -> list[Stream]: ...
    async def single(self) -> bool: ...
    async def sees(self, identity: str, source: str = ...) -> Picture | None: ...
    async def forget(self, identity: str) -> None: ...
    async def hears(self, identity: str) -> Sound | None: ...
    async def hears_stereo(self, identity: str) -> tuple[Sound, Sound] | None: ...
    async def others(self) -> set[str]: ...
    async def known(self, identity: str) -> Known | None: ...
    async def sources(self, identity: str) -> set[str]: ...
    async def muted(self, identity: str) -> bool | None: ...
    async def muted_here(self) -> bool: ...
    async def speaking(self) -> set[str]: ...
    async def quality(self, identity: str) -> str: ...
    async def room_metadata(self) -> str: ...
    async def may_publish(self) -> bool: ...
    async def wants(self, identity: str, *, high: bool) -> None: ...
    async def subscribe(self, identity: str, source: str, wanted: bool) -> None: ...
    async def subscribed(self, identity: str, source: str) -> bool: ...
    async def permit(self, identities: list[str] | None) -> None: ...
    async def mute(self, muted: bool) -> None: ...
    async def say(self, text: str, to: list[str] | None = None, *, lossy: bool = ...) -> None: ...
    async def heard_say(self) -> list[tuple[str, str]]: ...
    async def send_text(self, text: str) -> None: ...
    async def texts(self) -> list[tuple[str, str]]: ...
    async def send_file(self, name: str, size: int) -> None: ...
    async def files(self) -> list[tuple[str, str, int]]: ...
    async def call_method(self, identity: str, method: str, payload: str) -> str: ...
    async def describe(self, attributes: dict[str, str]) -> None: ...
    async def rename(self, name: str) -> None: ...
    async def annotate(self, metadata: str) -> None: ...
    async def attributes(self, identity: str) -> dict[str, str]: ...
    async def connected(self) -> bool: ...
    async def reconnections(self) -> int: ...
    async def reason(self) -> str: ...
    async def simulate(self, what: str) -> None: ...
    async def leave(self) -> None: ...


async def sees_and_hears(client: Client, other: str, sender: Sender) -> None:
    """The client receives exactly this sender's colour and tone from the other participant."""
    await sees(client, other, sender)
    await hears(client, other, sender)


async def sees(client: Client, other: str, sender: Sender, source: str = "camera") -> None:
    """The client receives exactly this sender's colour."""
    await eventually(
        f"{client.name} sees {other}'s {source} in {sender.name}",
        lambda: client.sees(other, source),
        lambda picture: picture is not None and same_colour(picture.rgb, sender),
    )


async def hears(client: Client, other: str, sender: Sender) -> None:
    """The client receives exactly this sender's tone."""
    await eventually(
        f"{client.name} hears {other} at {sender.hertz} Hz",
        lambda: client.hears(other),
        lambda sound: sound is not None and not sound.silent and abs(sound.hertz - sender.hertz) <= 8,
    )


async def hears_nothing(client: Client, other: str) -> None:
    """No sound of the other arrives."""
    await eventually(
        f"{client.name} does not hear {other}",
        lambda: client.hears(other),
        lambda sound: sound is None or sound.silent,
    )
