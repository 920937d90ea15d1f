"""Packets become frames on one clock: order, loss, silence, and lips in step with voices."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from meetings.recording.clocks import SenderClock, TrackClock
from meetings.recording.depacketize import (
    Lost,
    OpusAssembler,
    Reorder,
    RtpPacket,
    Vp8Assembler,
    opus_duration_ms,
    parse_vp8_descriptor,
    unwrap,
)
from tests.unit.recording.samples import Packet, opus_packets, vp8_frames


def packets(sequences: list[int], gap: float = 0.02) -> list[Packet]:
    return [Packet(s % 65536, s * 960, b"x", arrival=i * gap) for i, s in enumerate(sequences)]


def numbers(items: Sequence[RtpPacket | Lost]) -> list[int | str]:
    return [f"lost {item.count}" if isinstance(item, Lost) else item.sequence for item in items]


def run(reorder: Reorder, arriving: list[Packet]) -> list[int | str]:
    return numbers([item for packet in arriving for item in reorder.push(packet)])


def test_packets_out_of_order_come_out_in_order_across_the_wrap() -> None:
    order = [65533, 65535, 65534, 65537, 65536, 65538]
    assert run(Reorder(), packets(order)) == [65533, 65534, 65535, 0, 1, 2]


def test_a_duplicate_is_dropped() -> None:
    assert run(Reorder(), packets([1, 2, 2, 1, 3])) == [1, 2, 3]


def test_a_hole_waits_for_the_retransmission() -> None:
    assert run(Reorder(wait=0.3), packets([1, 3, 4, 5, 2, 6])) == [1, 2, 3, 4, 5, 6]


def test_a_hole_that_waited_long_enough_is_declared() -> None:
    reorder = Reorder(wait=0.3)
    assert run(reorder, packets([1, 4, 5])) == [1]
    assert reorder.tick(0.1) == []
    assert numbers(reorder.tick(0.33)) == ["lost 2", 4, 5]


def test_the_buffer_is_bounded() -> None:
    reorder = Reorder(wait=1000.0, limit=50)
    out = run(reorder, packets([1, *range(3, 60)], gap=0.0))
    assert out[:3] == [1, "lost 1", 3]
    assert isinstance(out[-1], int)
    assert out[-1] >= 50


def test_a_source_that_starts_anew_is_followed() -> None:
    assert run(Reorder(), packets([10, 11, 40_000, 40_001])) == [10, 11, "lost 0", 40_000, 40_001]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_order_packets_arrive_in_none_comes_twice_or_backwards(seed: int) -> None:
    choose = random.Random(seed)
    order = [s for s in range(500) if choose.random() > 0.1]
    order.sort(key=lambda s: s + choose.random() * 8)
    reorder = Reorder()
    out = [x for x in run(reorder, packets(order)) + numbers(reorder.drain()) if isinstance(x, int)]
    assert out == sorted(set(out))
    assert len(out) >= 0.97 * len(order)


def vp8_packets(frames: list[bytes], mtu: int = 200) -> list[Packet]:
    result: list[Packet] = []
    for index, frame in enumerate(frames):
        parts = [frame[i : i + mtu] for i in range(0, len(frame), mtu)]
        for number, part in enumerate(parts):
            descriptor = b"\x90\x80\x81\x05" if number == 0 else b"\x80\x80\x81\x05"
            last = number == len(parts) - 1
            result.append(Packet(len(result), index * 3000, descriptor + part, last, index / 30))
    return result


def assemble(items: Sequence[RtpPacket | Lost]) -> tuple[Vp8Assembler, list[bytes]]:
    assembler = Vp8Assembler()
    return assembler, [frame.data for item in items for frame in assembler.push(item)]


def test_frames_come_out_of_their_packets_byte_for_byte() -> None:
    frames = vp8_frames(20)
    assembler, out = assemble(vp8_packets(frames))
    assert out == frames
    assert not assembler.needs_keyframe


def test_after_a_loss_nothing_is_shown_until_a_keyframe() -> None:
    frames = vp8_frames(10) + vp8_frames(10)
    arriving: list[RtpPacket | Lost] = [*vp8_packets(frames)]
    hole = next(i for i, p in enumerate(arriving) if isinstance(p, Packet) and p.timestamp == 4 * 3000)
    arriving[hole] = Lost(1)
    _, out = assemble(arriving)
    assert out == frames[:4] + frames[10:]


def test_joining_in_the_middle_waits_for_a_keyframe_and_says_so() -> None:
    assembler, out = assemble(vp8_packets(vp8_frames(10))[-3:])
    assert out == []
    assert assembler.needs_keyframe


def test_a_keyframe_tells_the_size_of_the_picture() -> None:
    assembler = Vp8Assembler()
    frames = [f for p in vp8_packets(vp8_frames(2, size=(640, 360))) for f in assembler.push(p)]
    assert (frames[0].width, frames[0].height, frames[0].keyframe) == (640, 360, True)
    assert not frames[1].keyframe


def test_padding_only_packets_leave_no_trace() -> None:
    arriving = vp8_packets(vp8_frames(3))
    arriving.insert(1, replace(arriving[0], payload=b""))
    assert len(assemble(arriving)[1]) == 3


def test_no_descriptor_however_cut_or_mutated_raises() -> None:
    choose = random.Random(3)
    for _ in range(5000):
        data = bytes(choose.randrange(256) for _ in range(choose.randrange(8)))
        header = parse_vp8_descriptor(data)
        assert header is None or header.offset < len(data)
        opus_duration_ms(data)


def test_opus_packets_know_their_length() -> None:
    assert {opus_duration_ms(p) for p in opus_packets(5)} == {20}
    assert opus_duration_ms(b"\x08") == 20  # SILK, as DTX sends it
    assert opus_duration_ms(b"") == 0


def test_opus_passes_and_empty_packets_do_not() -> None:
    assembler = OpusAssembler()
    assert len(assembler.push(Packet(1, 0, opus_packets(1)[0]))) == 1
    assert assembler.push(Packet(2, 960, b"")) == []
    assert assembler.push(Lost(3)) == []


@pytest.mark.parametrize(("value", "near", "expected"), [(0, 65535, 65536), (65535, 65536, 65535), (5, 70_000, 65541)])
def test_unwrap_finds_the_nearest(value: int, near: int, expected: int) -> None:
    assert unwrap(value, near, 16) == expected


def test_silence_that_is_not_sent_leaves_its_time_in_place() -> None:
    clock = TrackClock(48_000, SenderClock())
    assert clock.time_of(0, 10.0) == 10.0
    assert clock.time_of(960, 10.03) == pytest.approx(10.02)
    assert clock.time_of(48_000 * 30, 40.01) == pytest.approx(40.0)
    assert clock.jumps == 0


def test_sender_reports_bring_picture_and_sound_of_one_sender_together() -> None:
    sender = SenderClock()
    sound, picture = TrackClock(48_000, sender), TrackClock(90_000, sender)
    sound_at = picture_at = 0.0
    for n in range(2000):  # 40 s; the first picture came 120 ms late
        now = n * 0.02
        sound_at = sound.time_of(n * 960, 100 + now + 0.01)
        if n % 2 == 0:
            picture_at = picture.time_of(n * 1800, 100 + now + (0.13 if n == 0 else 0.01))
        if n % 100 == 0:
            sender.report(5000 + now, 100 + now + 0.01)
            sound.report(5000 + now, n * 960)
            picture.report(5000 + now, n * 1800)
    assert picture_at - sound_at == pytest.approx(-0.02, abs=0.002)  # the last picture is one packet older
    assert sound.jumps == picture.jumps == 0


def test_packets_held_up_on_the_way_keep_the_time_they_were_captured() -> None:
    clock = TrackClock(48_000, SenderClock())
    times = [clock.time_of(n * 960, max(n * 0.02, 2.0 if 50 <= n < 100 else 0)) for n in range(150)]
    assert times[60] == pytest.approx(1.2)
    assert clock.jumps == 0


@pytest.mark.parametrize("pause", [-20.0, 30.0])
def test_timestamps_that_stood_still_or_ran_ahead_are_anchored_anew(pause: float) -> None:
    clock = TrackClock(48_000, SenderClock())
    clock.time_of(0, 10.0)
    assert clock.time_of(960 + int(max(-pause, 0) * 48_000), 10.02 + max(pause, 0)) == 10.02 + max(pause, 0)
    assert clock.jumps == 1
