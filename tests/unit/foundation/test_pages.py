"""The pages of the foundation, as a browser sees them."""

from meetings.access import Role
from meetings.context import Context
from meetings.directory.accounts import create_account
from tests.conftest import LogIn
from tests.fakes import Browser


async def test_somebody_unknown_sees_the_log_in_page(client: Browser) -> None:
    page = await client.get("/login")
    assert page.status_code == 200
    assert "Đăng nhập" in page.text


async def test_an_account_logs_in_with_its_password(client: Browser, context: Context) -> None:
    async with context.database.transaction() as session:
        await create_account(
            session,
            login="thu.ky",
            display_name="Thư ký",
            password="mot hai ba bon",
            roles=[Role.SECRETARY],
            now=context.clock.now(),
        )
    answer = await client.post("/login", data={"login": "thu.ky", "password": "mot hai ba bon", "next": "/week"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/week")
    wrong = await client.post("/logout")
    assert wrong.status_code == 303


async def test_a_log_in_is_remembered(log_in: LogIn) -> None:
    browser = await log_in(Role.SECRETARY)
    assert (await browser.get("/login")).status_code == 303
