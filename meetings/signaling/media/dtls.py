"""DTLS 1.2 over datagrams somebody else moves (RFC 6347), for SRTP keys (RFC 5764) and data channels.

No I/O: datagrams and application data go in and out of `Dtls`, and `timeout()` says when it wants to be woken.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from meetings.signaling.media import srtp

Role = Literal["client", "server"]
State = Literal["handshaking", "unverified", "connected", "closed", "failed"]

# What fits the smallest path we expect, tunnels included. Handshake flights are cut to it.
MTU = 1200

_RECORD_HEADER = 13  # RFC 6347 section 4.1
_MAX_RECORD = 1 << 14
_DTLS_1_2 = 0xFEFD
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
_DIGESTS = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}

# Junk under a forged address can spoil a handshake that is not authenticated yet: begin again, but not for ever.
_MAX_ATTEMPTS = 8

# OpenSSL waits a second before it sends a flight again, then two, then four: on a line that loses a tenth that is what
# joining takes. The same datagrams go out again sooner; whoever has them already drops them as replayed (RFC 6347
# section 4.1.2.6). The last flight, too, until the peer is heard to have it.
_AGAIN_SECONDS = (0.1, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SrtpKeys:
    """What the handshake agreed on: the profile, and a master key with salt for each direction."""

    profile: srtp.Profile
    local: bytes
    remote: bytes


def fingerprint_of(der: bytes, algorithm: str) -> str:
    """A certificate's fingerprint as SDP writes it (RFC 8122 section 5); KeyError for a digest we do not accept."""
    return _DIGESTS[algorithm.lower()](der).digest().hex(":").upper()


