"""What a client says when it connects: one packed request, read within bounds, refused with one clear sentence."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
import zlib

import pytest
from livekit.protocol import models, rtc

from meetings.signaling import limits
from meetings.signaling.joining import parse_connect
from meetings.signaling.model import Kind
from meetings.signaling.requests import AddTrack, BadRequest, Offer
from tests.fakes_relay import audio, offer_sdp
from tests.unit.signaling.media.mutations import mutations

WHOLE = rtc.JoinRequest(
    client_info=models.ClientInfo(
        sdk=models.ClientInfo.PYTHON, protocol=18, client_protocol=2, capabilities=["CAP_PACKET_TRAILER"]
    ),
    connection_settings=rtc.ConnectionSettings(auto_subscribe=True, adaptive_stream=True),
    metadata="m",
    participant_attributes={"hand": "up"},
    add_track_requests=[rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO)],
    publisher_offer=rtc.SessionDescription(type="offer", sdp=offer_sdp([audio("c")]), id=7),
)


def packed(content: bytes, compression: int = rtc.WrappedJoinRequest.NONE) -> str:
    wrapped = rtc.WrappedJoinRequest(join_request=content)
    wrapped.compression = compression  # type: ignore[assignment]  # also numbers that stand for nothing
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def zipped(content: bytes) -> str:
    return packed(gzip.compress(content), rtc.WrappedJoinRequest.GZIP)


def read(text: str) -> object:
    return parse_connect({"join_request": text})


@pytest.mark.parametrize("pack", [packed, zipped])
@pytest.mark.parametrize("padding", [True, False])
def test_everything_that_rides_in_a_join_request_is_taken(pack: object, padding: bool) -> None:
    text = (zipped if pack is zipped else packed)(WHOLE.SerializeToString())
    connect = parse_connect({"join_request": text if padding else text.rstrip("=")})
    client = connect.client
    assert (client.single, client.auto_subscribe, client.sdk, client.protocol) == (True, True, "python", 18)
    assert (client.client_protocol, client.capabilities) == (2, (1,))
    assert (connect.metadata, connect.attributes, connect.resumes) == ("m", {"hand": "up"}, None)
    track, offer = connect.requests  # the track first, so that the offer finds it announced
    assert isinstance(track, AddTrack)
    assert track.track.kind is Kind.AUDIO
    assert isinstance(offer, Offer)
    assert (offer.number, offer.sdp) == (7, WHOLE.publisher_offer.sdp)


def test_a_client_that_goes_on_names_its_session() -> None:
    request = rtc.JoinRequest(reconnect=True, participant_sid="PA_1")
    connect = parse_connect({"join_request": zipped(request.SerializeToString())})
    assert (connect.resumes, connect.requests) == ("PA_1", ())


def test_an_offer_that_is_empty_is_none() -> None:
    request = rtc.JoinRequest(publisher_offer=rtc.SessionDescription())  # as Go's SDK validates
    assert parse_connect({"join_request": packed(request.SerializeToString())}).requests == ()


def test_without_a_join_request_the_query_counts_and_there_are_two_connections() -> None:
    connect = parse_connect({"auto_subscribe": "0", "sdk": "go", "reconnect": "1", "sid": "PA_2"})
    assert (connect.client.single, connect.client.auto_subscribe, connect.client.sdk) == (False, False, "go")
    assert connect.resumes == "PA_2"


LARGE = rtc.JoinRequest(metadata="m" * (limits.METADATA + 1))
DESCRIBED = rtc.JoinRequest(participant_attributes={"a": "b" * limits.ATTRIBUTES})
BAD_OFFER = rtc.JoinRequest(publisher_offer=rtc.SessionDescription(sdp="v=0\r\nm=audio 9 x 1\r\n"))
MANY = rtc.JoinRequest(add_track_requests=[rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO)] * 25)
ALL = WHOLE.SerializeToString()
CUT = gzip.compress(ALL)[:-9]
LONGER = gzip.compress(ALL) + b"x"


FAULTS = [
    ("%%%", "join_request is not base64url"),
    ("a", "join_request is not base64url"),
    ("_____w==", "join_request is not a wrapped join request"),
    (packed(ALL, 9), "join_request is packed in an unknown way"),
    (packed(b"\xff\xff"), "join_request holds no join request"),
    (packed(ALL, rtc.WrappedJoinRequest.GZIP), "join_request is not gzip"),
    (packed(zlib.compress(ALL), rtc.WrappedJoinRequest.GZIP), "join_request is not gzip"),
    (packed(CUT, rtc.WrappedJoinRequest.GZIP), "join_request is cut off, or followed by more"),
    (packed(LONGER, rtc.WrappedJoinRequest.GZIP), "join_request is cut off, or followed by more"),
    (zipped(bytes(limits.JOIN_REQUEST + 1)), "join_request is too large"),
    (zipped(LARGE.SerializeToString()), "metadata exceeds limits"),
    (zipped(DESCRIBED.SerializeToString()), "attributes exceed limits"),
    (zipped(MANY.SerializeToString()), "join_request announces too many tracks"),
    (zipped(BAD_OFFER.SerializeToString()), "the offer in join_request cannot be used: every media section needs"),
]


@pytest.mark.parametrize(("text", "why"), FAULTS, ids=[why for _, why in FAULTS])  # gzip tells the time in its bytes
def test_each_fault_is_refused_with_its_own_sentence(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=f"^{why}"):
        read(text)


def test_never_more_than_the_limit_is_unpacked() -> None:
    """256 megabytes in a quarter of one: what is refused was not unpacked first."""
    text = zipped(bytes(1 << 28))
    tracemalloc.start()
    with pytest.raises(BadRequest, match="too large"):
        read(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 << 20


def test_mutated_join_requests_are_read_or_refused() -> None:
    for data in mutations([packed(ALL).encode(), zipped(ALL).encode()]):
        try:
            read(data.decode("latin-1"))
        except BadRequest:
            continue


def test_mutated_contents_of_join_requests_are_read_or_refused() -> None:
    for data in mutations([ALL, LARGE.SerializeToString()[:100]], seed=2):
        for pack in (packed, zipped):
            try:
                read(pack(data))
            except BadRequest:
                continue
