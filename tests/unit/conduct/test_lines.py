"""What the measurements of a line mean."""

import pytest

from meetings.conduct.rules.lines import Level, Measured, judge

GOOD = {"udp": True, "tcp": True, "turn": None, "up_kbps": 880, "down_kbps": 870, "loss_percent": 0.0, "delay_ms": 20}


def line(**changes: object) -> dict[str, Level]:
    return judge(Measured(**(GOOD | changes)))  # type: ignore[arg-type]  # fields of the case


def test_a_good_line_is_fine_in_all_respects() -> None:
    assert set(line().values()) == {Level.FINE}
    assert set(line()) == {"way", "up", "down", "loss", "delay", "all"}


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({"udp": False}, "way", Level.FAIR),
        ({"udp": False, "tcp": False, "turn": True}, "way", Level.FAIR),
        ({"up_kbps": 599}, "up", Level.FAIR),
        ({"up_kbps": 149}, "up", Level.BAD),
        ({"down_kbps": 200}, "down", Level.FAIR),
        ({"down_kbps": 199}, "down", Level.BAD),
        ({"loss_percent": 2.1}, "loss", Level.FAIR),
        ({"loss_percent": 10.1}, "loss", Level.BAD),
        ({"delay_ms": 151}, "delay", Level.FAIR),
        ({"delay_ms": 401}, "delay", Level.BAD),
    ],
)
def test_the_worst_of_them_decides(changes: dict[str, object], name: str, level: Level) -> None:
    verdicts = line(**changes)
    assert verdicts[name] is verdicts["all"] is level


def test_no_way_in_is_bad_and_nothing_else_is_claimed() -> None:
    nothing = dict.fromkeys(("up_kbps", "down_kbps", "loss_percent", "delay_ms"))
    verdicts = line(udp=False, tcp=False, turn=False, **nothing)
    assert verdicts == {"way": Level.BAD, "all": Level.BAD}


def test_a_way_without_figures_is_bad() -> None:
    assert line(up_kbps=None, down_kbps=None)["all"] is Level.BAD
