"""Damaged input by the million at every parser of the relay, and from a peer that is in the room.

A short round of each parser stands beside its own tests; what is found here becomes a case there.
"""

from __future__ import annotations

import base64
import gzip
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.grants import InvalidToken, read_token
from meetings.signaling.joining import parse_connect
from meetings.signaling.media import rtcp, rtp, schema, stun, vp8
from meetings.signaling.media.wire import Malformed
from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import LocalTransport, Outgoing, PublisherNegotiation, SdpError, SingleNegotiation
from meetings.signaling.requests import BadRequest, parse_request
from tests.unit.signaling import test_any_signals
from tests.unit.signaling.media.mutations import mutations
from tests.unit.signaling.media.rig import SIMULCAST, Rig, eventually, opus, payloads

pytestmark = pytest.mark.fault
LONG_ROUNDS = 1_000_000
SLOWEST_SECONDS = 1.0
SDP = Path(__file__).resolve().parents[1] / "wire" / "sdp"
KEYS = {"key": "s" * 32}

CHECK = stun.binding_request(bytes(12), "a:b", "password", priority=1, tie_breaker=1, nominate=True)
PICTURE = bytes([0x90, 0xE0, 0x81, 0x00, 0x05, 0x21]) + bytes(30)
RTP = rtp.build(96, 7, 90, 5, PICTURE, marker=True, extensions={1: b"0", 2: b"q", 4: b"\x19", 5: b"\x00\x07"})
REPORTS = [
    rtcp.sender_report(rtcp.SenderReport(1, 2 << 32, 3, 4, 5)),
    rtcp.receiver_report(rtcp.ReceiverReport(1, (rtcp.Report(2, 3, 4, 5, 6, 7, 8),))),
    rtcp.nack(1, 2, [5, 6, 30]),
    rtcp.pli(1, 2),
    rtcp.fir(1, 2, 3),
    rtcp.remb(1, 300_000, [2, 3]),
    rtcp.twcc(1, 2, 5, [(5, 1.0), (6, 1.01), (9, 1.02)], 7),
    rtcp.bye([1, 2]),
]
SIGNALS = [
    rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp="v=0\r\nm=audio 9 x 1\r\n", id=3)),
    rtc.SignalRequest(
        add_track=rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO, layers=[models.VideoLayer()])
    ),
    rtc.SignalRequest(update_metadata=rtc.UpdateParticipantMetadata(name="é", attributes={"a": "b"}, request_id=1)),
    rtc.SignalRequest(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_1"], width=3, height=4)),
    rtc.SignalRequest(subscription_permission=rtc.SubscriptionPermission(all_participants=True)),
    rtc.SignalRequest(
        subscription_permission=rtc.SubscriptionPermission(
            track_permissions=[rtc.TrackPermission(participant_identity="a", track_sids=["TR_1"])]
        )
    ),
    rtc.SignalRequest(
        sync_state=rtc.SyncState(
            subscription=rtc.UpdateSubscription(track_sids=["TR_1"]),
            publish_tracks=[rtc.TrackPublishedResponse(cid="c", track=models.TrackInfo(sid="TR_2"))],
            track_sids_disabled=["TR_3"],
        )
    ),
    rtc.SignalRequest(
        update_audio_track=rtc.UpdateLocalAudioTrack(track_sid="TR_1", features=[models.AudioTrackFeature.TF_STEREO])
    ),
]
TOKEN = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJrZXkiLCJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5fQ.c2ln"


def negotiate(data: bytes) -> None:
    publisher = PublisherNegotiation(LocalTransport("u", "p" * 24, "sha-256", "AA", (("192.0.2.1", 1),)))
    publisher.offer(data.decode("utf-8", "replace"))
    publisher.answer({})


def negotiate_both_ways(data: bytes) -> None:
    both = SingleNegotiation(LocalTransport("u", "p" * 24, "sha-256", "AA", (("192.0.2.1", 1),)))
    for number, kind in enumerate([Kind.AUDIO, Kind.VIDEO] * 3, start=1):
        mime_type = "audio/opus" if kind is Kind.AUDIO else "video/vp8"
        both.add(Outgoing(TrackSid(f"TR_{number}"), kind, "PA_1|TR_1", number, 100 + number, mime_type))
    for _ in range(2):
        both.offer(data.decode("utf-8", "replace"))
        both.withdraw()
        both.place()
        both.answer({})
        both.due()
        both.remove(TrackSid("TR_1"))


def join_request(data: bytes) -> None:
    parse_connect({"join_request": data.decode("latin-1")})


def join_content(data: bytes) -> None:
    join_request(packed(data, rtc.WrappedJoinRequest.NONE))
    join_request(packed(gzip.compress(data, 1), rtc.WrappedJoinRequest.GZIP))


def join_gzip(data: bytes) -> None:
    join_request(packed(data, rtc.WrappedJoinRequest.GZIP))


def packed(content: bytes, compression: rtc.WrappedJoinRequest.Compression) -> bytes:
    wrapped = rtc.WrappedJoinRequest(join_request=content, compression=compression)
    return base64.urlsafe_b64encode(wrapped.SerializeToString())


def sdp(name: str) -> bytes:
    return (SDP / name).read_bytes()


