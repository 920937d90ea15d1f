"""Logging in: with a password, within limits, to a session that can be ended."""

import asyncio
import html
import re

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from meetings.access import Role
from meetings.context import Context
from meetings.directory import setup
from meetings.directory.accounts import create_account, set_password
from meetings.directory.models import LoginAttempt, WebSession
from meetings.directory.passwords import chosen
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock

PASSWORD = "mot hai ba bon"
WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng"


@pytest.fixture
async def secretary(context: Context) -> str:
    """The id of an account `thu.ky` with a real password."""
    async with context.database.transaction() as session:
        account = await create_account(
            session,
            login="thu.ky",
            display_name="Lê Thị Thư Ký",
            password=await chosen(PASSWORD, "thu.ky"),
            roles=[Role.SECRETARY],
            now=context.clock.now(),
        )
    return account.id


async def try_password(browser: Browser, password: str = PASSWORD, login: str = "thu.ky") -> int:
    answer = await browser.post("/login", data={"login": login, "password": password, "next": "/account"})
    return answer.status_code


async def test_the_right_password_leads_to_where_one_wanted_to_go(client: Browser, secretary: str) -> None:
    answer = await client.post("/login", data={"login": " Thu.Ky ", "password": PASSWORD, "next": "/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"))
    assert "Lê Thị Thư Ký" in (await client.get("/account")).text


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb", ""])
async def test_logging_in_never_leads_out_of_the_house(client: Browser, secretary: str, where: str) -> None:
    answer = await client.post("/login", data={"login": "thu.ky", "password": PASSWORD, "next": where})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("thu.ky", "sai mat khau"),
        ("khong.co.ai", PASSWORD),
        ("thu.ky", ""),
        ("", PASSWORD),
        ("thu.ky", "x" * 5000),
        ("x" * 5000, PASSWORD),
        ("thu.ky' OR 1=1 --", PASSWORD),
        ("<script>alert(1)</script>", PASSWORD),
        ("thu.ky\u202e", PASSWORD),
        ("thu.ky\x00", PASSWORD),
    ],
)
async def test_anything_else_is_refused_with_a_sentence(
    client: Browser, secretary: str, context: Context, login: str, password: str
) -> None:
    answer = await client.post("/login", data={"login": login, "password": password})
    assert answer.status_code == 422
    assert WRONG in answer.text or "Vui lòng nhập tên đăng nhập" in answer.text
    assert "<script>alert" not in answer.text
    async with context.database.read() as session:
        assert (await session.scalars(select(WebSession))).all() == []


async def test_after_five_wrong_ones_even_the_right_password_waits(
    client: Browser, secretary: str, clock: ManualClock
) -> None:
    assert [await try_password(client, "sai") for _ in range(5)] == [422] * 5
    refused = await client.post("/login", data={"login": "thu.ky", "password": PASSWORD})
    assert refused.status_code == 429
    assert "Vui lòng thử lại sau 15 phút" in refused.text
    assert int(refused.headers["retry-after"]) == 900
    clock.advance(901)
    assert await try_password(client) == 303


async def test_trying_many_at_once_gives_no_more_tries(client: Browser, secretary: str) -> None:
    await client.token()
    answers = await asyncio.gather(*(try_password(client, f"sai {n}") for n in range(12)))
    assert sorted(answers) == [422] * 5 + [429] * 7


async def test_the_right_password_forgets_the_wrong_ones(client: Browser, secretary: str, app: FastAPI) -> None:
    for _ in range(3):
        for _ in range(4):
            assert await try_password(client, "sai") == 422
        async with Browser(app) as other:
            assert await try_password(other) == 303


async def test_one_address_cannot_try_the_names_of_everybody(client: Browser, secretary: str, context: Context) -> None:
    async with context.database.transaction() as session:
        tried = [LoginAttempt(at=context.clock.now(), login=f"nguoi.{n}", address="127.0.0.1") for n in range(28)]
        session.add_all(tried)
    answers = [await try_password(client, "sai", f"khac.{n}") for n in range(3)]
    assert answers == [422, 422, 429]


async def test_attempts_are_kept_without_passwords(client: Browser, secretary: str, context: Context) -> None:
    await try_password(client, "sai mat khau")
    async with context.database.read() as session:
        attempt = (await session.scalars(select(LoginAttempt))).one()
    assert (attempt.login, attempt.succeeded) == ("thu.ky", False)
    assert "sai mat khau" not in repr(vars(attempt))


async def test_who_logs_out_is_nobody_even_with_the_old_cookie(log_in: LogIn, app: FastAPI) -> None:
    browser = await log_in(Role.SECRETARY)
    token = browser.cookies["meetings_session"]
    assert (await browser.post("/logout")).status_code == 303
    async with Browser(app, session_token=token) as thief:
        assert (await thief.get("/account")).headers["location"] == "/login?next=/account"


async def test_a_session_ends_after_twelve_idle_hours_and_lives_while_used(log_in: LogIn, clock: ManualClock) -> None:
    browser = await log_in(Role.SECRETARY)
    for _ in range(3):
        clock.advance(11 * 3600)
        assert (await browser.get("/account")).status_code == 200
    clock.advance(12 * 3600 + 1)
    assert (await browser.get("/account")).status_code == 303


async def test_a_session_ends_after_seven_days_whatever_happens(log_in: LogIn, clock: ManualClock) -> None:
    browser = await log_in(Role.SECRETARY)
    for _ in range(15):
        assert (await browser.get("/account")).status_code == 200
        clock.advance(11.5 * 3600)
    assert (await browser.get("/account")).status_code == 303


