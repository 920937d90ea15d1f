"""Owns what is accepted as words typed into a form: one spelling of each letter, nothing invisible, not too long."""

import re
import unicodedata
from datetime import date

from meetings.errors import Invalid

_DAY = re.compile(r"(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)  # what a browser's own picker sends

# they turn the reading direction of what follows: a name could show as another one
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_line(value: str, *, field: str, limit: int, required: bool = False) -> str:
    """One line: spaces run together, no line breaks."""
    return clean_text(" ".join(value.split()), field=field, limit=limit, required=required)


def clean_text(value: str, *, field: str, limit: int, required: bool = False) -> str:
    """Several lines. Vietnamese letters in their composed form (NFC), whatever keyboard they came from."""
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if required and not value:
        raise Invalid("Vui lòng điền mục này.", field=field)
    if len(value) > limit:
        raise Invalid("Nội dung dài quá {limit} ký tự; hiện có {count}.", field=field, limit=limit, count=len(value))
    if any(_invisible(letter) for letter in value):
        raise Invalid("Nội dung có ký tự không hiển thị được. Vui lòng gõ lại mục này.", field=field)
    return value


def read_day(value: str) -> date | None:
    """A day as the office writes it, day/month/year: 5/3/2026 is in March. None for what is no day."""
    if found := _DAY.fullmatch(value.strip()):
        day, month, year = (int(part) for part in found.groups())
    elif found := _ISO_DAY.fullmatch(value.strip()):
        year, month, day = (int(part) for part in found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _invisible(letter: str) -> bool:
    if letter in "\n\t":
        return False
    return letter in _DIRECTION or unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn")
