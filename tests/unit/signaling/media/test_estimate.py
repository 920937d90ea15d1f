"""Feedback on arrivals is complete, and a subscriber's way is lowered on loss and tried again when calm."""

from __future__ import annotations

from meetings.signaling.media import rtcp
from meetings.signaling.media.estimate import ArrivalLog, Downlink


def told(log: ArrivalLog) -> list[rtcp.Twcc]:
    packets = [packet for data in log.feedback(1, 2) for packet in rtcp.parse(data)]
    return [packet for packet in packets if isinstance(packet, rtcp.Twcc)]


def test_everything_that_arrived_is_told_once_over_the_wrap() -> None:
    log = ArrivalLog()
    for n in range(65_530, 65_550):
        log.arrived(n & 0xFFFF, n * 0.001)
    (packet,) = told(log)
    assert [number for number, _ in packet.received] == [n & 0xFFFF for n in range(65_530, 65_550)]
    assert told(log) == []


def test_what_is_missing_between_two_feedbacks_counts_as_lost() -> None:
    log = ArrivalLog()
    log.arrived(10, 1.0)
    told(log)
    log.arrived(13, 1.1)
    (packet,) = told(log)
    assert (packet.base, packet.count) == (11, 3)
    assert [number for number, _ in packet.received] == [13]


def test_a_late_arrival_is_told_although_it_counted_as_lost() -> None:
    log = ArrivalLog()
    for number in (10, 12):
        log.arrived(number, 1.0)
    told(log)
    log.arrived(11, 1.1)
    (packet,) = told(log)
    assert [number for number, _ in packet.received] == [11]


def test_one_number_twice_is_told_once() -> None:
    log = ArrivalLog()
    log.arrived(10, 1.0)
    log.arrived(10, 1.1)
    (packet,) = told(log)
    assert len(packet.received) == 1


def test_feedback_on_many_packets_is_split_into_datagrams() -> None:
    log = ArrivalLog()
    for n in range(2_000):
        log.arrived(n, n * 0.02)
    packets = log.feedback(1, 2)
    assert len(packets) > 1
    assert all(len(packet) < 1_200 for packet in packets)


def test_a_jump_of_numbers_is_not_reported_as_a_thousand_losses() -> None:
    log = ArrivalLog()
    log.arrived(1, 1.0)
    told(log)
    log.arrived(20_000, 1.1)
    (packet,) = told(log)
    assert packet.count == 1


def test_lasting_loss_lowers_the_layer_and_one_bad_report_does_not() -> None:
    way = Downlink()
    assert not way.reported(0.3, 1.0)
    assert not way.reported(0.0, 2.0)
    assert not way.reported(0.3, 3.0)
    assert way.reported(0.3, 4.0)
    assert way.limit == 1


def test_a_calm_way_is_tried_again_and_later_after_it_failed() -> None:
    way = Downlink()
    for second in (1, 2):
        way.reported(0.3, float(second))

    def seconds_until_raised(start: int) -> int:
        return next(second for second in range(start, start + 200) if way.reported(0.0, float(second))) - start

    first = seconds_until_raised(3)
    assert way.limit == 2
    way.reported(0.3, first + 4.0)
    way.reported(0.3, first + 5.0)
    assert way.limit == 1
    assert seconds_until_raised(first + 6) > first


def test_the_lowest_layer_is_never_taken_away() -> None:
    way = Downlink()
    for second in range(20):
        way.reported(0.5, float(second))
    assert way.limit == 0