async def test_other_sessions_are_listed_and_can_be_ended(
    client: Browser, secretary: str, app: FastAPI, context: Context
) -> None:
    await try_password(client)
    async with Browser(app) as elsewhere:
        await try_password(elsewhere)
        page = await client.get("/account")
        found = re.findall(r"/account/sessions/([0-9a-z]{16})/end", page.text)
        assert len(found) == 1
        assert (await client.post(f"/account/sessions/{found[0]}/end")).status_code == 303
        assert (await elsewhere.get("/account")).status_code == 303
    assert (await client.get("/account")).status_code == 200


async def test_nobody_ends_the_session_of_somebody_else(log_in: LogIn, context: Context) -> None:
    mine, theirs = await log_in(Role.SECRETARY), await log_in(Role.CLERK)
    async with context.database.read() as session:
        query = select(WebSession.id).where(WebSession.account_id == theirs.account_id)
        their_session = (await session.scalars(query)).one()
    await mine.post(f"/account/sessions/{their_session}/end")
    assert (await theirs.get("/account")).status_code == 200


async def test_a_new_password_ends_every_session(client: Browser, secretary: str, context: Context) -> None:
    await try_password(client)
    async with context.database.transaction() as session:
        await set_password(session, "thu.ky", await chosen("nam sau bay tam", "thu.ky"), context.clock.now())
    assert (await client.get("/account")).status_code == 303
    assert await try_password(client) == 422
    assert await try_password(client, "nam sau bay tam") == 303


async def test_ones_own_password_is_changed_with_the_old_one(client: Browser, secretary: str) -> None:
    await try_password(client)
    change = {"old": "sai", "password": "nam sau bay tam"}
    assert (await client.post("/account/password", data=change)).status_code == 422
    change["old"] = PASSWORD
    assert (await client.post("/account/password", data=change)).status_code == 303
    assert (await client.get("/account")).status_code == 200, "this session stays"


async def first_link(context: Context) -> str:
    async with context.database.transaction() as session:
        token = await setup.make_setup_link(session, context.clock.now())
    assert token is not None
    return token


ADMIN = {"login": "quan.tri", "display_name": "Quản Trị", "password": PASSWORD}


async def test_the_first_administrator_comes_in_by_a_link_that_works_once(
    client: Browser, context: Context, app: FastAPI
) -> None:
    token = await first_link(context)
    assert (await client.get(f"/setup/{token}")).status_code == 200
    assert (await client.post(f"/setup/{token}", data=ADMIN)).status_code == 303
    assert (await client.get("/accounts")).status_code == 200
    async with Browser(app) as second:
        assert (await second.get(f"/setup/{token}")).status_code == 404
        assert (await second.post(f"/setup/{token}", data=ADMIN | {"login": "ke.gian"})).status_code == 404
    async with context.database.transaction() as session:
        assert await setup.make_setup_link(session, context.clock.now()) is None


async def test_a_setup_link_ends_with_the_day_and_with_the_next_start(
    client: Browser, context: Context, clock: ManualClock
) -> None:
    old = await first_link(context)
    new = await first_link(context)
    assert (await client.get(f"/setup/{old}")).status_code == 404
    assert (await client.get("/setup/forged")).status_code == 404
    clock.advance(24 * 3600 + 1)
    assert (await client.get(f"/setup/{new}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "ngan"}, "Mật khẩu cần ít nhất 10 ký tự."),
        ({"password": "quan.tri 12345"}, "Mật khẩu không được chứa tên đăng nhập."),
        ({"password": "x" * 201}, "Mật khẩu dài quá 200 ký tự."),
        ({"login": "có dấu"}, "Tên đăng nhập gồm 2 đến 60 chữ cái không dấu"),
        ({"login": ""}, "Tên đăng nhập gồm 2 đến 60 chữ cái không dấu"),
        ({"display_name": ""}, "Vui lòng điền mục này."),
        ({"display_name": "Nguyễn\u202eVăn"}, "Nội dung có ký tự không hiển thị được."),
    ],
)
async def test_a_faulty_form_keeps_the_link_and_makes_nobody(
    client: Browser, context: Context, change: dict[str, str], sentence: str
) -> None:
    token = await first_link(context)
    answer = await client.post(f"/setup/{token}", data=ADMIN | change)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert (await client.post(f"/setup/{token}", data=ADMIN)).status_code == 303


@pytest.mark.parametrize("path", ["/login?next=/week%3Fat%3D2026-04-27", "/no-such-page", "/setup/none"])
async def test_the_language_is_chosen_before_logging_in_and_kept(client: Browser, path: str) -> None:
    """On the page that is open, by a form that it shows; the page comes back, in that language, on every visit."""
    page = await client.get(path, headers={"Accept": "text/html"})
    assert '<html lang="vi"' in page.text
    found = re.search(r'action="/language".*?name="back" value="([^"]*)"', page.text, re.DOTALL)
    assert found, "there is a choice on the page"
    answer = await client.post("/language", data={"locale": "en", "back": html.unescape(found[1])})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "Max-Age=31536000" in answer.headers["set-cookie"]
    again = await client.get(answer.headers["location"], headers={"Accept": "text/html"})
    assert '<html lang="en"' in again.text
    assert '<html lang="en"' in (await client.get("/login")).text


async def test_a_language_that_is_none_of_ours_changes_nothing(client: Browser) -> None:
    answer = await client.post("/language", data={"locale": "../../etc", "back": "https://evil.example/"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "locale=" not in answer.headers.get("set-cookie", "")
