"""RED: blocks come back as they were, redundancy only where it says what it is, and damage does no harm."""

from __future__ import annotations

import pytest

from meetings.signaling.media import red
from meetings.signaling.media.forward import Entry
from tests.unit.signaling.media.mutations import mutations


def entry(number: int, payload: bytes | None = None, *, timestamp: int | None = None) -> Entry:
    when = 960 * number if timestamp is None else timestamp
    return Entry(number, when & 0xFFFFFFFF, 0, payload if payload is not None else b"packet %d" % number, 0, None)


def test_a_packet_carries_the_two_before_it() -> None:
    made = red.build(111, entry(3), [entry(1), entry(2)])
    assert red.parse(made, 111) == [
        red.Block(1920, b"packet 1"),
        red.Block(960, b"packet 2"),
        red.Block(0, b"packet 3"),
    ]


def test_the_header_stands_as_in_the_standard() -> None:
    assert red.build(111, entry(2, b"new"), [entry(1, b"old!")]) == bytes([0xEF, 0x0F, 0x00, 0x04, 0x6F]) + b"old!new"


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ([entry(1)], "a packet between is missing"),
        ([entry(2, timestamp=3 * 960 - 17_000)], "too long ago for 14 bits"),
        ([entry(2, b"")], "it is empty"),
        ([entry(2, bytes(300))], "it does not fit"),
        ([entry(2, timestamp=3 * 960)], "it is not earlier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_repeated_when(before: list[Entry], why: str) -> None:
    assert red.parse(red.build(111, entry(3), before), 111) == [red.Block(0, b"packet 3")], why


def test_what_a_later_packet_brings_is_not_sent_again() -> None:
    covered = red.Covered()
    assert covered.uncovered((5,), 2, 0.0) == ()
    assert covered.uncovered((7, 8), 2, 0.1) == ()
    assert covered.uncovered((10, 11, 12, 13), 2, 0.2) == (10, 11)  # 14 brings 12 and 13
    assert covered.uncovered((20, 21), 1, 0.3) == (20,)
    assert covered.uncovered((65_534, 65_535, 0, 1), 2, 0.4) == (65_534, 65_535)
    assert covered.uncovered((6,), 2, 3.0) == ()  # what was asked long ago says nothing


def test_without_redundancy_all_that_is_asked_for_is_sent_again() -> None:
    assert red.Covered().uncovered((5, 9), 0, 0.0) == (5, 9)


def test_what_is_remembered_of_nacks_stays_bounded() -> None:
    covered = red.Covered()
    for number in range(60_000):
        covered.uncovered((number,), 2, number * 0.0001)
    assert len(covered._asked) <= 257


def test_a_packet_tells_how_many_it_brings_along() -> None:
    assert [red.distance(red.build(111, entry(3), [entry(1), entry(2)][at:])) for at in range(3)] == [2, 1, 0]


def test_music_is_repeated_once_only() -> None:
    blocks = red.parse(red.build(111, entry(3), [entry(1, bytes(160)), entry(2, bytes(160))]), 111)
    assert blocks is not None
    assert [block.offset for block in blocks] == [960, 0]


def test_another_codec_inside_is_refused() -> None:
    assert red.parse(red.build(96, entry(3), [entry(2)]), 111) is None


def test_damaged_packets_raise_nothing() -> None:
    for data in mutations([red.build(111, entry(3), [entry(1), entry(2)])]):
        blocks = red.parse(data, 111)
        assert blocks is None or sum(len(block.payload) for block in blocks) <= len(data)
