"""Browsers come into the room from networks that let little through: no UDP, nothing but a TURN server."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meetings.signaling.media.addresses import announced
from tests.chromium import chromium_without_udp
from tests.conformance.browser import BrowserClient
from tests.conformance.clients import eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.sdk import SdkClient
from tests.conformance.windows import ChromiumWindow, browser_client
from tests.coturn import SECRET, coturn
from tests.senders import BLUE, RED

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(240)]


@pytest.fixture
async def without_udp(tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with chromium_without_udp(tmp_path, BLUE) as context:
        tab = await context.new_page()
        await tab.goto(page)
        yield BrowserClient("chromium", ChromiumWindow(tab))


@pytest.fixture
async def browser(tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with browser_client("chromium", tmp_path, page, BLUE) as client:
        yield client


async def in_the_room(browser: BrowserClient, relay: RelayProcess, way: set[str], connecting: object = None) -> None:
    """The browser sees and hears, is seen and heard, and all its media goes this way."""
    python = SdkClient("python")
    await python.join(relay.url, token("python"))
    await python.publish(RED)
    await browser.call("join", relay.url, token(browser.name), {}, connecting or {})
    await browser.publish(BLUE)
    await sees_and_hears(python, browser.name, BLUE)
    await sees_and_hears(browser, "python", RED)
    await eventually(
        f"media goes by {way}",
        lambda: browser.call("ways"),
        lambda ways: bool(ways) and all(used and way <= set(used) for used in ways.values()),
    )
    await python.leave()


async def test_media_over_tcp_where_udp_is_closed(without_udp: BrowserClient, relay: RelayProcess) -> None:
    await in_the_room(without_udp, relay, {"tcp"})


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_media_by_turn_alone(browser: BrowserClient, tmp_path: Path, transport: str) -> None:
    async with coturn(tmp_path, announced([])) as server:
        url = server.url if transport == "udp" else server.tcp_url
        relay = RelayProcess(tmp_path / "relay.log", options=[f"--turn={url}", f"--turn-secret={SECRET}"])
        await relay.start()
        try:
            by_turn_alone = {"rtcConfig": {"iceTransportPolicy": "relay"}}
            await in_the_room(browser, relay, {"relay", transport}, by_turn_alone)
        finally:
            await relay.stop()


@pytest.fixture
async def fox(tmp_path: Path, page: str) -> AsyncIterator[BrowserClient]:
    async with browser_client("firefox", tmp_path, page, BLUE) as client:
        yield client


async def test_firefox_comes_by_media_over_tcp(fox: BrowserClient, relay: RelayProcess) -> None:
    await fox.call("hearOnly", "tcp")
    await in_the_room(fox, relay, {"tcp"})


async def test_firefox_comes_by_turn_alone(fox: BrowserClient, tmp_path: Path) -> None:
    """By an address that is not loopback: Firefox pairs no loopback address with another."""
    outward = _outward(4)
    async with coturn(tmp_path, announced([]), outward) as server:
        relay = RelayProcess(tmp_path / "relay.log", options=[f"--turn={server.url}", f"--turn-secret={SECRET}"])
        await relay.start()
        try:
            await in_the_room(fox, relay, {"relay", "udp"}, {"rtcConfig": {"iceTransportPolicy": "relay"}})
        finally:
            await relay.stop()


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_browsers_come_by_ipv6(kind: str, tmp_path: Path, page: str, relay: RelayProcess) -> None:
    _outward(6)
    async with browser_client(kind, tmp_path, page, BLUE) as client:
        await client.call("hearOnly", "ipv6")
        await in_the_room(client, relay, {"udp", "ipv6"})


def _outward(version: int) -> str:
    """An address of this machine that is not loopback."""
    for one in map(ipaddress.ip_address, announced([])):
        if one.version == version and not one.is_loopback:
            return str(one)
    pytest.skip(f"this machine has no address of IPv{version} but loopback")


async def test_one_address_is_enough_on_this_machine(browser: BrowserClient, tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.log", options=["--announce=127.0.0.1"])
    await relay.start()
    try:
        python = SdkClient("python")
        await python.join(relay.url, token("python"))
        await python.publish(RED)
        await browser.join(relay.url, token(browser.name))
        await sees_and_hears(browser, "python", RED)
        await python.leave()
    finally:
        await relay.stop()
