"""What was recorded plays and is seeked in both browsers: tracks, mended ones too, and the composed file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import FileResponse, HTMLResponse

from meetings.recording.compose import compose
from meetings.recording.formats import SUFFIXES, media_type
from meetings.recording.mending import mend
from tests.chromium import chromium
from tests.firefox import firefox
from tests.serving import serving
from tests.unit.recording.test_codecs import ASSEMBLERS, assembled, encoded, packets, written
from tests.unit.recording.test_compose import LUMA, taped

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SECONDS = 6
# BT.601 with the samples' blue 90 and red 200 (BT.709 would give 166)
GREEN_OF_WEST = 1.164 * (LUMA["west"] + 4 - 16) - 0.392 * (90 - 128) - 0.813 * (200 - 128)

Run = Callable[[str], Awaitable[Any]]

PLAY = """(async () => {
  const media = document.createElement('video');
  media.muted = true;
  media.src = '/files/%s';
  const once = (name) => new Promise((good, bad) => {
    media.addEventListener(name, good, {once: true});
    media.addEventListener('error', () => bad(new Error(media.error.message)), {once: true});
    setTimeout(() => bad(new Error('no ' + name)), 20000);
  });
  const loaded = once('loadeddata');
  media.load();
  await loaded;
  const sought = once('seeked');
  media.currentTime = 4;
  await sought;
  const at = media.currentTime;
  const moved = once('timeupdate');
  await media.play();
  await moved;
  await new Promise((good) => setTimeout(good, 700));
  let green = null;
  if (media.videoWidth) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const [w, h] = [media.videoWidth, media.videoHeight];
    const context = canvas.getContext('2d');
    context.drawImage(media, w * 0.2, h * 0.4, w * 0.2, h * 0.2, 0, 0, 1, 1);
    green = context.getImageData(0, 0, 1, 1).data[1];
  }
  return {duration: media.duration, at, after: media.currentTime, green};
})()"""


@asynccontextmanager
async def a_browser(name: str, folder: Path, address: str) -> AsyncIterator[Run]:
    if name == "firefox":
        async with firefox(folder) as window:
            await window.goto(address)
            yield window.run
        return
    async with chromium(folder) as browser:
        page = await browser.new_page()
        await page.goto(address)
        yield page.evaluate


def site(directory: Path) -> FastAPI:
    """The files, as the coordinator serves them."""
    app = FastAPI()

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>files</title>")

    @app.get("/files/{name}")
    async def file(name: str) -> FileResponse:
        return FileResponse(directory / name, media_type=media_type("video", name))

    return app


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two points' tracks, one of them cut as by a kill and mended, the composed file, and other codecs' files."""
    directory = tmp_path_factory.mktemp("recording")
    list(compose(taped(directory, SECONDS)))
    for path in sorted(directory.glob("001-*-00[34].webm")):
        cut = path.with_name(f"cut-{path.name}")
        cut.write_bytes(path.read_bytes()[:-400])
        assert mend(cut, "audio" if "audio" in path.name else "video") is not None
    for codec, name in (("h264", "video.mkv"), ("vp9", "video.webm")):
        frames = assembled(ASSEMBLERS[codec](), packets(codec, encoded(codec, SECONDS * 30, luma=LUMA["west"])))
        written(directory / name, codec, frames).close(SECONDS * 1000)
    return directory


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_it_plays_and_seeks(recording: Path, tmp_path: Path, name: str) -> None:
    files = sorted(path.name for path in recording.iterdir() if path.suffix in SUFFIXES)
    assert len(files) == 9
    async with serving(site(recording)) as address, a_browser(name, tmp_path, address) as run:
        for file in files:
            if name == "firefox" and file.endswith(".mkv"):
                continue  # where the system brings no decoder it says so (the page's own sentence)
            seen = await run(PLAY % file)
            most = SECONDS + 3.1 if "video" in file else SECONDS + 0.2
            assert SECONDS - 1.5 < seen["duration"] < most, (file, seen)
            assert seen["at"] == pytest.approx(4, abs=0.1), (file, seen)
            assert seen["after"] > 4.05, (file, seen)
            if file in ("composed.webm", "video.mkv", "video.webm"):
                assert seen["green"] == pytest.approx(GREEN_OF_WEST, abs=8), seen
