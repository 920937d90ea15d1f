"""LiveKit's RoomService: what a coordinator may ask of rooms, over Twirp (protobuf or JSON bodies)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from livekit.protocol import models
from livekit.protocol import room as api

from meetings.signaling import calls, data, limits, messages, twirp
from meetings.signaling.grants import Grants
from meetings.signaling.live import LiveRoom
from meetings.signaling.model import Participant, Reason, TrackSid, wished
from meetings.signaling.publishing import Refused, TooLarge
from meetings.signaling.relay import Draining, Overloaded, Relay
from meetings.signaling.requests import track_sids
from meetings.signaling.room import Profile
from meetings.signaling.twirp import TwirpError

ROOM_SERVICE = "RoomService"
NONCE_BYTES = 16

# How failed calls of a participant are told, as by LiveKit's server; what is not named is "internal".
_CALL_FAILURES = {
    calls.CONNECTION_TIMEOUT: "canceled",
    calls.RESPONSE_TIMEOUT: "canceled",
    calls.DISCONNECTED: "unavailable",
    calls.UNSUPPORTED_METHOD: "invalid_argument",
    calls.TOO_LARGE: "malformed",
}


@dataclass(frozen=True)
class _Method:
    """How one call is read and whom it is for."""

    request: type[Message]
    permitted: Callable[[Grants, Any], bool]
    call: Callable[[RoomService, Any], Message | Awaitable[Message]]


class RoomService:
    """Answers calls against the relay's rooms."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def answer(self, method: str, content_type: str, body: bytes, grants: Grants) -> bytes:
        """One call, in the caller's own encoding. Raises TwirpError."""
        if (known := _METHODS.get(method)) is None:
            raise TwirpError("bad_route", f"no method {method[:80]!r}")
        request = twirp.decode(known.request, content_type, body)
        if not known.permitted(grants, request):
            raise TwirpError("unauthenticated", "permissions denied")
        try:
            made = known.call(self, request)
            return twirp.encode(made if isinstance(made, Message) else await made, content_type)
        except TooLarge as error:
            raise TwirpError("invalid_argument", str(error)) from error
        except Refused as error:
            raise TwirpError("failed_precondition", str(error)) from error

    # ------------------------------------------------------------------------------------------------ rooms

    def create_room(self, request: api.CreateRoomRequest) -> Message:
        """One that is there already stays as it is."""
        if not 0 < len(request.name.encode()) <= limits.ROOM_NAME:
            raise TwirpError("invalid_argument", f"a room needs a name of at most {limits.ROOM_NAME} bytes")
        if len(request.metadata.encode()) > limits.METADATA:
            raise TwirpError("invalid_argument", "metadata exceeds limits")
        settings = wished(self._relay.room_settings, request)
        try:
            room = self._relay.open_room(request.name, settings, request.metadata)
        except Draining as error:
            raise TwirpError("unavailable", "this relay opens no more rooms; it is about to stop") from error
        except Overloaded as error:
            raise TwirpError("resource_exhausted", "this relay has no time for another room") from error
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
        room = self._relay.rooms.get(request.room)
        present = room.rules.roster if room else ()
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

    async def perform_rpc(self, request: api.PerformRpcRequest) -> Message:
        """Ask a participant something and wait for its answer."""
        if not request.destination_identity:
            raise TwirpError("invalid_argument", "destination identity is required")
        room = self._room(request.room)
        self._participant(request.room, request.destination_identity)
        seconds = min(request.response_timeout_ms / 1000 or calls.ANSWERED_SECONDS, calls.LONGEST_SECONDS)
        asked = (request.destination_identity, request.method, request.payload)
        try:
            return api.PerformRpcResponse(payload=await room.calls.ask(*asked, seconds, room.forward))
        except calls.CallFailed as error:
            raise TwirpError(_CALL_FAILURES.get(error.code, "internal"), str(error)) from error

    def lead_elsewhere(self, request: api.MoveParticipantRequest | api.ForwardParticipantRequest) -> Message:
        """As LiveKit's open-source server, which has no other node to ask."""
        if request.room == request.destination_room:
            raise TwirpError("invalid_argument", "destination room cannot be the same as source room")
        self._participant(request.room, request.identity)
        raise TwirpError("unimplemented", "this relay does not lead participants from one room into another")

    # ---------------------------------------------------------------------------------------------- finding

    def _room(self, name: str) -> LiveRoom:
        if (room := self._relay.rooms.get(name)) is None:
            raise TwirpError("not_found", "requested room does not exist")
        return room

    def _participant(self, room: str, identity: str) -> Participant:
        if (participant := self._room(room).rules.roster.by_identity(identity)) is None:
            raise TwirpError("not_found", "participant does not exist")
        return participant


def _creates(grants: Grants, request: Message) -> bool:
    return grants.room_create


def _lists(grants: Grants, request: Message) -> bool:
    return grants.room_list


def _administers(grants: Grants, request: Any) -> bool:
    return bool(request.room) and grants.may_administer(request.room)


def _leads_elsewhere(grants: Grants, request: Any) -> bool:
    return _administers(grants, request) and grants.destination_room == request.destination_room


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
    "PerformRpc": _Method(api.PerformRpcRequest, _administers, RoomService.perform_rpc),
    "ForwardParticipant": _Method(api.ForwardParticipantRequest, _leads_elsewhere, RoomService.lead_elsewhere),
    "MoveParticipant": _Method(api.MoveParticipantRequest, _leads_elsewhere, RoomService.lead_elsewhere),
}
