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


def overrun() -> Downlink:
    """A way whose receiver estimates less than it is sent."""
    way = Downlink()
    way.remb, way.sent = 500_000, 1_500_000
    return way


def lose(way: Downlink, start: float, seconds: float, loss: float = 0.3) -> bool:
    """Reports of loss, four a second, until one changes the limit; whether one did."""
    return any(way.reported(loss, start + quarter / 4) for quarter in range(int(seconds * 4)))


def test_loss_with_a_low_estimate_lowers_the_layer_but_a_moment_of_it_does_not() -> None:
    way = overrun()
    assert not lose(way, 0.0, 1.0)
    assert lose(way, 1.0, 3.0)
    assert way.limit == 1


def test_noise_on_a_way_that_bears_it_changes_nothing() -> None:
    way = Downlink()
    way.remb, way.sent = 5_000_000, 1_500_000
    assert not any(way.reported(0.12, float(second)) for second in range(60))
    assert way.limit == 2


def test_a_low_estimate_without_loss_changes_nothing() -> None:
    way = overrun()
    assert not any(way.reported(0.0, float(second)) for second in range(60))


def test_an_estimate_that_still_grows_towards_what_is_sent_changes_nothing() -> None:
    way = overrun()
    way.remb = 1_300_000
    assert not lose(way, 0.0, 20.0, loss=0.1)


def test_extreme_loss_needs_no_estimate() -> None:
    way = Downlink()
    assert lose(way, 0.0, 4.0, loss=0.6)
    assert way.limit == 1


def test_a_calm_way_is_tried_again_and_later_after_it_failed() -> None:
    way = overrun()
    lose(way, 0.0, 3.5)
    assert way.limit == 1

    def raised_at(start: float) -> float:
        return next(start + n / 4 for n in range(800) if way.reported(0.0, start + n / 4))

    first = raised_at(3.5)
    assert way.limit == 2
    lose(way, first + 1, 3.5)
    assert way.limit == 1
    assert raised_at(first + 4.5) - (first + 4.5) > first - 3.5


def test_the_lowest_layer_is_never_taken_away() -> None:
    way = overrun()
    assert [lose(way, start, 10.0) for start in (0.0, 10.0, 20.0)] == [True, True, False]
    assert way.limit == 0
