"""Owns who is logged in: server-side sessions, known to the browser by a token of which only the hash is kept."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor, Role
from meetings.directory.models import Account, AccountRole, WebSession
from meetings.ids import new_token, token_hash

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=5)


async def start_session(
    session: AsyncSession, account_id: str, now: datetime, *, address: str = "", browser: str = ""
) -> str:
    """Logs an account in and returns the token for the cookie."""
    await session.execute(delete(WebSession).where(WebSession.expires_at < now - LONGEST))
    token = new_token()
    session.add(
        WebSession(
            token_hash=token_hash(token),
            account_id=account_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LONGEST,
            address=address,
            browser=browser[:200],
        )
    )
    await session.flush()
    return token


async def actor_of_session(session: AsyncSession, token: str, now: datetime) -> tuple[Actor | None, bool]:
    """Who holds this token, and whether it is time to note that the session is in use."""
    query = select(WebSession, Account).join(Account).where(WebSession.token_hash == token_hash(token))
    row = (await session.execute(query.where(Account.active, WebSession.ended_at.is_(None)))).first()
    if row is None:
        return None, False
    web, account = row
    if not web.last_seen_at - IDLE < now < min(web.expires_at, web.last_seen_at + IDLE):
        return None, False
    roles = await session.scalars(select(AccountRole.role).where(AccountRole.account_id == account.id))
    actor = Actor(
        account_id=account.id,
        name=account.display_name,
        roles=frozenset(Role(role) for role in roles),
        person_id=account.person_id,
        session_id=web.id,
        locale=account.locale,
    )
    return actor, now - web.last_seen_at > TOUCH_EVERY


async def touch(session: AsyncSession, token: str, now: datetime) -> None:
    mine = update(WebSession).where(WebSession.token_hash == token_hash(token))
    await session.execute(mine.values(last_seen_at=now))


async def sessions_of(session: AsyncSession, account_id: str, now: datetime) -> list[WebSession]:
    """The places where an account is logged in, the latest first."""
    query = select(WebSession).where(
        WebSession.account_id == account_id,
        WebSession.ended_at.is_(None),
        WebSession.expires_at > now,
        WebSession.last_seen_at > now - IDLE,
    )
    return list(await session.scalars(query.order_by(WebSession.last_seen_at.desc())))


async def end_session(session: AsyncSession, account_id: str, session_id: str, now: datetime) -> None:
    one = update(WebSession).where(WebSession.id == session_id, WebSession.account_id == account_id)
    await session.execute(one.where(WebSession.ended_at.is_(None)).values(ended_at=now))


async def end_all(session: AsyncSession, account_id: str, now: datetime, *, but: str | None = None) -> None:
    """Logs an account out everywhere; `but` keeps the session from which it was asked."""
    all_of_them = update(WebSession).where(WebSession.account_id == account_id, WebSession.ended_at.is_(None))
    if but is not None:
        all_of_them = all_of_them.where(WebSession.id != but)
    await session.execute(all_of_them.values(ended_at=now))
