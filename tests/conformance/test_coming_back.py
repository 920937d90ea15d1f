"""A browser that loses its signalling goes on where it was, and one that must connect anew is whole again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.clients import BrowserClient, SdkClient, eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.windows import browser_client
from tests.senders import BLUE, RED

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(240)]


@pytest.fixture(params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest, tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with browser_client(request.param, tmp_path, page, BLUE) as client:
        yield client


async def test_a_browser_comes_back_with_and_without_its_old_session(
    browser: BrowserClient, relay: RelayProcess
) -> None:
    python = SdkClient("python")
    await python.join(relay.url, token("python"))
    await python.publish(RED)
    await browser.join(relay.url, token(browser.name))
    await browser.publish(BLUE)
    await both_ways(browser, python)
    old = await browser.call("sid")

    await browser.call("simulate", "signal-reconnect")
    await eventually("it goes on", lambda: browser.call("happened", "signalReconnecting"), bool)
    await eventually("it is reconnected", lambda: browser.call("happened", "reconnected"), lambda count: count == 1)
    assert await browser.call("sid") == old, "the same session goes on"
    await both_ways(browser, python)

    await browser.call("simulate", "full-reconnect")
    await eventually("it is anew", lambda: browser.call("happened", "reconnected"), lambda count: count == 2)
    assert await browser.call("sid") != old
    await both_ways(browser, python)
    assert await python.others() == {browser.name}
    await python.leave()


async def both_ways(browser: BrowserClient, python: SdkClient) -> None:
    python.forget(browser.name)
    await sees_and_hears(python, browser.name, BLUE)
    await sees_and_hears(browser, "python", RED)
