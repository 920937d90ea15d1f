"""The installation's own certificates: a small CA kept for ten years and a leaf for every address of this machine.

Browsers give a camera only to https (or localhost), and a province's network has no public CA for its addresses.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meetings.config import Settings

CA_YEARS = 10
LEAF_DAYS = 365
_DAY = timedelta(days=1)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class TlsFiles:
    """Where the certificate chain and key lie; `authority` is None when the certificate was configured from outside."""

    certificate: Path
    key: Path
    authority: Path | None


def current_addresses() -> list[IpAddress]:
    """Every address of this machine that a browser could be given, loopback included, link-local IPv6 left out."""
    found: set[IpAddress] = {ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")}
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text)
            if not address.is_link_local:
                found.add(address)
    return sorted(found, key=lambda address: (address.is_loopback, address.version, int(address)))


def host_names() -> list[str]:
    """The machine's own names, the short one and the full one, with localhost last."""
    names = [socket.gethostname(), socket.getfqdn(), "localhost"]
    return list(dict.fromkeys(name for name in names if name and len(name) <= 64))


def prepare(settings: Settings, now: datetime) -> TlsFiles:
    """The files to serve https with: the configured pair, or a leaf renewed now under the installation's own CA."""
    if settings.tls_certificate and settings.tls_key:
        return TlsFiles(settings.tls_certificate, settings.tls_key, None)
    folder = settings.tls_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_certificate, ca_key = _load_or_create_authority(folder, now)
    certificate, key = _issue_leaf(ca_certificate, ca_key, now)
    chain = _pem(certificate) + _pem(ca_certificate)
    _write(folder / "leaf.key", _key_pem(key), 0o600)
    _write(folder / "leaf.pem", chain, 0o644)
    return TlsFiles(folder / "leaf.pem", folder / "leaf.key", folder / "ca.pem")


def _load_or_create_authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
    if certificate_path.exists() and key_path.exists():
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.not_valid_after_utc - now > LEAF_DAYS * _DAY:
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Meetings CA {socket.gethostname()}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Meetings"),
        ]
    )
    certificate = (
        _builder(name, name, key.public_key(), now, timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _key_pem(key), 0o600)
    _write(certificate_path, _pem(certificate), 0o644)
    return certificate, key


def _issue_leaf(
    ca_certificate: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in host_names()]
    names += [x509.IPAddress(address) for address in current_addresses()]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_names()[0])])
    certificate = (
        _builder(subject, ca_certificate.subject, key.public_key(), now, LEAF_DAYS * _DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)  # clocks of rooms run late
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    temporary = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def existing(settings: Settings) -> TlsFiles | None:
    """What the supervisor prepared, for a process that only serves with it; None: http only."""
    if settings.tls_certificate and settings.tls_key:
        return TlsFiles(settings.tls_certificate, settings.tls_key, None)
    folder = settings.tls_dir
    files = TlsFiles(folder / "leaf.pem", folder / "leaf.key", folder / "ca.pem")
    return files if files.certificate.exists() and files.key.exists() else None
