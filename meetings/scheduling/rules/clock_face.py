"""The deadline clock as it is drawn: fourteen days in columns, each duty a bar that ends on its last lawful day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from meetings.errors import Text, text

from .working_days import WorkingDays

BACK, AHEAD = 2, 11  # days shown before and after today


@dataclass(frozen=True)
class Duty:
    """Something to be done for a meeting by a day, and since when it could be done."""

    what: Text
    title: str
    href: str
    since: date
    by: date
    papers: bool = False  # else the minutes, which their own feature reminds of


@dataclass(frozen=True)
class Column:
    day: date
    worked: bool
    name: str
    today: bool


@dataclass(frozen=True)
class Bar:
    """Grid lines of the bar (the first column of days is 2), and what it says."""

    duty: Duty
    first: int
    last: int
    tone: str  # live: overdue, act: today, "": later
    say: Text


@dataclass(frozen=True)
class Face:
    columns: Sequence[Column]
    bars: Sequence[Bar]

    @property
    def overdue(self) -> int:
        return sum(1 for bar in self.bars if bar.tone == "live")


def draw(duties: Sequence[Duty], today: date, calendar: WorkingDays) -> Face:
    """The most urgent first."""
    first = today - timedelta(days=BACK)
    columns = []
    for n in range(BACK + AHEAD + 1):
        day = first + timedelta(days=n)
        columns.append(Column(day, calendar.is_worked(day), calendar.name(day), day == today))
    bars = [_bar(duty, first, today, calendar, len(columns)) for duty in sorted(duties, key=lambda duty: duty.by)]
    return Face(columns, bars)


def _bar(duty: Duty, first: date, today: date, calendar: WorkingDays, width: int) -> Bar:
    start = min(max((duty.since - first).days, 0), width - 1)
    end = min(max((duty.by - first).days, start), width - 1)
    return Bar(duty, start + 2, end + 3, _tone(duty.by, today), left(duty.by, today, calendar))


def _tone(by: date, today: date) -> str:
    return "live" if by < today else "act" if by == today else ""


def left(by: date, today: date, calendar: WorkingDays) -> Text:
    days = calendar.between(today, by)
    if by < today:
        return text("Quá hạn {n:0>2} ngày làm việc", n=max(-days, 1))
    if by == today:
        return text("Hôm nay là ngày cuối")
    return text("Còn {n:0>2} ngày làm việc", n=days)
