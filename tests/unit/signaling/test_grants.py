"""Access tokens are read strictly and mean what LiveKit's tokens mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit import api

from meetings.signaling.grants import Grants, InvalidToken, read_token, write_token
from meetings.signaling.model import Identity, Permission, Source

SECRET = "a-secret-of-at-least-thirty-two-bytes"
LONG = SECRET * 2
KEYS = {"key": SECRET}
TEN_MINUTES = timedelta(minutes=10)


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    base = {"iss": "key", "sub": "hue", "exp": datetime.now(UTC) + timedelta(days=1)}  # read late
    return jwt.encode(base | claims, secret, algorithm=algorithm)


def test_a_token_of_the_stock_library_is_understood() -> None:
    stock = api.VideoGrants(
        room_join=True, room="m1", can_publish_sources=["microphone"], hidden=True, can_subscribe=False
    )
    token = (
        api.AccessToken("key", SECRET)
        .with_identity("point:hue")
        .with_name("Huế")
        .with_attributes({"seat": "1"})
        .with_grants(stock)
        .to_jwt()
    )
    grants = read_token(token, KEYS)
    assert (grants.identity, grants.name, grants.room, grants.room_join) == ("point:hue", "Huế", "m1", True)
    assert grants.attributes == {"seat": "1"}
    assert grants.permission.sources == {Source.MICROPHONE}
    assert grants.permission.hidden
    assert not grants.permission.can_subscribe
    assert not grants.room_admin


def test_absent_permissions_mean_yes_but_administration_is_never_implied() -> None:
    grants = read_token(signed({"video": {"roomJoin": True, "room": "m"}}), KEYS)
    assert grants.permission == Permission()
    assert {grants.room_admin, grants.room_create, grants.room_list} == {False}


def test_what_is_written_is_read_back() -> None:
    grants = Grants(
        identity=Identity("a"),
        name="Nguyễn",
        metadata="m",
        attributes={"k": "v"},
        room="r",
        room_join=True,
        room_admin=True,
        permission=Permission(can_publish=False, sources=frozenset({Source.CAMERA}), can_update_metadata=True),
        api_key="key",
    )
    token = write_token(grants, secret=SECRET, now=datetime.now(UTC), ttl=TEN_MINUTES)
    assert read_token(token, KEYS) == grants
    assert read_token(token, KEYS) != replace(grants, room="s")


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "not valid"),
        ("nonsense", "not valid"),
        (signed({"iss": "other"}), "no such API key"),
        (signed({}, secret="another-secret-of-thirty-two-bytes!"), "not valid"),
        (signed({"iss": "long"}, secret=LONG, algorithm="HS512"), "not valid"),
        (jwt.encode({"iss": "key", "sub": "a", "exp": 9_999_999_999}, "", algorithm="none"), "not valid"),
        (signed({"exp": datetime.now(UTC) - timedelta(minutes=5)}), "expired"),
        (signed({"nbf": datetime.now(UTC) + timedelta(days=1)}), "not valid"),
        (jwt.encode({"iss": "key", "sub": "a"}, SECRET, algorithm="HS256"), "not valid"),
        (signed({"video": {"roomJoin": True}}), "identity and a room"),
        (signed({"sub": "x" * 257}), "sub"),
        (signed({"name": "x" * 257}), "name"),
        (signed({"attributes": {"k": "x" * 70_000}}), "attributes"),
        (signed({"metadata": "x" * 600_000}), "metadata"),
        (signed({"video": {"canPublishSources": ["kitchen"]}}), "kitchen"),
    ],
)
def test_a_token_that_is_not_ours_or_not_sensible_is_refused(token: str, sentence: str) -> None:
    with pytest.raises(InvalidToken, match=sentence):
        read_token(token, KEYS | {"long": LONG})


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_text_can_do_more_than_be_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_token(text, KEYS)
