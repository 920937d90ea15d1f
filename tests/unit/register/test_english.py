"""What the Decree names has an English name on the pages; the printed book stays an official Vietnamese form."""

import pytest

from meetings.access import Role
from meetings.register.reference import shipped
from tests.conftest import LogIn
from tests.unit.foundation import sentences


@pytest.mark.parametrize("table", ["types", "series", "columns", "retention"])
def test_every_shipped_name_has_an_english_one(table: str) -> None:
    translated = sentences.catalogue()
    assert [row for row in shipped()[table] if (row.get("name") or row["title"]) not in translated] == []


async def test_the_english_register_has_english_heads_and_the_printed_book_has_not(log_in: LogIn) -> None:
    clerk = await log_in(Role.CLERK)
    clerk.cookies.set("locale", "en")
    page, book = (await clerk.get("/register")).text, (await clerk.get("/register/print")).text
    for english in ("Minutes", "Official letter"):
        assert f">{english}</option>" in page
    assert "Nghị quyết" not in page
    assert '<th scope="col">Tên loại và trích yếu nội dung văn bản</th>' in book
    assert "SỔ ĐĂNG KÝ VĂN BẢN ĐI" in book
