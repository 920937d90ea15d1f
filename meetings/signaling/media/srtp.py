"""The door to libsrtp: the protection profiles it was built with, and one direction of SRTP keyed for one peer.

The forwarding path protects in place, on a preallocated buffer, through the binding underneath `pylibsrtp.Session`
(its public methods copy a packet twice). The private names this needs are `pylibsrtp._binding.ffi`, `.lib` and
`Session._srtp`; a test names each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pylibsrtp
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

# Wide enough for a retransmission a second late at 1,000 packets a second (RFC 3711 section 3.3.2 wants >= 64).
_REPLAY_WINDOW = 1024

# An authentication tag and, for SRTCP, the index; no MKI is ever used.
TRAILER = 32


@dataclass(frozen=True)
class Profile:
    """A DTLS-SRTP protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2)."""

    openssl_name: bytes
    libsrtp: int
    key_length: int
    salt_length: int

    @property
    def material_length(self) -> int:
        """Bytes of keying material for both directions."""
        return 2 * (self.key_length + self.salt_length)

    def split(self, material: bytes) -> tuple[bytes, bytes]:
        """Master key and salt of the client's and of the server's direction (RFC 5764 section 4.2)."""
        key, salt = self.key_length, self.salt_length
        salts = 2 * key
        client = material[:key] + material[salts : salts + salt]
        server = material[key : 2 * key] + material[salts + salt : salts + 2 * salt]
        return client, server


AEAD_AES_128_GCM = Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12)
AES128_CM_SHA1_80 = Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14)


def supported_profiles() -> list[Profile]:
    """Best first. libsrtp may have been built without AES-GCM."""
    return [profile for profile in (AEAD_AES_128_GCM, AES128_CM_SHA1_80) if _supported(profile)]


def _supported(profile: Profile) -> bool:
    try:
        Policy(srtp_profile=profile.libsrtp)
    except pylibsrtp.Error:
        return False
    return True


class Buffer:
    """A preallocated packet buffer that libsrtp works on in place. One per user; never two packets at a time."""

    def __init__(self, size: int = 2048) -> None:
        self.data = bytearray(size)
        self.view = memoryview(self.data)
        self.pointer: Any = ffi.from_buffer("char[]", self.data)
        self.length: Any = ffi.new("int *")


class Outbound:
    """Our direction. Sending the same packet again is allowed; a different one under its sequence number never."""

    def __init__(self, profile: Profile, key: bytes) -> None:
        self._session = _session(profile, key, Policy.SSRC_ANY_OUTBOUND)
        self.handle: Any = self._session._srtp[0]

    def protect(self, packet: bytes) -> bytes | None:
        """An RTP packet as SRTP, or None when libsrtp refuses it (too old, too long)."""
        try:
            return bytes(self._session.protect(packet))
        except (pylibsrtp.Error, ValueError):
            return None

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """A compound RTCP packet as SRTCP."""
        try:
            return bytes(self._session.protect_rtcp(packet))
        except (pylibsrtp.Error, ValueError):
            return None


class Inbound:
    """The peer's direction. Whatever fails authentication or was seen before comes back as None."""

    def __init__(self, profile: Profile, key: bytes) -> None:
        self._session = _session(profile, key, Policy.SSRC_ANY_INBOUND)
        self.handle: Any = self._session._srtp[0]

    def unprotect(self, packet: bytes) -> bytes | None:
        """The RTP packet within an SRTP packet."""
        try:
            return bytes(self._session.unprotect(packet))
        except (pylibsrtp.Error, ValueError):
            return None

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The RTCP packet within an SRTCP packet."""
        try:
            return bytes(self._session.unprotect_rtcp(packet))
        except (pylibsrtp.Error, ValueError):
            return None


def _session(profile: Profile, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp)
    policy.allow_repeat_tx = True
    policy.window_size = _REPLAY_WINDOW
    return Session(policy)


protect_in_place: Any = lib.srtp_protect
unprotect_in_place: Any = lib.srtp_unprotect
