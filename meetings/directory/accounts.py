"""Owns accounts: logging in with limits, making and changing them, the first administrator's link."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.access import ACCOUNT_ROLES, Role
from meetings.clock import Clock
from meetings.database import Database
from meetings.errors import Conflict, Invalid, NotFound, TooMany
from meetings.ids import new_token, token_hash

from . import passwords, sessions
from .models import Account, AccountRole, LoginAttempt, SetupLink

WINDOW = timedelta(minutes=15)
WRONG_PER_LOGIN = 5
WRONG_PER_ADDRESS = 30
SETUP_LASTS = timedelta(hours=24)


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


async def create_account(
    session: AsyncSession,
    *,
    login: str,
    display_name: str,
    password: str,
    roles: Collection[Role],
    now: datetime,
    person_id: str | None = None,
    actor_id: str | None = None,
) -> Account:
    login, display_name = check_login(login), check_name(display_name)
    passwords.check_strength(password, login)
    if not roles:
        raise Invalid("Vui lòng chọn ít nhất một vai trò.", field="roles")
    if await session.scalar(select(Account.id).where(Account.login == login)):
        raise Conflict("Tên đăng nhập “{login}” đã có người dùng.", field="login", login=login)
    account = Account(
        login=login,
        display_name=display_name,
        person_id=person_id,
        password_hash=await passwords.hash_password(password),
        created_at=now,
    )
    session.add(account)
    await session.flush()
    await set_roles(session, account.id, roles)
    await events.append(
        session,
        chain=events.HOUSE,
        kind="account.created",
        at=now,
        actor_id=actor_id,
        subject_id=account.id,
        payload={"login": login, "roles": sorted(roles)},
    )
    return account


def check_login(login: str) -> str:
    login = login.strip().lower()
    if not 2 <= len(login) <= 60 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in login):
        raise Invalid(
            "Tên đăng nhập gồm 2 đến 60 chữ cái không dấu, chữ số, dấu chấm, gạch nối hoặc gạch dưới.", field="login"
        )
    return login


def check_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid("Vui lòng nhập họ tên, không quá {limit} ký tự.", field="display_name", limit=120)
    return name


async def set_roles(session: AsyncSession, account_id: str, roles: Collection[Role]) -> None:
    await session.execute(delete(AccountRole).where(AccountRole.account_id == account_id))
    session.add_all(AccountRole(account_id=account_id, role=role) for role in set(roles) & set(ACCOUNT_ROLES))
    await session.flush()


async def set_password(
    session: AsyncSession, login: str, password: str, now: datetime, actor_id: str | None = None
) -> None:
    """A new password ends every session of the account and forgets its wrong log-ins."""
    account = await session.scalar(select(Account).where(Account.login == login.strip().lower()))
    if account is None:
        raise NotFound("Không có tài khoản “{login}”.", login=login)
    passwords.check_strength(password, account.login)
    account.password_hash = await passwords.hash_password(password)
    await sessions.end_all(session, account.id, now)
    await session.execute(delete(LoginAttempt).where(LoginAttempt.login == account.login))
    await events.append(
        session, chain=events.HOUSE, kind="account.password_set", at=now, actor_id=actor_id, subject_id=account.id
    )


async def has_admin(session: AsyncSession) -> bool:
    query = select(Account.id).join(AccountRole).where(AccountRole.role == Role.ADMIN, Account.active)
    return await session.scalar(query.limit(1)) is not None


async def make_setup_link(session: AsyncSession, now: datetime) -> str | None:
    """The token of a one-time link for the first administrator; None once there is one. Older links end."""
    if await has_admin(session):
        return None
    await session.execute(delete(SetupLink).where(or_(SetupLink.used_at.is_(None), SetupLink.expires_at < now)))
    token = new_token()
    session.add(SetupLink(token_hash=token_hash(token), expires_at=now + SETUP_LASTS))
    await session.flush()
    return token


async def check_setup_link(session: AsyncSession, token: str, now: datetime) -> SetupLink:
    link = await session.get(SetupLink, token_hash(token), with_for_update=True)
    if link is None or link.used_at is not None or link.expires_at < now or await has_admin(session):
        raise NotFound(
            "Đường liên kết này đã dùng hoặc đã hết hạn. Khởi động lại hệ thống để nhận đường liên kết mới.",
            code="link_unknown",
        )
    return link


async def use_setup_link(
    session: AsyncSession, token: str, *, login: str, display_name: str, password: str, now: datetime
) -> Account:
    link = await check_setup_link(session, token, now)
    account = await create_account(
        session, login=login, display_name=display_name, password=password, roles=[Role.ADMIN], now=now
    )
    link.used_at = now
    await session.flush()
    return account
