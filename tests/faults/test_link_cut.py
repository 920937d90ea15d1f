"""A point whose line is cut for half a minute comes back by itself, to the seat, floor and hand it had."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.chromium import CHROMIUM, chromium, colour_of
from tests.conduct_house import House, house
from tests.conduct_house import Page as Holder
from tests.conduct_world import EAST, WEST
from tests.fakes import eventually
from tests.namespaces import Cable, namespace
from tests.senders import RED, same_colour

pytestmark = [pytest.mark.fault, pytest.mark.browser, pytest.mark.timeout(240)]
E, W = f"point:{EAST}", f"point:{WEST}"
CUT_SECONDS = 30.0
BACK_WITHIN = 10.0  # of the line's return


async def room(browser: Browser, home: House, cable: Cable, holder: Holder) -> Page:
    """A point's page, in the meeting."""
    address = f"http://{cable.host}:{home.settings.port}"
    context = await browser.new_context()
    await context.add_cookies(
        [{"name": one.name, "value": one.value or "", "url": address} for one in holder.cookies.jar]
    )
    page = await context.new_page()
    await page.goto(f"{address}/room")
    await page.locator('[data-act="join"]:visible').first.click()
    await expect(page.locator("[data-state]")).to_have_attribute("data-state", "in", timeout=30_000)
    return page


async def seats(home: House) -> dict[str, dict[str, Any]]:
    return {seat["identity"]: seat for seat in (await home.secretary.snapshot())["seats"]}


async def test_half_a_minute_without_a_line_changes_neither_seat_nor_floor_nor_hand(tmp_path: Path) -> None:
    with namespace() as cable:
        options = ["--host=0.0.0.0", f"--announce={cable.host}"]
        async with house(tmp_path, host="0.0.0.0", relay_options=options) as home:
            program = cable.program(tmp_path / "chromium", CHROMIUM)
            safe = f"--unsafely-treat-insecure-origin-as-secure=http://{cable.host}:{home.settings.port}"
            async with chromium(tmp_path, RED, program=program, more=[safe]) as browser:
                await cut_and_mend(home, browser, cable)


async def cut_and_mend(home: House, browser: Browser, cable: Cable) -> None:
    east, west = [await room(browser, home, cable, holder) for holder in (home.east, home.west)]
    await home.secretary.act("open")
    await home.east.act("hand", raised=True)
    await home.secretary.act("floor", identity=E, action="grant")
    await home.west.act("hand", raised=True)
    await shows(west, E)
    before = await seats(home)
    assert before[E]["has_floor"]
    assert before[W]["hand_at"]

    cable.pull()
    await asyncio.sleep(CUT_SECONDS)
    cable.plug()
    back_at = time.monotonic()
    await shows(west, E, moving=True)
    took = time.monotonic() - back_at
    print(f"east's picture is back at west {took:.1f} s after the line")
    await eventually(lambda: both_joined(home), within=BACK_WITHIN, what="both points in the room")
    after = await seats(home)
    for identity in (E, W):
        same = ("state", "role", "has_floor", "floor_since", "hand_at", "may_publish", "held_mute")
        assert {key: after[identity][key] for key in same} == {key: before[identity][key] for key in same}
    assert took < BACK_WITHIN
    await expect(east.locator("[data-state]")).to_have_attribute("data-state", "in")


async def both_joined(home: House) -> bool:
    now = await seats(home)
    return bool(now[E]["joined"] and now[W]["joined"])


async def shows(page: Page, identity: str, *, moving: bool = False) -> None:
    """The page shows the other's colour; `moving`: in frames that arrive now."""
    tile = f'[data-tile="{identity}"] video'

    async def seen() -> bool:
        before = await frames(page, tile)
        colour = await colour_of(page, tile)
        if colour is None or not same_colour(colour, RED):
            return False
        await asyncio.sleep(0.3)
        return not moving or await frames(page, tile) != before

    await eventually(seen, within=40, every=0.1, what=f"the picture of {identity}")


async def frames(page: Page, tile: str) -> tuple[float, int]:
    """Where its clock stands, and how many pictures it has shown."""
    found = await page.evaluate(
        """(selector) => {
          const video = document.querySelector(selector);
          return video ? [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames] : [0, 0];
        }""",
        tile,
    )
    return float(found[0]), int(found[1])
