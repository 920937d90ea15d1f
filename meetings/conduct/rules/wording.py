"""What people type into a conference: plain text of a limited length, without characters that deceive the reader."""

import unicodedata

from meetings.errors import Invalid

CHAT_LIMIT = 1000
ANNOUNCEMENT_LIMIT = 300
GUEST_NAME_LIMIT = 100
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def chat_line(text: str) -> str:
    line = _plain(text, "text", lines=True)
    if not line:
        raise Invalid("Đề nghị nhập nội dung.", field="text")
    return _limited(line, "text", CHAT_LIMIT)


def announcement(text: str) -> str:
    """May be empty: that takes the announcement down."""
    return _limited(_plain(text, "text", lines=False), "text", ANNOUNCEMENT_LIMIT)


def guest_name(text: str) -> str:
    name = _plain(text, "name", lines=False)
    if not name:
        raise Invalid("Đề nghị nhập họ tên và đơn vị.", field="name")
    return _limited(name, "name", GUEST_NAME_LIMIT)


def _plain(text: str, field: str, *, lines: bool) -> str:
    allowed = "\n\t" if lines else ""
    if any(_hidden(character) and character not in allowed for character in text):
        raise Invalid("Nội dung có ký tự điều khiển hoặc ký tự ẩn. Đề nghị gõ lại bằng chữ thường.", field=field)
    return unicodedata.normalize("NFC", text).strip()


def _hidden(character: str) -> bool:
    return character in BIDI or unicodedata.category(character) in ("Cc", "Cs", "Co")


def _limited(text: str, field: str, limit: int) -> str:
    if len(text) > limit:
        raise Invalid("Nội dung dài quá {limit} chữ.", field=field, limit=limit)
    return text
