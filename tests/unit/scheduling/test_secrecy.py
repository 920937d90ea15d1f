"""A classified meeting is refused, by its grade or by its words, with the legal ground."""

from datetime import date
from pathlib import Path

import pytest

from meetings.errors import Invalid
from meetings.scheduling.rules.regulation import Regulation, regulation_in
from meetings.scheduling.rules.secrecy import check_open, secret_mark

DAY = date(2026, 4, 23)


@pytest.fixture
def regulation(tmp_path: Path) -> Regulation:
    return regulation_in(tmp_path)


@pytest.mark.parametrize("grade", ["mat", "toi_mat", "tuyet_mat", "", "khong_ro"])
def test_every_grade_but_the_open_ones_is_refused_with_the_law(regulation: Regulation, grade: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_open(regulation, grade, ["Họp giao ban"], DAY)
    assert refusal.value.field == "classification"
    assert "117/2025/QH15" in str(refusal.value.text)


def test_before_march_2026_the_older_law_is_named(regulation: Regulation) -> None:
    with pytest.raises(Invalid) as refusal:
        check_open(regulation, "mat", [], date(2026, 2, 27))
    assert "29/2018/QH14" in str(refusal.value.text)


@pytest.mark.parametrize("grade", ["thuong", "noi_bo"])
def test_open_meetings_may_be_held(regulation: Regulation, grade: str) -> None:
    check_open(regulation, grade, ["Hội nghị tập huấn Luật Bảo vệ bí mật nhà nước"], DAY)


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("Họp nghe báo cáo (MẬT)", "(MẬT)"),
        ("Họp nghe báo cáo [mật]", "[mật]"),
        ("Họp về phương án tối mật", "tối mật"),
        ("TUYỆT MẬT: diễn tập khu vực phòng thủ", "TUYỆT MẬT"),
        ("Họp mật về nhân sự", "Họp mật"),
        ("Rà soát tài liệu mật năm 2026", "tài liệu mật"),
        ("Diễn tập khu vực phòng thủ - MẬT", "MẬT"),
        ("Nội dung có độ mật", "độ mật"),
    ],
)
def test_words_that_mark_a_secret_are_found(regulation: Regulation, title: str, mark: str) -> None:
    assert secret_mark(regulation, title) == mark
    with pytest.raises(Invalid) as refusal:
        check_open(regulation, "thuong", [title], DAY)
    assert refusal.value.field == "title"
    assert mark in str(refusal.value.text)


@pytest.mark.parametrize(
    "title",
    [
        "Tập huấn bảo mật thông tin",
        "TẬP HUẤN BẢO MẬT THÔNG TIN",
        "Tập huấn BẢO MẬT và MẬT MÃ dân sự",
        "Phát triển nghề nuôi ong lấy mật",
        "Quản lý mật độ xây dựng",
        "Kế hoạch mật độ dân cư",
        "Triển khai Luật Bảo vệ bí mật nhà nước",
        "Họp giao ban tuần 17",
    ],
)
def test_ordinary_words_are_left_alone(regulation: Regulation, title: str) -> None:
    assert secret_mark(regulation, title) is None
