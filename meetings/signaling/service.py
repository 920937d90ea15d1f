"""LiveKit's RoomService: what a coordinator may ask of rooms, over Twirp (protobuf or JSON bodies)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models
from livekit.protocol import room as api

from meetings.signaling import data, limits, messages
from meetings.signaling.grants import Grants
from meetings.signaling.live import LiveRoom
from meetings.signaling.model import Participant, Reason, RoomSettings, TrackSid
from meetings.signaling.publishing import Refused
from meetings.signaling.relay import Draining, Overloaded, Relay
from meetings.signaling.requests import track_sids
from meetings.signaling.room import Profile

JSON = "application/json"
PROTOBUF = "application/protobuf"
NONCE_BYTES = 16

_STATUS = {
    "bad_route": 404,
    "failed_precondition": 412,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "unauthenticated": 401,
    "unavailable": 503,
}


class TwirpError(Exception):
    """A refusal in Twirp's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _STATUS[code]


@dataclass(frozen=True)
class _Method:
    """How one call is read and whom it is for. `permitted` sees the caller's grants and the room's name."""

    request: type[Message]
    permitted: Callable[[Grants, str], bool]
    call: Callable[[RoomService, Any], Message]


class RoomService:
    """Answers calls against the relay's rooms."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def answer(self, method: str, content_type: str, body: bytes, grants: Grants) -> bytes:
        """One call, in the caller's own encoding. Raises TwirpError."""
        if (known := _METHODS.get(method)) is None:
            raise TwirpError("bad_route", f"no method {method[:80]!r}")
        request = _decode(known.request, content_type, body)
        room = str(getattr(request, "room", "") or getattr(request, "name", ""))
        if not known.permitted(grants, room):
            raise TwirpError("permission_denied", "permissions denied")
        try:
            return _encode(known.call(self, request), content_type)
        except Refused as error:
            raise TwirpError("failed_precondition", str(error)) from error

    # ------------------------------------------------------------------------------------------------ rooms

    def create_room(self, request: api.CreateRoomRequest) -> Message:
        if not 0 < len(request.name) <= limits.ROOM_NAME:
            raise TwirpError("invalid_argument", "a room needs a name")
        if len(request.metadata.encode()) > limits.METADATA:
            raise TwirpError("invalid_argument", "metadata exceeds limits")
        try:
            room = self._relay.open_room(request.name, metadata=request.metadata)
        except Draining as error:
            raise TwirpError("unavailable", "this relay opens no more rooms; it is about to stop") from error
        except Overloaded as error:
            raise TwirpError("resource_exhausted", "this relay has no time for another room") from error
        room.rules.settings = _settings(room.rules.settings, request)
        return messages.room_info(room.rules.facts())

    def list_rooms(self, request: api.ListRoomsRequest) -> Message:
        named = frozenset(request.names)
        facts = [room.rules.facts() for name, room in self._relay.rooms.items() if not named or name in named]
        return api.ListRoomsResponse(rooms=[messages.room_info(one) for one in facts])

    def delete_room(self, request: api.DeleteRoomRequest) -> Message:
        self._room(request.room)
        self._relay.end_room(request.room, Reason.ROOM_DELETED)
        return api.DeleteRoomResponse()

    def update_room_metadata(self, request: api.UpdateRoomMetadataRequest) -> Message:
        room = self._room(request.room)
        room.apply(room.rules.set_metadata(request.metadata))
        return messages.room_info(room.rules.facts())

    # ----------------------------------------------------------------------------------------- participants

    def list_participants(self, request: api.ListParticipantsRequest) -> Message:
        present = self._room(request.room).rules.roster
        return api.ListParticipantsResponse(participants=[messages.participant_info(one) for one in present])

    def get_participant(self, request: api.RoomParticipantIdentity) -> Message:
        return messages.participant_info(self._participant(request.room, request.identity))

    def remove_participant(self, request: api.RoomParticipantIdentity) -> Message:
        room = self._room(request.room)
        member = room.member(self._participant(request.room, request.identity).sid)
        expires_at = member.grants.expires_at if member else 0.0
        self._relay.door.put_out(request.room, request.identity, expires_at=expires_at)
        room.apply(room.rules.remove(request.identity, self._relay.now_ms()))
        return api.RemoveParticipantResponse()

    def mute_published_track(self, request: api.MuteRoomTrackRequest) -> Message:
        room, sid = self._room(request.room), TrackSid(request.track_sid)
        if self._participant(request.room, request.identity).track(sid) is None:
            raise TwirpError("not_found", "track does not exist")
        room.apply(room.rules.publishing.mute_for(request.identity, sid, request.muted))
        track = self._participant(request.room, request.identity).track(sid)
        return api.MuteRoomTrackResponse(track=messages.track_info(track) if track else None)

    def update_participant(self, request: api.UpdateParticipantRequest) -> Message:
        room = self._room(request.room)
        self._participant(request.room, request.identity)
        permission = messages.permission_of(request.permission) if request.HasField("permission") else None
        profile = Profile(request.name, request.metadata, dict(request.attributes))
        room.apply(room.rules.update_participant(request.identity, profile, permission))
        return messages.participant_info(self._participant(request.room, request.identity))

    def update_subscriptions(self, request: api.UpdateSubscriptionsRequest) -> Message:
        room = self._room(request.room)
        participant = self._participant(request.room, request.identity)
        tracks = track_sids(request.track_sids, request.participant_tracks)
        room.choose(participant.sid, tracks, request.subscribe)
        return api.UpdateSubscriptionsResponse()

    def send_data(self, request: api.SendDataRequest) -> Message:
        if len(request.data) > limits.DATA_PACKET:
            raise TwirpError("invalid_argument", "data exceeds limits")
        if len(request.nonce) not in (0, NONCE_BYTES):
            raise TwirpError("invalid_argument", f"nonce should be {NONCE_BYTES} bytes or not present")
        room = self._room(request.room)
        packet = data.from_server(
            request.data,
            reliable=request.kind == models.DataPacket.RELIABLE,
            topic=request.topic if request.HasField("topic") else None,
            identities=list(request.destination_identities),
            sids=list(request.destination_sids),
            nonce=request.nonce,
        )
        room.forward(packet)
        return api.SendDataResponse()

    # ---------------------------------------------------------------------------------------------- finding

    def _room(self, name: str) -> LiveRoom:
        if (room := self._relay.rooms.get(name)) is None:
            raise TwirpError("not_found", "requested room does not exist")
        return room

    def _participant(self, room: str, identity: str) -> Participant:
        if (participant := self._room(room).rules.roster.by_identity(identity)) is None:
            raise TwirpError("not_found", "participant does not exist")
        return participant


