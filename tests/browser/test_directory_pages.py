"""The pages of the directory in Chromium: nothing refused by their own policy, readable by everybody, on phones too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser

from meetings import demo
from meetings.context import Context
from meetings.directory.passwords import DEMO_PASSWORD
from tests.browser.watched import Watched
from tests.chromium import chromium
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = (
    "/venues",
    "/venues/new",
    "/venues/demo-phong-xa-9",
    "/venues/demo-phong-xa-9/card",
    "/units",
    "/units/demo-xa-9",
    "/units/import",
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
