"""Pictures of every page, taken on the journey: `python -m tests.journey.pictures FOLDER [--readme]`.

With --readme the two that README shows are made small and put into docs/pictures.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.async_api import Page

from tests.chromium import chromium
from tests.journey import films
from tests.journey import test_journey as steps
from tests.journey.people import Window, log_in
from tests.journey.system import ROOT, running_system
from tests.senders import BLUE, GREEN, HEIGHT, RATE, RED, WIDTH, Sender

DESK, PHONE, TV = (1440, 900), (390, 844), (1920, 1080)
MOST_BYTES = 200_000
SEEK = """() => {
  const video = document.querySelector('[data-screen]');
  if (video) Object.assign(video, { controls: false, preload: 'auto', currentTime: 6 });
}"""


def scene(path: Path, wall: tuple[int, int, int], people: int, seed: int) -> Path:
    """A hall as a room's camera sees it: a wall, a table, people behind it; one of them nods."""
    random = np.random.default_rng(seed)
    heads = [(WIDTH * (index + 1) / (people + 1), float(random.uniform(-8, 8))) for index in range(people)]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in range(2 * RATE):
            nod = 3 * np.sin(frame * np.pi / RATE)
            yuv = np.asarray(_hall(wall, heads, float(nod)).convert("YCbCr"))
            file.write(b"FRAME\n" + yuv[:, :, 0].tobytes() + yuv[::2, ::2, 1].tobytes() + yuv[::2, ::2, 2].tobytes())
    return path


