"""Minutes, review and register in Chromium: words are saved by themselves, two writers see each other, moments play."""

import hashlib
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update

from meetings.access import Role
from meetings.directory.identity import SESSION_COOKIE
from meetings.recording.models import RecordingFile
from meetings.register import reference
from tests import fakes
from tests.browser.watched import Watched
from tests.chromium import chromium
from tests.fakes import ManualClock
from tests.minutes_stage import EAST, MEETING, PAGE, Editor, Stage, staged
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

REVIEW = f"/meetings/{MEETING}/review"


@pytest.fixture
async def windows(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tmp_path) as browser:
        yield browser


@pytest.fixture
async def stage(app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(app, clock) as made:
        yield made


@pytest.fixture
async def house(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


async def window(windows: Browser, house: str, who: fakes.Browser, **options: object) -> BrowserContext:
    context = await windows.new_context(reduced_motion="reduce", **options)  # type: ignore[arg-type]
    token = next(cookie.value for cookie in who.cookies.jar if cookie.name == SESSION_COOKIE)
    await context.add_cookies([{"name": SESSION_COOKIE, "value": token or "", "url": house}])
    return context


def film(path: Path, seconds: int = 12) -> None:
    """A small picture that changes, so that a place in it can be asked for."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=4)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.options = {"deadline": "realtime", "cpu-used": "8"}
        stream.gop_size = 4
        for number in range(seconds * 4):
            picture = np.full((90, 160, 3), number * 5 % 255, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 4)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


async def filmed(stage: Stage) -> None:
    """The meeting's recording with a film that can be played; somebody speaks from its sixth second."""
    await stage.tell(0.1, "floor.granted", EAST)
    await stage.tell(0.15, "floor.released", EAST)
    folder = await stage.record(files=1)
    film(folder / "s1-0.webm")
    sha256 = hashlib.sha256((folder / "s1-0.webm").read_bytes()).hexdigest()
    async with stage.context.database.transaction() as session:
        await session.execute(update(RecordingFile).values(sha256=sha256, duration_ms=12_000))


async def saved(stage: Stage, version: int) -> None:
    async def there() -> bool:
        return (await Editor.of(stage.secretary)).version == version

    await fakes.eventually(there, what=f"version {version} of the minutes")


async def test_what_is_typed_is_saved_by_itself_and_events_are_taken_in(
    windows: Browser, stage: Stage, house: str
) -> None:
    await stage.hold()
    await stage.tell(89, "announcement", text="Gửi báo cáo trước 17 giờ")
    await stage.draft()
    page = await (await window(windows, house, stage.secretary)).new_page()
    await page.goto(house + PAGE)
    await page.locator("textarea.ep-text").nth(5).fill("Ông A phát biểu về hồ chứa.")
    await saved(stage, 2)
    await expect(page.locator("[data-saved]")).to_contain_text("Đã lưu")
    await page.locator(".src li.new button").first.click()
    await saved(stage, 3)
    await page.locator("textarea.ep-text").nth(5).click()
    await page.locator("[data-paragraph]").nth(5).locator('button[value^="remove"]').click()
    await saved(stage, 4)
    assert "Ông A phát biểu về hồ chứa." not in (await Editor.of(stage.secretary)).texts()
    await page.locator(".ep-undo button").click()
    await saved(stage, 5)
    texts = (await Editor.of(stage.secretary)).texts()
    assert texts[5] == "Ông A phát biểu về hồ chứa."
    assert texts[-2] == "Thông báo tới các điểm cầu: “Gửi báo cáo trước 17 giờ”."


async def test_two_writers_are_shown_both_versions(windows: Browser, stage: Stage, house: str) -> None:
    await stage.hold()
    await stage.draft()
    page = await (await window(windows, house, stage.secretary)).new_page()
    await page.goto(house + PAGE)
    other = await Editor.of(stage.secretary)
    other.rows[5][3] = "Câu của người kia."
    await other.send()
    await page.locator("textarea.ep-text").nth(5).fill("Câu của tôi.")
    await page.get_by_role("button", name="So hai bản").click()
    await expect(page.locator(".gaps")).to_contain_text("Câu của tôi.")
    await expect(page.locator(".gaps")).to_contain_text("Câu của người kia.")
    await page.locator(".ed-tools button[value=save]").click()
    await saved(stage, 3)
    assert (await Editor.of(stage.secretary)).texts()[5] == "Câu của tôi."


async def plays_at(page: Page, second: float) -> None:
    await page.wait_for_function(
        "second => Math.abs(document.querySelector('[data-screen]').currentTime - second) < 2",
        arg=second,
        timeout=20_000,
    )


async def test_a_paragraph_plays_its_moment_and_is_marked(windows: Browser, stage: Stage, house: str) -> None:
    await filmed(stage)
    await stage.hold()
    await stage.draft()
    page = await (await window(windows, house, stage.secretary)).new_page()
    for address in (REVIEW, PAGE):
        await page.goto(house + address)
        await page.locator('[data-seek="6000"]').first.click()
        await plays_at(page, 6)
    await page.goto(house + REVIEW)
    await page.locator('.par [data-seek="6000"]').click()
    await expect(page.locator(".par.now")).to_contain_text("UBND xã Krông Gió")
    await expect(page.locator(".lane.on")).to_contain_text("UBND xã Krông Gió")


async def test_only_playing_is_logged_as_viewing(windows: Browser, stage: Stage, house: str) -> None:
    await filmed(stage)
    await stage.hold()
    await stage.draft()
    page = await (await window(windows, house, stage.secretary)).new_page()
    for address in (PAGE, REVIEW):
        await page.goto(house + address, wait_until="networkidle")
    assert await stage.log("recording.viewed") == []
    await page.locator("[data-screen]").evaluate("screen => screen.play()")
    await fakes.eventually(lambda: stage.log("recording.viewed"), what="the viewing in the log")


@pytest.mark.parametrize(("width", "scheme", "locale"), [(1440, "light", "vi"), (390, "dark", "en")])
async def test_every_page_from_draft_to_register_is_sound(
    windows: Browser, stage: Stage, house: str, width: int, scheme: str, locale: str
) -> None:
    await filmed(stage)
    chair, clerk = await stage.chair(), await stage.clerk()
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    faults: list[str] = []

    async def visit(who: fakes.Browser, *paths: str) -> None:
        context = await window(windows, house, who, **options)
        await context.add_cookies([{"name": "locale", "value": locale, "url": house}])
        watched = Watched(await context.new_page())
        for path in paths:
            await watched.page.goto(house + path)
            faults.extend(await watched.faults())
        await context.close()

    await stage.hold()
    await visit(stage.secretary, "/minutes", PAGE)
    await stage.draft()
    await visit(stage.secretary, PAGE, REVIEW)
    editor = await Editor.filled(stage.secretary)
    await editor.send("submit")
    await visit(chair, PAGE, "/minutes")
    await stage.post(chair, "minutes/approve", version=str(editor.version))
    await visit(clerk, PAGE, f"/meetings/{MEETING}/file", "/register")
    entry = {"recipients": "Lưu: VT.", "copies": "1", "retention_code": "giao_ban"}
    filed = await stage.post(clerk, "file", **entry)
    await visit(clerk, filed.headers["location"], "/register?q=thien+tai", "/register?q=khong+co", "/register/print")
    async with stage.context.database.transaction() as session:
        await reference.load(session, stage.context.settings.office_symbol)
    await visit(clerk, "/register/settings")
    await visit(await stage.account(Role.AUDITOR), f"/audit?log={MEETING}&check=1", "/audit?log=all&kind=chat.message")
    assert not faults, "\n".join(faults)
