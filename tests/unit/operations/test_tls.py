"""The house's own certificates."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from meetings import tls
from meetings.config import Settings

NOW = datetime(2026, 4, 23, 1, 0, tzinfo=UTC)


def installation(folder: Path) -> Settings:
    return Settings(data_dir=folder)


def leaf(files: tls.TlsFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]


def test_the_leaf_names_every_address_and_lasts_a_year(tmp_path: Path) -> None:
    files = tls.prepare(installation(tmp_path), NOW)
    names = leaf(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert set(tls.current_addresses()) == set(names.get_values_for_type(x509.IPAddress))
    assert leaf(files).not_valid_after_utc == NOW + timedelta(days=365)


def test_a_second_start_renews_the_leaf_under_the_same_authority(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    first = tls.prepare(settings, NOW)
    assert first.authority is not None
    authority, old = first.authority.read_bytes(), leaf(first)
    again = tls.prepare(settings, NOW + timedelta(days=200))
    assert again.authority is not None
    assert again.authority.read_bytes() == authority
    assert leaf(again).not_valid_after_utc == old.not_valid_after_utc + timedelta(days=200)


def test_an_authority_that_would_end_before_its_leaf_is_replaced(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    old = (tls.prepare(settings, NOW).authority or Path()).read_bytes()
    new = (tls.prepare(settings, NOW + timedelta(days=365 * 9 + 100)).authority or Path()).read_bytes()
    assert old != new


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    files = tls.prepare(settings, NOW)
    assert files.key.stat().st_mode & 0o077 == 0
    assert (settings.tls_dir / "ca.key").stat().st_mode & 0o077 == 0


def test_a_client_that_trusts_the_authority_accepts_the_chain(tmp_path: Path) -> None:
    files = tls.prepare(installation(tmp_path), datetime.now(UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    client = ssl.create_default_context(cafile=str(files.authority))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    there = server.wrap_bio(to_server, to_client, server_side=True)
    finished: set[int] = set()
    for _ in range(10):
        for side in (here, there):
            try:
                side.do_handshake()
                finished.add(id(side))
            except ssl.SSLWantReadError:
                continue
    assert len(finished) == 2


def test_a_configured_certificate_is_used_as_it_is(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, tls_certificate=tmp_path / "own.pem", tls_key=tmp_path / "own.key")
    assert tls.prepare(settings, NOW) == tls.TlsFiles(tmp_path / "own.pem", tmp_path / "own.key", None)
    assert not settings.tls_dir.exists()
