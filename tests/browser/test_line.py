"""A point tries its line before a meeting, in Chromium, against a real coordinator and a real relay."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.async_playwright import Axe
from livekit import api, rtc
from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from meetings.signaling.media.addresses import announced
from tests.chromium import chromium, chromium_without_udp
from tests.conduct_house import House, house
from tests.conformance.clients import KEY
from tests.conformance.clients import SECRET as RELAY_SECRET
from tests.coturn import SECRET, coturn
from tests.fakes import eventually
from tests.senders import RED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def try_line(home: House, browser: Browser | BrowserContext, until: str = "done") -> Page:
    """East's page, with the result of a try."""
    page = await browser.new_page()
    address = f"http://localhost:{home.settings.port}"
    await page.context.add_cookies(
        [{"name": one.name, "value": one.value or "", "url": address} for one in home.east.cookies.jar]
    )
    await page.goto(f"{address}/room")
    await page.locator('[data-act="test-line"]').click()
    await expect(page.locator(".line-test")).to_have_attribute("data-line", until, timeout=90_000)
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


async def test_a_relay_that_opens_no_rooms_is_not_taken_for_a_bad_line(home: House, tmp_path: Path) -> None:
    """It is about to be stopped and waits for another meeting to end; a new one takes its place."""
    other = rtc.Room()
    grants = api.VideoGrants(room_join=True, room="another meeting")
    ticket = api.AccessToken(KEY, RELAY_SECRET).with_identity("somebody").with_grants(grants).to_jwt()
    await other.connect(home.relay.url, ticket)
    try:
        assert home.relay.process is not None
        home.relay.process.send_signal(signal.SIGUSR1)
        await eventually(lambda: _refuses(home), what="the relay opens no more rooms")
        async with chromium(tmp_path, RED) as browser:
            page = await try_line(home, browser, until="busy")
            await expect(page.locator(".line-test")).to_contain_text("Máy chủ họp đang bận")
            await page.locator('[data-act="close-line"]').click()
            await page.locator('[data-act="join"]:visible').first.click()
            await expect(page.locator("[data-relay-busy]")).to_be_visible(timeout=60_000)
            await home.relay.kill()
            await home.relay.start()
            await expect(page.locator("[data-state]")).to_have_attribute("data-state", "in", timeout=60_000)
            await expect(page.locator("[data-relay-busy]")).to_have_count(0)
    finally:
        await other.disconnect()


async def _refuses(home: House) -> bool:
    elsewhere = api.VideoGrants(room_join=True, room="one that is not open")
    ticket = api.AccessToken(KEY, RELAY_SECRET).with_identity("asker").with_grants(elsewhere).to_jwt()
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{home.relay.http}/rtc/validate", params={"access_token": ticket})
    return answer.status_code == 503
