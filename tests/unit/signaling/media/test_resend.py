"""How often, how soon and how much of it a receiver gets again."""

from __future__ import annotations

from meetings.signaling.media.resend import Answers


def test_a_packet_is_sent_again_once_a_round_trip() -> None:
    answers = Answers()
    answers.round_trip = 0.095
    allowed = [answers.allow(7, 1000, 0, 10 + step * 0.01) for step in range(31)]
    assert [step for step, one in enumerate(allowed) if one] == [0, 9, 18, 27]


def test_a_packet_is_sent_again_a_few_times_only() -> None:
    answers = Answers()
    assert sum(answers.allow(7, 100, 0, 10 + step) for step in range(4)) == 4
    assert sum(answers.allow(7, 100, 0, 14 + step / 5) for step in range(24)) == 2
    assert answers.allow(7, 100, 0, 100)  # another packet by now


def test_packets_do_not_wait_for_each_other() -> None:
    answers = Answers()
    assert all(answers.allow(number, 100, 0, 10.0) for number in range(50))


def test_not_more_than_a_share_of_what_is_sent_goes_out_again() -> None:
    answers, again, sent, now = Answers(), 0, 0, 100.0
    for number in range(20_000):  # 200 packets a second, all of them lost
        now += 0.005
        sent += 1000
        again += 1000 * answers.allow(number & 0xFFFF, 1000, sent, now)
    assert 0.45 * sent < again < 0.6 * sent


def test_a_voice_is_never_refused_at_usual_losses() -> None:
    answers, now, sent = Answers(), 100.0, 0
    for number in range(5_000):
        now += 0.02
        sent += 80
        if number % 5 == 0:
            assert answers.allow(number, 80, sent, now)


def test_what_is_remembered_stays_bounded() -> None:
    answers = Answers()
    for number in range(60_000):
        answers.allow(number, 1, 0, number * 0.001)
    assert len(answers._given) <= 512
