"""Owns who may not come in now: one who joins again and again, and one who was removed and still holds a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from meetings.clock import Clock
from meetings.signaling import limits
from meetings.signaling.grants import LEEWAY_SECONDS, Grants

TOKEN_TTL = timedelta(minutes=10)
REMEMBERED = TOKEN_TTL.total_seconds() + LEEWAY_SECONDS  # the longest that a token given before can be used
PRUNE_OVER = 1000  # identities kept before those that do not matter any more are let go

Who = tuple[str, str]  # room and identity


class TooFast(Exception):
    """Somebody joins more often than any client that works would."""


class PutOut(Exception):
    """Its holder was removed after this token was given."""


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Door:
    """Remembers, per room and identity, the latest joins and the removal; grows with valid tokens only."""

    clock: Clock
    _buckets: dict[Who, _Bucket] = field(default_factory=dict)
    _removed: dict[Who, tuple[float, float]] = field(default_factory=dict)  # wall clock, and when to forget it

    def knock(self, grants: Grants) -> None:
        """Raises PutOut or TooFast."""
        who = (grants.room, str(grants.identity))
        self._prune()
        removed = self._removed.get(who)
        if removed is not None and self.clock.monotonic() < removed[1] and grants.issued_at < int(removed[0]):
            raise PutOut
        bucket = self._buckets.setdefault(who, _Bucket(limits.JOINS, self.clock.monotonic()))
        self._fill(bucket)
        if bucket.tokens < 1:
            raise TooFast
        bucket.tokens -= 1

    def put_out(self, room: str, identity: str, *, expires_at: float = 0.0) -> None:
        """Tokens that were given before now are refused for as long as they could be used; one until `expires_at`."""
        now = self.clock.now().timestamp()
        usable = max(REMEMBERED, expires_at - now + LEEWAY_SECONDS)
        self._removed[room, identity] = (now, self.clock.monotonic() + usable)

    def _fill(self, bucket: _Bucket) -> None:
        now = self.clock.monotonic()
        gained = (now - bucket.at) * limits.JOINS / limits.JOINS_SECONDS
        bucket.tokens, bucket.at = min(limits.JOINS, bucket.tokens + gained), now

    def _prune(self) -> None:
        now = self.clock.monotonic()
        if len(self._buckets) > PRUNE_OVER:
            self._buckets = {who: one for who, one in self._buckets.items() if now - one.at < limits.JOINS_SECONDS}
        if len(self._removed) > PRUNE_OVER:
            self._removed = {who: one for who, one in self._removed.items() if now < one[1]}
