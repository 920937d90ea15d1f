"""Venues: kept by the operator, each with a permanent link that belongs to one browser."""

import re
from datetime import date

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.directory.models import Person, Unit, Venue
from meetings.directory.units import UnitForm, succeed, units_on
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock


@pytest.fixture
async def unit(context: Context) -> Unit:
    unit = Unit(
        name="Ủy ban nhân dân xã Ví Dụ Một", short_name="Ví Dụ Một", level="commune", valid_from=date(2025, 7, 1)
    )
    async with context.database.transaction() as session:
        session.add(unit)
    return unit


@pytest.fixture
async def operator(log_in: LogIn) -> Browser:
    return await log_in(Role.OPERATOR)


async def add_venue(operator: Browser, unit: Unit, **change: str) -> str:
    form = {"name": "Phòng họp số 1", "unit_id": unit.id, "phone": "0262 111 111", "active": "1"} | change
    answer = await operator.post("/venues", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/venues/")


async def link_of(operator: Browser, venue_id: str) -> str:
    page = await operator.get(f"/venues/{venue_id}")
    found = re.search(r"https://hop\.example\.invalid(/p/[\w-]+)", page.text)
    assert found, page.text
    return found[1]


async def test_a_new_venue_stands_in_the_list_with_a_link_and_a_card(operator: Browser, unit: Unit) -> None:
    venue_id = await add_venue(operator, unit)
    page = await operator.get("/venues")
    assert "Phòng họp số 1" in page.text
    assert "Ủy ban nhân dân xã Ví Dụ Một" in page.text
    card = await operator.get(f"/venues/{venue_id}/card")
    assert 'src="data:image/svg+xml' in card.text
    assert await link_of(operator, venue_id) in card.text


async def test_the_list_is_filtered_by_words(operator: Browser, unit: Unit) -> None:
    await add_venue(operator, unit)
    assert "Phòng họp số 1" in (await operator.get("/venues?q=ví dụ")).text
    assert "Không có phòng nào khớp" in (await operator.get("/venues?q=hội trường")).text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "Vui lòng điền mục này."),
        ({"name": "   "}, "Vui lòng điền mục này."),
        ({"name": "x" * 121}, "Nội dung dài quá 120 ký tự; hiện có 121."),
        ({"name": "Phòng\u202eA"}, "Nội dung có ký tự không hiển thị được."),
        ({"name": "Phòng\x00A"}, "Nội dung có ký tự không hiển thị được."),
        ({"unit_id": ""}, "Vui lòng chọn đơn vị quản lý phòng họp."),
        ({"unit_id": "' OR 1=1"}, "Vui lòng chọn đơn vị quản lý phòng họp."),
        ({"phone": "1" * 41}, "Nội dung dài quá 40 ký tự; hiện có 41."),
        ({"equipment": "x" * 2001}, "Nội dung dài quá 2000 ký tự; hiện có 2001."),
    ],
)
async def test_a_faulty_form_says_what_is_wrong_and_stores_nothing(
    operator: Browser, unit: Unit, context: Context, change: dict[str, str], sentence: str
) -> None:
    form = {"name": "Phòng họp số 1", "unit_id": unit.id, "active": "1"} | change
    answer = await operator.post("/venues", data=form)
    assert answer.status_code == 422
    assert sentence in answer.text
    async with context.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Venue)) == 0


async def test_markup_in_a_name_is_shown_as_it_was_typed(operator: Browser, unit: Unit) -> None:
    await add_venue(operator, unit, name="<script>alert(1)</script>")
    page = await operator.get("/venues")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>alert" not in page.text


async def test_two_venues_of_a_unit_have_two_names(operator: Browser, unit: Unit) -> None:
    await add_venue(operator, unit)
    answer = await operator.post("/venues", data={"name": "PHÒNG  họp SỐ 1", "unit_id": unit.id})
    assert answer.status_code == 409
    assert "Đơn vị này đã có phòng họp tên" in answer.text


async def test_a_link_belongs_to_the_first_browser_that_opens_it(app: FastAPI, operator: Browser, unit: Unit) -> None:
    link = await link_of(operator, await add_venue(operator, unit))
    async with Browser(app) as tv, Browser(app) as stranger:
        opened = await tv.get(link)
        assert (opened.status_code, opened.headers["location"]) == (303, "/room")
        assert "HttpOnly" in opened.headers["set-cookie"]
        assert (await tv.get(link)).status_code == 303, "the same browser comes back"
        refused = await stranger.get(link)
        assert refused.status_code == 409
        assert "đang gắn với một máy khác" in refused.text
        assert (await tv.get("/api/room/state")).status_code == 200
        assert (await stranger.get("/api/room/state")).status_code == 403


