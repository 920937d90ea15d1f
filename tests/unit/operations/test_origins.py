"""Only pages of this house reach its relay: under every name and address it is called by, and no other."""

from __future__ import annotations

import pytest

from meetings import tls
from meetings.config import Settings
from meetings.origins import own_origins
from meetings.serve import children, media_addresses
from tests.fakes import ManualClock


@pytest.fixture
def files(settings: Settings, clock: ManualClock) -> tls.TlsFiles:
    return tls.prepare(settings, clock.now())


def test_every_address_of_this_machine_is_ours_and_others_are_not(settings: Settings, files: tls.TlsFiles) -> None:
    origins = own_origins(settings, files)
    assert "http://localhost:8000" in origins
    for address in tls.current_addresses():
        assert f"https://{f'[{address}]' if address.version == 6 else address}:8443" in origins
    assert f"https://{tls.host_names()[0].lower()}:8443" in origins
    assert not any("evil" in origin or "*" in origin for origin in origins)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Hop.Example.Invalid/", "https://hop.example.invalid"),
        ("https://hop.example.invalid:443", "https://hop.example.invalid"),
        ("https://hop.example.invalid:9443/x", "https://hop.example.invalid:9443"),
        ("http://hop.example.invalid", "http://hop.example.invalid"),
        ("https://[fd00::2]:8443", "https://[fd00::2]:8443"),
    ],
)
def test_the_public_address_is_written_as_browsers_write_it(
    settings: Settings, files: tls.TlsFiles, url: str, origin: str
) -> None:
    assert own_origins(settings.model_copy(update={"public_url": url}), files)[0] == origin


def test_the_supervisor_s_relay_is_told_them(settings: Settings, files: tls.TlsFiles) -> None:
    (relay,) = [child for child in children(settings, files) if child.name == "relay"]
    given = [word.removeprefix("--origin=") for word in relay.command if word.startswith("--origin=")]
    assert given == own_origins(settings, files)


@pytest.mark.parametrize("announce", [["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"]])
def test_loopback_alone_is_joined_by_an_address_that_browsers_send_to(settings: Settings, announce: list[str]) -> None:
    settings.announce = announce
    own = [str(one) for one in tls.current_addresses() if not one.is_loopback and one.version == 4]
    assert media_addresses(settings) == announce + own[:1]


@pytest.mark.parametrize("announce", [[], ["10.1.2.3"], ["127.0.0.1", "10.1.2.3"], ["10.1.2.3=203.0.113.1"]])
def test_what_names_an_address_is_taken_as_it_is(settings: Settings, announce: list[str]) -> None:
    settings.announce = announce
    assert media_addresses(settings) == announce
