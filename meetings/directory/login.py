"""Owns logging in: an attempt is counted before its password is looked at; wrong ones are limited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor
from meetings.clock import Clock
from meetings.database import Database
from meetings.directory import passwords, sessions
from meetings.directory.accounts import get_account
from meetings.directory.house_log import note
from meetings.directory.models import Account, LoginAttempt
from meetings.errors import Invalid, TooMany

WINDOW = timedelta(minutes=15)
WRONG_HERE = 5  # with one name from one address: so nobody locks others out of their own machine
WRONG_PER_LOGIN = 50  # from anywhere
WRONG_PER_ADDRESS = 30


@dataclass(frozen=True)
class Origin:
    """Where a request to log in comes from."""

    address: str = ""
    browser: str = ""


async def log_in(database: Database, clock: Clock, login: str, password: str, origin: Origin) -> str:
    """The token of a new session. The attempt is counted before the password is looked at, so that many at once
    are counted too."""
    login = login.strip().lower()
    if not login or not password:
        raise Invalid("Vui lòng nhập tên đăng nhập và mật khẩu.", field="login")
    if len(login) > 100 or len(password) > passwords.LONGEST:
        raise _wrong()
    now = clock.now()
    async with database.transaction() as session:
        attempt_id = await _count_attempt(session, login, origin.address, now)
        account = await session.scalar(select(Account).where(Account.login == login))
    right = await passwords.matches(account.password_hash if account else None, password)
    if account is None or not right or not account.active:
        raise _wrong()
    async with database.transaction() as session:
        attempt = await session.get_one(LoginAttempt, attempt_id)
        attempt.succeeded = True
        return await sessions.start_session(
            session, account.id, clock.now(), address=origin.address, browser=origin.browser
        )


async def change_own_password(
    database: Database, clock: Clock, actor: Actor, *, old: str, new: str, origin: Origin
) -> None:
    """The holder's own change keeps the session it was asked from, and ends the others. A wrong old password counts
    like a wrong log-in: a session left open is no door to the password."""
    now, account_id = clock.now(), actor.account_id or ""
    async with database.transaction() as session:
        account = (await get_account(session, account_id)).account
        attempt_id = await _count_attempt(session, account.login, origin.address, now)
    if len(old) > passwords.LONGEST or not await passwords.matches(account.password_hash, old):
        raise _wrong_old()
    async with database.transaction() as session:
        (await session.get_one(LoginAttempt, attempt_id)).succeeded = True
    passwords.check_strength(new, account.login)
    hashed = await passwords.hash_password(new)
    async with database.transaction() as session:
        mine = update(Account).where(Account.id == account_id, Account.password_hash == account.password_hash)
        if not cast("CursorResult[Any]", await session.execute(mine.values(password_hash=hashed))).rowcount:
            raise _wrong_old()  # another change was quicker
        await sessions.end_all(session, account_id, now, but=actor.session_id)
        await note(session, "account.password_set", account_id, now, account_id, login=account.login)


def _wrong_old() -> Invalid:
    return Invalid("Mật khẩu hiện tại chưa đúng.", field="old")


def _wrong() -> Invalid:
    return Invalid("Tên đăng nhập hoặc mật khẩu chưa đúng. Vui lòng kiểm tra lại.", field="login", code="wrong_login")


async def _count_attempt(session: AsyncSession, login: str, address: str, now: datetime) -> str:
    if session.get_bind().dialect.name == "postgresql":
        # one at a time for each name: on SQLite every transaction is alone already
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:login))"), {"login": login})
    await session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - timedelta(days=30)))
    name, place = LoginAttempt.login == login, LoginAttempt.address == address
    # a clock that was set back must not hold what lies in its future against anybody
    lately = LoginAttempt.at.between(now - WINDOW, now)
    last_right = await session.scalar(
        select(func.max(LoginAttempt.at)).where(name, place, lately, LoginAttempt.succeeded)
    )
    here = (name, place, LoginAttempt.at > (last_right or now - WINDOW))
    for conditions, limit in ((here, WRONG_HERE), ((name,), WRONG_PER_LOGIN), ((place,), WRONG_PER_ADDRESS)):
        wrong = select(func.count(), func.min(LoginAttempt.at)).where(*conditions, lately, ~LoginAttempt.succeeded)
        count, first = (await session.execute(wrong)).one()
        if count >= limit:
            raise _too_many(first + WINDOW - now)
    attempt = LoginAttempt(at=now, login=login, address=address)
    session.add(attempt)
    await session.flush()
    return attempt.id


def _too_many(left: timedelta) -> TooMany:
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    return TooMany(
        "Đã nhập sai quá nhiều lần. Vui lòng thử lại sau {minutes} phút, hoặc nhờ người quản trị đặt lại mật khẩu.",
        retry_after=max(left.total_seconds(), 1),
        minutes=minutes,
    )
