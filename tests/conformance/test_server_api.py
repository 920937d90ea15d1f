"""What a coordinator does with a room through the stock server library, seen by stock clients in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit import api, rtc

from tests.conformance.clients import KEY, SECRET, SdkClient, eventually, sees_and_hears, token
from tests.conformance.conftest import RelayProcess, free_port, server_api
from tests.senders import GREEN, RED

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]
ROOM = "one-room"


class Hooks:
    """The coordinator's side of webhooks: a few lines of HTTP, and the stock receiver."""

    def __init__(self) -> None:
        self.port = free_port()
        self.events: list[api.WebhookEvent] = []
        self._refusals = 1  # the very first attempt is refused: it must be told again
        self._receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        if self._refusals:
            self._refusals -= 1
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            self.events.append(self._receiver.receive(body, headers["authorization"]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def names(self) -> list[str]:
        return [event.event for event in self.events]


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    receiver = Hooks()
    server = await receiver.serve()
    yield receiver
    server.close()


@pytest.fixture
async def relay(tmp_path: Path, hooks: Hooks) -> AsyncIterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay.log", webhooks=[f"http://127.0.0.1:{hooks.port}/hooks/livekit"])
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def two(relay: RelayProcess) -> AsyncIterator[tuple[SdkClient, SdkClient]]:
    """One that publishes and one that watches."""
    speaker, watcher = SdkClient("speaker"), SdkClient("watcher")
    await speaker.join(relay.url, token("speaker"))
    await watcher.join(relay.url, token("watcher"))
    await speaker.publish(RED)
    yield speaker, watcher
    await speaker.leave()
    await watcher.leave()


async def microphone(server: api.LiveKitAPI) -> api.TrackInfo:
    who = api.RoomParticipantIdentity(room=ROOM, identity="speaker")
    tracks = (await server.room.get_participant(who)).tracks
    return next(track for track in tracks if track.source == api.TrackSource.MICROPHONE)


async def test_the_server_mutes_and_only_the_publisher_unmutes(
    two: tuple[SdkClient, SdkClient], relay: RelayProcess
) -> None:
    speaker, watcher = two
    await sees_and_hears(watcher, "speaker", RED)
    async with server_api(relay) as server:
        track = await microphone(server)
        muted = await server.room.mute_published_track(
            api.MuteRoomTrackRequest(room=ROOM, identity="speaker", track_sid=track.sid, muted=True)
        )
        assert muted.track.muted
        await eventually("silence", lambda: watcher.hears("speaker"), lambda sound: sound is not None and sound.silent)
        with pytest.raises(api.TwirpError):
            await server.room.mute_published_track(
                api.MuteRoomTrackRequest(room=ROOM, identity="speaker", track_sid=track.sid, muted=False)
            )
    await speaker.mute(False)
    await sees_and_hears(watcher, "speaker", RED)


async def test_taking_a_source_away_unpublishes_it_and_giving_it_back_permits_it_again(
    two: tuple[SdkClient, SdkClient], relay: RelayProcess
) -> None:
    speaker, watcher = two
    await sees_and_hears(watcher, "speaker", RED)

    async def sources() -> set[int]:
        return {one.source for one in watcher.room.remote_participants["speaker"].track_publications.values()}

    async def permit(server: api.LiveKitAPI, *allowed: api.TrackSource) -> None:
        permission = api.ParticipantPermission(
            can_publish=True, can_subscribe=True, can_publish_data=True, can_publish_sources=list(allowed)
        )
        request = api.UpdateParticipantRequest(room=ROOM, identity="speaker", permission=permission)
        await server.room.update_participant(request)

    async with server_api(relay) as server:
        await permit(server, api.TrackSource.CAMERA)
        await eventually("only the camera", sources, lambda left: left == {rtc.TrackSource.SOURCE_CAMERA})
        await permit(server, api.TrackSource.CAMERA, api.TrackSource.MICROPHONE)
    await speaker.publish(GREEN)
    await eventually("the microphone again", sources, lambda left: rtc.TrackSource.SOURCE_MICROPHONE in left)


async def test_subscriptions_and_data_are_in_the_servers_hands(
    two: tuple[SdkClient, SdkClient], relay: RelayProcess
) -> None:
    _, watcher = two
    await sees_and_hears(watcher, "speaker", RED)

    async with server_api(relay) as server:
        track = (await microphone(server)).sid
        request = api.UpdateSubscriptionsRequest(room=ROOM, identity="watcher", track_sids=[track], subscribe=False)
        await server.room.update_subscriptions(request)
        await eventually("silence", lambda: watcher.hears("speaker"), lambda sound: sound is not None and sound.silent)
        await server.room.update_subscriptions(
            api.UpdateSubscriptionsRequest(room=ROOM, identity="watcher", track_sids=[track], subscribe=True)
        )
        await sees_and_hears(watcher, "speaker", RED)
        await server.room.send_data(api.SendDataRequest(room=ROOM, data="đã mở".encode(), topic="t"))
        await eventually("the server's words", watcher.heard_say, lambda said: ("", "đã mở") in said)


async def test_a_hidden_participant_sees_without_being_seen(
    two: tuple[SdkClient, SdkClient], relay: RelayProcess
) -> None:
    _, watcher = two
    recorder = SdkClient("recorder")
    await recorder.join(relay.url, token("recorder", hidden=True, can_publish=False))
    await sees_and_hears(recorder, "speaker", RED)
    assert await watcher.others() == {"speaker"}
    await recorder.leave()


async def test_room_metadata_and_the_end_of_a_room_reach_its_clients(
    two: tuple[SdkClient, SdkClient], relay: RelayProcess
) -> None:
    speaker, watcher = two

    async def metadata() -> str:
        return str(watcher.room.metadata)

    async with server_api(relay) as server:
        await server.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=ROOM, metadata="họp"))
        await eventually("the new metadata", metadata, lambda text: text == "họp")
        await server.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    for client in (speaker, watcher):
        await eventually("everybody is out", client.connected, lambda connected: not connected)


async def test_webhooks_tell_a_meeting_from_its_start_to_its_end(relay: RelayProcess, hooks: Hooks) -> None:
    speaker = SdkClient("speaker")
    await speaker.join(relay.url, token("speaker"))
    await speaker.publish(RED)
    await eventually("both tracks are told", hooks.names, lambda names: names.count("track_published") == 2)
    await speaker.leave()
    async with server_api(relay) as server:
        await eventually("the leaving is told", hooks.names, lambda names: "participant_left" in names)
        await server.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    await eventually("the end is told", hooks.names, lambda names: "room_finished" in names)
    names = await hooks.names()
    assert names[:2] == ["room_started", "participant_joined"]
    assert names[2:4] == ["track_published", "track_published"]
    assert sorted(names[4:]) == ["participant_left", "room_finished", "track_unpublished", "track_unpublished"]
    assert names[-1] == "room_finished"
    assert hooks.events[1].participant.identity == "speaker"
    assert {event.track.source for event in hooks.events[2:4]} == {
        api.TrackSource.CAMERA,
        api.TrackSource.MICROPHONE,
    }
