"""A picture in two codecs: the second is sent once somebody cannot take the first, and each gets what it can take."""

from __future__ import annotations

from typing import Any

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.media import schema
from meetings.signaling.watching import LOWER_AFTER_MS
from tests.fakes_relay import answer_to, video
from tests.unit.signaling.test_relay import Guest, House

CODECS = [rtc.SimulcastCodec(codec="vp9", cid="c-cam"), rtc.SimulcastCodec(codec="vp8")]
SIMULCAST, REGRESSION = models.BackupCodecPolicy.SIMULCAST, models.BackupCodecPolicy.REGRESSION


@pytest.fixture
async def house() -> House:
    house = House()
    await house.relay.start()
    return house


class Camera(Guest):
    """Publishes VP9 with VP8 behind it."""

    def films(self, policy: models.BackupCodecPolicy = SIMULCAST) -> str:
        self.announces("c-cam", models.TrackType.VIDEO, simulcast_codecs=CODECS, backup_codec_policy=policy)
        self.offers(video("c-cam", rids=""))
        return str(self.told("track_published")[-1].track.sid)

    def films_twice(self, track: str) -> None:
        """As it was asked for."""
        second = [rtc.SimulcastCodec(codec="vp8", cid="c-two")]
        self.announces("c-two", models.TrackType.VIDEO, sid=track, simulcast_codecs=second)
        self.offers(video("c-cam", rids=""), video("c-two"), number=2)

    def wanted(self) -> dict[str, int]:
        """How many layers it was last asked for of each codec."""
        update = self.told("subscribed_quality_update")[-1]
        return {one.codec: sum(layer.enabled for layer in one.qualities) for one in update.subscribed_codecs}


def refuses(guest: Guest, codec: str = "VP9") -> None:
    """Answers the newest offer, without the sections in this codec."""
    offer = guest.told("offer")[-1]
    head, *sections = answer_to(offer.sdp).split("m=")
    sections = [one.replace("video 9", "video 0") if f" {codec}/" in one else one for one in sections]
    guest.says(answer=rtc.SessionDescription(type="answer", sdp="m=".join([head, *sections]), id=offer.id))


def consumed(house: House) -> dict[str, str]:
    """Which producer every subscriber is sent now."""
    now: dict[str, str] = {}
    for command in house.worker.commands:
        if isinstance(command, schema.Consume):
            now[command.transport_id.removesuffix(".sub")] = command.producer_id
        elif isinstance(command, schema.CloseConsumer):
            now.pop(command.consumer_id.partition("<")[0], None)
    return now


def room_of_three(house: House, policy: models.BackupCodecPolicy = SIMULCAST) -> tuple[Camera, str, Guest, Guest]:
    """A camera, who takes VP9, and who does not."""
    camera = Camera(house, "hue").connects()
    assert isinstance(camera, Camera)
    able, unable = Guest(house, "vinh").connects(), Guest(house, "lan").connects()
    track = camera.films(policy)
    able.answers()
    refuses(unable)
    unable.answers()
    return camera, track, able, unable


async def test_a_publisher_is_asked_for_the_second_codec_when_somebody_cannot_take_the_first(house: House) -> None:
    camera, track, able, unable = room_of_three(house)
    announced = camera.told("track_published")[-1].track
    assert [one.mime_type for one in announced.codecs] == ["video/VP9", "video/VP8"]
    assert camera.wanted() == {"vp9": 3, "vp8": 3}
    assert not unable.told("subscription_response")
    assert consumed(house) == {able.sid: track}


async def test_each_gets_what_it_can_take_under_the_same_sid(house: House) -> None:
    camera, track, able, unable = room_of_three(house)
    camera.films_twice(track)
    published = camera.told("track_published")[-1]
    assert (published.cid, published.track.sid) == ("c-two", track)
    assert f"|{track}" in unable.told("offer")[-1].sdp
    assert "VP8/90000" in unable.told("offer")[-1].sdp
    unable.answers()
    second = house.worker.sent(schema.Produce)[-1]
    assert second.codecs[0].mime_type == "video/vp8"
    assert consumed(house) == {able.sid: track, unable.sid: second.producer_id}
    assert [one.sid for one in unable.told("update")[-1].participants[0].tracks] == [track]


