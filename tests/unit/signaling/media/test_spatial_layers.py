"""Of a stream with spatial layers in it everybody gets those it asks for, without gaps, its last packet marked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import rtcp, rtp, vp9
from meetings.signaling.media.schema import Codec, ConsumerId, ProducerLayers, SetLayer
from tests.unit.signaling.media.rig import Rig, eventually, media, payloads

VP9 = Codec(96, "video/vp9", 90_000, 97)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Peer a publishes VP9; b is sent the lowest layer, c all of them."""
    made = Rig()
    await made.start()
    for name in "abc":
        await made.peer(name)
    made.produce("video", "a", "video", codec=VP9)
    made.consume("small", "video", "b", 10, top=0, codec=VP9)
    made.consume("large", "video", "c", 30, codec=VP9)
    yield made
    await made.stop()


class Publisher:
    """Sends moments of three spatial layers, a packet each."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._sequence = 100
        self._moment = 0

    def send(self, *, key: bool = False, layers: int = 3) -> None:
        self._moment += 1
        for spatial in range(layers):
            # I, P, L, B, E; the picture id; the layers; TL0PICIDX
            first = 0xA0 | 0x0C | (0 if key or spatial else 0x40)
            payload = bytes([first, self._moment & 0x7F, spatial << 1, 0]) + b"layer %d" % spatial
            marker = spatial == layers - 1
            packet = rtp.build(
                96, self._sequence, 6000 * self._moment, 900, payload, marker=marker, extensions={1: b"0"}
            )
            self._rig.peers["a"].send_rtp(packet)
            self._sequence += 1


def got(rig: Rig, peer: str, ssrc: int) -> list[tuple[int, int, bool]]:
    """Number from the first, spatial layer and marker of each packet, by number."""
    found = []
    for header, payload in zip(media(rig.peers[peer], ssrc), payloads(rig.peers[peer], ssrc), strict=True):
        picture = vp9.parse(payload)
        assert picture is not None
        found.append((header.sequence, picture.spatial, header.marker))
    first = min(found)[0] if found else 0
    return [(number - first, spatial, marker) for number, spatial, marker in sorted(found)]


async def test_each_gets_the_layers_it_asks_for(rig: Rig) -> None:
    camera = Publisher(rig)
    camera.send(key=True)
    camera.send(key=True)  # which finds both subscribers where they belong
    camera.send()
    await eventually(lambda: len(got(rig, "c", 30)) >= 6, "all layers of two moments")
    await eventually(lambda: len(got(rig, "b", 10)) >= 2, "the lowest layer of two moments")
    await rig.settle()
    assert {(spatial, marker) for _, spatial, marker in got(rig, "b", 10)} == {(0, True)}
    assert [(spatial, marker) for _, spatial, marker in got(rig, "c", 30)][-3:] == [(0, False), (1, False), (2, True)]
    for peer, ssrc in (("b", 10), ("c", 30)):
        assert [number for number, _, _ in got(rig, peer, ssrc)] == list(range(len(got(rig, peer, ssrc))))
    assert rig.told(ProducerLayers)[-1].spatial == [0, 1, 2]


async def test_down_at_the_next_moment_and_up_with_a_keyframe_without_a_gap(rig: Rig) -> None:
    camera = Publisher(rig)
    for _ in range(2):
        camera.send(key=True)
    await eventually(lambda: len(got(rig, "c", 30)) >= 3, "the large picture")
    await rig.settle()
    asked = len(rig.peers["a"].reports)
    rig.link.send(SetLayer(ConsumerId("large"), 0))
    await rig.settle()
    before = len(got(rig, "c", 30))
    for _ in range(2):
        camera.send()
    await eventually(lambda: len(got(rig, "c", 30)) == before + 2, "the lowest layer of two moments")
    since = rig.peers["a"].reports[asked:]
    assert not any(isinstance(one, rtcp.KeyframeRequest) for one in since), "nothing had to be asked"
    rig.link.send(SetLayer(ConsumerId("large"), 2))
    await rig.settle()
    camera.send()  # not a keyframe: still the lowest layer
    camera.send(key=True)
    await eventually(lambda: len(got(rig, "c", 30)) == before + 6, "the lowest layer once more, then all three")
    seen = got(rig, "c", 30)
    assert [spatial for _, spatial, _ in seen[before:]] == [0, 0, 0, 0, 1, 2]
    assert [number for number, _, _ in seen] == list(range(len(seen)))


async def test_a_stream_without_spatial_layers_passes_as_it_is(rig: Rig) -> None:
    camera = Publisher(rig)
    for _ in range(3):
        camera.send(key=True, layers=1)
    await eventually(lambda: len(got(rig, "c", 30)) >= 2, "the pictures")
    await rig.settle()
    assert {(spatial, marker) for _, spatial, marker in got(rig, "c", 30)} == {(0, True)}
    assert rig.told(ProducerLayers)[-1].spatial == [0]
