"""Numbers and dates of official documents, as Decree 30/2020 wants them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from meetings.errors import Invalid
from meetings.register import reference, rules

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "01/BB-VPUBND"), (9, "09/BB-VPUBND"), (10, "10/BB-VPUBND"), (247, "247/BB-VPUBND")],
)
def test_numbers_below_ten_get_a_leading_zero(number: int, expected: str) -> None:
    shown = rules.symbol("{no:02}/{type}-{org}", no=number, type_code="BB", organisation="VPUBND")
    assert shown == expected


def test_an_official_letter_carries_its_unit_and_no_abbreviation() -> None:
    shown = rules.symbol("{no:02}/{org}-{unit}", no=5, type_code="CV", organisation="BNV", unit="VP")
    assert shown == "05/BNV-VP"


@pytest.mark.parametrize(
    "number_format",
    [
        "",
        "no number",
        "{type}-{org}",
        "{no.__class__}",
        "{no!r}",
        "{no:>1000000}",
        "{no:02}/{type:99}",
        "{no:02}/{secret}",
        "{no:02",
        "{0}",
        "{}",
        "{no:{org}}",
        "{no:02}" + "x" * 60,
    ],
)
def test_a_number_format_that_cannot_be_meant_is_refused(number_format: str) -> None:
    with pytest.raises(Invalid):
        rules.check_number_format(number_format)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 0, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_year_turns_at_midnight_in_hanoi(at: datetime, expected: date) -> None:
    assert rules.issue_date(at, HANOI) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 5), "ngày 05 tháng 3 năm 2026"),
        (date(2026, 1, 9), "ngày 09 tháng 01 năm 2026"),
        (date(2026, 2, 10), "ngày 10 tháng 02 năm 2026"),
        (date(2026, 9, 31 - 1), "ngày 30 tháng 9 năm 2026"),
        (date(2026, 12, 1), "ngày 01 tháng 12 năm 2026"),
    ],
)
def test_days_below_ten_and_months_one_and_two_get_a_leading_zero(day: date, expected: str) -> None:
    assert rules.date_text(day) == expected


def test_a_moment_is_told_in_the_offices_own_time() -> None:
    assert rules.moment_text(datetime(2026, 4, 23, 2, 5, tzinfo=UTC), HANOI) == (
        "09 giờ 05 phút, ngày 23 tháng 4 năm 2026"
    )


@pytest.mark.parametrize("ending", ["", ".", "./.", " . ", "/.", "./. "])
def test_the_body_ends_with_the_official_mark_once(ending: str) -> None:
    assert rules.end_mark("Cuộc họp kết thúc" + ending) == "Cuộc họp kết thúc./."


def test_missing_numbers_are_named() -> None:
    assert rules.missing_numbers([1, 2, 4, 7], 8) == [3, 5, 6, 8]
    assert rules.missing_numbers(range(1, 51), 50) == []


def test_the_decrees_types_are_complete_and_only_two_stand_in_no_number() -> None:
    types = reference.shipped()["types"]
    assert len(types) == 29
    assert len({row["code"] for row in types}) == 29
    assert [row["name"] for row in types if not row.get("in_number", True)] == ["Công văn", "Thư công"]
    assert {"BB": "Biên bản", "GM": "Giấy mời", "TTr": "Tờ trình", "QyĐ": "Quy định"}.items() <= {
        row["code"]: row["name"] for row in types
    }.items()


def test_the_outgoing_register_has_the_ten_columns_in_order() -> None:
    columns = [row["title"] for row in reference.shipped()["columns"] if row["register"] == "outgoing"]
    assert columns == [
        "Số, ký hiệu văn bản",
        "Ngày tháng văn bản",
        "Tên loại và trích yếu nội dung văn bản",
        "Người ký",
        "Nơi nhận văn bản",
        "Đơn vị, người nhận bản lưu",
        "Số lượng bản",
        "Ngày chuyển",
        "Ký nhận",
        "Ghi chú",
    ]


def test_every_shipped_series_has_a_number_format_that_works() -> None:
    for row in reference.shipped()["series"]:
        rules.check_number_format(row["number_format"])
