"""The room page and the console in Chromium, against a real coordinator and a real relay."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from meetings.directory.identity import DEVICE_COOKIE, SESSION_COOKIE
from tests.chromium import chromium, colour_of, tone_of
from tests.conduct_house import House, house
from tests.conduct_house import Page as Holder
from tests.conduct_world import EAST, MEETING, WEST
from tests.fakes import eventually
from tests.senders import BLUE, GREEN, RED, TOLERANCE_HERTZ, Sender, same_colour

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
expect.set_options(timeout=20_000)
E, W = f"point:{EAST}", f"point:{WEST}"
DESK, PHONE, WALL = (1440, 900), (390, 844), (1920, 1080)


class Screen:
    """One window of one party, with what it looks at said in the words of the page."""

    def __init__(self, page: Page, sender: Sender | None) -> None:
        self.page = page
        self.sender = sender
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def act(self, name: str) -> Locator:
        return self.page.locator(f'[data-act="{name}"]:visible').first

    async def press(self, name: str) -> None:
        await self.act(name).click()

    async def is_in(self, state: str, within: float = 20) -> None:
        await expect(self.page.locator("[data-state]")).to_have_attribute("data-state", state, timeout=within * 1000)

    async def enter(self) -> None:
        await self.press("join")
        await self.is_in("in")

    async def sees(self, identity: str, sender: Sender) -> None:
        async def seen() -> bool:
            colour = await colour_of(self.page, f'[data-tile="{identity}"] video')
            return colour is not None and same_colour(colour, sender)

        await eventually(seen, within=25, every=0.2, what=f"{sender.name} of {identity} on {self.page.url}")

    async def hears(self, identity: str, sender: Sender, *, sound: bool = True) -> None:
        async def heard() -> bool:
            tone = await tone_of(self.page, f'[data-sound="{identity}"]')
            return (tone is not None and abs(tone - sender.hertz) <= TOLERANCE_HERTZ) is sound

        await eventually(heard, within=25, every=0.2, what=f"{'tone' if sound else 'silence'} of {identity}")

    async def barriers(self, *sizes: tuple[int, int]) -> list[str]:
        """What axe and the eye would complain of at these sizes."""
        found = list(self.complaints)
        for width, height in sizes:
            await self.page.set_viewport_size({"width": width, "height": height})
            results = await Axe().run(self.page)
            found += [
                f"{width}: {one['id']} {node['target']} {node['failureSummary']}"
                for one in results.response["violations"]
                for node in one["nodes"]
            ]
            if await self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{width}: scrolls sideways")
        return found


class Hall:
    """Opens windows: a browser process a sender, because a process has one camera."""

    def __init__(self, home: House, folder: Path, stack: AsyncExitStack) -> None:
        self.home = home
        self._folder = folder
        self._stack = stack
        self._browsers: dict[str, Browser] = {}

    async def open(self, holder: Holder | None, path: str, sender: Sender | None, **options: Any) -> Screen:
        name = sender.name if sender else "bare"
        if name not in self._browsers:
            self._browsers[name] = await self._stack.enter_async_context(chromium(self._folder, sender))
        context = await self._browsers[name].new_context(
            viewport={"width": 1440, "height": 900}, reduced_motion="reduce", **options
        )
        address = f"http://localhost:{self.home.settings.port}"
        cookies = [(cookie.name, cookie.value or "") for cookie in holder.cookies.jar] if holder else []
        await context.add_cookies([{"name": key, "value": value, "url": address} for key, value in cookies])
        page = await context.new_page()
        await page.goto(address + path)
        return Screen(page, sender)

    async def point(self, holder: Holder, sender: Sender | None, **options: Any) -> Screen:
        assert DEVICE_COOKIE in holder.cookies
        return await self.open(holder, "/room", sender, **options)

    async def console(self, sender: Sender | None = GREEN, **options: Any) -> Screen:
        assert SESSION_COOKIE in self.home.secretary.cookies
        return await self.open(self.home.secretary, f"/meetings/{MEETING}/console", sender, **options)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with house(tmp_path) as home, AsyncExitStack() as stack:
        yield Hall(home, tmp_path, stack)


async def test_a_meeting_from_the_first_press_to_its_end(hall: Hall) -> None:
    east, west, console = await asyncio.gather(
        hall.point(hall.home.east, RED), hall.point(hall.home.west, BLUE), hall.console()
    )
    for room in (east, west):
        await expect(room.page.locator('[data-check="camera"]')).to_have_attribute("data-result", "well")
        await expect(room.page.locator('[data-check="microphone"]')).to_have_attribute("data-result", "well")
    await asyncio.gather(east.enter(), west.enter(), console.enter())
    await east.sees(W, BLUE)
    await west.sees(E, RED)
    await console.press("open")
    await expect(console.page.locator("[data-conference]")).to_have_attribute("data-conference", "open")

    # muted at first; the hand, the floor, and the microphone opens by itself
    await expect(east.act("mute")).to_have_attribute("data-on", "false")
    await east.press("hand")
    await console.page.locator(f'[data-queue] [data-act="grant"][data-identity="{E}"]').click()
    await expect(east.page.locator("[data-turn]")).to_be_visible()
    await expect(east.act("mute")).to_have_attribute("data-on", "true")
    await west.hears(E, RED)
    await expect(west.page.locator("[data-stage]")).to_have_attribute("data-stage", E)
    await east.press("done")
    await west.hears(E, RED, sound=False)

    # a mute that holds is felt, seen, and ends
    await console.page.locator(f'[data-point="{W}"]').click()
    await console.page.locator('[data-chosen] [data-act="hold-mute"]').click()
    await expect(west.page.locator(".mute.held")).to_be_visible()
    await west.press("mute")
    await east.hears(W, BLUE, sound=False)
    await console.page.locator('[data-chosen] [data-act="unmute"]').click()
    await expect(west.page.locator(".mute.held")).to_have_count(0)
    await west.press("mute")
    await east.hears(W, BLUE)

    await west.press("chat")
    await west.page.fill("#chat-text", "Điểm cầu đã nghe rõ <b>thật</b>.")
    await west.press("send-chat")
    await east.press("chat")
    await expect(east.page.locator("[data-chat]")).to_contain_text("đã nghe rõ <b>thật</b>.")
    await console.page.fill("#announce", "Nghỉ giải lao 10 phút")
    await console.press("announce")
    await expect(east.page.locator("[data-announcement]")).to_contain_text("Nghỉ giải lao")

    await console.page.locator('[data-chosen] [data-act="remove"]').click()
    await console.press("confirm-remove")
    await west.is_in("removed")
    await console.press("end")
    await console.press("confirm-end")
    await east.is_in("ended")
    await expect(console.act("to-minutes")).to_be_visible()
    assert not east.complaints + west.complaints + console.complaints


async def test_a_broken_link_comes_back_by_itself(hall: Hall) -> None:
    east, west = await asyncio.gather(hall.point(hall.home.east, RED), hall.point(hall.home.west, BLUE))
    await asyncio.gather(east.enter(), west.enter())
    await east.sees(W, BLUE)

    killed = time.monotonic()
    await hall.home.relay.kill()
    await east.is_in("lost")
    await expect(east.page.locator("[data-helpline]").first).to_have_text(hall.home.settings.helpline)
    await hall.home.relay.start()
    await asyncio.gather(east.is_in("in", 10), west.is_in("in", 10))
    await east.sees(W, BLUE)
    print(f"picture back {time.monotonic() - killed:.1f} s after the relay was killed")

    await hall.home.kill()
    await expect(east.page.locator('[data-link="shaky"]')).to_be_visible()
    await east.is_in("in")
    await east.sees(W, BLUE)
    await hall.home.start()
    await expect(east.page.locator('[data-link="well"]')).to_be_visible()
    await east.press("hand")
    await expect(east.act("hand")).to_have_attribute("data-on", "true")


async def test_a_seat_is_kept_over_a_reload_and_moves_without_a_fight(hall: Hall) -> None:
    east = await hall.point(hall.home.east, RED)
    await east.enter()
    await east.page.reload()
    await east.is_in("in")

    second = Screen(await east.page.context.new_page(), RED)
    await second.page.goto(east.page.url)
    await second.is_in("elsewhere")
    await second.press("take-over")
    await second.is_in("in")
    await east.is_in("elsewhere")
    await second.press("leave")
    await second.is_in("lobby")
    await asyncio.sleep(6)  # longer than the page waits between two questions: nobody takes the seat by itself
    await second.is_in("lobby", 1)
    await expect(east.page.locator('[data-state="in"]')).to_have_count(0)


async def test_a_room_without_camera_and_microphone_takes_part(hall: Hall) -> None:
    bare = await hall.point(hall.home.east, None)
    west = await hall.point(hall.home.west, BLUE)
    await expect(bare.page.locator('[data-check="camera"]')).to_have_attribute("data-result", "bad")
    await asyncio.gather(bare.enter(), west.enter())
    await bare.sees(W, BLUE)
    await west.page.wait_for_selector(f'[data-tile="{E}"]')
    await bare.press("hand")
    await expect(bare.act("hand")).to_have_attribute("data-on", "true")


async def test_an_unexpected_guest_is_let_in_from_the_waiting_list(hall: Hall) -> None:
    console, guest = await asyncio.gather(hall.console(), hall.open(None, f"/meetings/{MEETING}/room", BLUE))
    await guest.page.fill("input[name=name]", "Lê Văn Khách, Báo tỉnh")
    await guest.page.click("main button")
    await guest.press("join")
    await guest.is_in("waiting")
    waiting = console.page.locator("[data-waiting] li", has_text="Lê Văn Khách, Báo tỉnh")
    await waiting.locator('[data-act="admit"]').click()
    await guest.is_in("in")
    await console.enter()
    identity = await console.page.locator("[data-point^='guest:']").get_attribute("data-point")
    assert identity is not None
    await console.sees(identity, BLUE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_are_readable_by_everybody(hall: Hall, scheme: str) -> None:
    east, console = await asyncio.gather(
        hall.point(hall.home.east, RED, color_scheme=scheme), hall.console(color_scheme=scheme)
    )
    await expect(east.act("join")).to_be_visible()
    found = await east.barriers(WALL, DESK, PHONE)
    await asyncio.gather(east.enter(), console.enter())
    await east.sees(f"account:{await seat_of_secretary(hall)}", GREEN)
    await east.press("more")
    found += await east.barriers(WALL, PHONE)
    await east.press("chat")
    found += await east.barriers(DESK)
    await console.page.locator(f'[data-point="{E}"]').click()
    found += await console.barriers(WALL, DESK, PHONE)
    assert found == []


async def seat_of_secretary(hall: Hall) -> str:
    me = (await hall.home.secretary.snapshot())["me"]
    assert isinstance(me, str)
    return me.removeprefix("account:")
