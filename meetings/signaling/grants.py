"""Access tokens: what the holder of a JWT signed with one of our keys may do. Nothing else decides about access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from meetings.signaling import limits
from meetings.signaling.model import Identity, Participant, Permission, Role, Source

ALGORITHM = "HS256"
LEEWAY_SECONDS = 60  # what LiveKit's own verifiers allow for clocks that differ


class InvalidToken(Exception):
    """The token is missing, forged, expired, or says something that cannot be meant."""


@dataclass(frozen=True)
class RoomWishes:
    """How the room is to be, if this token's holder is the one who opens it; zeros: as the relay has it."""

    empty_timeout: int = 0
    departure_timeout: int = 0
    max_participants: int = 0
    metadata: str = ""


@dataclass(frozen=True)
class Grants:
    """The claims of one valid token."""

    identity: Identity
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    room: str = ""
    permission: Permission = field(default_factory=Permission)
    room_join: bool = False
    room_admin: bool = False
    room_create: bool = False
    room_list: bool = False
    destination_room: str = ""
    role: Role = Role.STANDARD
    room_wishes: RoomWishes = field(default_factory=RoomWishes)
    api_key: str = ""
    expires_at: float = field(default=0.0, compare=False)  # seconds since 1970
    issued_at: float = field(default=0.0, compare=False)  # seconds since 1970; 0 when the token does not say

    def may_administer(self, room: str) -> bool:
        return self.room_admin and self.room == room


def described(grants: Grants, metadata: str, attributes: Mapping[str, str]) -> Grants:
    """With what a client says about itself when joining, if it may. Raises InvalidToken."""
    if not metadata and not attributes:
        return grants
    if not grants.permission.can_update_metadata:
        raise InvalidToken("the token does not permit setting own metadata")
    merged = {**grants.attributes, **attributes}
    return replace(grants, metadata=metadata or grants.metadata, attributes=merged)


def read_token(token: str, keys: Mapping[str, str]) -> Grants:
    """Verify a token against the known keys; raises InvalidToken with a sentence fit for the client."""
    claims = _verified(token, keys)
    video = _mapping(claims.get("video"))
    grants = Grants(
        identity=Identity(_text(claims, "sub", limits.IDENTITY)),
        name=_text(claims, "name", limits.NAME),
        metadata=_text(claims, "metadata", limits.METADATA),
        attributes=_attributes(claims.get("attributes")),
        room=_text(video, "room", limits.ROOM_NAME),
        permission=_permission(video),
        room_join=video.get("roomJoin") is True,
        room_admin=video.get("roomAdmin") is True,
        room_create=video.get("roomCreate") is True,
        room_list=video.get("roomList") is True,
        destination_room=_text(video, "destinationRoom", limits.ROOM_NAME),
        role=_role(claims),
        room_wishes=_room_wishes(_mapping(claims.get("roomConfig"))),
        expires_at=float(claims["exp"]),
        api_key=str(claims["iss"]),
        issued_at=_issued_at(claims),
    )
    if grants.room_join and not (grants.identity and grants.room):
        raise InvalidToken("a token to join needs an identity and a room")
    return grants


def _verified(token: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The key is chosen by the unverified issuer, the algorithm never by the token."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        secret = keys.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise InvalidToken("no such API key")
        return jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss"], "verify_aud": False, "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise InvalidToken("the token has expired") from None
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken("the token is not valid") from error


def _issued_at(claims: Mapping[str, Any]) -> float:
    """The later of the two claims: LiveKit's own makers of tokens write only nbf."""
    named = [claims.get(name) for name in ("iat", "nbf")]
    return max((float(one) for one in named if isinstance(one, int | float)), default=0.0)


def _role(claims: Mapping[str, Any]) -> Role:
    kind = claims.get("kind") or Role.STANDARD.value
    try:
        return Role(kind)
    except ValueError as error:
        raise InvalidToken("the claim kind is not known") from error


def _room_wishes(config: Mapping[str, Any]) -> RoomWishes:
    return RoomWishes(
        empty_timeout=_count(config, "emptyTimeout", "empty_timeout"),
        departure_timeout=_count(config, "departureTimeout", "departure_timeout"),
        max_participants=_count(config, "maxParticipants", "max_participants"),
        metadata=_text(config, "metadata", limits.METADATA),
    )


def _count(config: Mapping[str, Any], *names: str) -> int:
    value = next((config[name] for name in names if name in config), 0)
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise InvalidToken(f"{names[0]} is not a count")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(claims: Mapping[str, Any], name: str, limit: int) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value.encode("utf-8", "surrogatepass")) > limit:
        raise InvalidToken(f"the claim {name} is not a text of at most {limit} bytes")
    return value


