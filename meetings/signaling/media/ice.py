"""ICE-lite (RFC 8445 section 2.5) for many transports on one socket: who is checked, where to answer, who is alive.

A lite agent sends no checks. Its peer is the controlling side; a pair works once an authenticated check came over it.
"""

from __future__ import annotations

from dataclasses import dataclass

from meetings.signaling.media import stun
from meetings.signaling.media.stun import Address

# RFC 7675 section 5.1: consent ends 30 s after the last answered check; browsers check every few seconds.
CONSENT_SECONDS = 15.0

# A pair that has been silent this long gives way to any other that is checked.
_SILENT_SECONDS = 3.0

# Addresses one peer may hold at a time: a browser with several interfaces has a handful.
_MAX_ADDRESSES = 16


@dataclass(frozen=True)
class Credentials:
    """A local ufrag and password, as the description we sent has them."""

    ufrag: str
    password: str


@dataclass(frozen=True)
class Checked:
    """What an authentic check led to: the answer to send to where it came from, and what changed by it."""

    answer: bytes
    moved: bool
    restarted: bool
    dropped: list[Address]


class Agent:
    """One transport's side of ICE. `selected` is where to send; None until the first authenticated check."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.selected: Address | None = None
        self.heard_at = 0.0
        self._checked = False
        self._next: Credentials | None = None
        self._addresses: dict[Address, float] = {}

    @property
    def ufrags(self) -> list[str]:
        """Every local ufrag a check may name now."""
        return [known.ufrag for known in (self.credentials, self._next) if known is not None]

    @property
    def addresses(self) -> list[Address]:
        """Addresses that passed a check; DTLS and SRTP are taken from these only."""
        return list(self._addresses)

    def restart(self, credentials: Credentials) -> None:
        """Accept new credentials beside the present ones, until the first check with them (RFC 8445 section 2.4)."""
        self._next = credentials

    def check(self, request: stun.Message, source: Address, now: float) -> Checked | None:
        """Answer a connectivity check; None when it is not authentic."""
        ufrag = request.username.partition(":")[0]
        used = next((known for known in (self._next, self.credentials) if known and known.ufrag == ufrag), None)
        if used is None or not request.signed_with(used.password):
            return None
        restarted = used is self._next
        if restarted:
            # The old addresses stay: media may still flow there until the peer moves over.
            self.credentials, self._next = used, None
        dropped = self._remember(source, now)
        moved = self._select(source, nominated=restarted or stun.USE_CANDIDATE in request.attributes, now=now)
        self.heard_at, self._checked = now, True
        answer = stun.binding_success(request.transaction_id, source, used.password)
        return Checked(answer, moved, restarted, dropped)

    def heard(self, source: Address, now: float) -> bool:
        """Authenticated media came from a checked address; True when `selected` moves there.

        The peer sends on the pair it chose, whatever it nominated: Firefox nominates badly against lite agents.
        """
        self.heard_at = now
        if source in self._addresses:
            self._addresses[source] = now
            if source != self.selected:
                self.selected = source
                return True
        return False

    def forget(self, address: Address) -> bool:
        """An address is no more (its TCP connection closed); True when `selected` moved to another, or to none."""
        self._addresses.pop(address, None)
        if address != self.selected:
            return False
        self.selected = max(self._addresses, key=self._addresses.__getitem__, default=None)
        return True

    def expired(self, now: float) -> bool:
        """Whether the peer's consent has run out; False before its first check."""
        return self._checked and now - self.heard_at > CONSENT_SECONDS

    def _remember(self, source: Address, now: float) -> list[Address]:
        self._addresses[source] = now
        if len(self._addresses) <= _MAX_ADDRESSES:
            return []
        oldest = min((a for a in self._addresses if a not in (source, self.selected)), key=self._addresses.__getitem__)
        del self._addresses[oldest]
        return [oldest]

    def _select(self, source: Address, *, nominated: bool, now: float) -> bool:
        if source == self.selected:
            return False
        if self.selected is not None and not nominated and now - self._addresses[self.selected] < _SILENT_SECONDS:
            return False
        self.selected = source
        return True