async def test_layers_are_watched_codec_by_codec(house: House) -> None:
    camera, track, able, unable = room_of_three(house)
    camera.films_twice(track)
    unable.answers()
    unable.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], quality=models.VideoQuality.LOW))
    able.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], disabled=True))
    house.later(1)
    house.later(LOWER_AFTER_MS / 1000 + 1)
    assert camera.wanted() == {"vp9": 0, "vp8": 1}


async def test_with_regression_everybody_gets_the_second_and_the_first_is_wanted_no_longer(house: House) -> None:
    camera, track, able, unable = room_of_three(house, REGRESSION)
    camera.films_twice(track)
    able.answers()
    unable.answers()
    assert set(consumed(house)) == {able.sid, unable.sid}
    assert set(consumed(house).values()) == {house.worker.sent(schema.Produce)[-1].producer_id}
    house.later(1)
    house.later(LOWER_AFTER_MS / 1000 + 1)
    assert camera.wanted() == {"vp9": 0, "vp8": 3}


async def test_a_newcomer_who_cannot_take_the_first_gets_the_second_at_once(house: House) -> None:
    camera, track, _, _ = room_of_three(house)
    camera.films_twice(track)
    late = Guest(house, "binh")
    refuses(late)
    late.connects()
    assert consumed(house)[late.sid] == house.worker.sent(schema.Produce)[-1].producer_id


async def test_both_are_muted_and_end_together(house: House) -> None:
    camera, track, _, unable = room_of_three(house)
    camera.films_twice(track)
    unable.answers()
    both = [one.producer_id for one in house.worker.sent(schema.Produce)]
    camera.says(mute=rtc.MuteTrackRequest(sid=track, muted=True))
    assert [one.producer_id for one in house.worker.sent(schema.SetProducerMuted)] == both
    camera.offers(video("c-cam", rids="", direction="inactive"), video("c-two", direction="inactive"), number=3)
    assert [one.producer_id for one in house.worker.sent(schema.CloseProducer)] == both
    assert consumed(house) == {}
    assert not unable.told("update")[-1].participants[0].tracks


async def test_the_second_may_end_alone_and_come_again(house: House) -> None:
    camera, track, able, unable = room_of_three(house)
    camera.films_twice(track)
    unable.answers()
    camera.offers(video("c-cam", rids=""), video("c-two", direction="inactive"), number=3)
    assert consumed(house) == {able.sid: track}
    unable.answers()
    camera.films_twice(track)
    unable.answers()
    unable.answers()
    assert set(consumed(house)) == {able.sid, unable.sid}


async def test_who_can_take_neither_is_told_so(house: House) -> None:
    camera, track, _, unable = room_of_three(house)
    camera.films_twice(track)
    refuses(unable, "VP8")
    (failed,) = unable.told("subscription_response")
    assert (failed.track_sid, failed.err) == (track, models.SubscriptionError.SE_CODEC_UNSUPPORTED)


@pytest.mark.parametrize("second", [{"codec": "vp9"}, {"codec": "h266"}, {}], ids=["the same", "unknown", "none"])
async def test_without_a_second_codec_who_cannot_take_the_first_is_told_so(house: House, second: Any) -> None:
    camera, guest = Camera(house, "hue").connects(), Guest(house, "lan").connects()
    codecs = [CODECS[0], *([rtc.SimulcastCodec(**second)] if second else [])]
    camera.announces("c-cam", models.TrackType.VIDEO, simulcast_codecs=codecs)
    camera.offers(video("c-cam", rids=""))
    refuses(guest)
    assert [one.err for one in guest.told("subscription_response")] == [models.SubscriptionError.SE_CODEC_UNSUPPORTED]