def _hall(wall: tuple[int, int, int], heads: Sequence[tuple[float, float]], nod: float) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), wall)
    draw = ImageDraw.Draw(image)
    for y in range(HEIGHT):
        shade = 1.06 - 0.3 * y / HEIGHT
        draw.line([(0, y), (WIDTH, y)], fill=tuple(min(255, round(channel * shade)) for channel in wall))
    draw.rectangle((WIDTH // 2 - 130, 24, WIDTH // 2 + 130, 70), fill=(150, 34, 38))
    draw.rectangle((WIDTH // 2 - 96, 42, WIDTH // 2 + 96, 50), fill=(226, 200, 120))
    size = 30 - len(heads)
    for index, (x, lean) in enumerate(heads):
        top = 196 + lean / 2 + (nod if index == len(heads) // 2 else 0)
        suit = ((52, 62, 84), (70, 66, 62), (40, 56, 60))[index % 3]
        draw.rounded_rectangle((x - 2 * size, top + size, x + 2 * size, HEIGHT), 2 * size, fill=suit)
        draw.polygon([(x - 9, top + size + 2), (x + 9, top + size + 2), (x, top + size + 40)], fill=(236, 236, 232))
        draw.ellipse((x - size, top - size * 1.2, x + size, top + size * 1.2), fill=(214, 172, 140))
        draw.pieslice((x - size, top - size * 1.3, x + size, top + size * 0.9), 180, 360, fill=(38, 32, 30))
    draw.rectangle((0, HEIGHT - 78, WIDTH, HEIGHT), fill=(116, 78, 50))
    draw.rectangle((0, HEIGHT - 78, WIDTH, HEIGHT - 70), fill=(146, 102, 68))
    for x, _ in heads:
        draw.rectangle((x - 34, HEIGHT - 96, x + 34, HEIGHT - 74), fill=(240, 236, 226))
        draw.line([(x + 46, HEIGHT - 74), (x + 40, HEIGHT - 112)], fill=(30, 30, 32), width=4)
    return image


@dataclass
class Album:
    """Where the pictures go."""

    folder: Path

    async def take(self, page: Page, name: str, sizes: Sequence[tuple[int, int]], *, both: bool = True) -> None:
        """One picture a size and colour scheme; the whole page at a desk and on a phone."""
        for width, height in sizes:
            await page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark") if both else ("light",):
                await page.emulate_media(color_scheme=theme)
                await page.wait_for_timeout(800)
                await page.screenshot(path=self.folder / f"{name}-{width}-{theme}.png")


async def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    album = Album(folder)
    with tempfile.TemporaryDirectory() as scratch:
        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(running_system(Path(scratch)))
            journey = steps.Journey(Path(scratch), system, stack)
            await _pages(journey, album)


class Scenic(steps.Journey):
    """The same journey, with halls instead of flat colours before the cameras."""

    async def window(self, sender: Sender | None = None) -> Page:
        browser = await self.stack.enter_async_context(chromium(self.folder, sender))
        if sender is not None:
            halls = {RED: ((188, 190, 182), 1, 1), GREEN: ((196, 184, 160), 5, 2), BLUE: ((168, 186, 190), 3, 3)}
            wall, people, seed = halls[sender]
            scene(self.folder / f"{sender.name}.y4m", wall, people, seed)
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="vi-VN")
        context.set_default_timeout(60_000)
        return await context.new_page()


async def _pages(plain: steps.Journey, album: Album) -> None:
    journey = Scenic(plain.folder, plain.system, plain.stack)
    secretary = await journey.window(RED)
    await secretary.goto(journey.at("/login"))
    await album.take(secretary, "login", (DESK, PHONE))
    await log_in(secretary, journey.system.url, "secretary")
    await secretary.goto(journey.at("/meetings/new"))
    await album.take(secretary, "booking", (DESK, PHONE))
    journey.meeting_id = await steps.book(journey, secretary)
    for name, path in (
        ("today", "/"),
        ("week", "/week"),
        ("meeting", f"/meetings/{journey.meeting_id}"),
        ("outbox", "/outbox"),
    ):
        await secretary.goto(journey.at(path))
        await album.take(secretary, name, (DESK, PHONE))
    await secretary.set_viewport_size({"width": 1440, "height": 900})
    windows, third = await steps.gather(journey, secretary)
    hall = _hall((186, 176, 190), [(WIDTH * (n + 1) / 5, 0.0) for n in range(4)], 0).convert("RGBA")
    third.picture = np.array(hall, np.uint8)
    for window in windows:
        await window.microphone(on=True)
    await _room(journey, album, windows)
    await steps.hold_the_meeting(journey, windows, third)
    await films.composed(journey.system, journey.meeting_id)
    await steps.write_minutes(journey, secretary)
    await secretary.goto(journey.at(f"/meetings/{journey.meeting_id}/minutes"))
    await album.take(secretary, "minutes", (DESK, PHONE))
    document = await steps.approve_and_file(journey)
    leader = await journey.window()
    await log_in(leader, journey.system.url, "leader")
    for name, path in (
        ("register", "/register"),
        ("document", document),
        ("review", f"/meetings/{journey.meeting_id}/review"),
    ):
        await leader.goto(journey.at(path))
        await leader.evaluate(SEEK)
        await leader.wait_for_timeout(2_000)
        await album.take(leader, name, (DESK, PHONE))
    operator = await journey.window()
    await log_in(operator, journey.system.url, "operator")
    for name, path in (("venues", "/venues"), ("health", "/health"), ("ca", "/ca")):
        await operator.goto(journey.at(path))
        await album.take(operator, name, (DESK, PHONE))
    for role, name, path in (
        ("clerk", "register-settings", "/register/settings"),
        ("auditor", "audit", f"/audit?log={journey.meeting_id}&check=1"),
    ):
        watching = await journey.window()
        await log_in(watching, journey.system.url, role)
        await watching.goto(journey.at(path))
        await album.take(watching, name, (DESK, PHONE))


async def _room(journey: Scenic, album: Album, windows: list[Window]) -> None:
    console = await windows[0].page.context.new_page()
    await console.goto(journey.at(f"/meetings/{journey.meeting_id}/console"))
    await console.wait_for_timeout(3_000)
    await album.take(console, "console", (DESK, PHONE))
    await console.close()
    point = windows[1].page
    await point.wait_for_timeout(6_000)
    await album.take(point, "room", (TV, PHONE), both=False)
    await point.set_viewport_size({"width": 1280, "height": 720})


def small(source: Path, target: Path, width: int = 1280) -> None:
    """A picture for README: under 200 kB."""
    image = Image.open(source).convert("RGB")
    image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    for colours in (256, 128, 64, 32):
        image.quantize(colours).save(target, optimize=True)
        if target.stat().st_size < MOST_BYTES:
            return


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    asyncio.run(main(chosen))
    if "--readme" in sys.argv:
        (ROOT / "docs/pictures").mkdir(parents=True, exist_ok=True)
        small(chosen / "room-1920-light.png", ROOT / "docs/pictures/room.png")
        small(chosen / "review-1440-light.png", ROOT / "docs/pictures/review.png")
