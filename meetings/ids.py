"""Owns identifiers and tokens: time-ordered ids for rows, random tokens for links and cookies."""

import hashlib
import re
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
_LENGTH = 16
_RANDOM_BITS = 32
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def new_id() -> str:
    """16 characters: 48 bits of milliseconds, 32 random bits. Sorts by time of making."""
    number = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def is_id(value: str) -> bool:
    """Whether it can be an id at all; a database may choke on what cannot (PostgreSQL on a zero byte)."""
    return _ID.fullmatch(value) is not None


def new_token(length: int = 32) -> str:
    """`length` random bytes as a secret that fits in a URL or a cookie."""
    return secrets.token_urlsafe(length)


def token_hash(token: str) -> str:
    """What the database keeps of a token: enough to recognise it, not to use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
