"""Units and people: kept by the office, closed and never deleted, so that old documents still resolve."""

import re
from datetime import date

import pytest
from sqlalchemy import func, select

from meetings import events
from meetings.access import ACCOUNT_ROLES, Role
from meetings.context import Context
from meetings.directory.models import Person, Unit
from meetings.directory.people import list_people
from meetings.directory.units import units_on
from tests.conftest import LogIn
from tests.fakes import Browser

UNIT = {"name": "Ủy ban nhân dân xã Ví Dụ Một", "short_name": "Ví Dụ Một", "level": "commune", "since": "01/07/2025"}
PERSON = {"full_name": "Hoàng Văn Ví Dụ", "honorific": "Ông", "post": "Chủ tịch", "sort_rank": "10", "active": "1"}


@pytest.fixture
async def admin(log_in: LogIn) -> Browser:
    return await log_in(Role.ADMIN)


async def unit_id(context: Context, name: str = UNIT["name"]) -> str:
    async with context.database.read() as session:
        return (await session.scalars(select(Unit.id).where(Unit.name == name))).one()


async def test_a_new_installation_is_filled_by_hand(admin: Browser, context: Context) -> None:
    assert "Chưa có đơn vị nào" in (await admin.get("/units")).text
    assert "Chưa có ai trong danh bạ" in (await admin.get("/people")).text
    assert (await admin.post("/units", data=UNIT)).status_code == 303
    person = PERSON | {"unit_id": await unit_id(context), "email": "ct@example.invalid"}
    assert (await admin.post("/people", data=person)).status_code == 303
    assert "Ủy ban nhân dân xã Ví Dụ Một" in (await admin.get("/units")).text
    page = (await admin.get("/people")).text
    assert "Ông Hoàng Văn Ví Dụ" in page
    assert "ct@example.invalid" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "Vui lòng điền mục này."),
        ({"name": "x" * 201}, "Nội dung dài quá 200 ký tự"),
        ({"name": "A\u202eB"}, "Nội dung có ký tự không hiển thị được."),
        ({"short_name": "x" * 61}, "Nội dung dài quá 60 ký tự"),
        ({"level": "kingdom"}, "Vui lòng chọn cấp của đơn vị."),
        ({"parent_id": "nobody"}, "Không có đơn vị này trong danh bạ."),
        ({"since": ""}, "Vui lòng nhập ngày theo ngày/tháng/năm"),
        ({"since": "12/31/2025"}, "Vui lòng nhập ngày theo ngày/tháng/năm"),
        ({"since": "31/12/9999"}, "Vui lòng nhập ngày theo ngày/tháng/năm"),
        ({"code": "x" * 41}, "Nội dung dài quá 40 ký tự"),
    ],
)
async def test_a_faulty_unit_is_refused_and_not_stored(
    admin: Browser, context: Context, change: dict[str, str], sentence: str
) -> None:
    answer = await admin.post("/units", data=UNIT | change)
    assert answer.status_code == 422
    assert sentence in answer.text
    async with context.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Unit)) == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"full_name": ""}, "Vui lòng điền mục này."),
        ({"full_name": "x" * 121}, "Nội dung dài quá 120 ký tự"),
        ({"full_name": "A\x00B"}, "Nội dung có ký tự không hiển thị được."),
        ({"email": "không phải thư"}, "Địa chỉ thư điện tử chưa đúng"),
        ({"email": "a@b"}, "Địa chỉ thư điện tử chưa đúng"),
        ({"email": "a@example.invalid, b@example.invalid"}, "Địa chỉ thư điện tử chưa đúng"),
        ({"email": "a@example.invalid\r\nBcc: b@example.invalid"}, "Địa chỉ thư điện tử chưa đúng"),
        ({"email": "x" * 250 + "@example.invalid"}, "Nội dung dài quá 254 ký tự"),
        ({"sort_rank": "-1"}, "Thứ tự là một số từ 0 đến 9999."),
        ({"sort_rank": "10000"}, "Thứ tự là một số từ 0 đến 9999."),
        ({"sort_rank": "²"}, "Thứ tự là một số từ 0 đến 9999."),
        ({"sort_rank": ""}, "Thứ tự là một số từ 0 đến 9999."),
        ({"unit_id": "nobody"}, "Không có đơn vị này trong danh bạ."),
    ],
)
async def test_a_faulty_person_is_refused_and_not_stored(
    admin: Browser, context: Context, change: dict[str, str], sentence: str
) -> None:
    answer = await admin.post("/people", data=PERSON | change)
    assert answer.status_code == 422
    assert sentence in answer.text
    async with context.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Person)) == 0


async def test_a_renamed_unit_stays_among_those_of_before(admin: Browser, context: Context) -> None:
    await admin.post("/units", data=UNIT)
    old = await unit_id(context)
    change = UNIT | {"name": "Ủy ban nhân dân phường Ví Dụ", "since": "2026-05-01"}
    answer = await admin.post(f"/units/{old}/succeed", data=change)
    new = answer.headers["location"].removeprefix("/units/")
    assert answer.status_code == 303
    page = (await admin.get(f"/units/{old}")).text
    assert re.search(rf'href="/units/{new}">Ủy ban nhân dân phường Ví Dụ<', page)
    again = await admin.post(f"/units/{old}/succeed", data=change | {"name": "Khác"})
    assert again.status_code == 409
    assert "đã được thay thế" in again.text
    async with context.database.read() as session:
        assert [unit.id for unit in await units_on(session, date(2026, 4, 30))] == [old]
        assert [unit.id for unit in await units_on(session, date(2026, 5, 1))] == [new]


async def test_who_left_is_no_longer_offered_and_not_forgotten(admin: Browser, context: Context) -> None:
    await admin.post("/people", data=PERSON)
    async with context.database.read() as session:
        person_id = (await session.scalars(select(Person.id))).one()
    change = {name: value for name, value in PERSON.items() if name != "active"}
    assert (await admin.post(f"/people/{person_id}", data=change)).status_code == 303
    assert "Hoàng Văn Ví Dụ" not in (await admin.get("/people")).text
    assert "Hoàng Văn Ví Dụ" in (await admin.get("/people?left=1")).text
    async with context.database.read() as session:
        assert await list_people(session) == []


async def test_people_are_found_by_name_post_or_unit(admin: Browser) -> None:
    await admin.post("/people", data=PERSON)
    assert "Hoàng Văn Ví Dụ" in (await admin.get("/people?q=VĂN+chủ")).text
    assert "Không có ai khớp" in (await admin.get("/people?q=Lê")).text


async def test_what_is_done_stands_in_the_house_s_log(admin: Browser, context: Context) -> None:
    await admin.post("/units", data=UNIT)
    await admin.post("/people", data=PERSON)
    async with context.database.read() as session:
        found = await events.read_after(session, events.HOUSE, 0)
    assert [(event.kind, event.actor_id) for event in found] == [
        ("unit.created", admin.account_id),
        ("person.created", admin.account_id),
    ]


MAY = {"/units": {Role.OFFICE_LEADER, Role.ADMIN}, "/people": {Role.SECRETARY, Role.OFFICE_LEADER, Role.ADMIN}}


@pytest.mark.parametrize("path", MAY)
@pytest.mark.parametrize("role", ACCOUNT_ROLES)
async def test_only_those_with_the_right_see_and_change(log_in: LogIn, path: str, role: Role) -> None:
    browser = await log_in(role)
    expected = role in MAY[path]
    assert ((await browser.get(path)).status_code == 200) == expected
    assert ((await browser.post(path, data=UNIT | PERSON)).status_code == 303) == expected
