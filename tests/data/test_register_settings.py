"""What the Decree leaves to the office can be set and taken back, and is logged; what cannot be meant is refused."""

from html import unescape

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from meetings import events
from meetings.access import ACCOUNT_ROLES, Role
from meetings.context import Context
from meetings.register import reference
from meetings.register.models import RegisterColumn, Retention, Series
from tests.conftest import logged_in
from tests.fakes import Browser

PAGE = "/register/settings"


async def loaded(app: FastAPI, role: Role = Role.CLERK) -> tuple[Browser, Context]:
    context: Context = app.state.context
    async with context.database.transaction() as session:
        await reference.load(session, context.settings.office_symbol)
    return await logged_in(app, role), context


async def logged(context: Context) -> list[events.Event]:
    async with context.database.read() as session:
        found = await events.read_after(session, events.HOUSE, 0)
    return [one for one in found if one.kind.startswith("register.")]


async def test_a_retention_is_set_shown_beside_its_default_logged_and_restored(any_app: FastAPI) -> None:
    clerk, context = await loaded(any_app)
    change = {"table": "retention", "key": "giao_ban", "name": "Biên bản họp giao ban", "years": "20"}
    assert (await clerk.post(PAGE, data=change)).status_code == 303
    page = unescape((await clerk.get(PAGE)).text)
    assert "Mặc định: 10 năm" in page
    async with context.database.transaction() as session:
        await reference.load(session, context.settings.office_symbol)  # the next start leaves it alone
        assert (await session.get_one(Retention, "giao_ban")).years == 20
    [event] = await logged(context)
    assert (event.payload["before"]["years"], event.payload["after"]["years"]) == ("10", "20")
    assert event.actor_id == clerk.account_id
    await clerk.post(PAGE, data=change)  # the same again is no change
    restore = {"table": "retention", "key": "giao_ban", "do": "restore"}
    assert (await clerk.post(PAGE, data=restore)).status_code == 303
    async with context.database.read() as session:
        assert (await session.get_one(Retention, "giao_ban")).years == 10
    assert [one.kind for one in await logged(context)] == ["register.setting_changed", "register.setting_restored"]
    auditor = await logged_in(any_app, Role.AUDITOR)
    assert "Đổi thiết lập sổ văn bản: Thời hạn bảo quản, Biên bản họp giao ban" in (await auditor.get("/audit")).text
    await auditor.aclose()
    await clerk.aclose()


async def test_what_is_set_is_what_the_register_shows_and_numbers_with(any_app: FastAPI) -> None:
    clerk, context = await loaded(any_app)
    column = {"table": "columns", "field": "x", "key": "note", "title": "Ghi chú của văn thư"}
    series = {
        "table": "series",
        "key": "BB",
        "name": "Sổ biên bản",
        "types": "BB, TB",
        "number_format": "{no:03}/{type}",
    }
    for change in (column, series):
        assert (await clerk.post(PAGE, data=change)).status_code == 303
    assert "Ghi chú của văn thư" in (await clerk.get("/register/print")).text
    async with context.database.read() as session:
        [row] = await session.scalars(select(Series).where(Series.code == "BB"))
        assert (row.name, row.types, row.number_format) == ("Sổ biên bản", ["BB", "TB"], "{no:03}/{type}")
        [head] = await session.scalars(select(RegisterColumn).where(RegisterColumn.field == "note"))
        assert head.title == "Ghi chú của văn thư"
    await clerk.aclose()


SERIES = {"table": "series", "key": "BB", "name": "Biên bản", "types": "BB", "number_format": "{no:02}/{type}-{org}"}
RETENTION = {"table": "retention", "key": "giao_ban", "name": "Giao ban", "years": "10"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (SERIES | {"number_format": "{no.__class__}"}, "không dùng được"),
        (SERIES | {"number_format": "BB-{org}"}, "không dùng được"),
        (SERIES | {"types": "XX"}, "Không có loại văn bản “XX”"),
        (SERIES | {"types": "BB, CV"}, "đã thuộc sổ “Công văn và thư công”"),
        (SERIES | {"types": "BB, *"}, "đã thuộc sổ “Số chung”"),
        (SERIES | {"key": "VB", "types": "TB"}, "sẽ không còn sổ nào cấp số"),
        (SERIES | {"name": ""}, "Vui lòng điền mục này"),
        (RETENTION | {"years": "-1"}, "từ 0 đến 100"),
        (RETENTION | {"years": "²"}, "từ 0 đến 100"),
        (RETENTION | {"years": "101"}, "từ 0 đến 100"),
        (RETENTION | {"name": "a\u202eb"}, "không hiển thị được"),
        ({"table": "columns", "key": "note", "title": "x" * 201}, "dài quá 200"),
        ({"table": "types", "key": "BB", "name": "x" * 101}, "dài quá 100"),
    ],
)
async def test_what_cannot_be_meant_is_refused_and_comes_back_as_it_was_typed(
    app: FastAPI, change: dict[str, str], sentence: str
) -> None:
    clerk, context = await loaded(app)
    answer = await clerk.post(PAGE, data=change)
    assert answer.status_code == 422
    assert sentence in unescape(answer.text)
    assert '<details class="set" open>' in answer.text
    assert await logged(context) == []
    await clerk.aclose()


async def test_an_unknown_row_or_table_is_not_there(app: FastAPI) -> None:
    clerk, _ = await loaded(app)
    for table, key in (("nowhere", "x"), ("types", "x"), ("series", "../x")):
        assert (await clerk.post(PAGE, data={"table": table, "key": key, "name": "x"})).status_code == 404
    await clerk.aclose()


@pytest.mark.parametrize("role", ACCOUNT_ROLES)
async def test_who_may_set(app: FastAPI, role: Role) -> None:
    browser, context = await loaded(app, role)
    may = role in (Role.CLERK, Role.ADMIN)
    assert (await browser.get(PAGE)).status_code == (200 if may else 403)
    assert (await browser.post(PAGE, data=RETENTION)).status_code == (303 if may else 403)
    assert len(await logged(context)) == may
    await browser.aclose()