async def test_after_unbinding_the_next_browser_has_the_link(app: FastAPI, operator: Browser, unit: Unit) -> None:
    venue_id = await add_venue(operator, unit)
    link = await link_of(operator, venue_id)
    async with Browser(app) as old, Browser(app) as new:
        await old.get(link)
        assert "Đã gắn với một máy" in (await operator.get(f"/venues/{venue_id}")).text
        assert (await operator.post(f"/venues/{venue_id}/unbind")).status_code == 303
        assert (await new.get(link)).status_code == 303
        assert (await new.get("/api/room/state")).status_code == 200
        assert (await old.get("/api/room/state")).status_code == 403
        assert (await old.get(link)).status_code == 409


async def test_a_renewed_link_ends_the_old_one_and_its_browser(app: FastAPI, operator: Browser, unit: Unit) -> None:
    venue_id = await add_venue(operator, unit)
    old_link = await link_of(operator, venue_id)
    async with Browser(app) as tv:
        await tv.get(old_link)
        assert (await operator.post(f"/venues/{venue_id}/renew")).status_code == 303
        new_link = await link_of(operator, venue_id)
        assert new_link != old_link
        assert (await tv.get("/api/room/state")).status_code == 403
        gone = await tv.get(old_link)
        assert gone.status_code == 404
        assert "không còn hiệu lực" in gone.text
        assert (await tv.get(new_link)).status_code == 303


@pytest.mark.parametrize("token", ["forged", "x" * 3000, "..%2F..%2Fetc", "%00", "‮"])
async def test_a_forged_link_opens_nothing(client: Browser, token: str) -> None:
    answer = await client.get(f"/p/{token}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers or "meetings_device" not in answer.headers["set-cookie"]


async def test_a_venue_out_of_use_lets_nobody_in(app: FastAPI, operator: Browser, unit: Unit) -> None:
    venue_id = await add_venue(operator, unit)
    link = await link_of(operator, venue_id)
    async with Browser(app) as tv:
        await tv.get(link)
        form = {"name": "Phòng họp số 1", "unit_id": unit.id}
        assert (await operator.post(f"/venues/{venue_id}", data=form)).status_code == 303
        assert (await tv.get("/api/room/state")).status_code == 403
        assert (await tv.get(link)).status_code == 404


async def test_the_secret_of_a_link_is_not_in_the_database(operator: Browser, unit: Unit, context: Context) -> None:
    link = await link_of(operator, await add_venue(operator, unit))
    content = (context.settings.data_dir / "meetings.db").read_bytes()
    assert link.removeprefix("/p/").encode() not in content


async def test_what_is_done_with_links_stands_in_the_house_s_log(
    app: FastAPI, operator: Browser, unit: Unit, context: Context
) -> None:
    venue_id = await add_venue(operator, unit)
    async with Browser(app) as tv:
        await tv.get(await link_of(operator, venue_id))
    await operator.post(f"/venues/{venue_id}/unbind")
    await operator.post(f"/venues/{venue_id}/renew")
    async with context.database.read() as session:
        found = await events.read_after(session, events.HOUSE, 0)
        assert await events.verify_chain(session, events.HOUSE) == []
    kinds = [event.kind for event in found if event.subject_id == venue_id]
    assert kinds == ["venue.created", "point.bound", "point.unbound", "point.link_renewed"]


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.LEADER, Role.CLERK, Role.AUDITOR])
async def test_others_neither_see_nor_change_links(log_in: LogIn, operator: Browser, unit: Unit, role: Role) -> None:
    venue_id = await add_venue(operator, unit)
    browser = await log_in(role)
    for path in ("/venues", "/venues/new", f"/venues/{venue_id}", f"/venues/{venue_id}/card"):
        assert (await browser.get(path)).status_code == 403
    for path in ("/venues", f"/venues/{venue_id}", f"/venues/{venue_id}/renew", f"/venues/{venue_id}/unbind"):
        assert (await browser.post(path)).status_code == 403


async def test_a_unit_that_is_renamed_hands_over_its_rooms_and_people(
    operator: Browser, unit: Unit, context: Context, clock: ManualClock
) -> None:
    venue_id = await add_venue(operator, unit)
    async with context.database.transaction() as session:
        session.add(Person(id="p", full_name="Ông Ví Dụ", unit_id=unit.id))
        form = UnitForm("UBND xã Ví Dụ Mới", "Mới", "commune", since="2026-05-01")
        new = await succeed(session, unit.id, form, clock.now())
    async with context.database.read() as session:
        assert (await session.get_one(Venue, venue_id)).unit_id == new.id
        assert (await session.get_one(Person, "p")).unit_id == new.id
        before = [one.name for one in await units_on(session, date(2026, 4, 30))]
        after = [one.name for one in await units_on(session, date(2026, 5, 1))]
    assert (before, after) == (["Ủy ban nhân dân xã Ví Dụ Một"], ["UBND xã Ví Dụ Mới"])
