"""A point tries its line before a meeting, in Chromium, against a real coordinator and a real relay."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from meetings.signaling.media.addresses import announced
from tests.chromium import chromium, chromium_without_udp
from tests.conduct_house import House, house
from tests.coturn import SECRET, coturn
from tests.senders import RED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def try_line(home: House, browser: Browser | BrowserContext) -> Page:
    """East's page, with the result of a try."""
    page = await browser.new_page()
    address = f"http://localhost:{home.settings.port}"
    await page.context.add_cookies(
        [{"name": one.name, "value": one.value or "", "url": address} for one in home.east.cookies.jar]
    )
    await page.goto(f"{address}/room")
    await page.locator('[data-act="test-line"]').click()
    await expect(page.locator(".line-test")).to_have_attribute("data-line", "done", timeout=90_000)
    return page


async def test_a_good_line_is_said_to_be_good_and_all_of_it_is_shown(home: House, tmp_path: Path) -> None:
    async with chromium(tmp_path, RED) as browser:
        page = await try_line(home, browser)
        await expect(page.locator('[data-row="way"]')).to_contain_text("UDP")
        for name in ("up", "down", "loss"):
            await expect(page.locator(f'[data-row="{name}"]')).to_have_attribute("data-verdict", "fine")
        await expect(page.locator('[data-row="delay"]')).to_be_visible()
        violations = (await Axe().run(page)).response["violations"]
        assert violations == []
        await page.locator('[data-act="close-line"]').click()
        await page.locator('[data-act="join"]:visible').first.click()
        await expect(page.locator("[data-state]")).to_have_attribute("data-state", "in", timeout=30_000)


async def test_a_network_without_udp_is_named_and_turn_is_tried_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with coturn(tmp_path, announced([])) as server:
        monkeypatch.setenv("MEETINGS_TURN_URLS", json.dumps([server.tcp_url]))
        options = [f"--turn={server.tcp_url}", f"--turn-secret={SECRET}"]
        async with house(tmp_path, relay_options=options) as home, chromium_without_udp(tmp_path, RED) as context:
            told: list[Any] = []

            def note(request: Request) -> None:
                if "/api/line/" in request.url:
                    told.append(request.post_data_json)

            context.on("request", note)
            page = await try_line(home, context)
            way = page.locator('[data-row="way"]')
            await expect(way).to_have_attribute("data-verdict", "fair")
            await expect(way).to_contain_text("TCP")
            assert [{name: one[name] for name in ("udp", "tcp", "turn")} for one in told] == [
                {"udp": False, "tcp": True, "turn": True}
            ]
