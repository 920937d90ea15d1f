"""Feedback to a publisher is good enough that all layers of its simulcast come up, the largest too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.clients import SdkClient, eventually, token
from tests.conformance.conftest import RelayProcess
from tests.conformance.windows import browser_client
from tests.senders import GREEN

pytestmark = [pytest.mark.browser, pytest.mark.conformance, pytest.mark.timeout(180)]


async def test_the_largest_layer_of_chromium_comes_up(tmp_path: Path, page: str, relay: RelayProcess) -> None:
    python = SdkClient("python")
    await python.join(relay.url, token("python"))
    async with browser_client("chromium", tmp_path, page, GREEN) as browser:
        await browser.join(relay.url, token("chromium"))
        await browser.call("publishLarge", GREEN.rgb)
        await eventually(
            "python sees chromium 1280 wide",
            lambda: python.sees("chromium"),
            lambda picture: picture is not None and picture.width == 1280,
        )
        layers = {rid: frames for kind, rid, frames, _ in await browser.call("stats") if kind == "video"}
    await python.leave()
    assert set(layers) == {"q", "h", "f"}
    assert all(frames > 0 for frames in layers.values())
