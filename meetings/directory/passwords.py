"""Owns passwords: argon2, computed in a thread, a few at a time."""

import asyncio
import secrets
from dataclasses import dataclass, field
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from meetings.errors import Invalid

SHORTEST = 10
LONGEST = 200
# shown on the log-in page of a demonstration; no other installation has accounts with it
DEMO_PASSWORD = "minh-hoa-2026"  # noqa: S105
_hasher = PasswordHasher()  # holds parameters only


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


@dataclass(frozen=True)
class NewPassword:
    """A password that somebody chose, with its hash if it is good enough. It comes from `chosen` alone: the hash takes
    a tenth of a second, and on SQLite a transaction that computed it would keep every other writer waiting."""

    words: str = field(repr=False)
    hash: str | None = field(repr=False)

    def hash_for(self, login: str) -> str:
        """Raises Invalid for a password that this account may not have."""
        check_strength(self.words, login)
        if self.hash is None:
            raise ValueError("the password was chosen for another login")
        return self.hash


async def chosen(password: str, login: str) -> NewPassword:
    """Call it before the transaction is opened."""
    try:
        check_strength(password, login.strip())
    except Invalid:
        return NewPassword(password, None)
    return NewPassword(password, await hash_password(password))


async def matches(password_hash: str | None, password: str) -> bool:
    """Takes as long for an account that does not exist, so that names cannot be tried out."""
    return await asyncio.to_thread(_matches, password_hash, password)


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """A hash that no password has; made when it is first needed, because making it takes its time."""
    return _hasher.hash(secrets.token_hex(16))


def check_strength(password: str, login: str) -> None:
    if len(password) < SHORTEST:
        raise Invalid("Mật khẩu cần ít nhất {count} ký tự.", field="password", count=SHORTEST)
    if len(password) > LONGEST:
        raise Invalid("Mật khẩu dài quá {count} ký tự.", field="password", count=LONGEST)
    if login and login.lower() in password.lower():
        raise Invalid("Mật khẩu không được chứa tên đăng nhập.", field="password")
