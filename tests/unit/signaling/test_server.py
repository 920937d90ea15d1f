"""The relay's edge over real sockets: who gets in, what is refused and how, and the server API for stock callers."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from livekit import api
from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from meetings.clock import SystemClock
from meetings.signaling import edge, limits
from meetings.signaling.door import TOKEN_TTL
from meetings.signaling.edge import bind, listener
from meetings.signaling.grants import Grants, write_token
from meetings.signaling.loglines import JsonLines, RedactSecrets
from meetings.signaling.media import schema
from meetings.signaling.model import Identity
from meetings.signaling.relay import Relay
from meetings.signaling.server import RelaySettings, create_app
from tests.fakes_relay import FakeWorker, answer_to, offer_sdp

KEY, SECRET = "key", "a-secret-of-at-least-thirty-two-bytes"


@dataclass
class Edge:
    relay: Relay
    worker: FakeWorker
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def join(self, access_token: str, path: str = "/rtc", **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}?access_token={access_token}&protocol=17", **options)


def token(identity: str = "hue", room: str = "m1", **grants: Any) -> str:
    allowed = api.VideoGrants(room_join=True, room=room, **grants)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(allowed).to_jwt()


@pytest.fixture
def settings() -> RelaySettings:
    return RelaySettings({KEY: SECRET}, origins=["https://hop.example.invalid"])


@pytest.fixture
async def served(settings: RelaySettings) -> AsyncIterator[Edge]:
    worker = FakeWorker()
    relay = Relay({KEY: SECRET}, worker, SystemClock())
    await relay.start()
    sock = bind("127.0.0.1", 0)
    server = listener(create_app(relay, settings))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    yield Edge(relay, worker, sock.getsockname()[1])
    await relay.close()
    server.should_exit = True
    await serving


async def first(client: ClientConnection) -> rtc.SignalResponse:
    frame = await asyncio.wait_for(client.recv(), 5)
    assert isinstance(frame, bytes)
    return rtc.SignalResponse.FromString(frame)


def packed(request: rtc.JoinRequest) -> str:
    wrapped = rtc.WrappedJoinRequest(join_request=request.SerializeToString())
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


# ------------------------------------------------------------------------------------------------- paths

OFFER = rtc.SessionDescription(type="offer", sdp=offer_sdp([]), id=3)
JOIN_REQUEST = packed(rtc.JoinRequest(publisher_offer=OFFER))
DESCRIBED = packed(rtc.JoinRequest(participant_attributes={"hand": "up"}))
NOT_OWN = "the token does not permit setting own metadata"


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/", 200, "OK"),
        ("HEAD", "/", 200, ""),
        ("GET", "/rtc/v1/validate", 401, "the token is not valid"),
        ("GET", "/rtc/v1/validate?access_token={token}", 400, "join_request is needed"),
        ("GET", "/rtc/v1/validate?access_token={token}&join_request=%25", 400, "join_request is not base64url"),
        ("GET", "/rtc/v1/validate?access_token={token}&join_request=" + DESCRIBED, 401, NOT_OWN),
        ("GET", "/rtc/validate?access_token={token}&join_request=" + JOIN_REQUEST, 200, "success"),
        ("GET", "/rtc/v1/validate?access_token={token}&join_request=" + JOIN_REQUEST, 200, "success"),
        ("GET", "/rtc/validate", 401, "the token is not valid"),
        ("GET", "/rtc/validate?access_token={token}", 200, "success"),
        ("GET", "/rtc", 404, "404 page not found"),
        ("GET", "/nowhere", 404, "404 page not found"),
    ],
)
async def test_paths_answer_as_clients_expect_and_are_readable_from_any_page(
    served: Edge, method: str, path: str, status: int, text: str
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, served.http + path.format(token=token()))
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_client_with_a_token_is_greeted_with_join(served: Edge) -> None:
    async with served.join(token()) as client:
        assert (await first(client)).join.participant.identity == "hue"


@pytest.mark.parametrize("path", ["/rtc/v1", "/rtc"])
async def test_a_client_with_one_connection_is_greeted_and_answered_on_either_path(served: Edge, path: str) -> None:
    url = f"ws://127.0.0.1:{served.port}{path}?access_token={token()}&join_request={JOIN_REQUEST}"
    async with connect(url) as client:
        assert not (await first(client)).join.subscriber_primary
        while (said := await first(client)).WhichOneof("message") != "answer":
            pass
        assert said.answer.id == 3


async def test_what_it_says_about_itself_counts_if_it_may(served: Edge) -> None:
    may = token(can_update_own_metadata=True)
    async with connect(f"ws://127.0.0.1:{served.port}/rtc/v1?access_token={may}&join_request={DESCRIBED}") as client:
        assert (await first(client)).join.participant.attributes == {"hand": "up"}


async def test_a_join_request_may_be_as_long_as_a_large_offer_is_when_packed(served: Edge) -> None:
    long = packed(rtc.JoinRequest(metadata="m" * 20_000))
    may = token(can_update_own_metadata=True)
    async with connect(f"ws://127.0.0.1:{served.port}/rtc/v1?access_token={may}&join_request={long}") as client:
        assert len((await first(client)).join.participant.metadata) == 20_000


async def test_a_token_in_a_header_counts_too(served: Edge) -> None:
    headers = {"Authorization": f"Bearer {token('vinh')}"}
    async with connect(f"ws://127.0.0.1:{served.port}/rtc", additional_headers=headers) as client:
        assert (await first(client)).join.participant.identity == "vinh"


@pytest.mark.parametrize(
    ("path", "access_token", "status"),
    [
        ("/rtc/v1", token(), 400),
        ("/elsewhere", token(), 404),
        ("/rtc", "forged", 401),
        ("/rtc", api.AccessToken(KEY, "another-secret-of-thirty-two-bytes!").with_identity("x").to_jwt(), 401),
        ("/rtc", api.AccessToken(KEY, SECRET).with_identity("x").to_jwt(), 401),
    ],
)
async def test_what_is_refused_is_refused_before_the_upgrade(
    served: Edge, path: str, access_token: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with served.join(access_token, path):
            pass
    assert refused.value.response.status_code == status
    assert served.relay.rooms == {}


@pytest.mark.parametrize(
    ("origin", "welcome"), [("https://hop.example.invalid", True), ("https://evil.invalid", False)]
)
async def test_only_our_own_pages_may_connect(served: Edge, origin: str, welcome: bool) -> None:
    status = 101
    try:
        async with served.join(token(), origin=origin) as client:
            await first(client)
    except InvalidStatus as refused:
        status = refused.response.status_code
    assert status == (101 if welcome else 403)


async def test_an_unknown_session_is_told_to_connect_anew(served: Edge) -> None:
    url = f"ws://127.0.0.1:{served.port}/rtc?access_token={token()}&reconnect=1&sid=PA_gone"
    async with connect(url) as client:
        leave = (await first(client)).leave
    assert leave.action == rtc.LeaveRequest.RECONNECT


async def test_without_a_worker_joining_is_answered_with_503(served: Edge) -> None:
    served.worker.starts_again = False
    served.worker.end("killed")
    with pytest.raises(InvalidStatus) as refused:
        async with served.join(token()):
            pass
    assert refused.value.response.status_code == 503


async def test_a_dismissed_client_still_hears_why(served: Edge) -> None:
    async with served.join(token()) as client:
        await first(client)
        live = served.relay.rooms["m1"]
        live.apply(live.rules.remove("hue", served.relay.now_ms()))
        kinds = [rtc.SignalResponse.FromString(frame).WhichOneof("message") async for frame in client]  # type: ignore[arg-type]  # bytes
    assert kinds[-1] == "leave"


# -------------------------------------------------------------------------------------------- bad input


async def test_a_message_that_is_too_large_closes_the_connection(served: Edge) -> None:
    async with served.join(token()) as client:
        await first(client)
        await client.send(b"x" * (limits.DESCRIPTION_MESSAGE + 1))
        await asyncio.wait_for(client.wait_closed(), 5)
        assert client.close_code == 1009


async def test_a_flood_is_cut_off_while_others_are_served(served: Edge) -> None:
    ping = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=1)).SerializeToString()
    async with served.join(token("flood")) as flood, served.join(token("calm")) as calm:
        await first(calm)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(_for_ever(flood, ping), 10)
        assert asyncio.get_running_loop().time() - begun < 5
        await calm.send(ping)
        async with asyncio.timeout(5):
            while rtc.SignalResponse.FromString(await calm.recv()).WhichOneof("message") != "pong_resp":  # type: ignore[arg-type]  # bytes
                pass


async def _for_ever(client: ClientConnection, frame: bytes) -> None:
    """Sends, and reads nothing."""
    while True:
        await client.send(frame)
        await asyncio.sleep(0)  # the server is on the same loop


@pytest.mark.parametrize("length", [33_000, 45_000, 70_000])
async def test_a_request_line_that_is_too_long_is_answered_at_once(served: Edge, length: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"GET /rtc?access_token={'x' * length} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    writer.write(head.encode() + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    status = await asyncio.wait_for(reader.readline(), 5)
    assert b" 400 " in status
    writer.close()


async def test_a_connection_that_says_nothing_is_closed(served: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "REQUEST_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HT")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_garbage_is_no_request(served: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n")
    assert b"400" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


def test_no_token_reaches_a_log() -> None:
    secret = token()
    record = logging.LogRecord("x", logging.INFO, "", 0, "GET /rtc?access_token=%s&x=1 and %s", (secret, secret), None)
    assert RedactSecrets().filter(record)
    assert record.getMessage().count("…") == 2
    assert secret.split(".")[1] not in record.getMessage()


def test_a_line_of_the_log_is_json_and_names_room_and_participant() -> None:
    given = {"room": "m1", "participant": "PA_1"}
    record = logging.getLogger("x").makeRecord(
        "x", logging.INFO, "", 0, "participant %s", ("joined",), None, extra=given
    )
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["room"], line["participant"]) == ("participant joined", "m1", "PA_1")
    assert (line["level"], line["logger"], line["timestamp"][-1]) == ("info", "x", "Z")


def test_a_taken_port_is_named_in_a_plain_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            edge.CannotListen, match=f"TCP port {port} on 127.0.0.1 cannot be used: Address already in use"
        ):
            bind("127.0.0.1", port)


# ------------------------------------------------------------------------------------------- server API


@pytest.fixture
async def coordinator(served: Edge) -> AsyncIterator[api.LiveKitAPI]:
    client = api.LiveKitAPI(served.http, KEY, SECRET)
    yield client
    await client.aclose()


@pytest.fixture
async def hue(served: Edge) -> AsyncIterator[ClientConnection]:
    """A participant whose subscriber transport works."""
    async with served.join(token()) as client:
        async with asyncio.timeout(5):
            while (message := await first(client)).WhichOneof("message") != "offer":
                pass
        answer = rtc.SessionDescription(type="answer", sdp=answer_to(message.offer.sdp), id=message.offer.id)
        await client.send(rtc.SignalRequest(answer=answer).SerializeToString())
        (sid,) = served.relay.rooms["m1"].members
        served.worker.emit(schema.TransportConnected(schema.TransportId(f"{sid}.sub")))
        yield client


async def test_rooms_are_made_listed_described_and_deleted(coordinator: api.LiveKitAPI) -> None:
    made = await coordinator.room.create_room(
        api.CreateRoomRequest(name="m2", metadata="a", empty_timeout=60, max_participants=9)
    )
    again = await coordinator.room.create_room(api.CreateRoomRequest(name="m2"))
    assert (made.sid, made.metadata, again.empty_timeout, again.max_participants) == (again.sid, "a", 60, 9)
    listed = await coordinator.room.list_rooms(api.ListRoomsRequest())
    assert [one.name for one in listed.rooms] == ["m2"]
    nothing = await coordinator.room.list_rooms(api.ListRoomsRequest(names=["m3"]))
    assert list(nothing.rooms) == []
    await coordinator.room.update_room_metadata(api.UpdateRoomMetadataRequest(room="m2", metadata="b"))
    listed = await coordinator.room.list_rooms(api.ListRoomsRequest(names=["m2"]))
    assert listed.rooms[0].metadata == "b"
    await coordinator.room.delete_room(api.DeleteRoomRequest(room="m2"))
    assert list((await coordinator.room.list_rooms(api.ListRoomsRequest())).rooms) == []


async def test_participants_are_listed_changed_and_removed(
    coordinator: api.LiveKitAPI, hue: ClientConnection, served: Edge
) -> None:
    listed = await coordinator.room.list_participants(api.ListParticipantsRequest(room="m1"))
    assert [(one.identity, one.state) for one in listed.participants] == [("hue", api.ParticipantInfo.ACTIVE)]
    held = api.ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_sources=[api.TrackSource.CAMERA])
    changed = await coordinator.room.update_participant(
        api.UpdateParticipantRequest(room="m1", identity="hue", name="Huế", attributes={"a": "1"}, permission=held)
    )
    assert (changed.name, changed.attributes["a"], changed.permission) == ("Huế", "1", held)
    who = api.RoomParticipantIdentity(room="m1", identity="hue")
    assert (await coordinator.room.get_participant(who)).permission == held
    await coordinator.room.remove_participant(who)
    assert served.relay.rooms["m1"].members == ()


async def test_data_of_the_server_reaches_the_client(
    coordinator: api.LiveKitAPI, hue: ClientConnection, served: Edge
) -> None:
    (sid,) = served.relay.rooms["m1"].members
    served.worker.emit(schema.DataChannelOpen(schema.TransportId(f"{sid}.sub"), "_reliable"))
    for destination in ("hue", "nobody"):
        await coordinator.room.send_data(
            api.SendDataRequest(room="m1", data=b"x", topic="t", destination_identities=[destination])
        )
    (sent,) = served.worker.sent(schema.SendData)
    packet = api.DataPacket.FromString(sent.payload)
    assert (packet.user.payload, packet.user.topic, packet.participant_identity) == (b"x", "t", "")


BAD, LATER = "invalid_argument", "unimplemented"


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("delete_room", api.DeleteRoomRequest(room="gone"), "not_found"),
        ("update_room_metadata", api.UpdateRoomMetadataRequest(room="gone"), "not_found"),
        ("send_data", api.SendDataRequest(room="gone"), "not_found"),
        ("create_room", api.CreateRoomRequest(name="x" * 257), "invalid_argument"),
        ("update_participant", api.UpdateParticipantRequest(room="m1", identity="hue", name="x" * 257), BAD),
        ("update_room_metadata", api.UpdateRoomMetadataRequest(room="m1", metadata="x" * 600_000), BAD),
        ("move_participant", api.MoveParticipantRequest(room="m1", identity="hue", destination_room="m2"), LATER),
        ("forward_participant", api.ForwardParticipantRequest(room="m1", identity="hue", destination_room="m2"), LATER),
        (
            "move_participant",
            api.MoveParticipantRequest(room="m1", identity="gone", destination_room="m2"),
            "not_found",
        ),
        ("move_participant", api.MoveParticipantRequest(room="m1", identity="hue", destination_room="m1"), BAD),
        ("get_participant", api.RoomParticipantIdentity(room="m1", identity="gone"), "not_found"),
        ("remove_participant", api.RoomParticipantIdentity(room="m1", identity="gone"), "not_found"),
        ("update_participant", api.UpdateParticipantRequest(room="m1", identity="gone"), "not_found"),
        ("mute_published_track", api.MuteRoomTrackRequest(room="m1", identity="hue", track_sid="TR_x"), "not_found"),
        ("update_subscriptions", api.UpdateSubscriptionsRequest(room="m1", identity="gone"), "not_found"),
        ("create_room", api.CreateRoomRequest(name=""), "invalid_argument"),
        (
            "update_participant",
            api.UpdateParticipantRequest(room="m1", identity="hue", attributes={"a": "x" * 70_000}),
            BAD,
        ),
    ],
)
async def test_a_call_that_cannot_be_done_says_why(
    coordinator: api.LiveKitAPI, hue: ClientConnection, call: str, request_: Any, code: str
) -> None:
    with pytest.raises(api.TwirpError) as refused:
        await getattr(coordinator.room, call)(request_)
    assert refused.value.code == code


def bearer(**grants: Any) -> dict[str, str]:
    made = api.AccessToken(KEY, SECRET).with_identity("x").with_grants(api.VideoGrants(**grants)).to_jwt()
    return {"Authorization": f"Bearer {made}", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "code"),
    [
        ("ListRooms", {}, b"{}", 401, "unauthenticated"),
        ("ListRooms", {"Authorization": "Bearer forged"}, b"{}", 401, "unauthenticated"),
        ("ListRooms", bearer(room_join=True, room="m1"), b"{}", 401, "unauthenticated"),
        ("RemoveParticipant", bearer(room_admin=True, room="m2"), b'{"room": "m1"}', 401, "unauthenticated"),
        ("RemoveParticipant", bearer(room_admin=True), b'{"identity": "a"}', 401, "unauthenticated"),
        ("DeleteRoom", bearer(room_admin=True, room="m1"), b'{"room": "m1"}', 401, "unauthenticated"),
        ("CreateRoom", bearer(room_list=True), b'{"name": "m3"}', 401, "unauthenticated"),
        (
            "MoveParticipant",
            bearer(room_admin=True, room="m1", destination_room="m3"),
            b'{"room": "m1", "destination_room": "m2"}',
            401,
            "unauthenticated",
        ),
        ("PerformRpc", bearer(room_admin=True, room="m1"), b'{"room": "m1"}', 400, "invalid_argument"),
        ("Reboot", bearer(room_list=True), b"{}", 404, "bad_route"),
        ("ListRooms", bearer(room_list=True), b"{nonsense", 400, "malformed"),
        ("ListRooms", bearer(room_list=True) | {"Content-Type": "text/plain"}, b"{}", 404, "bad_route"),
        ("ListRooms", bearer(room_list=True), b" " * (limits.TWIRP_BODY + 1), 429, "resource_exhausted"),
    ],
)
async def test_the_server_api_refuses_in_twirps_words(
    served: Edge, method: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    served.relay.open_room("m1")
    async with httpx2.AsyncClient(trust_env=False) as client:
        url = f"{served.http}/twirp/livekit.RoomService/{method}"
        answer = await client.post(url, headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("Egress/StartRoomCompositeEgress", 501, "unimplemented"),
        ("Egress/StopEgress", 501, "unimplemented"),
        ("Ingress/CreateIngress", 501, "unimplemented"),
        ("SIP/CreateSIPParticipant", 501, "unimplemented"),
        ("AgentDispatchService/ListDispatch", 501, "unimplemented"),
        ("Connector/ConnectTwilioCall", 501, "unimplemented"),
        ("Egress/Reboot", 404, "bad_route"),
        ("Kitchen/Cook", 404, "bad_route"),
    ],
)
async def test_services_that_are_not_here_are_said_not_to_be(served: Edge, path: str, status: int, code: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        url = f"{served.http}/twirp/livekit.{path}"
        stranger = await client.post(url, content=b"{}")
        answer = await client.post(url, headers=bearer(room_record=True), content=b"{}")
    assert stranger.status_code == 401
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["msg"]


async def test_a_room_that_is_there_stays_as_it_is(coordinator: api.LiveKitAPI) -> None:
    first = await coordinator.room.create_room(api.CreateRoomRequest(name="m9", max_participants=3, metadata="a"))
    again = await coordinator.room.create_room(api.CreateRoomRequest(name="m9", max_participants=7, metadata="b"))
    assert (again.sid, again.max_participants, again.metadata) == (first.sid, 3, "a")


async def test_of_a_room_that_is_not_there_nobody_is_listed(coordinator: api.LiveKitAPI) -> None:
    listed = await coordinator.room.list_participants(api.ListParticipantsRequest(room="gone"))
    assert list(listed.participants) == []


async def test_a_token_says_how_the_room_it_opens_is_to_be(served: Edge, coordinator: api.LiveKitAPI) -> None:
    wish = api.RoomConfiguration(max_participants=1, empty_timeout=60, departure_timeout=5, metadata="họp")
    grants = api.VideoGrants(room_join=True, room="m7")
    one, another = (
        api.AccessToken(KEY, SECRET).with_identity(name).with_grants(grants).with_room_config(wish).to_jwt()
        for name in ("hue", "vinh")
    )
    async with served.join(one) as client:
        joined = (await first(client)).join.room
        assert (joined.max_participants, joined.empty_timeout, joined.departure_timeout) == (1, 60, 5)
        assert joined.metadata == "họp"
        with pytest.raises(InvalidStatus) as refused:
            await served.join(another)
        assert refused.value.response.status_code == 403
        recorder = api.VideoGrants(room_join=True, room="m7", hidden=True, recorder=True)
        hidden = api.AccessToken(KEY, SECRET).with_identity("recorder").with_grants(recorder).to_jwt()
        async with served.join(hidden) as watching:
            assert (await first(watching)).HasField("join")


def replies(served: Edge, sid: str, **reply: Any) -> None:
    packet = api.DataPacket(**reply)
    transport = schema.TransportId(f"{sid}.pub")
    served.worker.emit(schema.DataReceived(transport, "_reliable", packet.SerializeToString()))


async def question(served: Edge) -> Any:
    """What the participant is asked, once it is."""
    async with asyncio.timeout(10):
        while not (sent := served.worker.sent(schema.SendData)):
            await asyncio.sleep(0.01)
    return api.DataPacket.FromString(sent[-1].payload)


async def asked(served: Edge, **more: Any) -> httpx2.Response:
    body = {"room": "m1", "destination_identity": "hue", "method": "greet", "payload": "chào", **more}
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        url = f"{served.http}/twirp/livekit.RoomService/PerformRpc"
        return await client.post(url, headers=bearer(room_admin=True, room="m1"), content=json.dumps(body))


async def test_the_server_asks_a_participant_and_gets_its_answer(served: Edge, hue: ClientConnection) -> None:
    (sid,) = served.relay.rooms["m1"].members
    served.worker.emit(schema.DataChannelOpen(schema.TransportId(f"{sid}.sub"), "_reliable"))
    asking = asyncio.create_task(asked(served))
    packet = await question(served)
    request = packet.rpc_request
    assert (request.method, request.payload, request.version) == ("greet", "chào", 1)
    assert packet.participant_identity == request.id
    replies(served, sid, rpc_ack=models.RpcAck(request_id=request.id))
    replies(served, sid, rpc_response=models.RpcResponse(request_id=request.id, payload="chào bạn"))
    answer = await asking
    assert (answer.status_code, answer.json()) == (200, {"payload": "chào bạn"})


@pytest.mark.parametrize(
    ("error", "status"),
    [(1400, 400), (1500, 500), (4711, 500), (None, 408)],
    ids=["no method", "its own", "odd", "none"],
)
async def test_a_question_that_fails_says_why(
    served: Edge, hue: ClientConnection, error: int | None, status: int
) -> None:
    (sid,) = served.relay.rooms["m1"].members
    served.worker.emit(schema.DataChannelOpen(schema.TransportId(f"{sid}.sub"), "_reliable"))
    asking = asyncio.create_task(asked(served, response_timeout_ms=300))
    request = (await question(served)).rpc_request
    if error is not None:
        fault = models.RpcError(code=error, message="nobody knows")
        replies(served, sid, rpc_response=models.RpcResponse(request_id=request.id, error=fault))
    answer = await asking
    assert answer.status_code == status
    assert "RpcError" in answer.json()["msg"]


async def test_who_leaves_answers_no_more(served: Edge, hue: ClientConnection, coordinator: api.LiveKitAPI) -> None:
    (sid,) = served.relay.rooms["m1"].members
    served.worker.emit(schema.DataChannelOpen(schema.TransportId(f"{sid}.sub"), "_reliable"))
    asking = asyncio.create_task(asked(served))
    request = (await question(served)).rpc_request
    replies(served, sid, rpc_ack=models.RpcAck(request_id=request.id))
    await coordinator.room.remove_participant(api.RoomParticipantIdentity(room="m1", identity="hue"))
    assert (await asking).status_code == 503


async def test_json_bodies_are_answered_in_json(served: Edge) -> None:
    served.relay.open_room("m1")
    async with httpx2.AsyncClient(trust_env=False) as client:
        url = f"{served.http}/twirp/livekit.RoomService/ListRooms"
        answer = await client.post(url, headers=bearer(room_list=True), content=b"{}")
    assert json.loads(answer.content)["rooms"][0]["name"] == "m1"


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("192.0.2.7", [], False),
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("", [], False),
    ],
)
def test_only_this_machine_and_named_networks_may_call_the_server_api(
    address: str, networks: list[str], allowed: bool
) -> None:
    import ipaddress

    from meetings.signaling.server import _may_call

    assert _may_call(address, [ipaddress.ip_network(one) for one in networks]) is allowed


async def test_who_joins_again_and_again_is_told_to_slow_down_and_others_are_not(served: Edge) -> None:
    for _ in range(limits.JOINS):
        async with served.join(token()) as client:
            await client.recv()
    with pytest.raises(InvalidStatus) as refused:
        await served.join(token())
    assert refused.value.response.status_code == 429
    async with served.join(token("vinh")) as other:
        await other.recv()


async def test_who_was_removed_does_not_come_back_with_the_old_token_but_with_a_new_one(
    served: Edge, coordinator: api.LiveKitAPI
) -> None:
    now = SystemClock().now()
    grants = Grants(Identity("hue"), room="m1", room_join=True, api_key=KEY)
    old = write_token(grants, secret=SECRET, now=now - timedelta(seconds=2), ttl=TOKEN_TTL)
    async with served.join(old) as client:
        await client.recv()
        await coordinator.room.remove_participant(api.RoomParticipantIdentity(room="m1", identity="hue"))
    with pytest.raises(InvalidStatus) as refused:
        await served.join(old)
    assert refused.value.response.status_code == 401
    async with served.join(token()) as client:
        await client.recv()
