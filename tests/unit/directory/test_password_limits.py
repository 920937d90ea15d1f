"""Passwords are limited where they are tried, and computing one keeps nobody waiting."""

import asyncio
import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from meetings.access import Role
from meetings.context import Context
from meetings.directory import passwords
from meetings.directory.models import LoginAttempt
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock, eventually
from tests.unit.directory.test_login import PASSWORD, first_link, secretary, try_password

__all__ = ["secretary"]


async def tried(context: Context, count: int, *, address: str, ahead: timedelta = timedelta(0)) -> None:
    async with context.database.transaction() as session:
        at = context.clock.now() + ahead
        session.add_all(LoginAttempt(at=at, login="thu.ky", address=address) for _ in range(count))


async def test_nobody_is_locked_out_by_wrong_passwords_from_another_machine(
    client: Browser, secretary: str, context: Context
) -> None:
    await tried(context, 5, address="192.0.2.7")
    assert await try_password(client) == 303


async def test_one_name_cannot_be_tried_from_many_machines_without_end(
    client: Browser, secretary: str, context: Context
) -> None:
    for machine in range(10):
        await tried(context, 5, address=f"192.0.2.{machine}")
    assert await try_password(client) == 429


async def test_attempts_from_the_future_of_a_clock_that_was_set_back_hold_nobody(
    client: Browser, secretary: str, context: Context
) -> None:
    await tried(context, 50, address="127.0.0.1", ahead=timedelta(hours=1))
    assert await try_password(client) == 303


async def test_a_wrong_old_password_counts_like_a_wrong_log_in(
    client: Browser, secretary: str, app: FastAPI, clock: ManualClock
) -> None:
    await try_password(client)
    clock.advance(1)
    change = {"old": "sai", "password": "nam sau bay tam"}
    answers = [(await client.post("/account/password", data=change)).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    async with Browser(app) as other:
        assert await try_password(other) == 429


class Slow(PasswordHasher):
    """Takes until it is told to finish."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.finish = threading.Event(), threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.begun.set()
        assert self.finish.wait(20)
        return super().hash(password, salt=salt)


@pytest.mark.parametrize("what", ["own", "reset", "create", "setup"])
async def test_others_write_while_a_password_is_computed(
    client: Browser, secretary: str, context: Context, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    form: dict[str, str] = {"password": "nam sau bay tam", "old": PASSWORD, "login": "moi", "display_name": "Mới"}
    if what == "setup":
        browser, path = client, f"/setup/{await first_link(context)}"
    elif what == "own":
        await try_password(client)
        browser, path = client, "/account/password"
    else:
        browser = await log_in(Role.ADMIN)
        path = f"/accounts/{secretary}/password" if what == "reset" else "/accounts"
    slow = Slow()
    monkeypatch.setattr(passwords, "_hasher", slow)
    asked = asyncio.create_task(browser.post(path, data=form | {"roles": "clerk"}))
    try:
        await eventually(slow.begun.is_set, what="the password is being computed")
        async with asyncio.timeout(5):
            await tried(context, 1, address="192.0.2.1")
    finally:
        slow.finish.set()
    assert (await asked).status_code == 303
