"""ICE-lite: who is answered, where media goes, what a restart does and when consent ends."""

from __future__ import annotations

import os

from meetings.signaling.media import stun
from meetings.signaling.media.ice import CONSENT_SECONDS, Agent, Credentials

FIRST = Credentials("first", "first-password")
SECOND = Credentials("second", "second-password")
A, B, C = ("192.0.2.1", 1000), ("192.0.2.1", 2000), ("198.51.100.1", 1000)


def check(credentials: Credentials = FIRST, *, nominate: bool = False, password: str | None = None) -> stun.Message:
    return stun.parse(
        stun.binding_request(
            os.urandom(12),
            f"{credentials.ufrag}:remote",
            password or credentials.password,
            priority=1,
            tie_breaker=1,
            nominate=nominate,
        )
    )


def test_an_authentic_check_is_answered_and_selects_its_pair() -> None:
    agent = Agent(FIRST)
    request = check()
    checked = agent.check(request, A, 0.0)
    assert checked is not None
    answer = stun.parse(checked.answer)
    assert answer.transaction_id == request.transaction_id
    assert answer.signed_with(FIRST.password)
    assert stun.mapped_address(answer) == A
    assert (agent.selected, agent.addresses) == (A, [A])


def test_a_check_with_a_wrong_password_is_not_answered() -> None:
    agent = Agent(FIRST)
    assert agent.check(check(password="guessed"), A, 0.0) is None
    assert (agent.selected, agent.addresses) == (None, [])


def test_nomination_moves_the_pair() -> None:
    agent = Agent(FIRST)
    agent.check(check(), A, 0.0)
    agent.check(check(), B, 0.1)
    assert agent.selected == A
    agent.check(check(nominate=True), B, 0.2)
    assert agent.selected == B


def test_media_moves_the_pair_whatever_was_nominated() -> None:
    agent = Agent(FIRST)
    agent.check(check(nominate=True), A, 0.0)
    agent.check(check(), B, 0.1)
    assert agent.heard(B, 0.2)
    assert agent.selected == B
    assert not agent.heard(B, 0.3)


def test_media_from_an_unchecked_address_moves_nothing() -> None:
    agent = Agent(FIRST)
    agent.check(check(), A, 0.0)
    assert not agent.heard(C, 0.1)
    assert agent.selected == A


def test_a_silent_pair_gives_way_to_one_that_is_checked() -> None:
    agent = Agent(FIRST)
    agent.check(check(), A, 0.0)
    agent.check(check(), B, 10.0)
    assert agent.selected == B


def test_a_restart_takes_the_pair_of_its_first_check_and_forgets_the_old_credentials() -> None:
    agent = Agent(FIRST)
    agent.check(check(nominate=True), A, 0.0)
    agent.restart(SECOND)
    assert agent.check(check(FIRST), A, 1.0) is not None
    checked = agent.check(check(SECOND), B, 2.0)
    assert checked is not None
    assert checked.restarted
    assert agent.selected == B
    assert agent.check(check(FIRST), A, 3.0) is None


def test_consent_ends_after_silence_but_not_before_the_first_check() -> None:
    agent = Agent(FIRST)
    assert not agent.expired(1000.0)
    agent.check(check(), A, 1000.0)
    assert not agent.expired(1000.0 + CONSENT_SECONDS)
    assert agent.expired(1000.1 + CONSENT_SECONDS)


def test_addresses_of_one_peer_are_bounded() -> None:
    agent = Agent(FIRST)
    agent.check(check(nominate=True), A, 0.0)
    dropped = []
    for port in range(1, 40):
        checked = agent.check(check(), ("203.0.113.1", port), float(port) / 100)
        assert checked is not None
        dropped += checked.dropped
    assert len(agent.addresses) == 16
    assert len(dropped) == 24
    assert A in agent.addresses
