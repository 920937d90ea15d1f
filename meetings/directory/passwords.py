"""Owns passwords: argon2, computed in a thread, a few at a time."""

import asyncio
import secrets
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


async def early_hash(password: str, login: str) -> str | None:
    """Made before a transaction is opened, so that nobody waits for it; None for one that will be refused."""
    try:
        check_strength(password, login)
    except Invalid:
        return None
    return await hash_password(password)


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
