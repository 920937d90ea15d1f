"""Owns accounts: making and changing them, their roles and passwords."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import ACCOUNT_ROLES, Role
from meetings.directory import passwords, sessions
from meetings.directory.house_log import note
from meetings.directory.models import Account, AccountRole, LoginAttempt, Person
from meetings.directory.passwords import NewPassword
from meetings.errors import Conflict, Invalid, MeetingsError, NotFound
from meetings.texts import clean_line


@dataclass(frozen=True)
class AccountRow:
    account: Account
    roles: list[Role]


async def list_accounts(session: AsyncSession) -> list[AccountRow]:
    accounts = list(await session.scalars(select(Account).order_by(Account.login)))
    held: dict[str, list[Role]] = {account.id: [] for account in accounts}
    for grant in await session.scalars(select(AccountRole)):
        held[grant.account_id].append(Role(grant.role))
    return [AccountRow(account, sorted(held[account.id], key=ACCOUNT_ROLES.index)) for account in accounts]


async def get_account(session: AsyncSession, account_id: str) -> AccountRow:
    account = await session.get(Account, account_id)
    if account is None:
        raise NotFound("Không có tài khoản này.")
    roles = await session.scalars(select(AccountRole.role).where(AccountRole.account_id == account_id))
    return AccountRow(account, sorted((Role(role) for role in roles), key=ACCOUNT_ROLES.index))


async def create_account(
    session: AsyncSession,
    *,
    login: str,
    display_name: str,
    password: NewPassword,
    roles: Collection[str],
    now: datetime,
    person_id: str | None = None,
    actor_id: str | None = None,
) -> Account:
    """All faults of what was typed are told at once."""
    login = login.strip().lower()
    _check_new(login, display_name, password.words, roles)
    await _check_person(session, person_id)
    taken = Conflict("Tên đăng nhập “{login}” đã có người dùng.", field="login", login=login)
    if await session.scalar(select(Account.id).where(Account.login == login)):
        raise taken
    account = Account(
        login=login,
        display_name=clean_line(display_name, field="display_name", limit=120),
        person_id=person_id,
        password_hash=password.hash_for(login),
        created_at=now,
    )
    session.add(account)
    try:
        await session.flush()
    except IntegrityError as error:  # somebody else took it at the same moment
        raise taken from error
    await set_roles(session, account.id, check_roles(roles))
    await note(session, "account.created", account.id, now, actor_id, login=account.login, roles=sorted(roles))
    return account


def _check_new(login: str, display_name: str, password: str, roles: Collection[str]) -> None:
    faults: list[MeetingsError] = []
    for check in (
        lambda: check_login(login),
        lambda: clean_line(display_name, field="display_name", limit=120, required=True),
        lambda: passwords.check_strength(password, login),
        lambda: check_roles(roles),
    ):
        try:
            check()
        except Invalid as fault:
            faults.append(fault)
    if faults:
        raise Invalid.many(faults)


async def change_account(
    session: AsyncSession,
    account_id: str,
    *,
    display_name: str,
    roles: Collection[str],
    active: bool,
    person_id: str | None,
    now: datetime,
    actor_id: str,
) -> Account:
    """Somebody who is switched off, or whose roles change, must log in anew. The last administrator stays."""
    row = await get_account(session, account_id)
    name = clean_line(display_name, field="display_name", limit=120, required=True)
    wanted = check_roles(roles)
    await _check_person(session, person_id)
    if (
        Role.ADMIN in row.roles
        and not (active and Role.ADMIN in wanted)
        and not await _other_admin(session, account_id)
    ):
        raise Conflict("Đây là người quản trị duy nhất: hãy giao vai trò này cho người khác trước.", field="roles")
    account = row.account
    logged_out = (account.active, set(row.roles)) != (active, wanted)
    if logged_out:
        await sessions.end_all(session, account_id, now)
    account.display_name, account.active, account.person_id = name, active, person_id
    await set_roles(session, account_id, wanted)
    payload = {"login": account.login, "roles": sorted(wanted), "active": active, "logged_out": logged_out}
    await note(session, "account.changed", account.id, now, actor_id, **payload)
    return account


async def _other_admin(session: AsyncSession, account_id: str) -> bool:
    others = select(Account.id).join(AccountRole).where(AccountRole.role == Role.ADMIN, Account.active)
    return await session.scalar(others.where(Account.id != account_id).limit(1)) is not None


async def _check_person(session: AsyncSession, person_id: str | None) -> None:
    if person_id is not None and await session.get(Person, person_id) is None:
        raise Invalid("Không có người này trong danh bạ.", field="person_id")


def check_login(login: str) -> None:
    if not 2 <= len(login) <= 60 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in login):
        raise Invalid(
            "Tên đăng nhập gồm 2 đến 60 chữ cái không dấu, chữ số, dấu chấm, gạch nối hoặc gạch dưới.", field="login"
        )


def check_roles(roles: Collection[str]) -> set[Role]:
    wanted = {Role(role) for role in roles if role in ACCOUNT_ROLES}
    if not wanted or len(wanted) != len(set(roles)):
        raise Invalid("Vui lòng chọn ít nhất một vai trò.", field="roles")
    return wanted


async def set_roles(session: AsyncSession, account_id: str, roles: Collection[Role]) -> None:
    await session.execute(delete(AccountRole).where(AccountRole.account_id == account_id))
    session.add_all(AccountRole(account_id=account_id, role=role) for role in set(roles))
    await session.flush()


async def set_password(
    session: AsyncSession,
    login: str,
    password: NewPassword,
    now: datetime,
    actor_id: str | None = None,
) -> None:
    """A new password ends every session of the account and forgets its wrong log-ins."""
    account = await session.scalar(select(Account).where(Account.login == login.strip().lower()))
    if account is None:
        raise NotFound("Không có tài khoản “{login}”.", login=login)
    account.password_hash = password.hash_for(account.login)
    await sessions.end_all(session, account.id, now)
    await session.execute(delete(LoginAttempt).where(LoginAttempt.login == account.login))
    await note(session, "account.password_set", account.id, now, actor_id, login=account.login)
