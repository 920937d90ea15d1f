"""TURN credentials: taken by a real server, refused when they are not ours, and no way into the house."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meetings.signaling import turn, turn_probe
from tests.coturn import SECRET, Coturn, coturn

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_credentials_are_those_of_the_rest_scheme_and_end() -> None:
    made = turn.Turn(("turn:turn.example:3478",), SECRET, timedelta(hours=1)).ice_server("PA_1", NOW)
    assert made.username == f"{int(NOW.timestamp()) + 3600}:PA_1"
    expected = hmac.digest(SECRET.encode(), made.username.encode(), "sha1")
    assert base64.b64decode(made.credential) == expected


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("turn:turn.example", turn.TurnAddress("turn.example", 3478, "udp", False)),
        ("turn:10.0.0.5:80?transport=tcp", turn.TurnAddress("10.0.0.5", 80, "tcp", False)),
        ("turns:turn.example:443", turn.TurnAddress("turn.example", 443, "tcp", True)),
        ("turn:[2001:db8::5]:3479", turn.TurnAddress("2001:db8::5", 3479, "udp", False)),
    ],
)
def test_addresses_are_read(url: str, address: turn.TurnAddress) -> None:
    assert turn.parse_url(url) == address


@pytest.mark.parametrize(
    "url",
    ["", "turn", "turn:", "stun:a", "https://a", "turn:a:0", "turn:a:65536", "turn:a:x", "turn:u@a", "turn:a/b",
     "turn:a?transport=sctp", "turn:a?x=1", "turn:[::1", "turn:[::1]5"],
)  # fmt: skip
def test_other_addresses_are_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(turn.BadTurn, match="is not a TURN address"):
        turn.configured([url], SECRET)


def test_no_addresses_no_turn_and_no_short_secret() -> None:
    assert turn.configured([], "") is None
    with pytest.raises(turn.BadTurn, match="MEETINGS_TURN_SECRET"):
        turn.configured(["turn:a"], "short")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Coturn]:
    async with coturn(tmp_path, ["127.0.0.1"]) as running:
        yield running


async def test_a_real_server_takes_them_and_relays_to_the_relay_only(server: Coturn) -> None:
    def ask(url: str) -> tuple[bool, bool]:
        made = turn.Turn((url,), SECRET).ice_server("PA_1", datetime.now(UTC))
        with turn_probe.allocation(turn.parse_url(url), made) as held:
            return held.may_reach("127.0.0.1"), held.may_reach("192.168.1.1")

    assert await asyncio.to_thread(ask, server.url) == (True, False)
    assert await asyncio.to_thread(ask, server.tcp_url) == (True, False)


async def test_others_and_old_ones_are_refused(server: Coturn) -> None:
    def ask(secret: str, now: datetime) -> None:
        made = turn.Turn((server.url,), secret, timedelta(hours=1)).ice_server("PA_1", now)
        with turn_probe.allocation(turn.parse_url(server.url), made):
            pass

    with pytest.raises(turn_probe.NoTurn, match="refuses our credentials"):
        await asyncio.to_thread(ask, "another secret altogether", datetime.now(UTC))
    with pytest.raises(turn_probe.NoTurn, match="refuses our credentials"):
        await asyncio.to_thread(ask, SECRET, datetime.now(UTC) - timedelta(hours=2))


async def test_no_server_is_said_so() -> None:
    def ask() -> None:
        made = turn.Turn(("turn:127.0.0.1:9",), SECRET).ice_server("PA_1", NOW)
        with turn_probe.allocation(turn.parse_url("turn:127.0.0.1:9?transport=tcp"), made):
            pass

    with pytest.raises(turn_probe.NoTurn, match="cannot be reached"):
        await asyncio.to_thread(ask)
