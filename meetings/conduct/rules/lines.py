"""What the measurements of a point's line mean for a meeting: which of them is fine, fair or bad."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    FINE = "fine"
    FAIR = "fair"
    BAD = "bad"


# From which figure on it is fine, and from which fair; below that, bad. Kilobits a second: a picture of 640 × 360 with
# sound needs some 600, sound with a small picture 150.
UP_KBPS = (600, 150)
DOWN_KBPS = (600, 200)
# Up to which figure it is fine, and up to which fair. Of loss NACK and redundancy carry a tenth; longer than 400 ms
# there and back people talk into each other's words (ITU-T G.114).
LOSS_PERCENT = (2.0, 10.0)
DELAY_MS = (150, 400)


@dataclass(frozen=True, slots=True)
class Measured:
    """None: it was not measured, or (a way) not tried."""

    udp: bool | None
    tcp: bool | None
    turn: bool | None
    up_kbps: int | None
    down_kbps: int | None
    loss_percent: float | None
    delay_ms: int | None


def judge(line: Measured) -> dict[str, Level]:
    """A verdict for each thing that was measured, and `all` of them together."""
    verdicts = {"way": _way(line)}
    for name, value, (fine, fair) in (("up", line.up_kbps, UP_KBPS), ("down", line.down_kbps, DOWN_KBPS)):
        if value is not None:
            verdicts[name] = _graded(-value, -fine, -fair)
    for name, found, (best, good) in (("loss", line.loss_percent, LOSS_PERCENT), ("delay", line.delay_ms, DELAY_MS)):
        if found is not None:
            verdicts[name] = _graded(found, best, good)
    if line.up_kbps is None or line.down_kbps is None:
        verdicts["all"] = Level.BAD  # something connected, or nothing did, but nothing came through
    else:
        verdicts["all"] = max(verdicts.values(), key=list(Level).index)
    return verdicts


def _way(line: Measured) -> Level:
    """UDP is best; what comes otherwise comes later, and a bad line is felt sooner."""
    if line.udp:
        return Level.FINE
    return Level.FAIR if line.tcp or line.turn else Level.BAD


def _graded(value: float, fine: float, fair: float) -> Level:
    return Level.FINE if value <= fine else Level.FAIR if value <= fair else Level.BAD
