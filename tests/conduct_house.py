"""A coordinator and a relay as real processes, for tests that kill them; participants are the Python SDK."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from meetings import migrations
from meetings.access import Role
from meetings.app import create_app
from meetings.config import Settings
from meetings.context import Context
from meetings.directory import points
from meetings.directory.identity import DEVICE_COOKIE, SESSION_COOKIE
from tests.conduct_world import EAST, MEETING, WEST, plant
from tests.conformance.clients import KEY, SECRET
from tests.conformance.conftest import RelayProcess, free_port
from tests.conftest import logged_in
from tests.fakes import Browser, ManualClock

START_SECONDS = 60.0  # on a machine that runs everything at once


class Page(httpx2.AsyncClient):
    """A page in a real browser's place: cookies, the form token, and the meeting's interface over the network."""

    def __init__(self, port: int, name: str, value: str) -> None:
        super().__init__(base_url=f"http://127.0.0.1:{port}", cookies={name: value}, trust_env=False, timeout=10.0)
        self._form_token: str | None = None

    async def act(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.post(f"/api/meetings/{MEETING}/{path}", json=body, headers=await self._form_headers())
        assert answer.status_code in (200, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def post_form(self, path: str) -> None:
        """A button of a page without fields."""
        answer = await self.post(path, headers=await self._form_headers())
        assert answer.status_code == 303, answer.text

    async def refused(self, path: str, **body: Any) -> str:
        answer = await self.post(f"/api/meetings/{MEETING}/{path}", json=body, headers=await self._form_headers())
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["error"]["code"])

    async def _form_headers(self) -> dict[str, str]:
        if self._form_token is None:
            page = await self.get("/no-such-page", headers={"Accept": "text/html"})
            found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page.text)
            assert found, page.text
            self._form_token = found[1]
        return {"X-CSRF-Token": self._form_token, "Sec-Fetch-Site": "same-origin"}

    async def snapshot(self) -> dict[str, Any]:
        answer = await self.get(f"/api/meetings/{MEETING}/snapshot")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def joined(self, identity: str) -> bool:
        seats = (await self.snapshot())["seats"]
        return any(seat["joined"] for seat in seats if seat["identity"] == identity)

    async def events(self, last_id: str | None = None) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The event stream, as EventSource reads it: id and data of each event."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with self.stream("GET", f"/api/meetings/{MEETING}/events", headers=headers, timeout=None) as answer:
            assert answer.status_code == 200
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    name = line.removeprefix("id: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))


@dataclass
class House:
    """`meetings web` and `meetings relay` on ports of their own, over one data directory."""

    settings: Settings
    relay: RelayProcess
    log: Path
    secretary: Page
    admin: Page
    east: Page
    west: Page
    process: asyncio.subprocess.Process | None = None
    recorder: asyncio.subprocess.Process | None = None
    pages: list[Page] = field(default_factory=list)

    async def start(self) -> None:
        self.process = await self._run("web")
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await self._ready():
            assert self.process.returncode is None, self.log.read_text()
            assert asyncio.get_running_loop().time() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def start_recorder(self) -> None:
        self.recorder = await self._run("record")

    async def _run(self, command: str) -> asyncio.subprocess.Process:
        environment = os.environ | self.settings.as_environment()
        environment |= {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "meetings", command, env=environment, stdout=log, stderr=log
            )

    async def _ready(self) -> bool:
        try:
            return (await self.secretary.get("/readyz")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        if self.recorder is not None and self.recorder.returncode is None:
            self.recorder.terminate()
            await asyncio.wait_for(self.recorder.wait(), START_SECONDS)
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), START_SECONDS)
            except TimeoutError:
                await self.kill()
                raise


@asynccontextmanager
async def house(tmp_path: Path, *, host: str = "127.0.0.1", relay_options: Sequence[str] = ()) -> AsyncIterator[House]:
    port = free_port()
    relay = RelayProcess(
        tmp_path / "relay.log", webhooks=[f"http://127.0.0.1:{port}/hooks/livekit"], options=[*relay_options]
    )
    settings = Settings(
        data_dir=tmp_path / "data",
        host=host,
        port=port,
        relay_port=relay.port,
        livekit_url=relay.http,
        livekit_api_key=KEY,
        livekit_api_secret=SECRET,
    )
    made = await _furnish(settings, relay, tmp_path / "web.log")
    try:
        await relay.start()
        await made.start()
        yield made
    finally:
        for page in (made.secretary, made.admin, made.east, made.west, *made.pages):
            await page.aclose()
        await made.stop()
        await relay.stop()


async def _furnish(settings: Settings, relay: RelayProcess, log: Path) -> House:
    """The meeting and the cookies of four browsers are put into the database before the coordinator opens it."""
    await migrations.upgrade(settings)
    clock = ManualClock(datetime.now(UTC))
    app = create_app(settings, clock)
    context: Context = app.state.context
    browser = await logged_in(app, Role.SECRETARY, login="thu.ky")
    assert browser.account_id is not None
    await plant(context, clock, browser.account_id)
    devices = [await _device(context, venue, clock) for venue in (EAST, WEST)]
    admin = await logged_in(app, Role.ADMIN)
    accounts = [Page(settings.port, SESSION_COOKIE, one.cookies[SESSION_COOKIE]) for one in (browser, admin)]
    await admin.aclose()
    await _close(browser, context)
    east, west = (Page(settings.port, DEVICE_COOKIE, device) for device in devices)
    return House(settings, relay, log, accounts[0], accounts[1], east, west)


async def _close(browser: Browser, context: Context) -> None:
    await browser.aclose()
    await context.database.dispose()


async def _device(context: Context, venue_id: str, clock: ManualClock) -> str:
    async with context.database.transaction() as session:
        token = await points.renew_link(session, context.settings, venue_id, clock.now())
        return (await points.open_link(session, token, None, clock.now())).device
