"""What comes from outside is typed or refused, whatever it is; and what is sent from outside is measured."""

from __future__ import annotations

import random

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.data import stamped
from meetings.signaling.grants import InvalidToken, read_token
from meetings.signaling.joining import parse_connect
from meetings.signaling.model import Identity, Kind, Layer, Participant, ParticipantSid, Permission, Source, TrackSid
from meetings.signaling.requests import (
    AddTrack,
    Admit,
    BadRequest,
    Choose,
    Describe,
    Ignored,
    Synchronize,
    Unsupported,
    View,
    parse_request,
)
from meetings.signaling.subscriptions import Admitted, Guest
from tests.unit.signaling.test_server import KEY, SECRET, token

SENDER = Participant(ParticipantSid("PA_1"), Identity("hue"), "", "", {}, Permission(), 0)


def parsed(**message: object) -> object:
    return parse_request(rtc.SignalRequest(**message).SerializeToString())  # type: ignore[arg-type]  # one field by name


def test_an_announced_track_keeps_what_matters() -> None:
    layers = [models.VideoLayer(quality=quality, width=w, height=9) for quality, w in (("HIGH", 3), ("LOW", 1))]
    request = rtc.AddTrackRequest(
        cid="c",
        type=models.TrackType.VIDEO,
        source=models.TrackSource.SCREEN_SHARE,
        name="n" * 999,
        simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid="c", layers=layers)],
    )
    made = parsed(add_track=request)
    assert isinstance(made, AddTrack)
    assert (made.track.kind, made.track.source, len(made.track.name)) == (Kind.VIDEO, Source.SCREEN_SHARE, 256)
    assert made.track.layers == (Layer(0, 1, 9), Layer(1, 3, 9))


def test_what_is_neither_sound_nor_picture_is_no_track() -> None:
    assert parsed(add_track=rtc.AddTrackRequest(cid="c", type=models.TrackType.DATA)) == Unsupported("c")


def test_tracks_are_chosen_in_both_spellings() -> None:
    grouped = [models.ParticipantTracks(participant_sid="PA_1", track_sids=["TR_2", "TR_1"])]
    made = parsed(subscription=rtc.UpdateSubscription(track_sids=["TR_1"], participant_tracks=grouped, subscribe=True))
    assert made == Choose((TrackSid("TR_1"), TrackSid("TR_2")), wanted=True)


def test_quality_off_means_not_shown() -> None:
    settings = rtc.UpdateTrackSettings(track_sids=["TR_1"], quality=models.VideoQuality.OFF)
    assert parsed(track_setting=settings) == View((TrackSid("TR_1"),), disabled=True, quality=2, width=0, height=0)


def test_a_publisher_names_whom_it_admits_by_identity_or_sid() -> None:
    permissions = [
        rtc.TrackPermission(participant_identity="vinh", all_tracks=True),
        rtc.TrackPermission(participant_sid="PA_9", track_sids=["TR_1"]),
    ]
    made = parsed(subscription_permission=rtc.SubscriptionPermission(track_permissions=permissions))
    assert made == Admit(
        False,
        (
            Guest("vinh", "", Admitted(all_tracks=True)),
            Guest("", "PA_9", Admitted(tracks=frozenset({TrackSid("TR_1")}))),
        ),
    )


def test_a_permission_that_names_nobody_changes_nothing() -> None:
    nobody = rtc.SubscriptionPermission(track_permissions=[rtc.TrackPermission(all_tracks=True)])
    assert isinstance(parsed(subscription_permission=nobody), Ignored)


def test_a_client_that_goes_on_says_what_it_takes_for_the_present_state() -> None:
    state = rtc.SyncState(
        subscription=rtc.UpdateSubscription(track_sids=["TR_2"], subscribe=False),
        publish_tracks=[rtc.TrackPublishedResponse(cid="c", track=models.TrackInfo(sid="TR_1"))],
        track_sids_disabled=["TR_3"],
    )
    chosen = Choose((TrackSid("TR_2"),), wanted=False)
    assert parsed(sync_state=state) == Synchronize((TrackSid("TR_1"),), chosen, (TrackSid("TR_3"),))


