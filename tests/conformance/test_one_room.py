"""The Python SDK, Chromium and Firefox in one room: everybody gets everybody's exact colour, tone and layers.

What one client alone shows is in the scenarios.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conformance.clients import Client, eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.sdk import SdkClient
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
