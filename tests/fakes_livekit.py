"""A stand-in for the relay's server interface: RoomService over real HTTP, participants put there by the test."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from livekit import api
from livekit.protocol import models as wire
from livekit.protocol import room as calls
from livekit.protocol.webhook import WebhookEvent

from meetings.config import Settings
from meetings.ids import new_id

MICROPHONE = wire.TrackSource.MICROPHONE


@dataclass
class FakeRelay:
    """`calls` names what was asked, in order: ("UpdateParticipant", "point:a")."""

    key: str
    secret: str
    url: str = ""
    rooms: dict[str, dict[str, wire.ParticipantInfo]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def join(self, token: str) -> wire.ParticipantInfo:
        """What the relay does when somebody connects with this token: the claims become the participant."""
        claims = api.TokenVerifier(self.key, self.secret).verify(token)
        assert claims.video is not None
        assert claims.video.room_join
        sources = [getattr(wire.TrackSource, name.upper()) for name in claims.video.can_publish_sources or []]
        info = wire.ParticipantInfo(
            sid=f"PA_{new_id()}",
            identity=claims.identity,
            name=claims.name,
            attributes=claims.attributes or {},
            permission=wire.ParticipantPermission(
                can_subscribe=True, can_publish=claims.video.can_publish, can_publish_sources=sources
            ),
        )
        self.rooms.setdefault(claims.video.room, {})[claims.identity] = info
        return info

    def speak(self, room: str, identity: str) -> None:
        """The participant publishes its microphone."""
        track = wire.TrackInfo(sid=f"TR_{new_id()}", source=MICROPHONE, muted=False)
        self.rooms[room][identity].tracks.append(track)

    def webhook(self, event: str, room: str, participant: wire.ParticipantInfo | None = None) -> WebhookEvent:
        return WebhookEvent(event=event, id=f"EV_{new_id()}", room=wire.Room(name=room), participant=participant)

    def signed(self, event: WebhookEvent, *, secret: str | None = None) -> tuple[bytes, str]:
        """A webhook's body and its Authorization header."""
        body = MessageToJson(event).encode()
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return body, api.AccessToken(self.key, secret or self.secret).with_sha256(digest).to_jwt()

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        body = await request.read()
        if self.down:
            return web.json_response({"code": "unavailable", "msg": "away"}, status=503)
        api.TokenVerifier(self.key, self.secret).verify(request.headers["authorization"].removeprefix("Bearer "))
        try:
            answer = getattr(self, f"_{method}")(body)
        except KeyError as error:
            return web.json_response({"code": "not_found", "msg": str(error)}, status=404)
        assert isinstance(answer, Message)
        return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")

    def _CreateRoom(self, body: bytes) -> Message:
        request = calls.CreateRoomRequest.FromString(body)
        self.calls.append(("CreateRoom", request.name))
        self.rooms.setdefault(request.name, {})
        return wire.Room(name=request.name)

    def _ListRooms(self, body: bytes) -> Message:
        return calls.ListRoomsResponse(rooms=[wire.Room(name=name) for name in self.rooms])

    def _DeleteRoom(self, body: bytes) -> Message:
        request = calls.DeleteRoomRequest.FromString(body)
        self.calls.append(("DeleteRoom", request.room))
        del self.rooms[request.room]
        return calls.DeleteRoomResponse()

    def _ListParticipants(self, body: bytes) -> Message:
        request = calls.ListParticipantsRequest.FromString(body)
        return calls.ListParticipantsResponse(participants=self.rooms[request.room].values())

    def _GetParticipant(self, body: bytes) -> Message:
        request = calls.RoomParticipantIdentity.FromString(body)
        return self.rooms[request.room][request.identity]

    def _RemoveParticipant(self, body: bytes) -> Message:
        request = calls.RoomParticipantIdentity.FromString(body)
        self.calls.append(("RemoveParticipant", request.identity))
        del self.rooms[request.room][request.identity]
        return calls.RemoveParticipantResponse()

    def _MutePublishedTrack(self, body: bytes) -> Message:
        request = calls.MuteRoomTrackRequest.FromString(body)
        self.calls.append(("MutePublishedTrack", request.identity))
        tracks = self.rooms[request.room][request.identity].tracks
        track = next(one for one in tracks if one.sid == request.track_sid)
        track.muted = request.muted
        return calls.MuteRoomTrackResponse(track=track)

    def _UpdateParticipant(self, body: bytes) -> Message:
        request = calls.UpdateParticipantRequest.FromString(body)
        self.calls.append(("UpdateParticipant", request.identity))
        info = self.rooms[request.room][request.identity]
        info.permission.CopyFrom(request.permission)
        for name, value in request.attributes.items():
            info.attributes[name] = value
            if not value:
                del info.attributes[name]
        kept = [track for track in info.tracks if track.source in request.permission.can_publish_sources]
        del info.tracks[:]
        info.tracks.extend(kept)
        return info

    def sources(self, room: str, identity: str) -> set[str]:
        """What the relay lets this participant publish now."""
        permission = self.rooms[room][identity].permission
        names = {wire.TrackSource.Name(number).lower() for number in permission.can_publish_sources}
        return names if permission.can_publish else set()


@asynccontextmanager
async def fake_relay(settings: Settings) -> AsyncIterator[FakeRelay]:
    """Serves on a free port; point `settings.livekit_url` at its `url`."""
    relay = FakeRelay(settings.livekit_api_key, settings.livekit_api_secret)
    application = web.Application()
    application.router.add_post("/twirp/livekit.RoomService/{method}", relay.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield relay
    await runner.cleanup()
