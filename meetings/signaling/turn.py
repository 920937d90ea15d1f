"""TURN for clients whose network lets nothing else through: short-lived credentials, made for each connection.

The scheme is the one coturn calls `use-auth-secret`: relay and TURN server share a secret, and nothing else.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

SHORTEST_SECRET = 16
# As long as the longest meeting. Who is put out of a room keeps a way to the TURN server, which leads nowhere else:
# the server is told to relay to this relay only.
DEFAULT_TTL = timedelta(hours=12)
_PORTS = {"turn": 3478, "turns": 5349}


class BadTurn(ValueError):
    """The setting cannot work; the text is a sentence for the operator."""


@dataclass(frozen=True)
class TurnAddress:
    """One parsed TURN URI (RFC 7065)."""

    host: str
    port: int
    transport: str  # "udp" | "tcp"
    tls: bool


@dataclass(frozen=True)
class IceServer:
    """What a client is told."""

    urls: tuple[str, ...]
    username: str
    credential: str


@dataclass(frozen=True)
class Turn:
    """The house's TURN servers, which share one secret."""

    urls: tuple[str, ...]
    secret: str
    ttl: timedelta = DEFAULT_TTL

    def ice_server(self, holder: str, now: datetime) -> IceServer:
        """Credentials for one client, named after `holder` in the TURN server's log."""
        username = f"{int((now + self.ttl).timestamp())}:{holder}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return IceServer(self.urls, username, base64.b64encode(digest).decode())


def configured(urls: Sequence[str], secret: str, ttl: timedelta = DEFAULT_TTL) -> Turn | None:
    """None without addresses. Raises BadTurn."""
    if not urls:
        return None
    for url in urls:
        parse_url(url)
    if len(secret) < SHORTEST_SECRET:
        raise BadTurn(
            f"The secret of the TURN server is shorter than {SHORTEST_SECRET} characters. "
            "Set MEETINGS_TURN_SECRET to what the server has as static-auth-secret."
        )
    if not timedelta(minutes=10) <= ttl <= timedelta(days=2):
        raise BadTurn("TURN credentials are valid for ten minutes at least and two days at most.")
    return Turn(tuple(urls), secret, ttl)


def parse_url(url: str) -> TurnAddress:
    """`turn:HOST[:PORT][?transport=udp|tcp]`, or `turns:` for TLS. Raises BadTurn."""
    scheme, colon, rest = url.partition(":")
    where, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    host, port = _host_and_port(where)
    transport = options.pop("transport", "tcp" if scheme == "turns" else "udp")
    if scheme not in _PORTS or not colon or not host or options or transport not in ("udp", "tcp"):
        raise BadTurn(f"“{url}” is not a TURN address; one is written turn:HOST:3478?transport=udp.")
    return TurnAddress(host, int(port) if port else _PORTS[scheme], transport, scheme == "turns")


def _host_and_port(where: str) -> tuple[str, str]:
    """ "" for both when they are malformed."""
    if where.startswith("["):
        host, bracket, rest = where[1:].partition("]")
        port = rest.removeprefix(":")
        well = bool(bracket) and (not rest or rest.startswith(":"))
    else:
        host, _, port = where.partition(":")
        well = True
    well = well and (not port or (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16))
    return (host, port) if well and "/" not in host and "@" not in host else ("", "")
