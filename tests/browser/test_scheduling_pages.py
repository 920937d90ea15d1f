"""Booking in Chromium, with and without scripts; every page of scheduling sound on desk and phone, light and dark."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect

from meetings.access import Role
from meetings.context import Context
from meetings.directory.identity import SESSION_COOKIE
from meetings.scheduling.answers import answer_token
from meetings.scheduling.models import BookingDraft, Letter, Meeting, Paper
from tests.browser.watched import Watched
from tests.chromium import chromium
from tests.conftest import logged_in
from tests.scheduling_stage import LATE, booked, furnished, invited, post_letters, rows
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
async def windows(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tmp_path) as browser:
        yield browser


@pytest.fixture
async def house(app: FastAPI, context: Context) -> AsyncIterator[str]:
    await furnished(context.database)
    async with serving(app) as address:
        yield address


@pytest.fixture
async def cookie(app: FastAPI, house: str) -> str:
    """The session of a secretary."""
    async with await logged_in(app, Role.SECRETARY) as browser:
        return str(browser.cookies[SESSION_COOKIE])


async def window(windows: Browser, house: str, cookie: str, **options: object) -> BrowserContext:
    context = await windows.new_context(base_url=house, locale="vi-VN", **options)  # type: ignore[arg-type]  # as given
    await context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": house}])
    return context


async def fill(page: Page, title: str) -> None:
    await page.goto("/meetings/new")
    await page.fill("#title", title)
    await page.select_option("#kind", "giao_ban")
    await page.select_option("#chair_person_id", "pct")
    await page.fill("#date", "2026-04-29")
    await page.fill("#start", "08:00")
    await page.select_option("#main_venue_id", "r1")


async def test_a_secretary_books_with_search_select_all_and_a_draft_saved_meanwhile(
    windows: Browser, house: str, cookie: str, context: Context, tmp_path: Path
) -> None:
    page = await (await window(windows, house, cookie)).new_page()
    await fill(page, "Họp giao ban tuần 18")
    await expect(page.locator("[data-saved]")).to_contain_text("Đã lưu nháp lúc")
    [draft] = await rows(context, BookingDraft)
    assert draft.fields["title"] == "Họp giao ban tuần 18"
    points = page.locator("section[aria-labelledby=f2]")
    await points.locator("[data-search]").fill("diem cau xa1")
    await points.locator("[data-all]").click()
    await expect(points.locator("[data-count]")).to_have_text("· 4")  # xa1, xa10, xa11, xa12
    people = page.locator("section[aria-labelledby=moi]")
    await people.locator("[data-search]").fill("nguyen van xa2")
    await people.locator("[data-all]").click()
    await page.locator("[data-add-row]").click()
    await page.locator("[name=agenda_title]").last.fill("Kết luận")
    paper = tmp_path / "Báo cáo.pdf"
    paper.write_bytes(b"%PDF-1.7\n")
    await page.set_input_files("#papers", paper)
    await page.click("button[value=book]")
    await expect(page.locator("h1")).to_have_text("Họp giao ban tuần 18")
    await expect(page.locator("#points tr, #diem-cau")).not_to_have_count(0)
    [meeting] = await rows(context, Meeting)
    assert page.url.endswith(f"/meetings/{meeting.id}")
    assert [one.name for one in await invited(context)] == ["Ông Nguyễn Văn xa2"]
    assert [one.filename for one in await rows(context, Paper)] == ["Báo cáo.pdf"]
    assert await rows(context, BookingDraft) == []


async def test_faults_lead_to_their_fields_and_days_stay_day_month_year_in_an_american_browser(
    windows: Browser, house: str, cookie: str
) -> None:
    context = await windows.new_context(base_url=house, locale="en-US")
    await context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": house}])
    page = await context.new_page()
    await fill(page, "")
    await page.fill("#date", "30/4/2026")
    await page.locator("[name=agenda_presenter]").nth(1).fill("Ai đó")
    await page.click("button[value=book]")
    for field in ("agenda-2", "title"):
        await page.click(f".faults a[href='#{field}']")
        await expect(page.locator(f"#{field}")).to_be_focused()
    await expect(page.locator("#date")).to_have_value("30/04/2026")
    await expect(page.locator("#date-hint")).to_contain_text("30/04/2026: ngày nghỉ, Ngày Chiến thắng")
    await page.locator("[data-picker] input").fill("2026-05-06")
    await expect(page.locator("#date")).to_have_value("06/05/2026")
    await expect(page.locator("#date-hint")).to_have_text("Thứ Tư, 06/05/2026")


async def test_on_the_week_keys_are_explained_and_walk(windows: Browser, house: str, cookie: str) -> None:
    page = await (await window(windows, house, cookie)).new_page()
    await page.goto("/week?week=2026-W18")
    await page.keyboard.press("?")
    await expect(page.locator("dialog#keys")).to_be_visible()
    await page.keyboard.press("j")  # not while the list of keys is open
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{house}/week?week=2026-W18")
    await page.keyboard.press("j")
    await page.wait_for_url(f"{house}/week?week=2026-W19&view=leader")
    await page.keyboard.press("3")
    await page.wait_for_url(f"{house}/week?week=2026-W19&view=list")


async def test_without_scripts_the_form_books_answers_and_cancels(
    windows: Browser, house: str, cookie: str, context: Context
) -> None:
    page = await (await window(windows, house, cookie, java_script_enabled=False)).new_page()
    await fill(page, "")
    await page.click("button[value=book]")
    await expect(page.locator("#title-why")).to_contain_text("Vui lòng nhập tên cuộc họp")
    await page.fill("#title", "Họp không cần kịch bản")
    await page.check("input[name=people][value=p-xa1]")
    await page.click("button[value=book]")
    await expect(page.locator("h1")).to_have_text("Họp không cần kịch bản")
    [one] = await invited(context)
    guest = await (await windows.new_context(base_url=house, java_script_enabled=False)).new_page()
    await guest.goto(f"/answer/{answer_token(context.settings, one.id)}")
    await guest.fill("#reason", "Đi công tác")
    await guest.click("button[value=declined]")
    await expect(guest.locator(".note-fine")).to_contain_text("Đã ghi nhận trả lời")
    await page.reload()
    await expect(page.locator("body")).to_contain_text("không dự được (Đi công tác)")
    await page.click("text=Hủy cuộc họp")
    await page.select_option("#reason", "bat_kha_khang")
    await page.click("button:has-text('Hủy cuộc họp')")
    await expect(page.locator("body")).to_contain_text("Cuộc họp đã hủy.")


@pytest.mark.parametrize(("width", "scheme", "locale"), [(1440, "light", "vi"), (390, "dark", "en")])
async def test_every_page_of_scheduling_is_sound(
    app: FastAPI, windows: Browser, house: str, cookie: str, context: Context, width: int, scheme: str, locale: str
) -> None:
    async with await logged_in(app, Role.SECRETARY) as secretary:
        meeting_id = await booked(
            secretary, title="Hội nghị trực tuyến triển khai công tác phòng, chống thiên tai " * 2
        )
        await booked(secretary, title="Họp trong ngày", date="2026-04-23", start="09:30", late_reason=LATE)
        await secretary.post("/meetings/drafts", data={"title": "Bản nháp"})
        cookie = str(secretary.cookies[SESSION_COOKIE])
    await post_letters(context)
    letter, one = (await rows(context, Letter))[0], (await invited(context))[0]
    browser = await window(windows, house, cookie, viewport={"width": width, "height": 900}, color_scheme=scheme)
    await browser.add_cookies([{"name": "locale", "value": locale, "url": house}])
    watched = Watched(await browser.new_page())
    paths = ["/", "/week?week=2026-W18", "/week?week=2026-W18&view=room", "/week?week=2026-W18&view=list"]
    paths += [f"/meetings/{meeting_id}{part}" for part in ("", "/edit", "/copy", "/cancel", "/invitation")]
    paths += [
        "/meetings/new",
        "/outbox",
        f"/outbox/{letter.id}.eml",
        f"/answer/{answer_token(context.settings, one.id)}",
    ]
    faults = list[str]()
    for path in paths:
        await watched.page.goto(path)
        faults += await watched.faults()
    assert not faults, "\n".join(faults)
