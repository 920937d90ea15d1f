"""Who may do what: by the publisher, by the token, by the server API; what is refused and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from livekit import api, rtc
from livekit.protocol import models
from livekit.protocol import rtc as rtc_protocol
from websockets.asyncio.client import ClientConnection, connect

from tests.conformance.clients import eventually, hears, hears_nothing, sees
from tests.conformance.sdk import SdkClient
from tests.conformance.stage import Stage
from tests.senders import RED

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]


async def sid_of(stage: Stage, identity: str, source: api.TrackSource) -> str:
    async with stage.server() as server:
        who = api.RoomParticipantIdentity(room=stage.room, identity=identity)
        tracks = (await server.room.get_participant(who)).tracks
    return next(track.sid for track in tracks if track.source == source)


def admit(publisher: SdkClient, *guests: rtc.ParticipantTrackPermission) -> None:
    publisher.room.local_participant.set_track_subscription_permissions(
        allow_all_participants=False, participant_permissions=list(guests)
    )


async def test_a_publisher_admits_track_by_track_and_latecomers_are_not_admitted(stage: Stage) -> None:
    publisher, guest = [await stage.partner(name=name) for name in ("publisher", "guest")]
    await publisher.publish_sound(RED)
    await hears(guest, "publisher", RED)
    microphone = await sid_of(stage, "publisher", api.TrackSource.MICROPHONE)
    only_heard = rtc.ParticipantTrackPermission(participant_identity="guest", allowed_track_sids=[microphone])
    admit(publisher, only_heard)
    await publisher.publish_picture(RED)
    latecomer = await stage.partner(name="latecomer")
    await eventually("both are known", lambda: latecomer.sources("publisher"), lambda known: len(known) == 2)
    await hears_nothing(latecomer, "publisher")
    await hears(guest, "publisher", RED)
    assert await guest.sees("publisher") is None
    camera = await sid_of(stage, "publisher", api.TrackSource.CAMERA)
    only_seen = rtc.ParticipantTrackPermission(participant_identity="guest", allowed_track_sids=[camera])
    admit(publisher, only_seen, rtc.ParticipantTrackPermission(participant_identity="latecomer", allow_all=True))
    await sees(guest, "publisher", RED)
    await hears_nothing(guest, "publisher")
    await hears(latecomer, "publisher", RED)


async def test_a_recorder_is_admitted_whatever_the_publisher_says(stage: Stage) -> None:
    publisher = await stage.partner(name="publisher")
    await publisher.publish_sound(RED)
    admit(publisher)
    recorder = await stage.partner(name="recorder", hidden=True, recorder=True, can_publish=False)
    await hears(recorder, "publisher", RED)
    assert await publisher.others() == set()


# ---------------------------------------------------------------------------------------------- about itself


async def test_a_participant_describes_itself_only_if_it_may(stage: Stage) -> None:
    free, witness = await stage.partner(name="free"), await stage.partner(name="witness")
    grants = api.VideoGrants(room_join=True, room=stage.room)
    token = api.AccessToken(stage.target.key, stage.target.secret).with_identity("bound").with_grants(grants)
    bound = SdkClient("bound")
    await bound.join(stage.target.url, token.to_jwt())
    await eventually("all are there", witness.others, lambda seen: seen == {"free", "bound"})
    await bound.describe({"a": "1"})  # the library does not say that it was refused
    await free.describe({"a": "1", "b": "2"})
    await free.rename("Tự do")
    await free.annotate("ghi chú")
    await free.describe({"a": ""})

    async def known() -> tuple[str, str, dict[str, str]] | None:
        one = await witness.known("free")
        return (one.name, one.metadata, one.attributes) if one else None

    await eventually("it is known", known, lambda what: what == ("Tự do", "ghi chú", {"b": "2"}))
    assert await witness.attributes("bound") == {}
    await bound.leave()


class Raw:
    """A client that speaks the protocol itself: the libraries do not show what their requests were answered."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def ask(self, **request: Any) -> rtc_protocol.RequestResponse:
        """The answer to a request."""
        await self._socket.send(rtc_protocol.SignalRequest(**request).SerializeToString())
        async with asyncio.timeout(30):
            while True:
                frame = await self._socket.recv()
                assert isinstance(frame, bytes)
                message = rtc_protocol.SignalResponse.FromString(frame)
                if message.HasField("request_response"):
                    return message.request_response


