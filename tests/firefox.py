"""A real Firefox for tests, driven over WebDriver BiDi (w3c.github.io/webdriver-bidi) without a driver program."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FIREFOX = shutil.which("firefox-esr")
START_SECONDS = 60.0
PREFERENCES: dict[str, bool | int | str] = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "dom.min_background_timeout_value": 10,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "media.gmp-manager.url": "data:,",
}


class FirefoxError(Exception):
    """Firefox cannot be started, or a script in it failed."""


class Window:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""
        self.log: list[str] = []

    async def open(self) -> None:
        await self._command("session.new", {"capabilities": {}})
        await self._command("session.subscribe", {"events": ["log.entryAdded"]})
        tree = await self._command("browsingContext.getTree", {})
        self._context = tree["contexts"][0]["context"]

    async def goto(self, url: str) -> None:
        parameters = {"context": self._context, "url": url, "wait": "complete"}
        await self._command("browsingContext.navigate", parameters)

    async def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, which may be a promise; it passes through JSON."""
        wrapped = f"(async () => JSON.stringify(await ({expression})))()"
        parameters = {"expression": wrapped, "target": {"context": self._context}, "awaitPromise": True}
        result = await self._command("script.evaluate", parameters)
        if result["type"] == "exception":
            raise FirefoxError(result["exceptionDetails"]["text"])
        return json.loads(result["result"].get("value") or "null")

    async def _command(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        return await asyncio.wait_for(answer, START_SECONDS)

    async def listen(self) -> None:
        """Deliver answers until the socket closes."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self._socket:
                self._deliver(json.loads(text))

    def _deliver(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            self.log.append(str(message["params"].get("text")))
            return
        answer = self._answers.pop(message["id"], None)
        if answer is None or answer.done():
            return
        if message["type"] == "error":
            answer.set_exception(FirefoxError(f"{message['error']}: {message.get('message')}"))
        else:
            answer.set_result(message["result"])


@asynccontextmanager
async def firefox(folder: Path, *, hertz: int = 1000) -> AsyncIterator[Window]:
    """A headless Firefox with a profile of its own in `folder`; its fake microphone hums at `hertz`."""
    if FIREFOX is None:
        raise FirefoxError("firefox-esr is not installed; ./test installs it, or: apt-get install firefox-esr")
    profile = folder / "firefox"
    profile.mkdir(parents=True)
    preferences = PREFERENCES | {"media.navigator.audio.fake_frequency": hertz}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank"),
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        address = await asyncio.wait_for(_address(process.stderr), START_SECONDS)
        draining = asyncio.create_task(_drain(process.stderr))
        async with connect(f"{address}/session", max_size=None) as socket:
            window = Window(socket)
            listening = asyncio.create_task(window.listen())
            await window.open()
            yield window
            listening.cancel()
        draining.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _address(stderr: asyncio.StreamReader) -> str:
    seen = []
    while line := (await stderr.readline()).decode(errors="replace"):
        seen.append(line)
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise FirefoxError("Firefox did not start: " + "".join(seen[-5:]))


async def _drain(stderr: asyncio.StreamReader) -> None:
    while await stderr.read(65_536):
        pass
