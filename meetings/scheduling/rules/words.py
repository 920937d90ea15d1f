"""What people type, made fit to keep: NFC, one space, no control or direction characters."""

import unicodedata

from meetings.errors import Invalid, Text

# explicit embeddings, overrides and isolates: they make a text read otherwise than it is stored
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u2028\u2029")
_BREAKS = frozenset("\n\r\t")


def line(value: str, field: str, label: Text, limit: int) -> str:
    """One line of at most `limit` characters. May be empty."""
    return _checked(" ".join(_normal(value, field, label, breaks=False).split()), field, label, limit)


def paragraph(value: str, field: str, label: Text, limit: int) -> str:
    """Several lines of at most `limit` characters together. May be empty."""
    lines = (" ".join(one.split()) for one in _normal(value, field, label, breaks=True).splitlines())
    return _checked("\n".join(lines).strip(), field, label, limit)


def is_hidden(char: str) -> bool:
    """Whether a reader cannot see that this character is there."""
    return char in _DIRECTION or char in _INVISIBLE or unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn")


def _normal(value: str, field: str, label: Text, *, breaks: bool) -> str:
    allowed = _BREAKS if breaks else frozenset("\t")
    if any(is_hidden(char) and char not in allowed for char in value):
        raise Invalid(
            "{label} có ký tự ẩn hoặc ký tự đảo chiều chữ. Vui lòng xóa đi và gõ lại.",
            field=field,
            code="hidden_character",
            label=label,
        )
    return unicodedata.normalize("NFC", value)


def _checked(value: str, field: str, label: Text, limit: int) -> str:
    if len(value) > limit:
        raise Invalid("{label} dài quá {limit} ký tự. Vui lòng viết gọn lại.", field=field, label=label, limit=limit)
    return value
