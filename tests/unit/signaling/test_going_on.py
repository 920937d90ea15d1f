"""What a client finds that goes on over a new connection: nothing lost, nothing twice, a token for the next time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jwt
import pytest
from livekit.protocol import models, rtc

from meetings.signaling import limits
from meetings.signaling.door import TOKEN_TTL
from meetings.signaling.live import AWAY_MS
from meetings.signaling.media import schema
from meetings.signaling.relay import TOKEN_REFRESH_SECONDS
from meetings.signaling.subscriptions import AWAITED_MS
from tests.fakes_relay import answer_to, audio
from tests.unit.signaling.test_relay import Guest, House, delivered, user


@pytest.fixture
async def house() -> House:
    house = House()
    await house.relay.start()
    return house


def again(house: House, guest: Guest) -> Guest:
    guest.session.lost()
    return Guest(house, "hue", resumes=guest.sid)


def published(sid: str) -> rtc.TrackPublishedResponse:
    return rtc.TrackPublishedResponse(cid="c", track=models.TrackInfo(sid=sid))


# --------------------------------------------------------------------------------------------- sync_state


async def test_what_the_client_had_switched_off_stays_off(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    vinh.announces("c-1")
    vinh.announces("c-2")
    vinh.offers(audio("c-1"), audio("c-2"))
    shown, hidden = (one.track.sid for one in vinh.told("track_published"))
    for _ in range(2):
        hue.answers()
    back = again(house, hue)
    state = rtc.SyncState(
        subscription=rtc.UpdateSubscription(track_sids=[hidden], subscribe=False), track_sids_disabled=[shown]
    )
    back.says(sync_state=state)
    assert [one.consumer_id for one in house.worker.sent(schema.CloseConsumer)] == [f"{hue.sid}<{hidden}"]
    assert house.worker.sent(schema.SetConsumerPaused) == [
        schema.SetConsumerPaused(schema.ConsumerId(f"{hue.sid}<{shown}"), True)
    ]
    assert back.told("leave") == []


async def test_one_who_takes_a_track_for_published_that_is_not_comes_anew(house: House) -> None:
    hue = Guest(house, "hue").connects()
    track = hue.publishes()
    back = again(house, hue)
    back.says(sync_state=rtc.SyncState(publish_tracks=[published(track)]))
    assert back.told("leave") == []
    back.says(sync_state=rtc.SyncState(publish_tracks=[published("TR_gone")]))
    (leave,) = back.told("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.STATE_MISMATCH)
    assert house.present() == []


# ------------------------------------------------------------------------------------ what was missed


async def test_it_hears_of_those_who_went_meanwhile_before_anything_else(house: House) -> None:
    hue, vinh, dalat = (Guest(house, name).connects() for name in ("hue", "vinh", "dalat"))
    hue.session.lost()
    vinh.says(leave=rtc.LeaveRequest())
    dalat.says(leave=rtc.LeaveRequest())
    Guest(house, "dalat").connects()
    back = Guest(house, "hue", resumes=hue.sid)
    gone, present = back.told("update")[:2]
    assert [(one.identity, one.state) for one in gone.participants] == [("vinh", models.ParticipantInfo.DISCONNECTED)]
    assert {one.identity for one in present.participants} == {"hue", "dalat"}
    assert back.told("room_update")


async def test_of_what_happened_long_ago_it_is_not_told_again(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    vinh.says(leave=rtc.LeaveRequest())
    house.clock.advance(AWAY_MS / 1000 + 1)
    present = again(house, hue).told("update")[0]
    assert [one.identity for one in present.participants] == ["hue"]


# --------------------------------------------------------------------------------------------------- data


async def test_it_is_told_which_of_its_messages_arrived_and_sends_only_the_rest(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    for number in (1, 2, 3):
        hue.sends(user(str(number), sequence=number))
    back = again(house, hue)
    assert back.told("reconnect")[0].last_message_seq == 3
    for number in (2, 3, 4):  # more than it had to, as a client may that is not sure
        back.sends(user(str(number), sequence=number))
    assert [one.user.payload for one in delivered(house, vinh)] == [b"1", b"2", b"3", b"4"]
    assert [one.sequence for one in delivered(house, vinh)] == [1, 2, 3, 4]


async def test_numbers_begin_anew_with_a_new_seat(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.sends(user("a", sequence=9))
    Guest(house, "hue").connects().sends(user("b", sequence=1))
    assert [one.user.payload for one in delivered(house, vinh)] == [b"a", b"b"]


async def test_messages_without_a_number_and_lossy_ones_are_not_counted(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.sends(user("a", sequence=5))
    hue.sends(user("b"))
    hue.sends(user("c", sequence=1), label="_lossy")
    assert [one.user.payload for one in delivered(house, vinh)] == [b"a", b"b", b"c"]


async def test_of_much_that_was_said_before_a_channel_is_open_the_newest_comes_without_a_hole(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh")
    for number in range(10):
        hue.sends(user(str(number) * 30_000, sequence=number + 1))
    vinh.connects()
    came = [one.sequence for one in delivered(house, vinh)]
    assert came == list(range(11 - len(came), 11))
    assert len(came) == limits.EARLY_DATA // 30_100
    hue.sends(user("x", sequence=11))
    assert [one.sequence for one in delivered(house, vinh)] == [*came, 11]


async def test_what_comes_by_two_ways_is_passed_on_once(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    for nonce in (b"n" * 16, b"n" * 16, b"m" * 16):
        hue.sends(models.DataPacket(user=models.UserPacket(payload=nonce[:1], nonce=nonce)))
    assert [one.user.payload for one in delivered(house, vinh)] == [b"n", b"m"]


async def test_a_hidden_sender_stays_unnamed(house: House) -> None:
    ghost, vinh = Guest(house, "ghost", hidden=True).connects(), Guest(house, "vinh").connects()
    ghost.sends(user("x", participant_identity="vinh"))
    (packet,) = delivered(house, vinh)
    assert (packet.participant_identity, packet.participant_sid, packet.user.participant_sid) == ("", "", "")


async def test_only_an_agent_transcribes_and_speaks_for_others(house: House) -> None:
    chat = models.DataPacket(participant_identity="chair", chat_message=models.ChatMessage(message="x"))
    words = models.DataPacket(transcription=models.Transcription())
    hue, agent, vinh = (
        Guest(house, "hue").connects(),
        Guest(house, "agent", agent=True).connects(),
        Guest(house, "vinh").connects(),
    )
    for guest in (hue, agent):
        guest.sends(words)
        guest.sends(chat)
    told = [(one.WhichOneof("value"), one.participant_identity) for one in delivered(house, vinh)]
    assert told == [("chat_message", "hue"), ("transcription", "agent"), ("chat_message", "chair")]
    assert [one.chat_message.generated for one in delivered(house, vinh)] == [False, False, True]


# ------------------------------------------------------------------------------------------------- tokens


def newest(guest: Guest) -> dict[str, Any]:
    """What the newest token says. The manual clock is not that of the verifier."""
    return jwt.decode(guest.told("refresh_token")[-1], options={"verify_signature": False})


async def test_a_token_is_renewed_each_five_minutes_and_lives_ten(house: House) -> None:
    hue = Guest(house, "hue").connects()
    assert newest(hue)["exp"] == int((house.clock.now() + TOKEN_TTL).timestamp())
    for count in (1, 2):
        for _ in range(int(TOKEN_REFRESH_SECONDS / 10)):
            assert len(hue.told("refresh_token")) == count
            hue.says(ping=1)
            house.later(10)
        assert newest(hue)["exp"] == int((house.clock.now() + TOKEN_TTL).timestamp())


async def test_what_a_participant_is_called_and_has_is_in_its_next_token(house: House) -> None:
    hue = Guest(house, "hue", can_update_metadata=True).connects()
    hue.says(update_metadata=rtc.UpdateParticipantMetadata(name="Huế", metadata="m", attributes={"a": "1"}))
    claims = newest(hue)
    assert (claims["name"], claims["metadata"], claims["attributes"]) == ("Huế", "m", {"a": "1"})
    hue.says(update_metadata=rtc.UpdateParticipantMetadata(name="H", attributes={"a": "x" * 9_000}))
    claims = newest(hue)
    assert (claims["name"], claims["attributes"]) == ("H", {"a": "1"})  # else no server would take it in a request line


async def test_a_token_that_lives_longer_is_not_cut_short(house: House) -> None:
    hue = Guest(house, "hue").connects()
    member = house.relay.rooms["m1"].member(hue.sid)
    assert member is not None
    far = int(house.clock.now().timestamp()) + 6 * 3600
    member.grants = replace(member.grants, expires_at=far)
    house.relay.rooms["m1"].refresh_tokens()
    assert abs(newest(hue)["exp"] - far) <= 1


# -------------------------------------------------------------------------------------- answered requests


async def test_requests_about_tracks_that_are_not_there_are_answered(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.says(mute=rtc.MuteTrackRequest(sid="TR_x", muted=True))
    hue.says(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid="TR_y"))
    hue.says(update_video_track=rtc.UpdateLocalVideoTrack(track_sid="TR_z"))
    hue.says(add_track=rtc.AddTrackRequest(cid="c", sid="TR_a", type=models.TrackType.VIDEO))
    told = hue.told("request_response")
    assert {one.reason for one in told} == {rtc.RequestResponse.NOT_FOUND}
    assert [one.WhichOneof("request") for one in told] == [
        "mute",
        "update_audio_track",
        "update_video_track",
        "add_track",
    ]
    assert (told[0].mute.sid, told[3].add_track.cid) == ("TR_x", "c")


async def test_what_is_neither_sound_nor_picture_is_not_published(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.says(add_track=rtc.AddTrackRequest(cid="c", type=models.TrackType.DATA))
    (answer,) = hue.told("request_response")
    assert (answer.reason, answer.add_track.cid) == (rtc.RequestResponse.UNSUPPORTED_TYPE, "c")


async def test_the_same_source_again_waits_until_its_track_has_ended(house: House) -> None:
    hue = Guest(house, "hue").connects()
    first = hue.publishes("c-mic")
    hue.announces("c-mic")
    (queued,) = hue.told("request_response")
    assert (queued.reason, queued.add_track.cid) == (rtc.RequestResponse.QUEUED, "c-mic")
    assert len(hue.told("track_published")) == 1
    hue.offers()
    second = hue.told("track_published")[-1]
    assert second.cid == "c-mic"
    assert second.track.sid != first


@pytest.mark.parametrize(("protocol", "answers"), [(0, 0), (15, 1)])
async def test_only_newer_clients_are_told_that_all_is_well(house: House, protocol: int, answers: int) -> None:
    hue = Guest(house, "hue", can_update_metadata=True).connects()
    participant = house.relay.rooms["m1"].rules.roster.get(hue.sid)
    assert participant is not None
    object.__setattr__(participant.client, "protocol", protocol)
    hue.says(update_metadata=rtc.UpdateParticipantMetadata(name="x", request_id=7))
    assert [one.request_id for one in hue.told("request_response")] == [7] * answers


async def test_others_learn_how_a_track_sounds_and_how_large_it_is(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    features = [models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NOISE_SUPPRESSION]
    hue.says(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=track, features=features))
    hue.says(update_video_track=rtc.UpdateLocalVideoTrack(track_sid=track, width=640, height=360))
    seen = vinh.told("update")[-1].participants[0].tracks[0]
    assert (seen.stereo, list(seen.audio_features), seen.width) == (True, features, 640)


async def test_that_a_track_is_encrypted_is_said_to_those_who_receive_it(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.announces("c-mic", encryption=models.Encryption.GCM)
    hue.offers(audio("c-mic"))
    assert vinh.told("update")[-1].participants[0].tracks[0].encryption == models.Encryption.GCM


async def test_long_texts_are_measured_by_their_own_limits_and_cannot_be_sent_without_end(house: House) -> None:
    hue = Guest(house, "hue", can_update_metadata=True).connects()
    for size, reason in ((limits.METADATA, 0), (limits.METADATA + 1, rtc.RequestResponse.LIMIT_EXCEEDED)):
        hue.says(update_metadata=rtc.UpdateParticipantMetadata(metadata="x" * size, request_id=size))
        assert [one.reason for one in hue.told("request_response") if one.request_id == size] == [reason][: reason != 0]
    for number in range(100):
        hue.says(update_metadata=rtc.UpdateParticipantMetadata(metadata=str(number % 10) * limits.METADATA))
    assert hue.session.ended


async def test_who_waits_for_a_track_in_vain_hears_of_it_when_a_minute_is_over(house: House) -> None:
    vinh = Guest(house, "vinh").connects()
    vinh.says(subscription=rtc.UpdateSubscription(track_sids=["TR_no"], subscribe=True))
    for _ in range(int(AWAITED_MS / 10_000)):
        vinh.says(ping=1)
        house.later(10)
    (failed,) = vinh.told("subscription_response")
    assert (failed.track_sid, failed.err) == ("TR_no", models.SubscriptionError.SE_TRACK_NOTFOUND)


async def test_a_track_refused_in_the_answer_is_said_to_be_undecodable(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    track = hue.publishes()
    offer = vinh.told("offer")[-1]
    refusing = answer_to(offer.sdp).replace("m=audio 9", "m=audio 0")
    vinh.says(answer=rtc.SessionDescription(type="answer", sdp=refusing, id=offer.id))
    (failed,) = vinh.told("subscription_response")
    assert (failed.track_sid, failed.err) == (track, models.SubscriptionError.SE_CODEC_UNSUPPORTED)
    assert house.worker.sent(schema.Consume) == []


async def test_a_client_that_tries_being_sent_away_is_told_to_connect_anew(house: House) -> None:
    hue = Guest(house, "hue").connects()
    hue.says(simulate=rtc.SimulateScenario(leave_request_full_reconnect=True))
    (leave,) = hue.told("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.STATE_MISMATCH)
    assert house.present() == []