JOIN = rtc.JoinRequest(
    client_info=models.ClientInfo(sdk=models.ClientInfo.JS, protocol=17),
    participant_attributes={"hand": "up"},
    add_track_requests=[rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO)],
    publisher_offer=rtc.SessionDescription(type="offer", sdp=sdp("python_offer.sdp").decode(), id=1),
).SerializeToString()
JOINS = [packed(JOIN, rtc.WrappedJoinRequest.NONE), packed(gzip.compress(JOIN), rtc.WrappedJoinRequest.GZIP)]


PARSERS: dict[str, tuple[Callable[[bytes], Any], Sequence[bytes], type[Exception]]] = {
    "stun": (stun.parse, [CHECK, stun.binding_success(bytes(12), ("192.0.2.7", 9), "password")], Malformed),
    "rtp": (rtp.parse, [RTP], Malformed),
    "rtcp": (rtcp.parse, [*REPORTS, REPORTS[0] + REPORTS[2]], Malformed),
    "vp8": (vp8.parse, [PICTURE], Malformed),
    "sdp": (negotiate, [sdp("chromium_offer.sdp"), sdp("firefox_offer.sdp"), sdp("python_offer.sdp")], SdpError),
    "sdp both ways": (
        negotiate_both_ways,
        [sdp("chromium_offer.sdp"), sdp("firefox_offer.sdp"), sdp("python_offer.sdp")],
        SdpError,
    ),
    "join requests": (join_request, JOINS, BadRequest),
    "contents of join requests": (join_content, [JOIN], BadRequest),
    "gzip of join requests": (join_gzip, [gzip.compress(JOIN)], BadRequest),
    "signals": (parse_request, [one.SerializeToString() for one in SIGNALS], BadRequest),
    "commands": (schema.decode_command, [schema.encode(schema.RequestKeyframe(schema.ProducerId("p")))], ValueError),
    "tokens": (lambda data: read_token(data.decode("latin-1"), KEYS), [TOKEN], InvalidToken),
}


IN_EVERY_RUN = {"join requests": 5_000, "contents of join requests": 5_000, "gzip of join requests": 5_000}


@pytest.mark.parametrize(("name", "rounds"), [*IN_EVERY_RUN.items(), ("sdp both ways", 1_000)])
def test_what_rides_in_a_join_request_is_taken_or_refused_however_damaged(name: str, rounds: int) -> None:
    feed(name, rounds, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("name", PARSERS)
def test_a_million_damaged_inputs_neither_break_nor_stall_a_parser(name: str) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"{name}: seed {seed}")
    feed(name, int(os.environ.get("FUZZ_ROUNDS", LONG_ROUNDS)), seed)


def feed(name: str, rounds: int, seed: int) -> None:
    parse, samples, refused = PARSERS[name]
    for number, data in enumerate(mutations(samples, rounds, seed)):
        began = time.perf_counter()
        try:
            parse(data)
        except refused:
            pass
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}, input {number}: {data!r}") from error
        assert time.perf_counter() - began < SLOWEST_SECONDS, f"{name}, seed {seed}, input {number}: {data!r}"


@pytest.mark.long
@pytest.mark.timeout(3 * 3600)
async def test_a_million_signals_in_any_order_break_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Of a crowd in one room; five thousand of them stand in every run beside the rules' own tests."""
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"signals in any order: seed {seed}")
    await test_any_signals.perform(int(os.environ.get("FUZZ_ROUNDS", LONG_ROUNDS)), seed)
    assert [one for one in caplog.records if one.exc_info] == []


@pytest.mark.timeout(180)
async def test_a_participant_who_sends_damaged_packets_disturbs_nobody() -> None:
    """With true keys: what it sends is authentic, and nonsense."""
    rig = Rig()
    await rig.start()
    try:
        hostile, honest, listener = [await rig.peer(name) for name in ("hostile", "honest", "listener")]
        rig.produce("video-hostile", "hostile", "video", SIMULCAST)
        rig.produce("audio-honest", "honest")
        rig.consume("a", "audio-honest", "listener", 100)
        rig.consume("b", "video-hostile", "listener", 200)
        rig.consume("c", "audio-honest", "hostile", 300)
        chance = random.Random(5)
        rounds = mutations([RTP, *REPORTS], 5_000, seed=6)
        for number, data in enumerate(rounds):
            if len(data) >= 12:
                _send(hostile, data, chance)
            if number % 50 == 0:
                honest.send_rtp(opus(number // 50))
                answers = honest.answers
                honest.check()
                await eventually(lambda before=answers: honest.answers > before, "an answer")  # type: ignore[misc]
        await eventually(lambda: len(payloads(listener, 100)) == 100, "all of the honest one's sound")
        assert rig.told(schema.TransportLost) == []
    finally:
        await rig.stop()


def _send(peer: Any, data: bytes, chance: random.Random) -> None:
    """As RTP or RTCP, whatever it looks like; a third of it damaged once more on the wire."""
    try:
        protected = peer._tx.protect_rtcp(data) if rtp.is_rtcp(data) else peer._tx.protect(data)
    except Exception:
        protected = None  # too damaged for its own library
    if protected is None:
        return
    if chance.random() < 0.33:
        protected = bytearray(protected)
        protected[chance.randrange(len(protected))] ^= 1 << chance.randrange(8)
    peer.transmit(bytes(protected))
