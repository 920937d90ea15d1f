"""Which days are worked in Vietnam: weekends, public holidays and their swaps, and the house's own exceptions."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache

import holidays

ONE_DAY = timedelta(days=1)
_AMERICAN_DAY = re.compile(r"\b(\d\d)/(\d\d)/(\d{4})\b")  # "substituted from 08/22/2026"


@lru_cache(maxsize=2)
def _vietnam(locale: str = "vi") -> holidays.HolidayBase:
    return holidays.country_holidays("VN", language="en_US" if locale == "en" else "vi")


class WorkingDays:
    """`exceptions`: day -> (worked?, name); they go before the calendar of public holidays. `locale`: of the names."""

    def __init__(self, exceptions: Mapping[date, tuple[bool, str]], locale: str = "vi") -> None:
        self._exceptions, self._locale = exceptions, locale

    def is_worked(self, day: date) -> bool:
        if day in self._exceptions:
            return self._exceptions[day][0]
        return bool(_vietnam().is_working_day(day))

    def name(self, day: date) -> str:
        """What a day off is called; empty for a plain weekend."""
        if day in self._exceptions:
            return self._exceptions[day][1]
        name = str(_vietnam(self._locale).get(day) or "")
        return _AMERICAN_DAY.sub(r"\2/\1/\3", name) if self._locale == "en" else name

    def before(self, day: date, count: int) -> date:
        """The day that lies `count` working days before `day`."""
        return self._step(day, count, -ONE_DAY)

    def after(self, day: date, count: int) -> date:
        return self._step(day, count, ONE_DAY)

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`; negative when `last` lies before `first`."""
        if last < first:
            return -self.between(last, first)
        return sum(1 for day in days(first + ONE_DAY, last) if self.is_worked(day))

    def _step(self, day: date, count: int, step: timedelta) -> date:
        while count > 0:
            day += step
            count -= self.is_worked(day)
        return day

    def off_between(self, first: date, last: date) -> dict[date, str]:
        """Days that are not worked though they lie between Monday and Friday, and weekends that have a name."""
        return {
            day: self.name(day)
            for day in days(first, last)
            if not self.is_worked(day) and (day.weekday() < 5 or self.name(day))
        }


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE_DAY
