"""Owns the list of origins our own pages have: what a relay of this house lets connect."""

from __future__ import annotations

from urllib.parse import urlsplit

from cryptography import x509

from meetings import tls
from meetings.config import Settings


def own_origins(settings: Settings, files: tls.TlsFiles) -> list[str]:
    """http on this machine; https under every name of the certificate, under every address, and the public one.

    A certificate for `*.example` does not say under which name this house is reached: the relay takes pages of those
    names that call it by their own (see `signaling/origin.py`).
    """
    certified = _names(files)
    names = ["localhost", "127.0.0.1", "[::1]"]
    plain = [_origin("http", name, settings.port) for name in names]
    secure = [_origin("https", name, settings.https_port) for name in [*names, *certified, *_addresses()]]
    public = [_of_url(settings.public_url)] if settings.public_url else []
    return list(dict.fromkeys([*public, *plain, *secure]))


def _origin(scheme: str, host: str, port: int) -> str:
    """As browsers write it: in lower case, without a port that goes without saying."""
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host.lower()}" + ("" if port == usual else f":{port}")


def _of_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    return _origin("http" if parts.scheme == "http" else "https", f"[{host}]" if ":" in host else host, port)


def _addresses() -> list[str]:
    return [f"[{address}]" if address.version == 6 else str(address) for address in tls.current_addresses()]


def _names(files: tls.TlsFiles) -> list[str]:
    """The certificate's names: a house with its own certificate is reached under the names that stand in it."""
    leaf = x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)
