"""Sessions and rooms as a client sees them, with a media worker that only takes notes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest
from livekit.protocol import models, rtc

from meetings.signaling import limits
from meetings.signaling.effects import Happened, Happening
from meetings.signaling.grants import Grants
from meetings.signaling.joining import Connect
from meetings.signaling.keeper import NotReady
from meetings.signaling.media import schema
from meetings.signaling.model import Client, Identity, ParticipantSid, Permission, Reason, RoomFacts
from meetings.signaling.relay import CONNECT_SECONDS, RETURN_SECONDS, Draining, Relay, UnknownSession
from meetings.signaling.session import Session
from meetings.signaling.turn import Turn
from tests.fakes import ManualClock
from tests.fakes_relay import FakeConnection, FakeWorker, answer_to, audio, offer_sdp, video

KEYS = {"key": "a-secret-of-at-least-thirty-two-bytes"}


class Guest:
    """A client in the room m1: what it says, and what it is told."""

    def __init__(self, house: House, identity: str, resumes: str | None = None, **permission: Any) -> None:
        self.house = house
        self.connection = FakeConnection()
        grants = Grants(
            Identity(identity), room="m1", room_join=True, permission=Permission(**permission), api_key="key"
        )
        connect = Connect(Client(), ParticipantSid(resumes) if resumes else None)
        self.session: Session = house.relay.join(grants, connect, self.connection)
        self.sid = self.session.sid

    def says(self, **message: Any) -> None:
        self.session.receive(rtc.SignalRequest(**message).SerializeToString())

    def told(self, kind: str) -> list[Any]:
        return [getattr(message, kind) for message in self.connection.of(kind)]

    def answers(self) -> None:
        """Accepts the newest offer."""
        offer = self.told("offer")[-1]
        self.says(answer=rtc.SessionDescription(type="answer", sdp=answer_to(offer.sdp), id=offer.id))

    def connects(self) -> Guest:
        """Its subscriber transport works from now on."""
        self.answers()
        self.house.worker.emit(schema.TransportConnected(schema.TransportId(f"{self.sid}.sub")))
        for label in ("_reliable", "_lossy"):
            self.house.worker.emit(schema.DataChannelOpen(schema.TransportId(f"{self.sid}.sub"), label))
        return self

    def announces(self, cid: str = "c-mic", kind: models.TrackType = models.TrackType.AUDIO, **fields: Any) -> None:
        source = models.TrackSource.MICROPHONE if kind == models.TrackType.AUDIO else models.TrackSource.CAMERA
        self.says(add_track=rtc.AddTrackRequest(cid=cid, type=kind, source=source, **fields))

    def offers(self, *sections: str, number: int = 1, **options: str) -> None:
        self.says(offer=rtc.SessionDescription(type="offer", sdp=offer_sdp(sections, **options), id=number))

    def publishes(self, cid: str = "c-mic") -> str:
        self.announces(cid)
        self.offers(audio(cid))
        return str(self.told("track_published")[-1].track.sid)

    def sends(self, packet: models.DataPacket, label: str = "_reliable") -> None:
        transport = schema.TransportId(f"{self.sid}.pub")
        self.house.worker.emit(schema.DataReceived(transport, label, packet.SerializeToString()))


class House:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.worker = FakeWorker()
        self.happenings: list[Happening] = []
        self.relay = Relay(KEYS, self.worker, self.clock, self._happened)

    def _happened(self, room: RoomFacts, what: Happened) -> None:
        self.happenings.append(what.happening)

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.relay.tick()

    def present(self) -> list[str]:
        return [one.identity for one in self.relay.rooms["m1"].rules.roster]


@pytest.fixture
async def house() -> House:
    house = House()
    await house.relay.start()
    return house


# -------------------------------------------------------------------------------------------- joining


async def test_join_comes_first_and_the_first_offer_carries_the_data_channels(house: House) -> None:
    guest = Guest(house, "hue")
    assert guest.connection.kinds()[:1] == ["join"]
    join = guest.told("join")[0]
    assert (join.room.name, join.participant.identity, join.subscriber_primary) == ("m1", "hue", True)
    assert join.ping_interval > 0
    assert "webrtc-datachannel" in guest.told("offer")[0].sdp
    guest.answers()
    remote = next(one for one in house.worker.sent(schema.SetRemote))
    assert [label for label, _, _ in remote.open_channels] == ["_reliable", "_lossy", "_data_track"]


async def test_a_newcomer_is_told_who_is_here_and_what_they_publish(house: House) -> None:
    hue = Guest(house, "hue").connects()
    track = hue.publishes()
    vinh = Guest(house, "vinh")
    (other,) = vinh.told("join")[0].other_participants
    assert (other.identity, [one.sid for one in other.tracks]) == ("hue", [track])
    assert f"{hue.sid}|{track}" in vinh.told("offer")[0].sdp


async def test_nobody_joins_while_there_is_no_worker() -> None:
    house = House()
    with pytest.raises(NotReady):
        Guest(house, "hue")


async def test_a_participant_is_active_once_its_subscriber_transport_works(house: House) -> None:
    guest = Guest(house, "hue")
    assert house.happenings == [Happening.ROOM_STARTED]
    guest.connects()
    assert house.happenings == [Happening.ROOM_STARTED, Happening.PARTICIPANT_JOINED]
    assert guest.told("update")[-1].participants[0].state == models.ParticipantInfo.ACTIVE


async def test_tokens_are_renewed_in_time_and_say_what_is_permitted_now(house: House) -> None:
    guest = Guest(house, "hue").connects()
    before = len(guest.told("refresh_token"))
    guest.says(ping_req=rtc.Ping(timestamp=1))
    house.later(10)
    assert len(guest.told("refresh_token")) == before
    for _ in range(40):
        house.clock.advance(10)
        guest.says(ping_req=rtc.Ping(timestamp=1))
        house.relay.tick()
    assert len(guest.told("refresh_token")) == before + 1
    live = house.relay.rooms["m1"]
    live.apply(live.rules.update_participant("hue", permission=Permission(can_publish=False)))
    claims = jwt.decode(guest.told("refresh_token")[-1], options={"verify_signature": False})
    assert (claims["sub"], claims["video"]["room"], claims["video"]["canPublish"]) == ("hue", "m1", False)
    assert claims["exp"] - claims["nbf"] == 600


async def test_both_kinds_of_ping_are_answered(house: House) -> None:
    guest = Guest(house, "hue")
    guest.says(ping=5)
    guest.says(ping_req=rtc.Ping(timestamp=7))
    assert len(guest.told("pong")) == 1
    assert guest.told("pong_resp")[0].last_ping_timestamp == 7


async def test_protojson_in_a_text_frame_is_understood(house: House) -> None:
    guest = Guest(house, "hue")
    guest.session.receive('{"pingReq": {"timestamp": "9"}}')
    assert guest.told("pong_resp")[0].last_ping_timestamp == 9


# ----------------------------------------------------------------------------------------- publishing


@pytest.mark.parametrize("offer_first", [False, True])
async def test_a_track_goes_live_whichever_of_offer_and_announcement_is_first(house: House, offer_first: bool) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    if offer_first:
        hue.offers(audio("c-mic"))
    hue.announces("c-mic")
    if not offer_first:
        hue.offers(audio("c-mic"))
    (produce,) = house.worker.sent(schema.Produce)
    assert (produce.transport_id, produce.kind, produce.mid) == (f"{hue.sid}.pub", "audio", "1")
    assert hue.told("answer")[0].id == 1
    assert [one.sid for one in vinh.told("update")[-1].participants[0].tracks] == [produce.producer_id]
    assert house.happenings[-1] is Happening.TRACK_PUBLISHED


async def test_chromiums_sections_are_never_confused_even_if_announced_late(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.announces("c-screen", models.TrackType.VIDEO)
    hue.offers(video("c-cam"))
    assert house.worker.sent(schema.Produce) == []
    hue.announces("c-cam", models.TrackType.VIDEO)
    (produce,) = house.worker.sent(schema.Produce)
    assert produce.producer_id == hue.told("track_published")[-1].track.sid


async def test_firefox_whose_ids_differ_gets_the_first_waiting_track_of_the_kind(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.announces("c-mic")
    hue.announces("c-cam", models.TrackType.VIDEO)
    hue.offers(video("{other}"), audio("{id}"), origin="mozilla...THIS_IS_SDPARTA-153.0 1 0 IN IP4 0.0.0.0")
    assert [(one.kind, one.mid) for one in house.worker.sent(schema.Produce)] == [("video", "1"), ("audio", "2")]


async def test_a_section_that_goes_idle_unpublishes_its_track(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    hue.offers(audio("c-mic", direction="inactive"), number=2)
    assert [one.producer_id for one in house.worker.sent(schema.CloseProducer)] == [track]
    assert vinh.told("update")[-1].participants[0].tracks == []


async def test_a_refused_source_is_answered_and_not_received(house: House) -> None:
    hue = Guest(house, "hue", can_publish=False)
    hue.announces()
    hue.offers(audio("c-mic"))
    assert hue.told("request_response")[0].reason == rtc.RequestResponse.NOT_ALLOWED
    assert house.worker.sent(schema.Produce) == []


async def test_revoking_a_source_stops_it_in_the_worker_and_tells_its_publisher(house: House) -> None:
    hue = Guest(house, "hue").connects()
    track = hue.publishes()
    live = house.relay.rooms["m1"]
    live.apply(live.rules.update_participant("hue", permission=Permission(can_publish=False)))
    assert [one.producer_id for one in house.worker.sent(schema.CloseProducer)] == [track]
    assert hue.told("track_unpublished")[0].track_sid == track
    hue.offers(audio("c-mic"), number=2)  # still sending: it is answered but received no more
    assert len(house.worker.sent(schema.Produce)) == 1


async def test_a_mute_stops_forwarding_in_the_worker(house: House) -> None:
    hue = Guest(house, "hue").connects()
    track = hue.publishes()
    hue.says(mute=rtc.MuteTrackRequest(sid=track, muted=True))
    assert [(one.producer_id, one.muted) for one in house.worker.sent(schema.SetProducerMuted)] == [(track, True)]


async def test_new_credentials_in_an_offer_restart_ice_on_our_side_too(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.publishes()
    first = hue.told("answer")[-1].sdp
    hue.offers(audio("c-mic"), number=2, ufrag="changed")
    (restart,) = house.worker.sent(schema.RestartIce)
    assert restart.transport_id == f"{hue.sid}.pub"
    assert restart.ice_ufrag in hue.told("answer")[-1].sdp
    assert restart.ice_ufrag not in first


# ---------------------------------------------------------------------------------------- subscribing


async def test_media_flows_only_after_the_subscriber_has_answered(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    assert house.worker.sent(schema.Consume) == []
    vinh.answers()
    (consume,) = house.worker.sent(schema.Consume)
    assert (consume.producer_id, consume.transport_id) == (track, f"{vinh.sid}.sub")
    assert hue.told("track_subscribed")[0].track_sid == track


async def test_offers_wait_for_the_answer_to_the_one_before(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    for number in range(3):
        hue.announces(f"c{number}")
        hue.offers(*[audio(f"c{one}") for one in range(number + 1)], number=number + 1)
    assert len(vinh.told("offer")) == 2
    vinh.answers()
    assert len(vinh.told("offer")) == 3
    vinh.answers()
    assert len(house.worker.sent(schema.Consume)) == 3


async def test_a_hundred_points_are_received_however_long_the_answer(house: House) -> None:
    for number in range(50):
        point = Guest(house, f"point-{number}").connects()
        point.announces("c-mic")
        point.announces("c-cam", models.TrackType.VIDEO)
        point.offers(audio("c-mic"), video("c-cam"))
    late = Guest(house, "late")
    assert late.told("offer")[0].sdp.count("m=") == 101
    late.connects()
    mine = [one for one in house.worker.sent(schema.Consume) if one.transport_id == f"{late.sid}.sub"]
    assert len(mine) == 100
    assert not late.session.ended


async def test_the_size_of_a_tile_chooses_the_layer(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    sizes = [(0, 320, 180), (1, 640, 360), (2, 1280, 720)]
    layers = [models.VideoLayer(quality=models.VideoQuality.Name(q), width=w, height=h) for q, w, h in sizes]
    hue.announces("c-cam", models.TrackType.VIDEO, layers=layers)
    hue.offers(video("c-cam"))
    vinh.answers()
    track = hue.told("track_published")[-1].track.sid
    for width, height in [(300, 170), (640, 360), (1900, 1000)]:
        vinh.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], width=width, height=height))
    vinh.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], disabled=True, width=1900, height=1000))
    vinh.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], quality=models.VideoQuality.LOW))
    assert [one.max_spatial for one in house.worker.sent(schema.SetLayer)] == [0, 1, 2, 0]
    assert [one.paused for one in house.worker.sent(schema.SetConsumerPaused)] == [True, False]


def enabled(guest: Guest) -> list[list[bool]]:
    """What a publisher was told of its qualities, from low to high, each time."""
    updates = guest.told("subscribed_quality_update")
    for update in updates:
        assert update.subscribed_codecs[0].codec == "vp8"
        assert update.subscribed_codecs[0].qualities == update.subscribed_qualities
    return [[one.enabled for one in update.subscribed_qualities] for update in updates]


async def test_publishers_send_only_the_layers_that_somebody_watches(house: House) -> None:
    camera, watcher = Guest(house, "camera").connects(), Guest(house, "watcher").connects()
    camera.announces("c", models.TrackType.VIDEO)
    camera.offers(video("c"))
    watcher.answers()
    sid = camera.told("track_published")[0].track.sid
    house.later(10)
    house.later(10)
    assert enabled(camera) == []  # all are wanted, and all are sent anyway
    watcher.says(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], quality=models.VideoQuality.LOW))
    house.later(1)
    assert enabled(camera) == []
    house.later(5)
    assert enabled(camera) == [[True, False, False]]
    watcher.says(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], quality=models.VideoQuality.HIGH))
    assert enabled(camera)[1:] == [[True, True, True]]


async def test_a_picture_that_nobody_watches_is_not_sent_until_somebody_comes_even_hidden(house: House) -> None:
    camera = Guest(house, "camera").connects()
    camera.announces("c", models.TrackType.VIDEO)
    camera.offers(video("c"))
    house.later(1)
    house.later(5)
    assert enabled(camera) == [[False, False, False]]
    recorder = Guest(house, "recorder", hidden=True, recorder=True).connects()
    assert enabled(camera)[1:] == [[True, True, True]]
    recorder.session.receive(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
    house.later(1)
    house.later(5)
    assert enabled(camera)[2:] == [[False, False, False]]


async def test_unsubscribing_closes_the_consumer(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    vinh.answers()
    vinh.says(subscription=rtc.UpdateSubscription(track_sids=[track], subscribe=False))
    assert len(house.worker.sent(schema.CloseConsumer)) == 1
    assert len(vinh.told("offer")) == 3


# ----------------------------------------------------------------------------------------------- data


def user(text: str, **fields: Any) -> models.DataPacket:
    return models.DataPacket(user=models.UserPacket(payload=text.encode()), **fields)


def delivered(house: House, guest: Guest) -> list[models.DataPacket]:
    sent = [one for one in house.worker.sent(schema.SendData) if one.transport_id == f"{guest.sid}.sub"]
    return [models.DataPacket.FromString(one.payload) for one in sent]


async def test_the_relay_says_who_sent_a_message_whatever_the_sender_claims(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.sends(user("xin chào", participant_identity="chair"))
    (packet,) = delivered(house, vinh)
    assert (packet.participant_identity, packet.participant_sid) == ("hue", hue.sid)
    assert packet.user.participant_identity == "hue"
    assert delivered(house, hue) == []


async def test_a_message_for_one_reaches_only_that_one(house: House) -> None:
    hue, vinh, dalat = (Guest(house, name).connects() for name in ("hue", "vinh", "dalat"))
    hue.sends(user("x", destination_identities=["dalat"]))
    assert (len(delivered(house, vinh)), len(delivered(house, dalat))) == (0, 1)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 40, models.DataPacket().SerializeToString()])
async def test_what_is_no_message_is_dropped(house: House, payload: bytes) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    house.worker.emit(schema.DataReceived(schema.TransportId(f"{hue.sid}.pub"), "_reliable", payload))
    hue.sends(user("x"), label="_data_track")
    assert delivered(house, vinh) == []


async def test_reliable_messages_wait_for_a_joiner_whose_channel_is_not_open(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh")
    hue.sends(user("kept"))
    hue.sends(user("lost"), label="_lossy")
    vinh.connects()
    assert [packet.user.payload for packet in delivered(house, vinh)] == [b"kept"]


async def test_one_who_may_not_send_data_is_not_heard(house: House) -> None:
    hue, vinh = Guest(house, "hue", can_publish_data=False).connects(), Guest(house, "vinh").connects()
    hue.sends(user("x"))
    assert delivered(house, vinh) == []


# ------------------------------------------------------------------------------------ speakers, quality


async def test_speakers_are_told_once_and_again_when_they_stop(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = schema.ProducerId(hue.publishes())
    for level, active in [(0.5, True), (0.5, True), (0.0, False)]:
        house.worker.emit(schema.AudioLevels([(track, level, active)]))
    told = [[(one.sid, one.active) for one in change.speakers] for change in vinh.told("speakers_changed")]
    assert told == [[(hue.sid, True)], [(hue.sid, False)]]


async def test_a_connection_is_told_when_it_is_first_known_and_when_it_turns_bad(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    transport = schema.TransportId(f"{hue.sid}.sub")
    for loss in (0.0, 0.3, 0.3):
        house.worker.emit(schema.ConsumerStats(transport, loss, 5.0, 40.0))
    updates = [one for change in vinh.told("connection_quality") for one in change.updates]
    assert {one.participant_sid for one in updates} == {hue.sid}
    assert [one.quality for one in updates] == [models.ConnectionQuality.EXCELLENT, models.ConnectionQuality.POOR]


async def test_a_newcomer_is_told_how_the_others_are_connected(house: House) -> None:
    hue = Guest(house, "hue").connects()
    house.worker.emit(schema.ConsumerStats(schema.TransportId(f"{hue.sid}.sub"), 0.3, 5.0, 40.0))
    vinh = Guest(house, "vinh").connects()
    house.worker.emit(schema.ConsumerStats(schema.TransportId(f"{vinh.sid}.sub"), 0.0, 5.0, 40.0))
    told = {one.participant_sid: one.quality for change in vinh.told("connection_quality") for one in change.updates}
    assert told == {hue.sid: models.ConnectionQuality.POOR, vinh.sid: models.ConnectionQuality.EXCELLENT}


async def test_a_lost_transport_is_told_and_its_return_too(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    transport = schema.TransportId(f"{hue.sid}.pub")
    house.worker.emit(schema.TransportLost(transport, "no consent for 15 s"))
    house.worker.emit(schema.TransportConnected(transport))
    updates = [one.quality for change in vinh.told("connection_quality") for one in change.updates]
    assert updates == [models.ConnectionQuality.LOST, models.ConnectionQuality.EXCELLENT]
    house.clock.advance(RETURN_SECONDS + 1)
    hue.says(ping=1)
    house.relay.tick()
    assert "hue" in house.present()


# ------------------------------------------------------------------------- leaving, losing, coming back


async def test_who_says_goodbye_is_gone_at_once(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.says(leave=rtc.LeaveRequest())
    assert house.present() == ["vinh"]
    assert hue.connection.closed
    assert {one.transport_id for one in house.worker.sent(schema.CloseTransport)} == {
        f"{hue.sid}.pub",
        f"{hue.sid}.sub",
    }
    assert vinh.told("update")[-1].participants[0].disconnect_reason == models.DisconnectReason.CLIENT_INITIATED


async def test_a_lost_connection_keeps_its_seat_for_a_while(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.session.lost()
    house.later(RETURN_SECONDS - 1)
    assert house.present() == ["hue"]
    house.later(2)
    assert house.present() == []


async def test_a_client_that_lost_signalling_and_media_is_not_waited_for(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.session.lost()
    house.worker.emit(schema.TransportLost(schema.TransportId(f"{hue.sid}.sub"), "the peer closed"))
    assert house.present() == []


async def test_who_goes_on_keeps_its_seat_and_its_tracks(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    hue.session.lost()
    again = Guest(house, "hue", resumes=hue.sid)
    assert again.connection.kinds()[0] == "reconnect"
    assert {one.identity for one in again.told("update")[0].participants} == {"hue", "vinh"}
    restarted = [one for one in house.worker.sent(schema.RestartIce) if one.transport_id == f"{hue.sid}.sub"]
    assert restarted[0].ice_ufrag in again.told("offer")[0].sdp
    again.answers()
    again.offers(audio("c-mic"), number=9, ufrag="again")
    house.worker.emit(schema.TransportConnected(schema.TransportId(f"{hue.sid}.sub")))
    house.later(RETURN_SECONDS + 5)
    assert house.present() == ["hue", "vinh"]
    assert house.worker.sent(schema.CloseProducer) == []
    assert track in {one.sid for one in next(iter(house.relay.rooms["m1"].rules.roster)).tracks}
    assert vinh.told("leave") == []


async def test_the_end_of_an_old_connection_does_not_end_the_new_one(house: House) -> None:
    hue = Guest(house, "hue").connects()
    again = Guest(house, "hue", resumes=hue.sid)
    hue.session.lost()
    house.later(RETURN_SECONDS + 5)
    assert house.present() == ["hue"]
    again.says(ping=1)
    assert again.told("pong")


@pytest.mark.parametrize("identity", ["hue", "vinh"])
async def test_a_session_that_is_gone_or_of_another_cannot_go_on(house: House, identity: str) -> None:
    hue = Guest(house, "hue").connects()
    sid = "PA_gone" if identity == "hue" else hue.sid
    with pytest.raises(UnknownSession):
        Guest(house, identity, resumes=sid)


async def test_a_second_connection_of_an_identity_closes_the_first_with_the_reason(house: House) -> None:
    hue = Guest(house, "hue").connects()
    again = Guest(house, "hue")
    assert hue.told("leave")[0].reason == models.DisconnectReason.DUPLICATE_IDENTITY
    assert hue.told("leave")[0].action == rtc.LeaveRequest.DISCONNECT
    assert hue.connection.closed
    hue.says(ping=1)  # nothing of it counts any more
    hue.session.lost()
    assert house.relay.rooms["m1"].members == (again.sid,)


async def test_one_who_never_connects_is_given_up(house: House) -> None:
    guest = Guest(house, "hue")
    for _ in range(int(CONNECT_SECONDS // 10) + 1):
        guest.says(ping=1)
        house.later(10)
    assert guest.told("leave")[0].reason == models.DisconnectReason.CONNECTION_TIMEOUT
    assert house.happenings[-1] is Happening.PARTICIPANT_CONNECTION_ABORTED


async def test_a_silent_connection_counts_as_lost(house: House) -> None:
    Guest(house, "hue").connects()
    house.later(40)
    house.later(RETURN_SECONDS + 1)
    assert house.present() == []


async def test_an_empty_room_ends_and_says_so(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.says(leave=rtc.LeaveRequest())
    house.later(19)
    assert "m1" in house.relay.rooms
    house.later(2)
    assert house.relay.rooms == {}
    assert house.happenings[-1] is Happening.ROOM_FINISHED


async def test_a_step_of_the_wall_clock_ends_nothing(house: House) -> None:
    house.relay.open_room("m1")
    house.clock.set(house.clock.now().replace(year=2027))
    house.relay.tick()
    assert "m1" in house.relay.rooms


async def test_when_the_worker_ends_everybody_is_sent_to_come_back_to_a_new_one(house: House) -> None:
    hue = Guest(house, "hue").connects()
    house.relay.rooms["m1"].rules.metadata = "kept"
    house.worker.end("killed")
    leave = hue.told("leave")[0]
    assert (leave.action, leave.can_reconnect) == (rtc.LeaveRequest.RECONNECT, True)
    with pytest.raises(NotReady):
        Guest(house, "hue")
    await house.relay.keeper.restarted()
    assert house.worker.starts == 2
    assert Guest(house, "hue").told("join")[0].room.metadata == "kept"


async def test_a_worker_that_answers_no_heartbeat_is_replaced_within_five_seconds(house: House) -> None:
    hue = Guest(house, "hue").connects()
    for _ in range(20):
        hue.says(ping=1)
        house.later(1)
    assert hue.told("leave") == []
    house.worker.frozen = True
    for _ in range(4):
        house.later(1)
    assert hue.told("leave")[0].action == rtc.LeaveRequest.RECONNECT
    await house.relay.keeper.restarted()
    assert house.worker.starts == 2


async def test_a_worker_that_grows_beyond_its_limit_is_replaced(house: House) -> None:
    hue = Guest(house, "hue").connects()
    house.worker.memory = 900 << 20
    house.later(1)
    assert hue.told("leave") == []
    house.worker.memory = 1100 << 20
    house.later(1)
    assert hue.told("leave")[0].action == rtc.LeaveRequest.RECONNECT
    await house.relay.keeper.restarted()
    assert house.worker.starts == 2


async def test_draining_drops_nobody_opens_no_room_and_ends_with_the_last_guest(house: House) -> None:
    hue = Guest(house, "hue").connects()
    stop, drain = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(house.relay.run(stop, drain))
    drain.set()
    async with asyncio.timeout(10):
        while not house.relay.draining:
            await asyncio.sleep(0.01)
        vinh = Guest(house, "vinh")
        with pytest.raises(Draining):
            house.relay.open_room("another")
        with pytest.raises(Draining):
            house.relay.require_place("another")
        house.relay.require_place(next(iter(house.relay.rooms)))
        assert hue.told("leave") == vinh.told("leave") == []
        assert not stop.is_set()
        hue.says(leave=rtc.LeaveRequest())
        vinh.says(leave=rtc.LeaveRequest())
        await running
    assert stop.is_set()


@pytest.mark.parametrize("seconds", [3600, -3600, 86_400, -86_400, 20 * 86_400, -20 * 86_400, 400 * 86_400])
async def test_a_step_of_the_wall_clock_drops_nobody(house: House, seconds: float) -> None:
    hue = Guest(house, "hue").connects()
    house.clock.set(house.clock.now() + timedelta(seconds=seconds))
    for _ in range(5):
        hue.says(ping=1)
        house.later(1)
    assert hue.told("leave") == []
    assert house.relay.rooms["m1"].rules.roster.get(hue.sid) is not None
    assert Guest(house, "vinh").told("join")[0].other_participants[0].identity == "hue"


async def test_each_connection_is_told_turn_servers_with_credentials_of_its_own() -> None:
    house = House()
    house.relay.turn = Turn(("turn:turn.example:3478",), "s" * 16)
    await house.relay.start()
    hue, vinh = Guest(house, "hue"), Guest(house, "vinh")
    servers = [one.told("join")[0].ice_servers for one in (hue, vinh)]
    assert [list(one.urls) for (one,) in servers] == [["turn:turn.example:3478"]] * 2
    assert len({one.username for (one,) in servers}) == len({one.credential for (one,) in servers}) == 2
    assert servers[0][0].username.endswith(hue.sid)
    house.clock.advance(3600)
    (again,) = Guest(house, "hue", resumes=hue.sid).told("reconnect")[0].ice_servers
    assert again.username != servers[0][0].username, "they are as fresh as the connection"


async def test_stopping_tells_everybody_and_ends_the_worker(house: House) -> None:
    hue = Guest(house, "hue").connects()
    await house.relay.close()
    assert hue.told("leave")[0].reason == models.DisconnectReason.SERVER_SHUTDOWN
    assert house.worker.closed


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 30,
        "not json",
        "{}",
        rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid="", type=models.TrackType.AUDIO)).SerializeToString(),
        rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp="v=0")).SerializeToString(),
        rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="x" * 65_536)).SerializeToString(),
    ],
)
async def test_nonsense_ends_the_session_and_nobody_elses(house: House, frame: bytes | str) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.session.receive(frame)
    assert hue.session.ended
    assert hue.connection.closed
    assert house.present() == ["vinh"]
    assert not vinh.connection.closed


async def test_one_whose_description_has_grown_too_long_connects_anew(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.offers(*[audio(f"c{number}") for number in range(64)])
    assert hue.told("leave")[0].action == rtc.LeaveRequest.RECONNECT
    assert house.present() == []


async def test_a_flood_ends_the_session(house: House) -> None:
    hue = Guest(house, "hue").connects()
    for _ in range(limits.MESSAGE_BURST + 50):
        hue.says(ping_req=rtc.Ping(timestamp=1))
    assert hue.session.ended
    assert house.present() == []


async def test_what_we_do_not_know_is_ignored(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.says(trickle=rtc.TrickleRequest(candidateInit="{}"))
    hue.says(sync_state=rtc.SyncState())
    hue.says(simulate=rtc.SimulateScenario())
    hue.says(mute=rtc.MuteTrackRequest(sid="TR_nobody", muted=True))
    hue.says(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_nobody"], disabled=True))
    hue.says(subscription=rtc.UpdateSubscription(track_sids=["TR_nobody"], subscribe=True))
    assert not hue.session.ended


async def test_an_event_about_somebody_gone_is_ignored(house: House) -> None:
    for event in (
        schema.TransportConnected(schema.TransportId("PA_x.sub")),
        schema.TransportLost(schema.TransportId("PA_x.pub"), "late"),
        schema.DataReceived(schema.TransportId("PA_x.pub"), "_reliable", user("x").SerializeToString()),
        schema.DataChannelOpen(schema.TransportId("PA_x.sub"), "_reliable"),
        schema.AudioLevels([(schema.ProducerId("TR_x"), 1.0, True)]),
        schema.ConsumerStats(schema.TransportId("PA_x.sub"), 0.5, 1.0, 1.0),
    ):
        house.worker.emit(event)
    assert house.relay.rooms == {}


async def test_deleting_a_room_dismisses_its_participants(house: House) -> None:
    hue = Guest(house, "hue").connects()
    house.relay.end_room("m1", Reason.ROOM_DELETED)
    assert hue.told("leave")[0].reason == models.DisconnectReason.ROOM_DELETED
    assert house.relay.rooms == {}
