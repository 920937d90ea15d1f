"""When a meeting is, as people write it: 29/04/2026, 8h30, 90. Days are always day/month/year."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from meetings import texts
from meetings.errors import Invalid

from .clashes import Span

FARTHEST = timedelta(days=3 * 366)
_HOUR = re.compile(r"(\d{1,2})\s*(?:(?:[:.hHg]|giờ)\s*(\d{2})?)?", re.ASCII)


def read_day(value: str) -> date:
    day = texts.read_day(value)
    if day is None:
        raise Invalid("Vui lòng nhập ngày họp theo ngày/tháng/năm, ví dụ 23/04/2026.", field="date", code="missing")
    return day


def read_hour(value: str) -> time:
    found = _HOUR.fullmatch(value.strip())
    if not found or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise Invalid("Vui lòng nhập giờ bắt đầu từ 00:00 đến 23:59, ví dụ 08:00.", field="start", code="missing")
    return time(int(found[1]), int(found[2] or 0))


def read_length(value: str, longest: int) -> timedelta:
    if not re.fullmatch(r"\d{1,5}", value.strip(), re.ASCII) or not 5 <= int(value) <= longest:
        raise Invalid("Vui lòng nhập thời lượng từ 5 đến {longest} phút.", field="length", longest=longest)
    return timedelta(minutes=int(value))


def span_of(starts_at: datetime, length: timedelta, now: datetime, *, begun: datetime | None, grace: timedelta) -> Span:
    """`begun`: the start that the meeting has already; `grace`: how long ago one called on the spot may have begun."""
    if starts_at != begun and starts_at < now - grace:
        raise Invalid("Giờ họp đã qua. Vui lòng chọn ngày giờ khác.", field="date", code="past")
    if starts_at > now + FARTHEST:
        raise Invalid("Ngày họp xa quá ba năm. Vui lòng kiểm tra lại năm.", field="date")
    return Span(starts_at, starts_at + length)


def instant(day: date, hour: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hour, zone).astimezone(UTC)