@asynccontextmanager
async def raw(stage: Stage, **grants: Any) -> AsyncIterator[Raw]:
    allowed = api.VideoGrants(room_join=True, room=stage.room, **grants)
    token = api.AccessToken(stage.target.key, stage.target.secret).with_identity("raw").with_grants(allowed).to_jwt()
    async with connect(f"{stage.target.url}/rtc?access_token={token}&protocol=16&sdk=js&version=2.15.0") as socket:
        yield Raw(socket)


def _change(**fields: Any) -> rtc_protocol.UpdateParticipantMetadata:
    return rtc_protocol.UpdateParticipantMetadata(request_id=7, **fields)


Answer = rtc_protocol.RequestResponse


async def test_what_cannot_be_done_is_answered_with_the_reason(stage: Stage) -> None:
    witness = await stage.partner(name="witness")
    async with raw(stage, can_update_own_metadata=True, can_publish_sources=["microphone"]) as one:
        for change in (
            _change(name="x" * 257),
            _change(metadata="x" * (512 * 1024 + 1)),
            _change(attributes={"a": "x" * (64 * 1024)}),
        ):
            answer = await one.ask(update_metadata=change)
            assert (answer.request_id, answer.reason) == (7, Answer.LIMIT_EXCEEDED)
        assert (await one.ask(update_metadata=_change(metadata="x" * (512 * 1024)))).reason == Answer.OK
        answer = await one.ask(mute=rtc_protocol.MuteTrackRequest(sid="TR_x", muted=True))
        assert (answer.reason, answer.mute.sid) == (Answer.NOT_FOUND, "TR_x")
        answer = await one.ask(update_audio_track=rtc_protocol.UpdateLocalAudioTrack(track_sid="TR_y"))
        assert (answer.reason, answer.update_audio_track.track_sid) == (Answer.NOT_FOUND, "TR_y")
        answer = await one.ask(update_video_track=rtc_protocol.UpdateLocalVideoTrack(track_sid="TR_y"))
        assert (answer.reason, answer.update_video_track.track_sid) == (Answer.NOT_FOUND, "TR_y")
        add = rtc_protocol.AddTrackRequest
        answer = await one.ask(add_track=add(cid="c", type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA))
        assert (answer.reason, answer.add_track.cid) == (Answer.NOT_ALLOWED, "c")
        source = models.TrackSource.MICROPHONE
        answer = await one.ask(add_track=add(cid="d", sid="TR_z", type=models.TrackType.AUDIO, source=source))
        assert (answer.reason, answer.add_track.cid) == (Answer.NOT_FOUND, "d")
        answer = await one.ask(add_track=add(cid="e", type=models.TrackType.DATA, source=source))
        assert (answer.reason, answer.add_track.cid) == (Answer.UNSUPPORTED_TYPE, "e")
    async with raw(stage) as bound:
        assert (await bound.ask(update_metadata=_change(name="x"))).reason == Answer.NOT_ALLOWED
    assert await witness.connected()


# ------------------------------------------------------------------------------------------------ tokens, rooms


async def test_a_changed_right_brings_a_new_token_that_says_so(stage: Stage) -> None:
    one = await stage.partner(name="one")
    renewed: list[str] = []
    one.room.on("token_refreshed", lambda: renewed.append(one.room._token or ""))  # the SDK shows it nowhere else
    async with stage.server() as server:
        permission = api.ParticipantPermission(can_publish=False, can_subscribe=True, can_publish_data=False)
        request = api.UpdateParticipantRequest(
            room=stage.room, identity="one", permission=permission, attributes={"a": "1"}
        )
        await server.room.update_participant(request)

    async def newest() -> tuple[bool | None, dict[str, str]]:
        if not renewed:
            return None, {}
        claims = api.TokenVerifier(stage.target.key, stage.target.secret).verify(renewed[-1])
        return claims.video.can_publish if claims.video else None, dict(claims.attributes or {})

    await eventually("the new token", newest, lambda says: says == (False, {"a": "1"}))


