"""Only what the document's face can print goes into an official document."""

import pytest

from meetings.register.forms import render_pdf
from meetings.register.texts import printable, unprintable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hồ chứa Ỷ Ỹ Ợ Ữ Ẫ đ Đ № … – “” ½ °C ≥", []),
        ("Y Ƀuôr, Mʼnông, Êđê: ŏ ŭ ñ č ĭ ĕ", []),
        ("tốt 👍 中 ①", ["①", "中", "👍"]),
    ],
)
def test_what_the_face_cannot_print_is_named(text: str, expected: list[str]) -> None:
    assert unprintable(text) == expected


def test_what_is_called_printable_makes_pdf_a() -> None:
    text = printable("tốt 👍 中 ① \u202e → ✓ Ƀ" + "".join(map(chr, range(0x20, 0x500))))
    assert render_pdf("minutes", _data(text)).startswith(b"%PDF")


def test_a_proof_shows_even_what_cannot_be_printed() -> None:
    assert render_pdf("minutes", _data("tốt 👍"), proof=True).startswith(b"%PDF")


def _data(text: str) -> dict[str, object]:
    return {
        "number": "01/BB-VP",
        "title": "Họp",
        "superior": "",
        "agency": "Văn phòng",
        "issued": {"year": 2026, "month": 3, "day": 5},
        "lines": [],
        "content": [{"heading": "", "text": text}],
        "closing": "Hết./.",
        "secretary": "A",
        "chair": "B",
        "recipients": [],
    }
