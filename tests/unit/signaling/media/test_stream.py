"""One incoming SSRC: losses found and asked for with limits, repeats refused, restarts believed, reports right."""

from __future__ import annotations

from meetings.signaling.media.rtcp import SenderReport
from meetings.signaling.media.stream import Arrival, Stream


def stream(*sequences: int) -> Stream:
    made = Stream(1, 90_000)
    for sequence in sequences:
        made.arrived(sequence, 0.0)
    return made


def test_numbers_go_on_over_the_wrap() -> None:
    made = stream(65_534)
    assert [made.arrived(n, 0.0) for n in (65_535, 0, 1)] == [Arrival.NEXT] * 3
    assert made.extended(1) - made.extended(65_534) == 3
    assert not made.missing


def test_a_hole_is_filled_once() -> None:
    made = stream(10, 13)
    assert list(made.missing) == [11, 12]
    assert made.arrived(11, 0.0) is Arrival.LATE
    assert made.arrived(11, 0.0) is Arrival.REPEAT
    assert made.arrived(13, 0.0) is Arrival.REPEAT


def test_a_hole_is_asked_for_after_a_moment_then_less_and_less_often_then_given_up() -> None:
    made = stream(10, 12)
    assert made.due(0.005) == []
    asked = [n / 100 for n in range(1, 110) if made.due(n / 100)]
    assert asked[0] == 0.01
    assert 3 < len(asked) <= 8
    assert asked[-1] - asked[-2] > asked[1] - asked[0]
    assert not made.missing


def test_an_old_hole_is_not_asked_for_any_more() -> None:
    made = stream(10, 12)
    assert made.due(5.0) == []
    assert not made.missing


def test_holes_are_bounded() -> None:
    made = stream(0, 2900)
    assert len(made.missing) <= 256
    for n in range(10):
        made.arrived(2900 + 200 * (n + 1), 0.0)
    assert len(made.missing) <= 256


def test_one_wild_number_is_not_believed_but_two_in_a_row_are() -> None:
    made = stream(10, 11)
    assert made.arrived(40_000, 0.0) is Arrival.REPEAT
    assert made.arrived(12, 0.0) is Arrival.NEXT
    assert made.arrived(40_000, 0.0) is Arrival.REPEAT
    assert made.arrived(40_001, 0.0) is Arrival.RESTART
    assert made.arrived(40_002, 0.0) is Arrival.NEXT


def test_a_report_counts_what_is_lost_since_the_last() -> None:
    made = stream(*range(100))
    assert made.report(1.0).fraction_lost == 0
    for n in (100, 102, 104, 106):
        made.arrived(n, 1.0)
    report = made.report(2.0)
    assert report.fraction_lost == 3 * 256 // 7
    assert (report.cumulative_lost, report.highest_sequence) == (3, 106)


def test_a_report_answers_the_last_sender_report() -> None:
    made = stream(1)
    made.reported(SenderReport(1, 0x0000111122223333, 0, 0, 0), 10.0)
    report = made.report(10.5)
    assert (report.last_sr, report.delay_since_sr) == (0x11112222, 32_768)


def test_even_arrivals_have_no_jitter_and_uneven_ones_do() -> None:
    made = stream(1)
    for n in range(200):
        made.measured(n * 1800, 100, n * 0.02)
    assert made.report(5.0).jitter == 0
    for n in range(200, 400):
        made.measured(n * 1800, 100, n * 0.02 + (0.01 if n % 2 else 0))
    assert 600 < made.report(9.0).jitter <= 900


def test_the_wait_before_asking_again_follows_the_round_trip() -> None:
    stream = Stream(1, 90_000)
    stream.arrived(1, 0.0)
    now = 0.0
    for number in range(3, 103, 2):  # every second packet is lost, and comes 300 ms after it was asked for
        stream.arrived(number, now)
        assert stream.due(now + 0.011) == [number - 1]
        assert stream.arrived(number - 1, now + 0.311, again=True) is Arrival.LATE
        now += 0.4
    stream.arrived(103, now)
    assert stream.due(now + 0.011) == [102]
    assert stream.due(now + 0.300) == []
    assert stream.due(now + 0.400) == [102]


def test_on_a_way_that_does_not_keep_order_what_is_late_is_not_asked_for() -> None:
    stream = Stream(1, 90_000)
    stream.arrived(0, 0.0)
    now = 0.0
    for number in range(2, 60, 2):  # pairs change places, 30 ms apart
        stream.arrived(number, now)
        stream.arrived(number - 1, now + 0.030)
        now += 0.1
    stream.arrived(number + 2, now)
    assert stream.due(now + 0.025) == []
    assert stream.due(now + 0.035) == [number + 1]


def test_what_came_with_another_packet_is_not_asked_for_and_stays_lost() -> None:
    stream = Stream(1, 48_000)
    stream.arrived(1, 0.0)
    stream.arrived(3, 0.0)
    assert stream.recovered(2)
    assert not stream.recovered(2)
    assert stream.due(1.0) == []
    assert stream.arrived(2, 0.1) is Arrival.REPEAT
    assert stream.report(1.0).cumulative_lost == 1


def test_a_stream_full_of_holes_is_asked_for_within_limits() -> None:
    stream = Stream(1, 90_000)
    asked, now = 0, 0.0
    for number in range(0, 40_000, 2):  # half of 4,000 packets a second is lost
        stream.arrived(number & 0xFFFF, now)
        asked += len(stream.due(now))
        now += 0.0005
    assert 2_000 < asked < 256 + 600 * now


def test_the_round_trip_is_learned_though_it_is_longer_than_believed() -> None:
    """On such a way every hole is asked for again before the first answer can be there."""
    stream, now = Stream(1, 90_000), 0.0
    stream.arrived(0, now)
    asked: dict[int, float] = {}
    asks = 0
    for number in range(1, 3000):
        now += 0.01
        if number % 10:  # a tenth is lost
            stream.arrived(number, now)
        due = stream.due(now)
        asks += len(due) * (number > 2000)
        for lost in due:
            asked.setdefault(lost, now)
        for lost, at in list(asked.items()):
            if now - at >= 0.4:
                del asked[lost]
                stream.arrived(lost, now, again=True)
    assert asks < 1.2 * 100
