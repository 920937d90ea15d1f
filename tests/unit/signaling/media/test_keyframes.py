"""Keyframe requests to a publisher: few, and answered by whatever codec it sends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import rtcp, rtp
from meetings.signaling.media.schema import Codec
from tests.load.rtclient import RtClient
from tests.unit.signaling.media.rig import SIMULCAST, Camera, Rig, eventually, media, payloads


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.start()
    await made.peer("a")
    yield made
    await made.stop()


def requests(peer: RtClient) -> list[rtcp.KeyframeRequest]:
    return [report for report in peer.reports if isinstance(report, rtcp.KeyframeRequest)]


async def test_many_who_join_at_once_cost_one_request(rig: Rig) -> None:
    a = rig.peers["a"]
    rig.produce("video", "a", "video")
    camera = Camera(a, 1)
    camera.frame()
    await eventually(lambda: rig.events, "a picture that arrives")
    names = [f"peer-{number}" for number in range(12)]
    for name in names:
        await rig.peer(name)
    for number in range(60):
        rig.consume(f"c{number}", "video", names[number % 12], 100 + 2 * (number // 12))
    await rig.settle()
    await eventually(lambda: requests(a), "a request")
    camera.frame(key=True)
    watchers = [(rig.peers[name], 100 + 2 * each) for name in names for each in range(5)]
    await eventually(lambda: all(media(peer, ssrc) for peer, ssrc in watchers), "all sixty see it")
    await rig.settle()
    assert len(requests(a)) == 1


async def test_a_keyframe_that_came_meanwhile_answers_all_requests_before_it(rig: Rig) -> None:
    a, b = rig.peers["a"], await rig.peer("b")
    rig.produce("video", "a", "video")
    rig.consume("ab", "video", "b", 20)
    camera = Camera(a, 1)
    camera.frame()
    await eventually(lambda: requests(a), "the first request")
    b.send_rtcp(rtcp.pli(1, 20))  # too soon: kept
    await rig.settle()
    camera.frame(key=True)
    await eventually(lambda: media(b, 20), "the picture")
    b.send_rtcp(rtcp.pli(1, 20))
    await eventually(lambda: len(requests(a)) == 2, "the request after the keyframe, a second later")


H264_SPS, H264_SLICE = b"\x67\x42\xe0\x1f", b"\x41slice"
VP9_KEY, VP9_DELTA = bytes([0x88, 0x81, 0x00]), bytes([0xC8, 0x81, 0x01])


@pytest.mark.parametrize(
    ("mime_type", "key", "delta"),
    [("video/h264", H264_SPS, H264_SLICE), ("video/vp9", VP9_KEY, VP9_DELTA)],
    ids=["h264", "vp9"],
)
async def test_layers_of_other_codecs_are_switched_at_their_keyframes(
    rig: Rig, mime_type: str, key: bytes, delta: bytes
) -> None:
    codec = Codec(102, mime_type, 90_000, 103)
    a, b = rig.peers["a"], await rig.peer("b")
    rig.produce("video", "a", "video", SIMULCAST, codec=codec)
    rig.consume("ab", "video", "b", 20, codec=codec)

    def send(ssrc: int, rid: bytes, sequence: int, payload: bytes) -> None:
        extensions = {1: b"0", 2: rid}
        a.send_rtp(rtp.build(102, sequence, 3000 * sequence, ssrc, payload, marker=True, extensions=extensions))

    send(1, b"q", 10, delta)
    send(1, b"q", 11, key + b"low")
    await eventually(lambda: len(media(b, 20)) == 1, "the low layer from its keyframe on")
    send(3, b"f", 90, delta)
    send(1, b"q", 12, delta + b"low")
    send(3, b"f", 91, key + b"high")
    send(3, b"f", 92, delta + b"high")
    send(1, b"q", 13, delta + b"low")
    await eventually(lambda: len(media(b, 20)) == 4, "the high layer from its keyframe on")
    assert [text[-3:] for text in payloads(b, 20)] == [b"low", b"low", b"igh", b"igh"]
    headers = media(b, 20)
    assert [header.sequence - headers[0].sequence & 0xFFFF for header in headers] == [0, 1, 2, 3]
