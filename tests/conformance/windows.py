"""Browser windows for conformance tests: Chromium through playwright, Firefox over BiDi, spoken to alike."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.chromium import CHROMIUM, chromium
from tests.conformance.clients import BrowserClient
from tests.firefox import FIREFOX, firefox
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
    if kind == "firefox":
        if FIREFOX is None:
            pytest.fail("firefox-esr is needed: ./test installs it, or apt-get install firefox-esr")
        async with firefox(folder, hertz=sender.hertz) as window:
            await window.goto(page)
            yield BrowserClient(kind, window)
    else:
        if shutil.which(CHROMIUM) is None:
            pytest.fail("chromium is needed: ./test installs it, or apt-get install chromium")
        async with chromium(folder, sender) as browser:
            tab = await browser.new_page()
            await tab.goto(page)
            yield BrowserClient(kind, ChromiumWindow(tab))
