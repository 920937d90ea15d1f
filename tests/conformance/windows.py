"""Where clients of each kind come from: Chromium (playwright), Firefox (BiDi), the Python SDK."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, Page

from tests.chromium import CHROMIUM, chromium
from tests.conformance.browser import BrowserClient
from tests.conformance.clients import Client
from tests.conformance.sdk import SdkClient
from tests.firefox import FIREFOX, Window, firefox
from tests.senders import Sender


class ChromiumWindow:
    """A tab of Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def run(self, expression: str) -> Any:
        return await self._page.evaluate(expression)


@asynccontextmanager
async def browser_client(kind: str, folder: Path, page: str, sender: Sender) -> AsyncIterator[BrowserClient]:
    """livekit-client in a window of this kind, named after it, ready to join and to publish as this sender."""
    async with house(kind, folder, page, sender) as found:
        client = await found.make(kind)
        assert isinstance(client, BrowserClient)
        yield client


class House(Protocol):
    """Makes clients of one kind, as many as the kind allows, and clears them away."""

    version: str

    async def make(self, name: str) -> Client: ...
    async def clear(self) -> None: ...


@asynccontextmanager
async def house(kind: str, folder: Path, page: str, sender: Sender) -> AsyncIterator[House]:
    """Clients of this kind; those in browsers look and sound like this sender."""
    if kind == "python":
        yield SdkHouse()
    elif kind == "firefox":
        if FIREFOX is None:
            pytest.fail("firefox-esr is needed: ./test installs it, or apt-get install firefox-esr")
        async with firefox(folder, hertz=sender.hertz) as window:
            yield FirefoxHouse(window, page)
    else:
        if shutil.which(CHROMIUM) is None:
            pytest.fail("chromium is needed: ./test installs it, or apt-get install chromium")
        async with chromium(folder, sender) as browser:
            yield ChromiumHouse(browser, page)


class ChromiumHouse:
    """A tab for each client."""

    def __init__(self, browser: Browser, page: str) -> None:
        self.version = f"Chromium {browser.version}"
        self._browser = browser
        self._page = page

    async def make(self, name: str) -> Client:
        tab = await self._browser.new_page()
        await tab.goto(self._page)
        return BrowserClient(name, ChromiumWindow(tab))

    async def clear(self) -> None:
        for context in list(self._browser.contexts):
            await context.close()


class FirefoxHouse:
    """One tab, whose page is loaded anew for each client."""

    def __init__(self, window: Window, page: str) -> None:
        self.version = "Firefox"
        self._window = window
        self._page = page

    async def make(self, name: str) -> Client:
        await self._window.goto(self._page)
        return BrowserClient(name, self._window)

    async def clear(self) -> None:
        await self._window.goto("about:blank")


class SdkHouse:
    """The Python SDK."""

    version = "livekit (PyPI)"

    def __init__(self) -> None:
        self._made: list[SdkClient] = []

    async def make(self, name: str) -> Client:
        self._made.append(client := SdkClient(name))
        return client

    async def clear(self) -> None:
        for client in self._made:
            await client.leave()
        self._made.clear()
