"""The Python SDK, Chromium and Firefox in one room: everybody gets everybody's exact colour and tone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from livekit import api

from tests.conformance.clients import BrowserClient, Client, SdkClient, eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess, server_api
from tests.conformance.windows import browser_client
from tests.senders import BLUE, GREEN, RED, Sender

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(300)]
WIDTHS = {"python": 960, "chromium": 640, "firefox": 640}
SENDERS = {"python": RED, "chromium": GREEN, "firefox": BLUE}


@pytest.fixture
async def clients(tmp_path: Path, page: str, relay: RelayProcess) -> AsyncIterator[dict[str, Client]]:
    """All three, joined and publishing."""
    async with AsyncExitStack() as stack:
        everybody: dict[str, Client] = {"python": SdkClient("python")}
        for kind in ("chromium", "firefox"):
            window = browser_client(kind, tmp_path, page, SENDERS[kind])
            everybody[kind] = await stack.enter_async_context(window)
        for name, client in everybody.items():
            await client.join(relay.url, token(name))
            await client.publish(SENDERS[name])
        yield everybody
        await everybody["python"].leave()


def pairs() -> list[tuple[str, str, Sender]]:
    return [(one, other, SENDERS[other]) for one in SENDERS for other in SENDERS if one != other]


async def test_three_kinds_of_clients_meet_in_one_room(clients: dict[str, Client], relay: RelayProcess) -> None:
    for one, other, sender in pairs():
        await sees_and_hears(clients[one], other, sender)
    await layers_switch_on_request(clients)
    await a_mute_silences_that_tone_only(clients)
    await everybody_knows_who_speaks(clients)
    await words_and_attributes_arrive(clients)
    await who_comes_twice_puts_the_first_out(clients, relay)
    await removal_ends_it(clients, relay)


async def layers_switch_on_request(clients: dict[str, Client]) -> None:
    for one, other in [("chromium", "python"), ("chromium", "firefox"), ("firefox", "python"), ("firefox", "chromium")]:
        client = clients[one]
        for high, width in [(False, 320), (True, WIDTHS[other])]:
            await client.wants(other, high=high)
            await eventually(
                f"{one} sees {other} {width} wide",
                lambda client=client, other=other: client.sees(other),  # type: ignore[misc]  # bound per turn
                lambda seen, width=width: seen is not None and seen.width == width,  # type: ignore[misc]  # as above
            )


async def a_mute_silences_that_tone_only(clients: dict[str, Client]) -> None:
    for name, client in clients.items():
        listener = clients["python" if name != "python" else "firefox"]
        third = next(other for other in clients if other not in (name, listener.name))
        await client.mute(True)
        await eventually(
            f"{listener.name} no longer hears {name}",
            lambda listener=listener, name=name: listener.hears(name),  # type: ignore[misc]  # bound per turn
            lambda sound: sound is not None and sound.silent,
        )
        await sees_and_hears(listener, third, SENDERS[third])
        await client.mute(False)
        await sees_and_hears(listener, name, SENDERS[name])


async def everybody_knows_who_speaks(clients: dict[str, Client]) -> None:
    await clients["firefox"].mute(True)
    for client in clients.values():
        if isinstance(client, BrowserClient):  # the Python SDK passes on changes only, not who speaks now
            await eventually(
                f"{client.name} knows who speaks", client.speaking, lambda who: who == {"python", "chromium"}
            )
    await clients["firefox"].mute(False)


async def words_and_attributes_arrive(clients: dict[str, Client]) -> None:
    for name, client in clients.items():
        await client.say(f"from {name}")
        await client.describe({"hand": name})
    await clients["python"].say("only for firefox", to=["firefox"])
    for one, other, _ in pairs():
        await eventually(
            f"{one} gets the words of {other}",
            clients[one].heard_say,
            lambda said, other=other: (other, f"from {other}") in said,  # type: ignore[misc]  # bound per turn
        )
        await eventually(
            f"{one} gets the attributes of {other}",
            lambda one=one, other=other: clients[one].attributes(other),  # type: ignore[misc]  # bound per turn
            lambda known, other=other: known.get("hand") == other,  # type: ignore[misc]  # as above
        )
    await eventually(
        "firefox gets what is for it alone",
        clients["firefox"].heard_say,
        lambda said: ("python", "only for firefox") in said,
    )
    assert ("python", "only for firefox") not in await clients["chromium"].heard_say()


async def who_comes_twice_puts_the_first_out(clients: dict[str, Client], relay: RelayProcess) -> None:
    first = clients["python"]
    second = SdkClient("python")
    await second.join(relay.url, token("python"))
    await eventually("the first connection is closed", first.connected, lambda connected: not connected)
    await second.publish(SENDERS["python"])
    await sees_and_hears(clients["firefox"], "python", SENDERS["python"])
    clients["python"] = second


async def removal_ends_it(clients: dict[str, Client], relay: RelayProcess) -> None:
    async with server_api(relay) as server:
        for name in ("chromium", "firefox"):
            await server.room.remove_participant(api.RoomParticipantIdentity(room="one-room", identity=name))
            await eventually(f"{name} is out", clients[name].connected, lambda connected: not connected)
    await eventually("python is alone", clients["python"].others, lambda others: others == set())