def _settings(now: RoomSettings, request: api.CreateRoomRequest) -> RoomSettings:
    """What the request leaves at zero stays."""
    return replace(
        now,
        empty_timeout=request.empty_timeout or now.empty_timeout,
        departure_timeout=request.departure_timeout or now.departure_timeout,
        max_participants=request.max_participants or now.max_participants,
    )


def _creates(grants: Grants, room: str) -> bool:
    return grants.room_create


def _lists(grants: Grants, room: str) -> bool:
    return grants.room_list


def _administers(grants: Grants, room: str) -> bool:
    return bool(room) and grants.may_administer(room)


_METHODS = {
    "CreateRoom": _Method(api.CreateRoomRequest, _creates, RoomService.create_room),
    "ListRooms": _Method(api.ListRoomsRequest, _lists, RoomService.list_rooms),
    "DeleteRoom": _Method(api.DeleteRoomRequest, _creates, RoomService.delete_room),
    "ListParticipants": _Method(api.ListParticipantsRequest, _administers, RoomService.list_participants),
    "GetParticipant": _Method(api.RoomParticipantIdentity, _administers, RoomService.get_participant),
    "RemoveParticipant": _Method(api.RoomParticipantIdentity, _administers, RoomService.remove_participant),
    "MutePublishedTrack": _Method(api.MuteRoomTrackRequest, _administers, RoomService.mute_published_track),
    "UpdateParticipant": _Method(api.UpdateParticipantRequest, _administers, RoomService.update_participant),
    "UpdateSubscriptions": _Method(api.UpdateSubscriptionsRequest, _administers, RoomService.update_subscriptions),
    "SendData": _Method(api.SendDataRequest, _administers, RoomService.send_data),
    "UpdateRoomMetadata": _Method(api.UpdateRoomMetadataRequest, _administers, RoomService.update_room_metadata),
}


def _decode(kind: type[Message], content_type: str, body: bytes) -> Message:
    try:
        if content_type == JSON:
            return json_format.Parse(body, kind(), ignore_unknown_fields=True)
        if content_type == PROTOBUF:
            return kind.FromString(body)
    except (DecodeError, json_format.ParseError, UnicodeError, RecursionError) as error:
        raise TwirpError("malformed", "the body cannot be decoded") from error
    raise TwirpError("bad_route", f"unexpected content type {content_type[:80]!r}")


def _encode(message: Message, content_type: str) -> bytes:
    if content_type == JSON:
        return json_format.MessageToJson(message, preserving_proto_field_name=True).encode()
    return message.SerializeToString()
