"""libsrtp through its door: the private names it needs exist, and working in place gives the public methods' bytes."""

from __future__ import annotations

import os
import struct

import pylibsrtp
import pytest

from meetings.signaling.media import srtp

PROFILES = [srtp.AEAD_AES_128_GCM, srtp.AES128_CM_SHA1_80]


def packet(sequence: int, payload: bytes = b"payload") -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, 1, 2) + payload


def test_the_private_names_of_pylibsrtp_are_where_they_were() -> None:
    binding = pylibsrtp._binding
    assert callable(binding.lib.srtp_protect)
    assert callable(binding.lib.srtp_unprotect)
    assert callable(binding.ffi.from_buffer)
    assert pylibsrtp.Session()._srtp[0]


def test_both_profiles_are_there_best_first() -> None:
    assert srtp.supported_profiles() == PROFILES


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.openssl_name.decode())
def test_in_place_and_public_protection_are_the_same(profile: srtp.Profile) -> None:
    key = os.urandom(profile.key_length + profile.salt_length)
    public, in_place, buffer = srtp.Outbound(profile, key), srtp.Outbound(profile, key), srtp.Buffer()
    for sequence in (65_534, 65_535, 0, 1):
        plain = packet(sequence)
        buffer.data[: len(plain)] = plain
        buffer.length[0] = len(plain)
        assert srtp.protect_in_place(in_place.handle, buffer.pointer, buffer.length) == 0
        assert bytes(buffer.view[: buffer.length[0]]) == public.protect(plain)


def test_the_same_packet_again_gives_the_same_bytes() -> None:
    outbound = srtp.Outbound(srtp.AEAD_AES_128_GCM, os.urandom(28))
    first = outbound.protect(packet(7))
    outbound.protect(packet(8))
    assert outbound.protect(packet(7)) == first


def test_what_is_not_authentic_comes_back_as_nothing() -> None:
    key = os.urandom(28)
    protected = srtp.Outbound(srtp.AEAD_AES_128_GCM, key).protect(packet(1))
    assert protected is not None
    inbound = srtp.Inbound(srtp.AEAD_AES_128_GCM, key)
    assert inbound.unprotect(protected[:-1] + bytes([protected[-1] ^ 1])) is None
    assert inbound.unprotect(b"") is None
    assert inbound.unprotect_rtcp(os.urandom(40)) is None
    assert inbound.unprotect(protected) == packet(1)


def test_a_packet_too_long_is_not_sent() -> None:
    assert srtp.Outbound(srtp.AEAD_AES_128_GCM, os.urandom(28)).protect(packet(1, bytes(1500))) is None
