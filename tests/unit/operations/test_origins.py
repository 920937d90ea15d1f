"""Only pages of this house reach its relay: under every name and address it is called by, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meetings import tls
from meetings.config import Settings
from meetings.origins import own_origins
from meetings.serve import children, media_addresses
from meetings.signaling.origin import may_connect
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


def test_a_wildcard_certificate_lets_in_no_page_but_of_the_name_that_is_called(
    settings: Settings, tmp_path: Path
) -> None:
    origins = own_origins(settings, wildcard(tmp_path))
    ours = "https://hop.daklak.example.invalid:8443"
    assert may_connect(ours, "hop.daklak.example.invalid:7443", origins)
    assert may_connect("http://localhost:8000", "localhost:7880", origins)
    assert may_connect(None, "hop.daklak.example.invalid:7443", origins), "not a browser: its token decides"
    for origin, host in (
        ("https://evil.example.invalid:8443", "hop.daklak.example.invalid:7443"),
        ("https://other.daklak.example.invalid:8443", "hop.daklak.example.invalid:7443"),  # covered, but not called
        ("http://hop.daklak.example.invalid:8443", "hop.daklak.example.invalid:7443"),
        ("https://hop.daklak.example.invalid", "hop.daklak.example.invalid:7443"),  # another port: another site
        ("https://a.b.daklak.example.invalid:8443", "a.b.daklak.example.invalid:7443"),
        ("https://daklak.example.invalid:8443", "daklak.example.invalid:7443"),
        ("https://.daklak.example.invalid:8443", ".daklak.example.invalid:7443"),
        ("https://evil.invalid:8443", "evil.invalid:7443"),
        ("null", "hop.daklak.example.invalid:7443"),
        ("https://[", "["),
    ):
        assert not may_connect(origin, host, origins), origin
    public = settings.model_copy(update={"public_url": "https://hop.daklak.example.invalid"})
    behind_a_proxy = own_origins(public, wildcard(tmp_path))
    assert may_connect("https://hop.daklak.example.invalid", "10.0.0.1:7443", behind_a_proxy)


def wildcard(folder: Path) -> tls.TlsFiles:
    """A certificate that an office has for all of its machines."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daklak")])
    now = datetime(2026, 4, 23, tzinfo=UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("*.daklak.example.invalid")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=90))
    path = folder / "wildcard.pem"
    path.write_bytes(made.add_extension(names, False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return tls.TlsFiles(path, folder / "key.pem", None)


@pytest.mark.parametrize("announce", [["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"]])
def test_loopback_alone_is_joined_by_an_address_that_browsers_send_to(settings: Settings, announce: list[str]) -> None:
    settings.announce = announce
    own = [str(one) for one in tls.current_addresses() if not one.is_loopback and one.version == 4]
    assert media_addresses(settings) == announce + own[:1]


@pytest.mark.parametrize("announce", [[], ["10.1.2.3"], ["127.0.0.1", "10.1.2.3"], ["10.1.2.3=203.0.113.1"]])
def test_what_names_an_address_is_taken_as_it_is(settings: Settings, announce: list[str]) -> None:
    settings.announce = announce
    assert media_addresses(settings) == announce
