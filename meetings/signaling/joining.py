"""What a client says when it connects: in the query of `/rtc`, or in one packed `join_request` (single connection)."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from meetings.signaling import limits
from meetings.signaling.model import Client, ParticipantSid
from meetings.signaling.negotiation import SdpError, check_offer
from meetings.signaling.requests import BadRequest, Offer, Request, add_track

_GZIP = 31  # zlib's code for "a gzip header, and the largest window"


@dataclass(frozen=True)
class Connect:
    """A request to join or to go on, without its token. `requests` count as sent right after it."""

    client: Client
    resumes: ParticipantSid | None = None  # which connection it wants to go on with
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()


def parse_connect(query: Mapping[str, str]) -> Connect:
    """What a client wants. The parameter decides, not the path: Go's SDK uses /rtc for both. Raises BadRequest."""
    packed = query.get("join_request", "")
    return _of_join_request(_unpacked(packed)) if packed else _of_query(query)


# ------------------------------------------------------------------------------------------- two connections


def _of_query(query: Mapping[str, str]) -> Connect:
    """Unknown or malformed parameters count as absent: newer clients send more than we know."""
    capabilities = (_number(one) for one in query.get("capabilities", "").split(",")[:16])
    client = Client(
        auto_subscribe=query.get("auto_subscribe", "1") not in ("0", "false"),
        protocol=_number(query.get("protocol", "")),
        client_protocol=_number(query.get("client_protocol", "")),
        capabilities=tuple(one for one in capabilities if one),
        sdk=query.get("sdk", "")[:32],
    )
    again = query.get("reconnect") in ("1", "true")
    return Connect(client, ParticipantSid(query.get("sid", "")[:64]) if again else None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


# -------------------------------------------------------------------------------------------- one connection


def _unpacked(packed: str) -> rtc.JoinRequest:
    """WrappedJoinRequest in base64url, perhaps with gzip inside."""
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(_bytes(packed))
    except DecodeError as error:
        raise BadRequest("join_request is not a wrapped join request") from error
    content = wrapped.join_request
    match wrapped.compression:
        case rtc.WrappedJoinRequest.NONE:
            pass
        case rtc.WrappedJoinRequest.GZIP:
            content = _inflated(content)
        case _:
            raise BadRequest("join_request is packed in an unknown way")
    try:
        return rtc.JoinRequest.FromString(content)
    except DecodeError as error:
        raise BadRequest("join_request holds no join request") from error


def _bytes(packed: str) -> bytes:
    """With or without the padding at the end."""
    text = packed.rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("join_request is not base64url") from error


def _inflated(content: bytes) -> bytes:
    """Never more than the limit is unpacked, however small it came."""
    gzip = zlib.decompressobj(_GZIP)
    try:
        inflated = gzip.decompress(content, limits.JOIN_REQUEST + 1)
    except zlib.error as error:
        raise BadRequest("join_request is not gzip") from error
    if len(inflated) > limits.JOIN_REQUEST:
        raise BadRequest("join_request is too large")
    if not gzip.eof or gzip.unused_data:
        raise BadRequest("join_request is cut off, or followed by more")
    return inflated


def _of_join_request(request: rtc.JoinRequest) -> Connect:
    attributes = dict(request.participant_attributes)
    if len(request.metadata.encode()) > limits.METADATA:
        raise BadRequest("metadata exceeds limits")
    if limits.attributes_size(attributes) > limits.ATTRIBUTES:
        raise BadRequest("attributes exceed limits")
    again = ParticipantSid(request.participant_sid[:64]) if request.reconnect else None
    return Connect(_client(request), again, request.metadata, attributes, _requests(request))


def _client(request: rtc.JoinRequest) -> Client:
    info = request.client_info
    return Client(
        auto_subscribe=request.connection_settings.auto_subscribe,
        protocol=_small(info.protocol),
        client_protocol=_small(info.client_protocol),
        capabilities=tuple(one for one in list(info.capabilities)[:16] if 0 < one < 100_000),
        sdk=_sdk(info.sdk),
        single=True,
    )


def _small(number: int) -> int:
    return number if 0 <= number < 100_000 else 0


def _sdk(number: int) -> str:
    name = models.ClientInfo.SDK.Name(number) if number in models.ClientInfo.SDK.values() else "unknown"
    return name.lower()


def _requests(request: rtc.JoinRequest) -> tuple[Request, ...]:
    """Tracks first, so that the offer finds them announced."""
    if len(request.add_track_requests) > limits.TRACKS:
        raise BadRequest("join_request announces too many tracks")
    tracks = tuple(map(add_track, request.add_track_requests))
    offer = request.publisher_offer
    if not offer.sdp:
        return tracks
    try:
        check_offer(offer.sdp)
    except SdpError as error:
        raise BadRequest(f"the offer in join_request cannot be used: {error}") from error
    return (*tracks, Offer(offer.id, offer.sdp))