async def test_the_token_of_the_first_says_how_the_room_is_to_be(stage: Stage) -> None:
    name = f"{stage.room}-of-the-first"  # the stage's own is open already
    wish = api.RoomConfiguration(max_participants=1, empty_timeout=77, departure_timeout=33)

    def token(identity: str, **grants: Any) -> str:
        made = api.AccessToken(stage.target.key, stage.target.secret).with_identity(identity).with_room_config(wish)
        return made.with_grants(api.VideoGrants(room_join=True, room=name, **grants)).to_jwt()

    first, second, recorder = SdkClient("first"), SdkClient("second"), SdkClient("recorder")
    await first.join(stage.target.url, token("first"))
    async with stage.server() as server:
        (room,) = (await server.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms
    assert (room.max_participants, room.empty_timeout, room.departure_timeout) == (1, 77, 33)
    assert await second.refusal(stage.target.url, token("second"))
    await recorder.join(stage.target.url, token("recorder", hidden=True, recorder=True))
    for client in (recorder, first):
        await client.leave()


# ------------------------------------------------------------------------------------------------- server API

ADMIN = {"room_admin": True, "room": "r"}
LONG_NAME, LONG_TEXT = "x" * 257, "x" * (512 * 1024 + 1)


@pytest.mark.parametrize(
    ("method", "grants", "body", "status", "code"),
    [
        ("ListRooms", None, {}, 401, "unauthenticated"),
        ("ListRooms", {"room_create": True}, {}, 401, "unauthenticated"),
        ("ListRooms", {"room_list": True}, {"names": ["nowhere"]}, 200, ""),
        ("CreateRoom", {"room_list": True}, {"name": "r"}, 401, "unauthenticated"),
        ("CreateRoom", {"room_create": True}, {"name": LONG_NAME}, 400, "invalid_argument"),
        ("CreateRoom", {"room_create": True}, {"name": "r", "metadata": LONG_TEXT}, 400, "invalid_argument"),
        ("DeleteRoom", ADMIN, {"room": "r"}, 401, "unauthenticated"),
        ("DeleteRoom", {"room_create": True}, {"room": "nowhere"}, 404, "not_found"),
        ("ListParticipants", {"room_admin": True, "room": "s"}, {"room": "r"}, 401, "unauthenticated"),
        ("ListParticipants", ADMIN, {"room": "r"}, 200, ""),
        ("GetParticipant", ADMIN, {"room": "r", "identity": "x"}, 404, "not_found"),
        ("RemoveParticipant", ADMIN, {"room": "r", "identity": "x"}, 404, "not_found"),
        ("UpdateParticipant", ADMIN, {"room": "r", "identity": "x"}, 404, "not_found"),
        ("UpdateRoomMetadata", ADMIN, {"room": "r", "metadata": "x"}, 404, "not_found"),
        ("PerformRpc", ADMIN, {"room": "r"}, 400, "invalid_argument"),
        ("MoveParticipant", ADMIN, {"room": "r", "destination_room": "s"}, 401, "unauthenticated"),
        ("ForwardParticipant", ADMIN, {"room": "r", "destination_room": "s"}, 401, "unauthenticated"),
        ("Reboot", ADMIN, {"room": "r"}, 404, "bad_route"),
    ],
)
async def test_the_server_api_is_refused_in_the_same_words(
    stage: Stage, method: str, grants: dict[str, Any] | None, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await call(stage, method, grants, body)
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)


async def call(stage: Stage, method: str, grants: dict[str, Any] | None, body: dict[str, Any]) -> httpx2.Response:
    token = api.AccessToken(stage.target.key, stage.target.secret).with_grants(api.VideoGrants(**(grants or {})))
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(
            f"{stage.target.http}/twirp/livekit.RoomService/{method}",
            json=body,
            headers={"Authorization": f"Bearer {token.to_jwt()}"},
        )


async def test_a_participant_is_not_changed_by_what_is_too_large(stage: Stage) -> None:
    await stage.partner(name="one")
    grants = {"room_admin": True, "room": stage.room}
    for change in ({"name": LONG_NAME}, {"metadata": LONG_TEXT}, {"attributes": {"a": LONG_TEXT[: 64 * 1024]}}):
        answer = await call(stage, "UpdateParticipant", grants, {"room": stage.room, "identity": "one", **change})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    elsewhere = {"room": stage.room, "identity": "one", "destination_room": stage.room}
    for method in ("MoveParticipant", "ForwardParticipant"):
        answer = await call(stage, method, {**grants, "destination_room": stage.room}, elsewhere)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")


async def test_a_room_that_is_made_again_stays_as_it_is(stage: Stage) -> None:
    name = f"{stage.room}-again"
    async with stage.server() as server:
        first = await server.room.create_room(
            api.CreateRoomRequest(name=name, metadata="a", max_participants=3, empty_timeout=60)
        )
        again = await server.room.create_room(
            api.CreateRoomRequest(name=name, metadata="b", max_participants=7, empty_timeout=90)
        )
        assert (again.sid, again.metadata, again.max_participants, again.empty_timeout) == (first.sid, "a", 3, 60)
        await server.room.delete_room(api.DeleteRoomRequest(room=name))
        assert not (await server.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms
