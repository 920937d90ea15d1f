"""A worker that has no time sheds pictures, and gives them back when it has."""

from __future__ import annotations

from meetings.signaling.media.overload import Overload


class Worker:
    """A second is fifty timers and some CPU."""

    def __init__(self) -> None:
        self.overload = Overload()
        self._at = self._used = 0.0

    def works(self, count: int, *, cpu: float = 0.5, late: float = 0.0) -> None:
        for _ in range(count):
            for _ in range(50):
                self.overload.ticked(late)
            self._at, self._used = self._at + 1, self._used + cpu
            self.overload.judge(self._at, self._used)


def test_a_busy_worker_is_not_an_overloaded_one() -> None:
    worker = Worker()
    overload = worker.overload
    worker.works(60, cpu=0.85, late=0.01)
    assert overload.share == 1.0


def test_with_no_time_left_fewer_pictures_are_sent_and_later_all_again() -> None:
    worker = Worker()
    overload = worker.overload
    worker.works(10, cpu=0.99)
    assert 0.2 < overload.share < 0.6
    worker.works(60, cpu=0.99, late=0.3)
    assert overload.share == 0.2
    worker.works(120, cpu=0.4)
    assert overload.share == 1.0


def test_a_pause_of_the_machine_changes_nothing() -> None:
    worker = Worker()
    overload = worker.overload
    worker.works(5)
    overload.ticked(2.0)
    worker.works(5)
    assert overload.share == 1.0
    assert overload.take_lag() == 2.0
    assert overload.take_lag() == 0.0
