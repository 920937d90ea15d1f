"""Search finds Vietnamese words typed without diacritics, and marks them where they stand."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.register.folding import Query, fold, mark, searchable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Đồng Nai", "dong nai"),
        ("ĐẦU TƯ", "dau tu"),
        ("chuyển đổi số", "chuyen doi so"),
        ("hồ chứa Thượng Nguồn", "ho chua thuong nguon"),
        ("Ỷ, Ỹ, Ợ, Ữ, Ẫ", "y, y, o, u, a"),
        (unicodedata.normalize("NFD", "Điện Biên"), "dien bien"),
    ],
)
def test_diacritics_and_crossed_d_are_folded(text: str, expected: str) -> None:
    assert fold(text) == expected


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60), st.text(max_size=12))
def test_pieces_of_a_marked_text_join_to_the_text(text: str, typed: str) -> None:
    for in_order in (True, False):
        pieces = mark(text, Query.read(typed), in_order=in_order)
        assert "".join(piece.text for piece in pieces) == unicodedata.normalize("NFC", text)


@given(st.text(max_size=40))
def test_a_query_can_hold_no_wildcard(typed: str) -> None:
    words = Query.read(typed).words
    assert not any(sign in word for word in words for sign in "%_\\")


def test_the_phrase_is_marked_with_its_diacritics() -> None:
    pieces = mark("Vận hành hồ chứa, hồ chứa lớn; hội nghị", Query.read("HO CHUA"))
    assert [piece.text for piece in pieces if piece.hit] == ["hồ chứa", "hồ chứa"]


def test_the_last_word_may_be_half_typed_and_is_marked_whole() -> None:
    assert [p.text for p in mark("Phòng, chống thiên tai", Query.read("phong cho")) if p.hit] == ["Phòng, chống"]


def test_a_detached_diacritic_does_not_end_a_word() -> None:
    pieces = mark(unicodedata.normalize("NFD", "hồ chứa"), Query.read("ho chua"))
    assert [piece.text for piece in pieces if piece.hit] == ["hồ chứa"]


def test_scattered_words_are_marked_each() -> None:
    pieces = mark("chứa nước trong hồ", Query.read("ho chua"), in_order=False)
    assert [piece.text for piece in pieces if piece.hit] == ["chứa", "hồ"]


def test_what_is_stored_begins_every_word_with_a_space() -> None:
    assert searchable("05/BB-VPUBND", "Hồ_chứa") == " 05 bb vpubnd ho chua "