def test_a_connection_says_what_it_can() -> None:
    query = {"auto_subscribe": "0", "protocol": "17", "client_protocol": "2", "capabilities": "1,2,x", "sdk": "js"}
    connect = parse_connect(query | {"reconnect": "1", "sid": "PA_1"})
    client = connect.client
    assert (client.auto_subscribe, client.protocol, client.client_protocol) == (False, 17, 2)
    assert (client.capabilities, client.sdk, connect.resumes) == ((1, 2), "js", "PA_1")


@pytest.mark.parametrize("query", [{}, {"protocol": "-1", "capabilities": "," * 99, "sdk": "x" * 999}, {"sid": "PA_1"}])
def test_a_connection_that_says_nonsense_is_taken_as_an_old_one(query: dict[str, str]) -> None:
    connect = parse_connect(query)
    assert (connect.client.protocol, connect.client.capabilities, connect.resumes) == (0, (), None)
    assert connect.client.auto_subscribe


# ----------------------------------------------------------------------------------------- mutated input


def mutated(source: random.Random, whole: bytes) -> bytes:
    raw = bytearray(whole)
    for _ in range(source.randint(1, 8)):
        where = source.randrange(len(raw) + 1)
        raw[where : where + source.randint(0, 3)] = source.randbytes(source.randint(0, 3))
    return bytes(raw)


FRAMES = [
    rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp="v=0\r\nm=audio 9 x 1\r\n", id=3)),
    rtc.SignalRequest(
        add_track=rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO, layers=[models.VideoLayer()])
    ),
    rtc.SignalRequest(update_metadata=rtc.UpdateParticipantMetadata(name="é", attributes={"a": "b"}, request_id=1)),
    rtc.SignalRequest(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_1"], width=3, height=4)),
]


@pytest.mark.parametrize("whole", FRAMES, ids=lambda frame: str(frame.WhichOneof("message")))
def test_mutated_frames_are_typed_or_refused(whole: rtc.SignalRequest) -> None:
    source = random.Random(11)
    outcomes: set[type] = set()
    for _ in range(5000):
        try:
            outcomes.add(type(parse_request(mutated(source, whole.SerializeToString()))))
        except BadRequest:
            outcomes.add(BadRequest)
    assert BadRequest in outcomes
    assert len(outcomes) > 1


def test_mutated_protojson_is_typed_or_refused() -> None:
    source = random.Random(12)
    whole = b'{"updateMetadata": {"name": "x", "attributes": {"a": "b"}, "requestId": 4}}'
    refused = 0
    for _ in range(5000):
        try:
            assert isinstance(parse_request(mutated(source, whole).decode("latin-1")), Describe | Ignored)
        except BadRequest:
            refused += 1
    assert 0 < refused < 5000
    with pytest.raises(BadRequest):
        parse_request("[" * 100_000)


def test_mutated_data_packets_never_claim_another_sender() -> None:
    source = random.Random(13)
    whole = models.DataPacket(user=models.UserPacket(payload=b"x"), participant_identity="chair").SerializeToString()
    passed = 0
    for _ in range(5000):
        if (packet := stamped("_reliable", mutated(source, whole), SENDER)) is not None:
            passed += 1
            assert models.DataPacket.FromString(packet.payload).participant_identity == "hue"
    assert passed > 100


def test_mutated_tokens_are_refused() -> None:
    source = random.Random(14)
    whole = token()
    for _ in range(5000):
        text = mutated(source, whole.encode()).decode("latin-1")
        if text.split(".")[:2] == whole.split(".")[:2]:
            continue  # the last letter of a signature carries bits that base64 ignores
        with pytest.raises(InvalidToken):
            read_token(text, {KEY: SECRET})
