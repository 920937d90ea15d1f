"""The product's main job, from log-in to register, with nothing but real parts."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdf
import pytest
from playwright.async_api import Page, expect

from meetings.recording.minutes.blanks import BLANK, confirmed
from tests.chromium import chromium
from tests.fakes import eventually
from tests.journey import films
from tests.journey.people import StockClient, Window, log_in, stock_client
from tests.journey.system import System, running_system
from tests.senders import BLUE, GREEN, RED, YELLOW, Sender

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

TITLE = "Giao ban trực tuyến về phòng, chống thiên tai"
MAIN, MEMBER, THIRD = "Phòng họp số 2, trụ sở UBND tỉnh", "Điểm cầu phường Làm Mẫu Đông", "Điểm cầu phường Làm Mẫu Tây"
VENUES = {MAIN: "demo-phong-2", MEMBER: "demo-phong-phuong-1", THIRD: "demo-phong-phuong-2"}
PLAY = """async () => {
  const video = document.querySelector('[data-screen]');
  video.muted = true; video.currentTime = 5; await video.play();
}"""
expect.set_options(timeout=25_000)  # machines of tests are slow and shared
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass
class Journey:
    """One installation, one meeting, and whoever takes part."""

    folder: Path
    system: System
    stack: AsyncExitStack
    meeting_id: str = ""

    async def window(self, sender: Sender | None = None) -> Page:
        browser = await self.stack.enter_async_context(chromium(self.folder, sender))
        context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="vi-VN")
        context.set_default_timeout(30_000)
        return await context.new_page()

    def at(self, path: str) -> str:
        return f"{self.system.url}{path}"


@pytest.fixture
async def journey(tmp_path: Path) -> AsyncIterator[Journey]:
    async with AsyncExitStack() as stack:
        yield Journey(tmp_path, await stack.enter_async_context(running_system(tmp_path)), stack)


async def test_from_log_in_to_register(journey: Journey) -> None:
    secretary = await journey.window(RED)
    await log_in(secretary, journey.system.url, "secretary")
    journey.meeting_id = await book(journey, secretary)
    assert list((journey.system.data / "outbox").glob("*.eml")), "letters lie in the outbox"

    windows, third = await gather(journey, secretary)
    await everybody_sees_and_hears_everybody(windows, third)
    marks = await hold_the_meeting(journey, windows, third)

    films.check_tracks(await films.tracks(journey.system, journey.meeting_id), marks, senders(windows, third))
    await films.check_composed(journey.system, journey.meeting_id, marks, senders(windows, third))

    await write_minutes(journey, secretary)
    document = await approve_and_file(journey)
    await find_it_in_the_register(journey, document)
    await review_it(journey)
    await a_flipped_byte_is_named(journey)


async def book(journey: Journey, page: Page) -> str:
    """By the form, as a secretary would; the meeting begins in a few minutes."""
    starts = datetime.now(ZONE) + timedelta(minutes=8)
    await page.goto(journey.at("/meetings/new"))
    await page.fill("[name=title]", TITLE)
    await page.select_option("[name=kind]", "giao_ban")
    await page.select_option("[name=chair_person_id]", "demo-giam-doc-vd")
    await page.fill("[name=date]", starts.strftime("%Y-%m-%d"))
    await page.fill("[name=start]", starts.strftime("%H:%M"))
    await page.fill("[name=length]", "60")
    await page.select_option("[name=main_venue_id]", VENUES[MAIN])
    for name in (MEMBER, THIRD):
        await page.check(f'[name=points][value="{VENUES[name]}"]')
    await page.check('[name=people][value="demo-chu-tich-xa-1"]')
    for row, (title, minutes) in enumerate((("Khai mạc", "5"), ("Báo cáo tình hình hồ chứa", "20"))):
        await page.locator("[name=agenda_title]").nth(row).fill(title)
        await page.locator("[name=agenda_minutes]").nth(row).fill(minutes)
    await page.check("[name=urgent]")
    await page.fill("[name=late_reason]", "Chỉ đạo đột xuất của Chủ tịch UBND tỉnh")
    await page.fill("[name=contact]", "Nguyễn Thị Giả Định, 0262 000 0101")
    await page.click("button[value=book]")
    await page.wait_for_url(re.compile(r"/meetings/[0-9a-z]{16}$"))
    await expect(page.locator("h1")).to_contain_text(TITLE)
    return page.url.rsplit("/", 1)[1]


async def gather(journey: Journey, secretary: Page) -> tuple[list[Window], StockClient]:
    """Two points by their links, the secretary by the console, a third point by a stock client."""
    points = [Window(await journey.window(GREEN), GREEN, f"point:{VENUES[MAIN]}")]
    points.append(Window(await journey.window(BLUE), BLUE, f"point:{VENUES[MEMBER]}"))
    for window, name in zip(points, (MAIN, MEMBER), strict=True):
        await window.page.goto(journey.at(journey.system.links[name]))
        await window.page.click('[data-act="join"]')
        await expect(window.page.locator('[data-state="in"]')).to_be_visible()
    await secretary.goto(journey.at(f"/meetings/{journey.meeting_id}/room"))
    await secretary.click('[data-act="join"]')
    await expect(secretary.locator('[data-state="in"]')).to_be_visible()
    page_data = await secretary.evaluate("JSON.parse(document.getElementById('page-data').textContent)")
    assert page_data["caller"]["kind"] == "account"
    own = await eventually(lambda: own_identity(secretary), within=20, what="the secretary's own tile")
    third = await journey.stack.enter_async_context(
        stock_client(
            journey.system.url, journey.system.links[THIRD], journey.meeting_id, YELLOW, f"point:{VENUES[THIRD]}"
        )
    )
    return [Window(secretary, RED, own), *points], third


async def own_identity(page: Page) -> str | None:
    found: list[str] = await page.evaluate("[...document.querySelectorAll('[data-tile]')].map((e) => e.dataset.tile)")
    return next((identity for identity in found if identity.startswith("account:")), None)


def senders(windows: list[Window], third: StockClient) -> dict[str, Sender]:
    return {window.identity: window.sender for window in windows} | {third.identity: third.sender}


async def everybody_sees_and_hears_everybody(windows: list[Window], third: StockClient) -> None:
    everyone = senders(windows, third)
    for window in windows:
        await window.microphone(on=True)
    for window in windows:
        for identity, sender in everyone.items():
            if identity != window.identity:
                sees, hears = partial(window.sees, identity, sender), partial(window.hears, identity, sender)
                await eventually(sees, within=30, every=0.5, what=f"{window.identity} sees {sender.name}")
                await eventually(hears, within=30, every=0.2, what=f"{window.identity} hears {sender.name}")
    for window in windows:
        sees_it, hears_it = (
            partial(third.sees, window.identity, window.sender),
            partial(third.hears, window.identity, window.sender),
        )
        await eventually(sees_it, within=30, what=f"the third point sees {window.sender.name}")
        await eventually(hears_it, within=30, what=f"the third point hears {window.sender.name}")


async def hold_the_meeting(journey: Journey, windows: list[Window], third: StockClient) -> films.Marks:
    """Open, record, two points of the agenda, the floor asked for and given, a word in the chat, the end."""
    console = await windows[0].page.context.new_page()
    await console.goto(journey.at(f"/meetings/{journey.meeting_id}/console"))
    await console.click('[data-act="open"]')
    await console.click('[data-act="agenda-start"]')
    await console.click('[data-act="record"]')
    await confirm(console)
    await eventually(
        lambda: films.state(journey.system, journey.meeting_id, "recording"), within=30, what="bytes of the recording"
    )
    for window in windows[1:]:
        await expect(window.page.locator("[data-recording]")).to_be_visible()
    member = windows[2]
    await member.page.click('[data-act="hand"]')
    await console.locator('[data-act="grant"]').first.click()
    await expect(member.page.locator('[data-act="done"]')).to_be_visible()
    await asyncio.sleep(6)  # something to record
    await member.page.click('[data-act="done"]')
    await console.locator('[data-act="next-item"]').first.click()
    await asyncio.sleep(6)
    await console.click('[data-act="end"]')
    await confirm(console)
    for window in windows[1:]:
        # "ended", and after a while the next meeting
        await expect(window.page.locator('[data-state="ended"], [data-state="waiting"]')).to_be_visible()
    await console.close()
    return await films.marks(journey.system, journey.meeting_id)


async def confirm(page: Page) -> None:
    """The dialog that names what will happen, where there is one."""
    button = page.locator("dialog[open] [data-act=confirm], dialog[open] .btn-act, dialog[open] .btn-live").first
    try:
        await button.click(timeout=3_000)
    except Exception:
        return


async def write_minutes(journey: Journey, page: Page) -> None:
    await page.goto(journey.at(f"/meetings/{journey.meeting_id}/minutes"))
    draft = page.locator('form[action$="/minutes/draft"] button')
    if await draft.count():
        await draft.first.click()
    text = page.locator("textarea[name=text]").nth(5)
    await text.fill("Các điểm cầu thống nhất nội dung báo cáo về tình hình hồ chứa.")
    for text in await page.locator("textarea[name=text]").all():  # what the draft could not know
        words = confirmed(await text.input_value()).replace(BLANK, "đã nêu ý kiến.")
        await text.fill(words)
    await page.locator('button[name=do][value=save]:not([tabindex="-1"])').first.click()
    await page.wait_for_load_state()
    await page.locator('button[name=do][value=submit], form[action$="/minutes/submit"] button').first.click()
    await page.wait_for_load_state()
    await expect(page.locator("main")).to_contain_text("Chờ duyệt")


async def approve_and_file(journey: Journey) -> str:
    """The office's leader approves, the clerk takes the number; the document's page."""
    leader = await journey.window()
    await log_in(leader, journey.system.url, "office_leader")
    await leader.goto(journey.at(f"/meetings/{journey.meeting_id}/minutes"))
    await leader.click('form[action$="/minutes/approve"] button')
    await leader.wait_for_load_state()
    clerk = await journey.window()
    await log_in(clerk, journey.system.url, "clerk")
    await clerk.goto(journey.at(f"/meetings/{journey.meeting_id}/file"))
    await clerk.fill("[name=recipients]", "Như thành phần dự họp\nLưu: VT, TH")
    await clerk.click('form[action$="/file"] button[type=submit]')
    await clerk.wait_for_url(re.compile(r"/documents/[0-9a-z]{16}"))
    return "/documents/" + clerk.url.split("/documents/")[1][:16]


async def find_it_in_the_register(journey: Journey, document: str) -> None:
    """By a search without accents; the printed form says number, chair, points and agenda."""
    leader = await journey.window()
    await log_in(leader, journey.system.url, "leader")
    await leader.goto(journey.at("/register?q=phong+chong+thien+tai"))
    await expect(leader.locator(f'a[href^="{document}"]').first).to_be_visible()
    answer = await leader.context.request.get(journey.at(f"{document}/pdf"))
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(await answer.body())).pages)
    flat = " ".join(text.split())
    for words in ("01/BB-VPUBND", "Bùi Thị Dụ", "phường Làm Mẫu Đông", "phường Làm Mẫu Tây", "hồ chứa"):
        assert words in flat, f"“{words}” is not in the minutes:\n{flat}"
    await leader.close()


async def review_it(journey: Journey) -> None:
    """The leader plays the film from a chapter, and stands in the log as one who did."""
    leader = await journey.window()
    await log_in(leader, journey.system.url, "leader")
    await leader.goto(journey.at(f"/meetings/{journey.meeting_id}/review"))
    await leader.evaluate(PLAY)
    assert await eventually(lambda: playing(leader, "duration"), within=20, what="a film with a known length") > 10
    await eventually(lambda: past_six_seconds(leader), within=20, what="the film plays on from where it was sought")


async def playing(page: Page, what: str) -> float:
    """A number of the player; not by wait_for_function, which the page's own policy forbids."""
    return float(await page.evaluate(f"document.querySelector('[data-screen]').{what} || 0"))


async def past_six_seconds(page: Page) -> bool:
    return await playing(page, "currentTime") > 6


async def a_flipped_byte_is_named(journey: Journey) -> None:
    """By `verify` and by the page."""
    whole = journey.system.command("verify")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    victim = films.a_file(journey.system)
    victim.chmod(0o600)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    found = journey.system.command("verify")
    assert found.returncode == 1
    assert victim.name in found.stdout
    auditor = await journey.window()
    await log_in(auditor, journey.system.url, "auditor")
    await auditor.goto(journey.at(f"/meetings/{journey.meeting_id}/review"))
    await expect(auditor.locator("main")).to_contain_text(victim.name)
