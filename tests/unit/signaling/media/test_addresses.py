"""Which addresses are announced."""

from __future__ import annotations

import pytest

from meetings.signaling.media.addresses import NoUsableAddress, announced, off_route


def nowhere() -> list[str]:
    return []


def two_routes() -> list[str]:
    return ["192.0.2.1", "2001:db8::7"]


def test_configured_addresses_come_first_as_they_are_and_loopback_last() -> None:
    assert announced(["198.51.100.1", "2001:db8::1"], nowhere) == ["198.51.100.1", "2001:db8::1", "127.0.0.1"]
    assert announced(["127.0.0.1"], nowhere) == ["127.0.0.1"]


def test_behind_address_translation_both_names_are_announced() -> None:
    assert announced(["10.0.0.5=203.0.113.7", "10.0.0.6"], nowhere) == [
        "203.0.113.7",
        "10.0.0.5",
        "10.0.0.6",
        "127.0.0.1",
    ]


def test_by_default_the_routes_addresses_come_first_and_loopback_last() -> None:
    assert announced([], two_routes) == ["192.0.2.1", "2001:db8::7", "127.0.0.1"]
    assert announced([], lambda: ["127.0.0.1"]) == ["127.0.0.1"]


def test_without_a_route_it_says_what_to_do() -> None:
    with pytest.raises(NoUsableAddress, match="--announce"):
        announced([], nowhere)


@pytest.mark.parametrize(
    "address", ["relay.example", "", "1.2.3", "0.0.0.0", "::", "224.0.0.1", "10.0.0.5=", "=1.2.3.4"]
)
def test_only_numeric_addresses_of_machines_are_taken(address: str) -> None:
    with pytest.raises(NoUsableAddress, match="--announce"):
        announced([address], two_routes)


def test_answers_from_other_addresses_than_the_routes_need_a_socket_of_their_own() -> None:
    assert off_route(["192.0.2.1", "192.0.2.9", "127.0.0.1"], two_routes) == ["192.0.2.9", "127.0.0.1"]
