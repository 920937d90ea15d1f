"""What is believed of a line, by simulation: a bottleneck is found and kept to, a good line is not held down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meetings.signaling.media.bandwidth import LEAST, START, Bandwidth
from meetings.signaling.media.history import Arrival
from tests.unit.signaling.media.line import Line, Simulation


def as_estimated(simulation: Simulation) -> float:
    """A sender that can make any rate."""
    return simulation.bandwidth.estimate


def steady(rate: float) -> Callable[[Simulation], float]:
    """A picture that takes no less."""
    return lambda simulation: rate


@pytest.mark.parametrize("rate", [300_000, 1_000_000, 3_000_000])
@pytest.mark.parametrize("jitter", [0.0, 0.01])
def test_a_bottleneck_is_found_and_its_queue_kept_short(rate: float, jitter: float) -> None:
    simulation = Simulation(Line(rate=rate, jitter=jitter), as_estimated, wanted=1.2 * rate).run(20)
    estimates, queues = [], []
    for _ in range(100):
        simulation.run(0.2)
        estimates.append(simulation.bandwidth.estimate)
        queues.append(simulation.bandwidth.queue_ms)
    assert 0.6 * rate < sum(estimates) / len(estimates) < 1.15 * rate
    assert sorted(queues)[len(queues) // 2] < 200


def test_a_picture_too_large_for_the_line_is_noticed_within_two_seconds() -> None:
    simulation = Simulation(Line(rate=500_000), steady(1_500_000)).run(2)
    assert simulation.bandwidth.estimate < 500_000


@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.05])
def test_a_good_line_is_not_held_down_by_its_jitter(jitter: float) -> None:
    simulation = Simulation(Line(jitter=jitter), steady(1_700_000), wanted=2_000_000).run(30)
    assert simulation.bandwidth.estimate > 1_700_000


@pytest.mark.parametrize("loss", [0.02, 0.05, 0.10, 0.20])
def test_loss_that_is_the_lines_own_does_not_take_the_picture_away(loss: float) -> None:
    simulation = Simulation(Line(loss=loss), lambda one: min(one.bandwidth.estimate, 1_700_000), wanted=2_000_000)
    simulation.run(30)
    assert simulation.bandwidth.estimate > 1_200_000


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_a_delay_that_swings_is_not_a_queue(loss: float) -> None:
    """By a fifth of a second, up and down, ten times a second: as over a busy radio link."""

    class Swinging(Line):
        """The same for all that is sent in one stretch."""

        def carry(self, now: float, size: int) -> float | None:
            stretch = self.random.__class__(int(now * 10))
            self.delay = 0.02 + stretch.uniform(0, 0.4)
            return super().carry(now, size)

    simulation = Simulation(Swinging(loss=loss), lambda one: min(one.bandwidth.estimate, 1_700_000), wanted=2_000_000)
    simulation.run(20)
    estimates = [simulation.run(0.5).bandwidth.estimate for _ in range(40)]
    assert sorted(estimates)[20] > 600_000


def test_loss_for_want_of_room_makes_the_estimate_fall_without_any_queue() -> None:
    policed = Line(rate=600_000, queue=0.015)
    simulation = Simulation(policed, as_estimated).run(15)
    assert simulation.bandwidth.estimate < 800_000


def test_a_pause_of_the_receiver_is_not_taken_for_a_thin_line() -> None:
    class Pausing(Line):
        """Every three seconds the receiver does nothing for a fifth of a second."""

        def carry(self, now: float, size: int) -> float | None:
            arrival = super().carry(now, size)
            if arrival is not None and arrival % 3 < 0.2:
                return arrival - arrival % 3 + 0.2
            return arrival

    simulation = Simulation(Pausing(), steady(1_700_000), wanted=2_000_000).run(30)
    assert simulation.bandwidth.estimate > 1_400_000


def test_probing_finds_room_that_what_is_sent_would_never_show() -> None:
    simulation = Simulation(Line(rate=4_000_000), steady(150_000), wanted=2_500_000).run(6)
    assert simulation.bandwidth.estimate > 2_400_000
    assert simulation.probes < 10


def test_a_thin_line_is_probed_ever_more_seldom() -> None:
    simulation = Simulation(Line(rate=300_000), steady(150_000), wanted=1_200_000).run(60)
    assert simulation.bandwidth.estimate < 500_000
    assert simulation.probes < 10


def test_it_starts_in_the_middle_and_never_ends_at_nothing() -> None:
    assert Simulation(Line(), steady(0)).run(1).bandwidth.estimate == START
    simulation = Simulation(Line(rate=20_000, queue=5), as_estimated).run(30)
    assert simulation.bandwidth.estimate >= LEAST


def test_the_rate_is_known_though_only_every_fourth_report_is_read() -> None:
    bandwidth = Bandwidth(0.0)
    for report in range(200):
        numbers = range(report * 10 + 1, report * 10 + 11)
        if report % 4 == 0:
            told = [Arrival(n, n * 0.005, 7 + n * 0.005, 1_250) for n in numbers]  # 2 Mbit/s
            bandwidth.feedback(told, report * 0.05 + 0.1)
    assert 1_900_000 < bandwidth.arriving < 2_100_000
    assert bandwidth.loss == 0.0
    assert bandwidth.calm
