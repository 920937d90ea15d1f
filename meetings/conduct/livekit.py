"""The one door to the relay's server interface: tokens, webhooks, and RoomService calls with a time limit."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from livekit import api
from livekit.protocol import models as wire
from livekit.protocol import room as calls

from meetings.conduct.rules.seats import Rights, SeatFacts, Source, rights_of
from meetings.config import Settings
from meetings.context import Context

TOKEN_LIFETIME = timedelta(minutes=10)
CALL_SECONDS = 2.0  # a call that takes longer is given up; reconciliation repeats what it would have done
EMPTY_TIMEOUT = 15 * 60
GENERATION = "generation"
FLOOR = "floor"  # our relay passes on this voice however many louder ones there are; others show it to their clients
RECORDER_PREFIX = "recorder:"
LINE_PREFIX = "line:"  # rooms in which a point tries its line; no meeting's id looks like it
LINE_LIFETIME = timedelta(minutes=2)
GONE = frozenset({"not_found"})

TRACK_SOURCES = {
    Source.MICROPHONE: ("microphone",),
    Source.CAMERA: ("camera",),
    Source.SCREEN: ("screen_share", "screen_share_audio"),
}
WIRE_SOURCES = {
    "microphone": wire.TrackSource.MICROPHONE,
    "camera": wire.TrackSource.CAMERA,
    "screen_share": wire.TrackSource.SCREEN_SHARE,
    "screen_share_audio": wire.TrackSource.SCREEN_SHARE_AUDIO,
}


class RelayUnreachable(Exception):
    """The relay did not do what it was asked; what was decided stands in the database and is applied later."""


def track_sources(sources: Iterable[Source]) -> list[str]:
    return [name for source in sources for name in TRACK_SOURCES[source]]


def seat_token(settings: Settings, meeting_id: str, seat: SeatFacts) -> str:
    """Ten minutes, this room, this identity, and nothing that the seat's row does not give."""
    rights = rights_of(seat)
    sources = track_sources(rights.sources)
    grants = api.VideoGrants(
        room_join=True,
        room=meeting_id,
        can_publish=bool(sources),
        can_publish_sources=sources,
        can_subscribe=True,
        can_publish_data=False,  # chat and hands go through the coordinator
        can_update_own_metadata=False,
    )
    token = _token(settings, seat.identity, seat.name, grants)
    floor = {FLOOR: "true"} if rights.floor else {}
    return token.with_attributes({GENERATION: str(seat.generation)} | floor).to_jwt()


def recorder_token(context: Context, meeting_id: str, recording_id: str) -> str:
    """A hidden participant that hears and sees everything and publishes nothing."""
    grants = api.VideoGrants(
        room_join=True,
        room=meeting_id,
        can_publish=False,
        can_publish_sources=[],
        can_subscribe=True,
        can_publish_data=False,
        hidden=True,
        recorder=True,
    )
    return _token(context.settings, f"{RECORDER_PREFIX}{recording_id}", "", grants).to_jwt()


def line_tokens(settings: Settings, check_id: str) -> tuple[str, str]:
    """For a room that nobody else knows: one that sends only, and one that receives only."""
    room = f"{LINE_PREFIX}{check_id}"
    sender = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone", "camera"],
        can_subscribe=False,
        can_publish_data=False,
    )
    receiver = api.VideoGrants(
        room_join=True, room=room, can_publish=False, can_publish_sources=[], can_subscribe=True, can_publish_data=False
    )
    named = (("sender", sender), ("receiver", receiver))
    first, second = (_token(settings, name, "", grants).with_ttl(LINE_LIFETIME).to_jwt() for name, grants in named)
    return first, second


def _token(settings: Settings, identity: str, name: str, grants: api.VideoGrants) -> api.AccessToken:
    token = api.AccessToken(settings.livekit_api_key, settings.livekit_api_secret)
    return token.with_identity(identity).with_name(name).with_ttl(TOKEN_LIFETIME).with_grants(grants)


def public_url(settings: Settings, page_url: str) -> str:
    """Where a browser on this page reaches the relay: as configured, else our own on the page's host."""
    if settings.livekit_public_url:
        return settings.livekit_public_url
    if not settings.own_relay:
        return settings.livekit_url.replace("http", "ws", 1)
    page = urlsplit(page_url)
    host = page.hostname or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    if page.scheme == "https":
        return f"wss://{host}:{settings.relay_tls_port}"
    return f"ws://{host}:{settings.relay_port}"


def webhook(settings: Settings, body: str, authorization: str) -> api.WebhookEvent:
    """A webhook whose signature and body hash hold; raises whatever the stock receiver raises."""
    verifier = api.TokenVerifier(settings.livekit_api_key, settings.livekit_api_secret)
    return api.WebhookReceiver(verifier).receive(body, authorization)


