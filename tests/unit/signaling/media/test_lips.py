"""Lips and voice: sender reports put a subscriber's sound and picture on one clock, also after a switch of layers."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import rtcp, rtp, schema
from meetings.signaling.media.schema import ConsumerId
from tests.unit.signaling.media.rig import SIMULCAST, Rig, eventually, media, opus

NTP = 3_900_000_000 << 32  # the publisher's clock when everything begins
BASES = {500: 17_000, 1: 4_000_000_000, 3: 1_234_567}  # where each stream's timestamps begin: sound, layers q and f


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.start()
    for name in "ab":
        await made.peer(name)
    made.produce("audio", "a", mid="1")
    made.produce("video", "a", "video", SIMULCAST)
    made.consume("sound", "audio", "b", 10)
    made.consume("picture", "video", "b", 20, top=0)
    yield made
    await made.stop()


def at(ssrc: int, seconds: float) -> int:
    """The timestamp of a moment on the publisher's clock."""
    return BASES[ssrc] + round(seconds * (48_000 if ssrc == 500 else 90_000)) & 0xFFFFFFFF


def picture(ssrc: int, rid: bytes, sequence: int, seconds: float, *, key: bool) -> bytes:
    payload = bytes([0x90, 0xC0]) + struct.pack("!HB", 0x8000 | sequence, 9) + bytes([0 if key else 1]) + b"frame"
    extensions = {1: b"0", 2: rid}
    return rtp.build(96, sequence, at(ssrc, seconds), ssrc, payload, marker=True, extensions=extensions)


def voice(number: int, seconds: float) -> bytes:
    header = rtp.parse(opus(number, mid=b"1"))
    return rtp.build(111, number, at(500, seconds), 500, b"word", extensions=dict(header.extensions))


def report(rig: Rig, ssrc: int, seconds: float) -> None:
    """The publisher says which moment a timestamp is. Each stream reports at a time of its own."""
    moment = NTP + int(seconds * (1 << 32))
    rig.peers["a"].send_rtcp(rtcp.sender_report(rtcp.SenderReport(ssrc, moment, at(ssrc, seconds), 1, 1)))


def newest_report(rig: Rig, ssrc: int) -> rtcp.SenderReport | None:
    found = [one for one in rig.peers["b"].reports if isinstance(one, rtcp.SenderReport) and one.ssrc == ssrc]
    return found[-1] if found else None


def moment(rig: Rig, ssrc: int, timestamp: int) -> float:
    """When the subscriber must play this timestamp, in seconds of the publisher's clock since the beginning."""
    told = newest_report(rig, ssrc)
    assert told is not None
    rate = 48_000 if ssrc == 10 else 90_000
    ahead = (timestamp - told.timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    return (told.ntp - NTP) / (1 << 32) + ahead / rate


async def both_reported(rig: Rig, why: str) -> None:
    rig.peers["b"].reports.clear()
    await eventually(lambda: newest_report(rig, 10) and newest_report(rig, 20), why)


async def test_sound_and_picture_stay_together_over_a_switch_of_layers(rig: Rig) -> None:
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(voice(1, 2.0))
    a.send_rtp(picture(1, b"q", 1, 2.0, key=True))
    await eventually(lambda: media(b, 10) and media(b, 20), "sound and picture")
    report(rig, 500, 1.7)
    report(rig, 1, 1.2)
    await both_reported(rig, "reports about both")
    assert moment(rig, 10, media(b, 10)[-1].timestamp) == pytest.approx(2.0, abs=0.001)
    assert moment(rig, 20, media(b, 20)[-1].timestamp) == pytest.approx(2.0, abs=0.001)

    rig.link.send(schema.SetLayer(ConsumerId("picture"), 2))
    report(rig, 3, 2.1)
    await rig.settle()
    a.send_rtp(picture(3, b"f", 700, 2.5, key=False))  # the layer is there; its keyframe comes later
    a.send_rtp(picture(3, b"f", 701, 3.0, key=True))
    a.send_rtp(picture(3, b"f", 702, 3.04, key=False))
    a.send_rtp(voice(2, 3.0))
    await eventually(lambda: len(media(b, 20)) == 3 and len(media(b, 10)) == 2, "the other layer")
    report(rig, 3, 3.05)
    await rig.settle()
    await both_reported(rig, "reports after the switch")
    assert moment(rig, 20, media(b, 20)[-2].timestamp) == pytest.approx(3.0, abs=0.002)
    assert moment(rig, 20, media(b, 20)[-1].timestamp) == pytest.approx(3.04, abs=0.002)
    assert moment(rig, 10, media(b, 10)[-1].timestamp) == pytest.approx(3.0, abs=0.001)
