"""Commands for the accounts of people who cannot get in otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from meetings.commands.options import Data, or_refusal, settings_or_refusal, to_environment
from meetings.errors import N_
from meetings.terminal import _, complain

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer()


@app.command("create-admin", help=N_("Tạo một tài khoản quản trị hệ thống; hỏi mật khẩu."))
def create_admin(
    login: Annotated[str, typer.Argument(help=N_("Tên đăng nhập."))],
    name: Annotated[str, typer.Option(help=N_("Tên hiển thị."))] = "Quản trị",
    data: Data = None,
) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.access import Role
    from meetings.directory import accounts, passwords

    password = asyncio.run(passwords.chosen(_new_password(), login))  # before the transaction: a system may be running

    async def create(session: AsyncSession, now: datetime) -> None:
        await accounts.create_account(
            session, login=login, display_name=name, password=password, roles=[Role.ADMIN], now=now
        )

    or_refusal(lambda: asyncio.run(_in_transaction(create)))
    typer.echo(_("Đã tạo tài khoản {login}.", login=login))


@app.command("reset-password", help=N_("Đặt mật khẩu mới cho một tài khoản và kết thúc các phiên của nó."))
def reset_password(login: Annotated[str, typer.Argument(help=N_("Tên đăng nhập."))], data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.directory import accounts, passwords

    password = asyncio.run(passwords.chosen(_new_password(), login))

    async def reset(session: AsyncSession, now: datetime) -> None:
        await accounts.set_password(session, login, password, now)

    or_refusal(lambda: asyncio.run(_in_transaction(reset)))
    typer.echo(_("Đã đổi mật khẩu của {login}.", login=login))


def _new_password() -> str:
    """Asked for twice, never shown."""
    while True:
        first = typer.prompt(_("Mật khẩu mới"), hide_input=True)
        if first == typer.prompt(_("Nhập lại mật khẩu"), hide_input=True):
            return str(first)
        complain(_("Hai lần nhập không giống nhau."))


async def _in_transaction(act: Callable[[AsyncSession, datetime], Awaitable[None]]) -> None:
    from meetings.clock import SystemClock
    from meetings.database import Database

    database = Database(settings_or_refusal().database_url)
    try:
        async with database.transaction() as session:
            await act(session, SystemClock().now())
    finally:
        await database.dispose()
