"""Owns logging in: an attempt is counted before its password is looked at; wrong ones are limited."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.clock import Clock
from meetings.database import Database
from meetings.directory import passwords, sessions
from meetings.directory.models import Account, LoginAttempt
from meetings.errors import Invalid, TooMany

WINDOW = timedelta(minutes=15)
WRONG_PER_LOGIN = 5
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


def _wrong() -> Invalid:
    return Invalid("Tên đăng nhập hoặc mật khẩu chưa đúng. Vui lòng kiểm tra lại.", field="login", code="wrong_login")


async def _count_attempt(session: AsyncSession, login: str, address: str, now: datetime) -> str:
    if session.get_bind().dialect.name == "postgresql":
        # one at a time for each name: on SQLite every transaction is alone already
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:login))"), {"login": login})
    await session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - timedelta(days=30)))
    since = select(func.max(LoginAttempt.at)).where(LoginAttempt.login == login, LoginAttempt.succeeded)
    last_right = await session.scalar(since) or now - WINDOW
    by_login = (LoginAttempt.login == login, LoginAttempt.at > max(last_right, now - WINDOW))
    by_address = (LoginAttempt.address == address, LoginAttempt.at > now - WINDOW)
    for conditions, limit in ((by_login, WRONG_PER_LOGIN), (by_address, WRONG_PER_ADDRESS)):
        wrong = select(func.count(), func.min(LoginAttempt.at)).where(*conditions, ~LoginAttempt.succeeded)
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
