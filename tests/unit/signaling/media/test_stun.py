"""STUN as ICE uses it: read and written like the reference implementation does, and safe against anything else."""

from __future__ import annotations

import pytest
from aioice import stun as reference

from meetings.signaling.media import stun
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.mutations import mutations

TRANSACTION = bytes(range(12))
PASSWORD = "secret-password"


def check(username: str = "local:remote", *, nominate: bool = True) -> bytes:
    return stun.binding_request(TRANSACTION, username, PASSWORD, priority=1, tie_breaker=2, nominate=nominate)


def test_our_check_is_read_by_the_reference() -> None:
    message = reference.parse_message(check())
    assert message.attributes["USERNAME"] == "local:remote"
    assert "USE-CANDIDATE" in message.attributes
    assert message.attributes["ICE-CONTROLLING"] == 2
    assert message.check_message_integrity(PASSWORD.encode())


def test_our_answer_is_read_by_the_reference() -> None:
    message = reference.parse_message(stun.binding_success(TRANSACTION, ("192.0.2.7", 40_001), PASSWORD))
    assert message.message_class == reference.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 40_001)
    assert message.check_message_integrity(PASSWORD.encode())


def test_a_check_by_the_reference_is_read_and_authenticated() -> None:
    request = reference.Message(reference.Method.BINDING, reference.Class.REQUEST)
    request.attributes["USERNAME"] = "local:remote"
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(PASSWORD.encode())
    message = stun.parse(bytes(request))
    assert (message.kind, message.username) == (stun.REQUEST, "local:remote")
    assert stun.USE_CANDIDATE in message.attributes
    assert message.signed_with(PASSWORD)
    assert not message.signed_with("another")


def test_what_follows_the_signature_is_not_believed() -> None:
    body = check(nominate=False)
    extra = stun._pack(stun.USE_CANDIDATE, b"")
    longer = stun._with_length(body + extra, len(body) + len(extra) - 20)
    assert stun.USE_CANDIDATE not in stun.parse(longer).attributes


def test_a_message_without_signature_is_signed_by_nobody() -> None:
    plain = reference.Message(reference.Method.BINDING, reference.Class.REQUEST)
    assert not stun.parse(bytes(plain)).signed_with("")


def test_the_mapped_address_comes_back() -> None:
    answer = stun.parse(stun.binding_success(TRANSACTION, ("192.0.2.7", 40_001), PASSWORD))
    assert stun.mapped_address(answer) == ("192.0.2.7", 40_001)


@pytest.mark.parametrize("data", [b"", b"\x00\x01", bytes(20), check()[:-4], check() + b"\x00" * 2000])
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        stun.parse(data)


def test_damaged_messages_raise_nothing_but_malformed() -> None:
    parsed = 0
    for data in mutations([check(), stun.binding_success(TRANSACTION, ("192.0.2.7", 1), PASSWORD)]):
        try:
            message = stun.parse(data)
            message.signed_with(PASSWORD)
            stun.mapped_address(message)
            parsed += 1
        except Malformed:
            continue
    assert parsed  # some damage is harmless
