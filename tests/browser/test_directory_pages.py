"""The pages of the directory in Chromium: nothing refused by their own policy, readable by everybody, on phones too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, ConsoleMessage, Page

from meetings import demo
from meetings.context import Context
from meetings.directory.passwords import DEMO_PASSWORD
from tests.browser.serving import serving
from tests.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = (
    "/venues",
    "/venues/new",
    "/venues/demo-phong-xa-9",
    "/venues/demo-phong-xa-9/card",
    "/units",
    "/units/demo-xa-9",
    "/people",
    "/people/new",
    "/people/demo-thu-ky",
    "/accounts",
    "/accounts/new",
    "/account",
)


@pytest.fixture
async def windows(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tmp_path) as browser:
        yield browser


@pytest.fixture
async def house(app: FastAPI, context: Context) -> AsyncIterator[str]:
    """A demonstration's address. Passwords cost time: only the administrator logs in."""
    await demo.seed(context.settings, context.database, context.clock)
    async with serving(app) as address:
        yield address


class Watched:
    """A page and what the browser complained of on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # refusals of ours are meant
            self.complaints.append(message.text)

    async def faults(self) -> list[str]:
        """What the page does wrong by itself: complaints, barriers, scrolling sideways."""
        found = [f"{self.page.url}: {words}" for words in self.complaints]
        self.complaints.clear()
        results = await Axe().run(self.page)
        found += [
            f"{self.page.url}: {one['id']} {node['target']}"
            for one in results.response["violations"]
            for node in one["nodes"]
        ]
        if await self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{self.page.url}: scrolls sideways")
        if await self.page.locator("h1").count() != 1:
            found.append(f"{self.page.url}: has not one heading")
        return found


@pytest.mark.parametrize(("width", "scheme", "locale"), [(1440, "light", "vi"), (390, "dark", "en")])
async def test_every_page_of_the_directory_is_sound(
    windows: Browser, house: str, width: int, scheme: str, locale: str
) -> None:
    browser = await windows.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    await browser.add_cookies([{"name": "locale", "value": locale, "url": house}])
    watched = Watched(await browser.new_page())
    page, faults = watched.page, list[str]()
    for path in ("/login", "/no-such-page"):
        await page.goto(house + path)
        faults += await watched.faults()
    await page.goto(f"{house}/login?next=/accounts/new")
    await page.fill("#login", "admin")
    await page.fill("#password", DEMO_PASSWORD)
    await page.click("form button[type=submit].btn-act")
    await page.wait_for_url(f"{house}/accounts/new")
    for path in PAGES:
        await page.goto(house + path)
        faults += await watched.faults()
    await page.goto(f"{house}/accounts/new")
    await page.eval_on_selector("form.form", "form => form.noValidate = true")
    await page.click("form.form button.btn-act")
    await page.wait_for_selector(".field.bad")
    faults += await watched.faults()
    assert not faults, "\n".join(faults)
    await browser.close()


async def test_a_venue_is_added_and_its_card_shown_without_javascript(windows: Browser, house: str) -> None:
    browser = await windows.new_context(java_script_enabled=False)
    page = await browser.new_page()
    await page.goto(f"{house}/login?next=/venues/new")
    await page.fill("#login", "operator")
    await page.fill("#password", DEMO_PASSWORD)
    await page.click("form button[type=submit].btn-act")
    await page.fill("#name", "Phòng khánh tiết")
    await page.select_option("#unit_id", "demo-van-phong")
    await page.click("form.form button.btn-act")
    await page.click("a[href$='/card']")
    assert await page.locator("img.qr").evaluate("image => image.naturalWidth") > 0
    await browser.close()
