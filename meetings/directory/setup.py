"""Owns the first administrator: a link that is printed once, works once, and only while there is none."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Role
from meetings.directory.accounts import create_account
from meetings.directory.models import Account, AccountRole, SetupLink
from meetings.directory.passwords import NewPassword
from meetings.errors import NotFound
from meetings.ids import new_token, token_hash

SETUP_LASTS = timedelta(hours=24)


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


async def check_setup_link(session: AsyncSession, token: str, now: datetime, *, lock: bool = False) -> SetupLink:
    link = await session.get(SetupLink, token_hash(token), with_for_update=lock or None)
    if link is None or link.used_at is not None or link.expires_at < now or await has_admin(session):
        raise NotFound(
            "Đường liên kết này đã dùng hoặc đã hết hạn. Khởi động lại hệ thống để nhận đường liên kết mới.",
            code="link_unknown",
        )
    return link


async def use_setup_link(
    session: AsyncSession,
    token: str,
    *,
    login: str,
    display_name: str,
    password: NewPassword,
    now: datetime,
) -> Account:
    link = await check_setup_link(session, token, now, lock=True)
    account = await create_account(
        session,
        login=login,
        display_name=display_name,
        password=password,
        roles=[Role.ADMIN],
        now=now,
    )
    link.used_at = now
    await session.flush()
    return account
