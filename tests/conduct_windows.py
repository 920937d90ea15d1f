"""Windows of one meeting in real browsers: a screen says what it shows in the words of the page, a hall opens them."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from meetings.directory.identity import DEVICE_COOKIE, SESSION_COOKIE
from tests.chromium import chromium, colour_of, tone_of
from tests.conduct_house import House
from tests.conduct_house import Page as Holder
from tests.conduct_world import MEETING
from tests.fakes import eventually
from tests.senders import GREEN, TOLERANCE_HERTZ, Sender, same_colour

expect.set_options(timeout=20_000)


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
        self.scripts: Iterable[str] = ()  # run in every page opened from now on, before its own

    async def open(
        self, holder: Holder | None, path: str, sender: Sender | None, *, shares: str | None = None, **options: Any
    ) -> Screen:
        name = sender.name if sender else "bare"
        if name not in self._browsers:
            browser = await self._stack.enter_async_context(chromium(self._folder, sender, shares=shares))
            self._browsers[name] = browser
        if shares:
            options["permissions"] = ["camera", "microphone"]
        context = await self._browsers[name].new_context(
            viewport={"width": 1440, "height": 900}, reduced_motion="reduce", **options
        )
        address = f"http://localhost:{self.home.settings.port}"
        cookies = [(cookie.name, cookie.value or "") for cookie in holder.cookies.jar] if holder else []
        await context.add_cookies([{"name": key, "value": value, "url": address} for key, value in cookies])
        for script in self.scripts:
            await context.add_init_script(script)
        page = await context.new_page()
        await page.goto(address + path)
        return Screen(page, sender)

    async def point(self, holder: Holder, sender: Sender | None, **options: Any) -> Screen:
        assert DEVICE_COOKIE in holder.cookies
        return await self.open(holder, "/room", sender, **options)

    async def console(self, sender: Sender | None = GREEN, **options: Any) -> Screen:
        assert SESSION_COOKIE in self.home.secretary.cookies
        return await self.open(self.home.secretary, f"/meetings/{MEETING}/console", sender, **options)