@dataclass(frozen=True, slots=True)
class RoomParticipant:
    """Somebody whom the relay has in a room now."""

    sid: str
    identity: str
    generation: int | None
    may_publish: frozenset[str]
    floor: bool
    open_microphones: tuple[str, ...]

    def has(self, rights: Rights) -> bool:
        """Whether the relay already lets it do exactly this."""
        return self.may_publish == frozenset(track_sources(rights.sources)) and self.floor == rights.floor

    @property
    def recorder(self) -> bool:
        return self.identity.startswith(RECORDER_PREFIX)


def participant_of(info: wire.ParticipantInfo) -> RoomParticipant:
    generation = info.attributes.get(GENERATION, "")
    return RoomParticipant(
        sid=info.sid,
        identity=info.identity,
        generation=int(generation) if generation.isdecimal() else None,
        may_publish=_granted(info.permission),
        floor=info.attributes.get(FLOOR, "") == "true",
        open_microphones=tuple(
            track.sid for track in info.tracks if track.source == wire.TrackSource.MICROPHONE and not track.muted
        ),
    )


def _granted(permission: wire.ParticipantPermission) -> frozenset[str]:
    """An empty list of sources means every source, on this wire."""
    if not permission.can_publish:
        return frozenset()
    listed = frozenset(name for name, number in WIRE_SOURCES.items() if number in permission.can_publish_sources)
    return listed if permission.can_publish_sources else frozenset(WIRE_SOURCES)


class RoomService:
    """RoomService of the relay for the length of an `async with connect(...)`."""

    def __init__(self, client: api.LiveKitAPI) -> None:
        self._rooms = client.room

    async def create_room(self, meeting_id: str) -> None:
        request = calls.CreateRoomRequest(name=meeting_id, empty_timeout=EMPTY_TIMEOUT)
        with _translated():
            await self._rooms.create_room(request)

    async def rooms(self) -> list[str]:
        with _translated():
            answer = await self._rooms.list_rooms(calls.ListRoomsRequest())
        return [room.name for room in answer.rooms]

    async def participants(self, meeting_id: str) -> list[RoomParticipant]:
        with _translated():
            answer = await self._rooms.list_participants(calls.ListParticipantsRequest(room=meeting_id))
        return [participant_of(info) for info in answer.participants]

    async def participant(self, meeting_id: str, identity: str) -> RoomParticipant:
        with _translated():
            return participant_of(
                await self._rooms.get_participant(calls.RoomParticipantIdentity(room=meeting_id, identity=identity))
            )

    async def set_rights(self, meeting_id: str, identity: str, rights: Rights) -> None:
        """The whole permission in every field: the message replaces what was there."""
        numbers = [WIRE_SOURCES[name] for name in track_sources(rights.sources)]
        permission = wire.ParticipantPermission(
            can_subscribe=True,
            can_publish=bool(numbers),
            can_publish_data=False,
            can_publish_sources=numbers,
            hidden=False,
            recorder=False,
            can_update_metadata=False,
            agent=False,
            can_subscribe_metrics=False,
        )
        floor = {FLOOR: "true" if rights.floor else ""}  # an empty value takes it away
        request = calls.UpdateParticipantRequest(
            room=meeting_id, identity=identity, permission=permission, attributes=floor
        )
        with _translated():
            await self._rooms.update_participant(request)

    async def silence(self, meeting_id: str, identity: str) -> None:
        """Mutes what the microphone publishes now; the seat may unmute it again."""
        participant = await self.participant(meeting_id, identity)
        for sid in participant.open_microphones:
            request = calls.MuteRoomTrackRequest(room=meeting_id, identity=identity, track_sid=sid, muted=True)
            with _translated():
                await self._rooms.mute_published_track(request)

    async def remove(self, meeting_id: str, identity: str) -> None:
        with _translated():
            await self._rooms.remove_participant(calls.RoomParticipantIdentity(room=meeting_id, identity=identity))

    async def delete_room(self, meeting_id: str) -> None:
        with _translated():
            await self._rooms.delete_room(calls.DeleteRoomRequest(room=meeting_id))


class NotThere(Exception):
    """The room or the participant is not (or no longer) at the relay: nothing to do there."""


class _translated:
    """What the client raises, as one of two: not there, or not done."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, api.TwirpError):
            if error.code in GONE:
                raise NotThere(error.message) from error
            raise RelayUnreachable(f"{error.code}: {error.message}") from error
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
            raise RelayUnreachable(str(error) or type(error).__name__) from error


@asynccontextmanager
async def connect(settings: Settings, *, seconds: float = CALL_SECONDS) -> AsyncIterator[RoomService]:
    timeout = aiohttp.ClientTimeout(total=seconds)
    key, secret = settings.livekit_api_key, settings.livekit_api_secret
    async with api.LiveKitAPI(settings.livekit_url, key, secret, timeout=timeout, failover=False) as client:
        yield RoomService(client)
