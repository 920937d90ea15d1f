"""A page in a browser and what is wrong with it by itself: complaints, barriers, scrolling sideways."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page


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
