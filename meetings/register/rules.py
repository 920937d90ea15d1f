"""The rules of numbers and dates of official documents (Decree 30/2020, articles 8 and 15); pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from string import Formatter

from meetings.errors import Invalid

_NUMBER_SPECS = {"", "02", "03", "04", "05"}
_FIELDS = {"no", "type", "org", "unit", "year"}


def check_number_format(number_format: str) -> None:
    """Refuse a format that an administrator cannot have meant. Formats are data, so nothing but plain names
    with a width is let through: `{no.__class__}` is not a number."""
    try:
        parts = list(Formatter().parse(number_format))
    except ValueError as error:
        raise _bad_format(number_format) from error
    names = [name for _, name, _, _ in parts if name is not None]
    if "no" not in names or not set(names) <= _FIELDS or len(number_format) > 60:
        raise _bad_format(number_format)
    for _, name, spec, conversion in parts:
        allowed = _NUMBER_SPECS if name == "no" else {""}
        if conversion or (name is not None and spec not in allowed):
            raise _bad_format(number_format)


def _bad_format(number_format: str) -> Invalid:
    return Invalid(
        "Mẫu số “{format}” không dùng được; mẫu đúng viết như {example}.",
        field="number_format",
        format=number_format[:60],
        example="{no:02}/{type}-{org}",
    )


def symbol(number_format: str, *, no: int, type_code: str, organisation: str, unit: str = "", year: int = 0) -> str:
    """Number and symbol as printed: `05/BB-VPUBND`. Numbers below 10 get a leading zero."""
    check_number_format(number_format)
    return number_format.format(no=no, type=type_code, org=organisation, unit=unit, year=year)


def issue_date(at: datetime, zone: tzinfo) -> date:
    """The day an instant belongs to where the office stands: numbers begin again at its midnight, not UTC's."""
    return at.astimezone(zone).date()


def two_digits(value: int) -> str:
    return f"{value:02}"


def date_text(day: date) -> str:
    """`ngày 05 tháng 3 năm 2026`: days below 10 and the months 1 and 2 get a leading zero, the others do not."""
    month = two_digits(day.month) if day.month <= 2 else str(day.month)
    return f"ngày {two_digits(day.day)} tháng {month} năm {day.year}"


def time_text(at: datetime) -> str:
    """`09 giờ 30 phút`, of a time already in the office's zone."""
    return f"{two_digits(at.hour)} giờ {two_digits(at.minute)} phút"


def moment_text(at: datetime, zone: tzinfo) -> str:
    """`09 giờ 30 phút, ngày 23 tháng 4 năm 2026`."""
    local = at.astimezone(zone)
    return f"{time_text(local)}, {date_text(local.date())}"


def missing_numbers(numbers: Iterable[int], last: int) -> list[int]:
    """The numbers from 1 to `last` that no document carries."""
    return sorted(set(range(1, last + 1)) - set(numbers))


def end_mark(text: str) -> str:
    """The last sentence of a body ends with `./.`, whatever its writer put there."""
    return text.rstrip().rstrip("./").rstrip() + "./."
