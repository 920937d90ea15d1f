"""Refuses what may not be held on an ordinary line: anything marked as a state secret, by grade or by its words."""

import re
from collections.abc import Iterable
from datetime import date

from meetings.errors import Invalid

from .regulation import Regulation

# "MẬT" in capitals among small letters is a stamp; a title wholly in capitals is only a style
_STAMP = re.compile(r"(?<!\w)MẬT(?!\w)")
_KNOWN_WORDS = re.compile(r"(?:BÍ|BẢO|CƠ|THÂN)\s+MẬT|MẬT\s+(?:MÃ|ĐỘ|ONG|KHẨU)")


def check_open(regulation: Regulation, classification: str, words: Iterable[str], day: date) -> None:
    """Raises Invalid with the legal ground when the meeting is classified or its words say so."""
    law = regulation.secrecy.law_on(day)
    if classification not in regulation.secrecy.open:
        grade = next((c.name for c in regulation.classifications if c.code == classification), classification)
        raise Invalid(
            "Không thể đặt cuộc họp có độ mật “{what}” trên hệ thống này. {law} chỉ cho phép họp trực tuyến nội dung "
            "bí mật nhà nước trên đường truyền do cơ yếu bảo vệ, với thiết bị đã được kiểm tra. Đề nghị tổ chức họp "
            "theo quy định về bảo vệ bí mật nhà nước.",
            field="classification",
            code="classified",
            what=grade,
            law=law,
        )
    for text in words:
        mark = secret_mark(regulation, text)
        if mark is not None:
            raise Invalid(
                "Cụm từ “{what}” cho thấy nội dung thuộc bí mật nhà nước, không được họp trên hệ thống này. {law} chỉ "
                "cho phép họp trực tuyến nội dung đó trên đường truyền do cơ yếu bảo vệ. Nếu nội dung không mật, "
                "vui lòng viết lại cho rõ.",
                field="title",
                code="classified",
                what=mark,
                law=law,
            )


def secret_mark(regulation: Regulation, text: str) -> str | None:
    """The words in this text that say it is a state secret."""
    for pattern in regulation.secrecy.marks:
        if found := re.search(pattern, text, re.IGNORECASE):
            return found[0].strip()
    if text.isupper():
        return None
    stamp = _STAMP.search(_KNOWN_WORDS.sub("", text))
    return stamp[0] if stamp else None
