"""A list from a spreadsheet: taken in whole, or refused with the lines at fault."""

import pytest
from sqlalchemy import func, select

from meetings.access import Role
from meetings.context import Context
from meetings.directory.models import Person, Unit, Venue
from tests.conftest import LogIn
from tests.fakes import Browser

UNITS = """\
Tên đơn vị;Tên ngắn;Cấp;Trực thuộc;Mã định danh;Từ ngày;Phòng họp;Điện thoại
Ủy ban nhân dân tỉnh;UBND tỉnh;Cấp tỉnh;;H15;2025-07-01;;
"Ủy ban nhân dân xã ""Ví Dụ"" Một";Ví Dụ Một;Xã;Ủy ban nhân dân tỉnh;H15.1;2025-07-01;Điểm cầu xã Ví Dụ Một;0262 000 201

Ủy ban nhân dân phường Ví Dụ;Ví Dụ;phường;ủy ban nhân dân TỈNH;;;;
"""
PEOPLE = """\
Họ và tên,Xưng hô,Chức vụ,Đơn vị,Thư điện tử,Thứ tự
Hoàng Văn Ví Dụ,Ông,Chủ tịch,Ủy ban nhân dân tỉnh,ct@example.invalid,10
Trần Thị Thí Dụ,Bà,"Phó Chủ tịch, phụ trách văn xã",Ủy ban nhân dân tỉnh,,
"""


@pytest.fixture
async def admin(log_in: LogIn) -> Browser:
    return await log_in(Role.ADMIN)


async def send(browser: Browser, kind: str, content: str | bytes) -> tuple[int, str]:
    content = content.encode() if isinstance(content, str) else content
    answer = await browser.post("/units/import", data={"kind": kind}, files={"file": ("danh-sach.csv", content)})
    return answer.status_code, answer.text


async def counts(context: Context) -> list[int]:
    async with context.database.read() as session:
        return [await session.scalar(select(func.count()).select_from(one)) or 0 for one in (Unit, Venue, Person)]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_units_rooms_and_people_are_taken_in_once(admin: Browser, context: Context, mark: str) -> None:
    status, page = await send(admin, "units", mark + UNITS)
    assert (status, "Đã thêm 3 dòng" in page) == (200, True)
    assert "Đã thêm 2 dòng" in (await send(admin, "people", PEOPLE))[1]
    assert await counts(context) == [3, 1, 2]
    assert "Đã thêm 0 dòng" in (await send(admin, "units", UNITS.replace("\n", "\r\n")))[1]
    assert "Đã thêm 0 dòng" in (await send(admin, "people", PEOPLE))[1]
    assert await counts(context) == [3, 1, 2]
    async with context.database.read() as session:
        ward = (await session.scalars(select(Unit).where(Unit.level == "ward"))).one()
        parent = await session.get_one(Unit, ward.parent_id)
    assert parent.name == "Ủy ban nhân dân tỉnh"


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("units", "", "Vui lòng chọn tệp danh sách."),
        ("kings", UNITS, "Vui lòng chọn danh sách gồm những gì."),
        ("units", PEOPLE, "Dòng đầu của tệp cần có cột “tên đơn vị”."),
        ("units", UNITS.replace("Xã;", "Vương quốc;"), "Dòng 3: Vui lòng chọn cấp của đơn vị."),
        (
            "units",
            UNITS.replace(";H15.1;2025-07-01", ";H15.1;7/31/2025"),
            "Dòng 3: Vui lòng nhập ngày theo ngày/tháng/năm",
        ),
        ("units", UNITS.replace("ủy ban nhân dân TỈNH", "Trung ương"), "Dòng 5: Chưa có đơn vị tên “Trung ương”."),
        ("units", UNITS.replace("0262 000 201", "1" * 41), "Dòng 3: Nội dung dài quá 40 ký tự"),
        ("units", UNITS.replace("phường Ví", "phường\u202eVí"), "Dòng 5: Nội dung có ký tự không hiển thị được."),
        ("people", PEOPLE, "Dòng 2: Chưa có đơn vị tên “Ủy ban nhân dân tỉnh”."),
        ("people", "Họ và tên,Thư điện tử\nA,x\n", "Dòng 2: Địa chỉ thư điện tử chưa đúng"),
        ("people", 'Họ và tên\n"không đóng', "Không đọc được tệp."),
        ("units", UNITS.encode("utf-16"), "Không đọc được tệp."),
        ("units", b"%PDF-1.7\x00\xff\xfe", "Không đọc được tệp."),
        ("units", b"\x00" * 1000, "Dòng đầu của tệp cần có cột"),
        ("units", "Tên đơn vị\n" + "A\n" * 2001, "Danh sách dài quá 2000 dòng."),
        ("units", "Tên đơn vị\n" + "A" * 1_100_000, "Tệp danh sách lớn quá 1 MB."),
    ],
)
async def test_a_faulty_list_is_refused_whole(
    admin: Browser, context: Context, kind: str, content: str | bytes, sentence: str
) -> None:
    status, page = await send(admin, kind, content)
    assert status == 422
    assert sentence in page
    assert await counts(context) == [0, 0, 0]


async def test_others_may_not_bring_lists(log_in: LogIn, context: Context) -> None:
    assert (await send(await log_in(Role.SECRETARY), "units", UNITS))[0] == 403
    assert await counts(context) == [0, 0, 0]
