"""Accounts: made and changed by the administrator, who reads no content."""

import re

import pytest

from meetings.access import ACCOUNT_ROLES, Role
from meetings.context import Context
from meetings.directory.accounts import list_accounts
from tests.conftest import LogIn
from tests.fakes import Browser

FORM = {"login": "van.thu", "display_name": "Văn Thư", "password": "mot hai ba bon", "roles": "clerk"}


@pytest.fixture
async def admin(log_in: LogIn) -> Browser:
    return await log_in(Role.ADMIN, login="admin")


async def logins(context: Context) -> list[str]:
    async with context.database.read() as session:
        return [row.account.login for row in await list_accounts(session)]


async def test_an_account_is_made_and_stands_in_the_list(admin: Browser) -> None:
    assert (await admin.post("/accounts", data=FORM)).status_code == 303
    page = await admin.get("/accounts")
    assert "van.thu" in page.text
    assert "Văn thư" in page.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"login": ""}, "Tên đăng nhập gồm 2 đến 60"),
        ({"login": "a"}, "Tên đăng nhập gồm 2 đến 60"),
        ({"login": "văn thư"}, "Tên đăng nhập gồm 2 đến 60"),
        ({"login": "x" * 61}, "Tên đăng nhập gồm 2 đến 60"),
        ({"login": "<b>ab</b>"}, "Tên đăng nhập gồm 2 đến 60"),
        ({"display_name": ""}, "Vui lòng điền mục này."),
        ({"display_name": "x" * 121}, "Nội dung dài quá 120 ký tự"),
        ({"display_name": "A\u202eB"}, "Nội dung có ký tự không hiển thị được."),
        ({"password": "ngan"}, "Mật khẩu cần ít nhất 10 ký tự."),
        ({"password": "van.thu-12345"}, "Mật khẩu không được chứa tên đăng nhập."),
        ({"roles": "king"}, "Vui lòng chọn ít nhất một vai trò."),
        ({"roles": "point"}, "Vui lòng chọn ít nhất một vai trò."),
        ({"person_id": "nobody"}, "Không có người này trong danh bạ."),
    ],
)
async def test_a_faulty_form_says_what_is_wrong_and_makes_nobody(
    admin: Browser, context: Context, change: dict[str, str], sentence: str
) -> None:
    answer = await admin.post("/accounts", data=FORM | change)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert await logins(context) == ["admin"]


async def test_all_faults_are_told_at_once(admin: Browser) -> None:
    answer = await admin.post("/accounts", data={})
    assert "Có 4 mục cần sửa" in answer.text


async def test_a_login_is_given_once(admin: Browser) -> None:
    await admin.post("/accounts", data=FORM)
    answer = await admin.post("/accounts", data=FORM | {"login": "VAN.THU"})
    assert answer.status_code == 409
    assert "đã có người dùng" in answer.text


async def test_who_is_switched_off_is_out_at_once(admin: Browser, log_in: LogIn) -> None:
    clerk = await log_in(Role.CLERK)
    change = {"display_name": "Văn Thư", "roles": "clerk"}
    assert (await admin.post(f"/accounts/{clerk.account_id}", data=change)).status_code == 303
    assert (await clerk.get("/account")).status_code == 303


async def test_who_gets_another_role_logs_in_anew(admin: Browser, log_in: LogIn) -> None:
    clerk = await log_in(Role.CLERK)
    change = {"display_name": "Văn Thư", "roles": ["clerk", "operator"], "active": "1"}
    await admin.post(f"/accounts/{clerk.account_id}", data=change)
    assert (await clerk.get("/account")).status_code == 303


async def test_the_last_administrator_stays_one(admin: Browser) -> None:
    for change in ({"roles": "clerk", "active": "1"}, {"roles": "admin"}):
        answer = await admin.post(f"/accounts/{admin.account_id}", data={"display_name": "Q"} | change)
        assert answer.status_code == 409
        assert "Đây là người quản trị duy nhất" in answer.text


async def test_the_administrator_sets_a_password_and_sees_no_hash(admin: Browser, log_in: LogIn) -> None:
    clerk = await log_in(Role.CLERK)
    path = f"/accounts/{clerk.account_id}/password"
    assert (await admin.post(path, data={"password": "ngan"})).status_code == 422
    assert (await admin.post(path, data={"password": "nam sau bay tam"})).status_code == 303
    assert "argon2" not in (await admin.get(f"/accounts/{clerk.account_id}")).text
    assert (await clerk.get("/account")).status_code == 303


@pytest.mark.parametrize("role", [role for role in ACCOUNT_ROLES if role != Role.ADMIN])
async def test_nobody_else_sees_accounts(log_in: LogIn, role: Role) -> None:
    browser = await log_in(role)
    for path in ("/accounts", "/accounts/new", f"/accounts/{browser.account_id}"):
        assert (await browser.get(path)).status_code == 403
    for path in ("/accounts", f"/accounts/{browser.account_id}", f"/accounts/{browser.account_id}/password"):
        assert (await browser.post(path, data=FORM)).status_code == 403


async def test_the_language_is_kept_on_the_browser(client: Browser) -> None:
    answer = await client.post("/language", data={"locale": "en", "back": "/login"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    page = await client.get("/login")
    assert re.search(r'<html lang="en"', page.text)
    await client.post("/language", data={"locale": "tlh", "back": "https://evil.example"})
    assert re.search(r'<html lang="en"', (await client.get("/login")).text)
