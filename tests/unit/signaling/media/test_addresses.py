"""Which addresses are announced."""

from __future__ import annotations

import pytest

from meetings.signaling.media.addresses import NoUsableAddress, announced


def test_configured_addresses_are_announced_as_they_are() -> None:
    assert announced(["192.0.2.1", "198.51.100.1"], lambda: None) == ["192.0.2.1", "198.51.100.1"]


def test_by_default_the_routes_address_comes_first_and_loopback_last() -> None:
    assert announced([], lambda: "192.0.2.1") == ["192.0.2.1", "127.0.0.1"]
    assert announced([], lambda: "127.0.0.1") == ["127.0.0.1"]


def test_without_a_route_it_says_what_to_do() -> None:
    with pytest.raises(NoUsableAddress, match="--announce"):
        announced([], lambda: None)


@pytest.mark.parametrize("address", ["relay.example", "::1", "", "1.2.3"])
def test_only_numeric_addresses_are_taken(address: str) -> None:
    with pytest.raises(NoUsableAddress, match="IPv4"):
        announced([address])