def _attributes(value: object) -> dict[str, str]:
    attributes = {key: text for key, text in _mapping(value).items() if isinstance(text, str)}
    if limits.attributes_size(attributes) > limits.ATTRIBUTES:
        raise InvalidToken("the attributes are too large")
    return attributes


def _permission(video: Mapping[str, Any]) -> Permission:
    """Absent canPublish, canSubscribe and canPublishData mean yes; sources, when named, narrow publishing."""
    named = video.get("canPublishSources")
    sources = [str(name).lower() for name in named] if isinstance(named, list) else []
    known = {source.value: source for source in Source}
    if unknown := [name for name in sources if name not in known]:
        raise InvalidToken(f"unknown source {unknown[0][:40]!r}")
    return Permission(
        can_publish=video.get("canPublish") is not False,
        can_subscribe=video.get("canSubscribe") is not False,
        can_publish_data=video.get("canPublishData") is not False,
        sources=frozenset(known[name] for name in sources),
        can_update_metadata=video.get("canUpdateOwnMetadata") is True,
        hidden=video.get("hidden") is True,
        recorder=video.get("recorder") is True,
        agent=video.get("agent") is True,
    )


def write_token(grants: Grants, *, secret: str, now: datetime, ttl: timedelta) -> str:
    """A token that `read_token` turns back into the same grants, valid from now on for `ttl`."""
    instant = now.astimezone(UTC)
    claims: dict[str, Any] = {
        "iss": grants.api_key,
        "sub": grants.identity,
        "nbf": int(instant.timestamp()),
        "exp": int((instant + ttl).timestamp()),
        "video": _video_claims(grants),
    }
    wishes = grants.room_wishes
    room = {"emptyTimeout": wishes.empty_timeout, "departureTimeout": wishes.departure_timeout}
    room |= {"maxParticipants": wishes.max_participants}
    config: dict[str, Any] = {name: value for name, value in room.items() if value}
    config |= {"metadata": wishes.metadata} if wishes.metadata else {}
    optional = {"name": grants.name, "metadata": grants.metadata, "attributes": dict(grants.attributes)}
    optional |= {"roomConfig": config, "kind": "" if grants.role is Role.STANDARD else grants.role.value}
    claims |= {name: value for name, value in optional.items() if value}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def _video_claims(grants: Grants) -> dict[str, Any]:
    permission = grants.permission
    flags = {
        "roomJoin": grants.room_join,
        "roomAdmin": grants.room_admin,
        "roomCreate": grants.room_create,
        "roomList": grants.room_list,
        "canUpdateOwnMetadata": permission.can_update_metadata,
        "hidden": permission.hidden,
        "recorder": permission.recorder,
        "agent": permission.agent,
    }
    video: dict[str, Any] = {name: True for name, value in flags.items() if value}
    video |= {
        "canPublish": permission.can_publish,
        "canSubscribe": permission.can_subscribe,
        "canPublishData": permission.can_publish_data,
    }
    if permission.sources:
        video["canPublishSources"] = sorted(source.value for source in permission.sources)
    if grants.room:
        video["room"] = grants.room
    return video


TOKEN_TEXTS = 4 * 1024  # bytes of metadata and attributes in a renewed token: it is to fit into a request line


def renewed(grants: Grants, participant: Participant) -> Grants:
    """The grants of the next token: what the participant may now, and what it is called now.

    Long texts stay as they were in the token before; they would make one that no server takes in a request line.
    """
    now = replace(grants, permission=participant.permission, name=participant.name)
    if len(participant.metadata.encode()) + limits.attributes_size(participant.attributes) > TOKEN_TEXTS:
        return now
    return replace(now, metadata=participant.metadata, attributes=dict(participant.attributes))
