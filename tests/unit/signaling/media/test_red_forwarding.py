"""Sound with redundancy: kept for who takes it, made where it is not sent, taken off for everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import red, rtcp, rtp
from meetings.signaling.media.forward import Entry
from tests.unit.signaling.media.rig import OPUS_RED, Rig, eventually, media, opus, payloads


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Peer a publishes; b takes Opus only (SSRC 10), c takes RED (SSRC 30)."""
    made = Rig()
    await made.start()
    for name in "abc":
        await made.peer(name)
    made.produce("audio", "a", codec=OPUS_RED)
    made.consume("ab", "audio", "b", 10)
    made.consume("ac", "audio", "c", 30, codec=OPUS_RED)
    yield made
    await made.stop()


def voice(number: int) -> Entry:
    return Entry(number, 960 * number, 0, b"opus %d" % number, 0, None)


def redundant(number: int, before: int = 2) -> bytes:
    """One packet as Chromium sends it: the ones before it once more."""
    payload = red.build(111, voice(number), [voice(number - n) for n in range(before, 0, -1)])
    return rtp.build(63, number, 960 * number, 500, payload, extensions={1: b"0", 4: b"\x19"})


def blocks(rig: Rig, peer: str, ssrc: int) -> list[list[bytes]]:
    parsed = [red.parse(payload, 111) for payload in payloads(rig.peers[peer], ssrc)]
    assert None not in parsed
    return [[block.payload for block in one or ()] for one in parsed]


async def test_plain_sound_is_made_redundant_for_who_takes_it(rig: Rig) -> None:
    for number in range(1, 5):
        rig.peers["a"].send_rtp(opus(number))
    await eventually(lambda: len(media(rig.peers["c"], 30)) == 4, "four packets of RED")
    await eventually(lambda: len(media(rig.peers["b"], 10)) == 4, "four packets of Opus")
    assert {header.payload_type for header in media(rig.peers["c"], 30)} == {63}
    assert {header.payload_type for header in media(rig.peers["b"], 10)} == {111}
    assert blocks(rig, "c", 30)[3] == [b"opus 2", b"opus 3", b"opus 4"]
    assert payloads(rig.peers["b"], 10) == [b"opus 1", b"opus 2", b"opus 3", b"opus 4"]


async def test_redundant_sound_is_kept_for_who_takes_it_and_plain_for_the_others(rig: Rig) -> None:
    for number in range(10, 14):
        rig.peers["a"].send_rtp(redundant(number))
    await eventually(lambda: len(media(rig.peers["c"], 30)) == 4, "four packets of RED")
    await eventually(lambda: len(media(rig.peers["b"], 10)) == 4, "four packets of Opus")
    assert blocks(rig, "c", 30)[3] == [b"opus 11", b"opus 12", b"opus 13"]
    assert payloads(rig.peers["b"], 10) == [b"opus 10", b"opus 11", b"opus 12", b"opus 13"]


async def test_what_is_lost_on_the_way_to_us_is_taken_from_the_redundancy_and_not_asked_for(rig: Rig) -> None:
    a, b, c = (rig.peers[name] for name in "abc")
    for number in (10, 13, 15):
        a.send_rtp(redundant(number))
    await eventually(lambda: len(media(b, 10)) == 6, "six packets of Opus out of three")
    await eventually(lambda: len(media(c, 30)) == 6, "no hole for who takes RED, either")
    assert payloads(b, 10) == [b"opus %d" % number for number in range(10, 16)]
    numbers = [header.sequence for header in media(b, 10)]
    assert numbers == [numbers[0] + n & 0xFFFF for n in range(6)]
    times = [header.timestamp for header in media(b, 10)]
    assert times == [times[0] + 960 * n & 0xFFFFFFFF for n in range(6)]
    a.send_rtp(redundant(14))  # it was only late
    await rig.settle()
    assert len(media(b, 10)) == 6
    assert not any(isinstance(report, rtcp.Nack) for report in a.reports)


async def test_a_lost_packet_of_red_that_no_later_one_brings_is_sent_again_as_it_was(rig: Rig) -> None:
    c = rig.peers["c"]
    for number in range(1, 5):
        rig.peers["a"].send_rtp(opus(number))
    await eventually(lambda: len(media(c, 30)) == 4, "four packets of RED")
    c.send_rtcp(rtcp.nack(1, 30, [header.sequence for header in media(c, 30)[1:]]))
    await eventually(lambda: c.failed == 1, "a repeat, refused by our replay protection")
    packets = [data for data in c.wire if data[0] >= 128 and not rtp.is_rtcp(data)]
    assert packets[4:] == [packets[1]]  # the others come with what follows


async def test_a_damaged_packet_of_red_harms_nobody(rig: Rig) -> None:
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(redundant(1))
    a.send_rtp(rtp.build(63, 2, 1920, 500, b"\xef\xff", extensions={1: b"0"}))
    a.send_rtp(redundant(3, before=0))
    await eventually(lambda: len(media(b, 10)) == 2, "the two good ones")
    assert payloads(b, 10) == [b"opus 1", b"opus 3"]