class Certificate:
    """A self-signed certificate made for one process life, and the TLS context under it."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key)
        self.profiles = srtp.supported_profiles()
        self._der = certificate.public_bytes(Encoding.DER)
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | SSL.OP_CIPHER_SERVER_PREFERENCE)
        self.context.set_max_proto_version(_DTLS_1_2)
        # Any certificate will do here; `Dtls` compares its fingerprint with the one that came by signalling.
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(profile.openssl_name for profile in self.profiles))

    def fingerprint(self, algorithm: str = "sha-256") -> str:
        """What the peer is told by signalling."""
        return fingerprint_of(self._der, algorithm)


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media")])
    # Nobody looks at the dates; wide ones, so that a stepped clock cannot matter.
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .sign(key, hashes.SHA256())
    )


def _matches(certificate: x509.Certificate, algorithm: str, value: str) -> bool:
    if algorithm.lower() not in _DIGESTS:
        return False
    return fingerprint_of(certificate.public_bytes(Encoding.DER), algorithm) == value.upper()


class Dtls:
    """One association. `state` tells how far it is; after "connected", `keys` holds the SRTP keys.

    The peer's fingerprint may come before or after the handshake; data passes only when both are there and agree.
    """

    def __init__(self, certificate: Certificate, role: Role) -> None:
        self.role: Role = role
        self.state: State = "handshaking"
        self.keys: SrtpKeys | None = None
        self._certificate = certificate
        self._expected: tuple[str, str] | None = None
        self._attempts = 0
        self._output: list[bytes] = []
        self._flight: list[bytes] = []
        self._flight_at: float | None = None  # when it went out last; None: by the next look at the clock
        self._flight_times = 0
        self._ssl = self._connection()

    def expect(self, algorithm: str, value: str) -> None:
        """The fingerprint the peer's certificate must have."""
        self._expected = (algorithm, value)
        if self.state == "unverified":
            self._verify()

    def start(self) -> None:
        """Send the first flight (client only; a server waits for it)."""
        if self.role == "client":
            self._handshake()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram from the peer; returns the application data in it. Never raises on what the peer sent."""
        if self.state in ("closed", "failed"):
            return []
        try:
            self._ssl.bio_write(datagram)
        except SSL.Error:
            return []
        if self.state == "handshaking":
            self._handshake()
        data = self._read() if self.state == "connected" else []
        if data:
            self._flight = []  # the peer has it: it uses the keys
        self._collect()
        return data

    def send(self, data: bytes) -> None:
        """Encrypt application data (at most one record); silently nothing when not connected."""
        if self.state == "connected":
            with contextlib.suppress(SSL.Error):
                self._ssl.send(data)
            self._collect()

    def timeout(self) -> float | None:
        """Seconds until `handle_timeout` should be called, or None."""
        return self._ssl.DTLSv1_get_timeout() if self.state == "handshaking" else None

    def handle_timeout(self) -> None:
        """Send the last flight again if its time has come."""
        if self.state == "handshaking":
            with contextlib.suppress(SSL.Error):
                self._ssl.DTLSv1_handle_timeout()
            self._collect()

    def repeat(self, now: float) -> None:
        """Send the last flight once more when it is due: to be called a few times a second."""
        if not self._flight or self._flight_times >= len(_AGAIN_SECONDS):
            return
        if self._flight_at is None:
            self._flight_at = now
        elif now - self._flight_at >= _AGAIN_SECONDS[self._flight_times]:
            self._flight_at = now
            self._flight_times += 1
            self._output += self._flight

    def close(self) -> None:
        """Tell the peer (close_notify) and stop."""
        self._flight = []
        if self.state in ("connected", "unverified"):
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
            self._collect()
        if self.state != "failed":
            self.state = "closed"

    def take_output(self) -> list[bytes]:
        """Datagrams to send to the peer now."""
        output, self._output = self._output, []
        return output

    def _connection(self) -> SSL.Connection:
        connection = SSL.Connection(self._certificate.context)
        connection.set_ciphertext_mtu(MTU)
        if self.role == "client":
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        return connection

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._collect(flight=True)
            return
        except SSL.Error:
            self._collect()
            self._begin_again()
            return
        self._collect(flight=True)
        if self.role == "client":
            self._flight = []  # the server has answered it
        self.state = "unverified"
        self._verify()

    def _begin_again(self) -> None:
        self._attempts += 1
        if self._attempts >= _MAX_ATTEMPTS:
            self.state = "failed"
            return
        self._ssl = self._connection()
        self.start()

    def _verify(self) -> None:
        if self._expected is None:
            return
        algorithm, value = self._expected
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        profile = self._agreed_profile()
        if certificate is None or profile is None or not _matches(certificate, algorithm, value):
            self.state = "failed"
        else:
            self.keys = self._export(profile)
            self.state = "connected"

    def _agreed_profile(self) -> srtp.Profile | None:
        name = self._ssl.get_selected_srtp_profile()
        return next((profile for profile in self._certificate.profiles if profile.openssl_name == name), None)

    def _export(self, profile: srtp.Profile) -> SrtpKeys:
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", profile.material_length)
        client, server = profile.split(material)
        return SrtpKeys(profile, *((client, server) if self.role == "client" else (server, client)))

    def _read(self) -> list[bytes]:
        data = []
        try:
            while True:
                data.append(self._ssl.recv(_MAX_RECORD))
        except SSL.ZeroReturnError:
            self.state = "closed"
        except SSL.Error:
            pass  # nothing more to read, or a record OpenSSL did not like: DTLS drops those (RFC 6347 section 4.1.2.7)
        return data

    def _collect(self, *, flight: bool = False) -> None:
        pending = bytearray()
        with contextlib.suppress(SSL.Error):
            while True:
                pending += self._ssl.bio_read(1 << 16)
        if pending:
            datagrams = _datagrams(bytes(pending))
            self._output += datagrams
            if flight:
                self._flight, self._flight_at, self._flight_times = datagrams, None, 0


def _datagrams(stream: bytes) -> list[bytes]:
    """OpenSSL's memory BIO joins what it writes: cut it at record borders and fill datagrams up to the MTU."""
    datagrams = []
    start = end = 0
    while end + _RECORD_HEADER <= len(stream):
        record_end = end + _RECORD_HEADER + int.from_bytes(stream[end + 11 : end + 13], "big")
        if record_end - start > MTU and end > start:
            datagrams.append(stream[start:end])
            start = end
        end = record_end
    if len(stream) > start:
        datagrams.append(stream[start:])
    return datagrams
