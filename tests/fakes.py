"""Small typed stand-ins for what tests must be able to move by hand."""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from fastapi import FastAPI

from meetings.directory.identity import SESSION_COOKIE

MORNING = datetime(2026, 4, 23, 1, 41, tzinfo=UTC)  # 08:41 in Đắk Lắk, a Thursday


class ManualClock:
    """Time that moves only when a test says so."""

    def __init__(self, now: datetime = MORNING) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set(self, now: datetime) -> None:
        """A step of the wall clock; the monotonic one does not notice."""
        self._now = now


class Browser(httpx2.AsyncClient):
    """A browser on the application, without a network: it keeps cookies, and posts with the page's form token.

    `await browser.post("/path", data={...})` behaves like a form on one of our pages; `request("POST", …, forged=True)`
    sends only what it is given, like a form on a page of somebody else.
    """

    def __init__(self, app: FastAPI, *, session_token: str | None = None, account_id: str | None = None) -> None:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url="https://hop.example.invalid")
        self.account_id = account_id
        self.form_token: str | None = None
        if session_token is not None:
            self.cookies.set(SESSION_COOKIE, session_token, domain="hop.example.invalid")

    async def request(self, method: str, url: Any, *, forged: bool = False, **keywords: Any) -> httpx2.Response:
        if method in ("POST", "PUT", "PATCH", "DELETE") and not forged:
            headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": await self.token()}
            keywords["headers"] = headers | dict(keywords.get("headers") or {})
        return await super().request(method, url, **keywords)

    async def token(self) -> str:
        """The form token of this browser, as any page shows it."""
        if self.form_token is None:
            page = await super().request("GET", "/no-such-page", headers={"Accept": "text/html"})
            found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page.text)
            assert found, page.text
            self.form_token = found[1]
        return self.form_token


async def eventually(
    condition: Callable[[], object], *, within: float = 30.0, what: str = "the condition", every: float = 0.02
) -> Any:
    """Waits until a condition (plain or async) gives something true, and returns that; says what is still missing."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await _awaited(found)
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"still missing after {within} s: {what}")
        await asyncio.sleep(every)


async def _awaited(found: Awaitable[Any]) -> Any:
    return await found
