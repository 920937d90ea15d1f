"""Tracks that come and go many times, as when the floor is given and taken, arrive every time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.clients import BrowserClient, SdkClient, sees_and_hears, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.windows import browser_client
from tests.senders import BLUE, GREEN, RED, YELLOW

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(240)]


@pytest.fixture(params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest, tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with browser_client(request.param, tmp_path, page, BLUE) as client:
        yield client


async def test_a_track_published_again_is_received_again(browser: BrowserClient, relay: RelayProcess) -> None:
    python = SdkClient("python")
    await python.join(relay.url, token("python"))
    await browser.join(relay.url, token(browser.name))
    for sender in (RED, GREEN, YELLOW):
        await python.publish(sender)
        await browser.publish(BLUE)
        await sees_and_hears(browser, "python", sender)
        await sees_and_hears(python, browser.name, BLUE)
        await python.unpublish()
        await browser.unpublish()
        python.forget(browser.name)
    await python.leave()
