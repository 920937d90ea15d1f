"""The minutes' PDF is what form 1.9 and Appendix I of Decree 30 ask for, read back from the file."""

import io
from typing import Any

import pytest
from pypdf import PdfReader

from meetings.register.forms import render_pdf

MM = 72 / 25.4


def data(**changes: Any) -> dict[str, Any]:
    return {
        "number": "05/BB-VPUBND",
        "title": "Hội nghị triển khai công tác phòng, chống thiên tai năm 2026",
        "superior": "Ủy ban nhân dân tỉnh Đắk Lắk",
        "agency": "Văn phòng",
        "issued": {"year": 2026, "month": 3, "day": 5},
        "lines": [
            {"label": "Thời gian bắt đầu", "text": "09 giờ 30 phút, ngày 05 tháng 3 năm 2026."},
            {"label": "Địa điểm", "text": "Phòng họp số 1 và 98 điểm cầu."},
            {"label": "Thành phần tham dự", "text": "Có mặt 98 điểm cầu;\n- Xã Krông Gió."},
            {"label": "Chủ trì (chủ tọa)", "text": "Ông Nguyễn Văn Chủ Tọa."},
            {"label": "Thư ký (người ghi biên bản)", "text": "Bà Lê Thị Thư Ký."},
        ],
        "content": [
            {"heading": "1. Báo cáo" if n == 0 else "", "text": f"Ý kiến thứ {n}: hồ chứa đã tích 82% dung tích."}
            for n in range(60)
        ],
        "closing": "Cuộc họp kết thúc vào 11 giờ 28 phút, ngày 05 tháng 3 năm 2026./.",
        "secretary": "Lê Thị Thư Ký",
        "chair": "Nguyễn Văn Chủ Tọa",
        "recipients": ["Như thành phần tham dự;", "Lưu: VT, Hồ sơ."],
        **changes,
    }


@pytest.fixture(scope="module")
def reader() -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf("minutes", data())))


def runs(reader: PdfReader, page: int) -> list[tuple[str, float, float, str]]:
    """The pieces of text on a page: text, distance from the left and the top in millimetres, font."""
    found: list[tuple[str, float, float, str]] = []
    height = float(reader.pages[page].mediabox.height)

    def visit(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
        if text.strip():
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            found.append((text, x / MM, (height - y) / MM, str(font["/BaseFont"]) if font else ""))

    reader.pages[page].extract_text(visitor_text=visit)
    return found


def words(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in reader.pages)


def test_the_page_is_a4(reader: PdfReader) -> None:
    for page in reader.pages:
        assert float(page.mediabox.width) == pytest.approx(210 * MM, abs=1)
        assert float(page.mediabox.height) == pytest.approx(297 * MM, abs=1)


def test_the_margins_are_the_decrees(reader: PdfReader) -> None:
    body = [run for run in runs(reader, 0) if run[0].strip()]
    assert 30 <= min(x for _, x, _, _ in body) <= 35
    assert min(y for _, _, y, _ in body) >= 20
    assert max(y for _, _, y, _ in body) <= 297 - 20


def test_every_font_is_tinos_and_embedded(reader: PdfReader) -> None:
    fonts = [f.get_object() for page in reader.pages for f in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object()
        assert "Tinos" in str(font["/BaseFont"])
        assert "/FontFile2" in inner["/FontDescriptor"].get_object()


def test_the_file_says_that_it_is_pdf_a(reader: PdfReader) -> None:
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data()  # type: ignore[index]
    assert b"<pdfaid:part>2" in metadata


def test_the_heads_stand_as_printed(reader: PdfReader) -> None:
    text = words(reader)
    for expected in (
        "ỦY BAN NHÂN DÂN TỈNH ĐẮK LẮK",
        "VĂN PHÒNG",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Số: 05/BB-VPUBND",
        "BIÊN BẢN",
    ):
        assert expected in text


def test_the_six_lines_the_closing_and_both_signers_are_there_in_order(reader: PdfReader) -> None:
    text = words(reader)
    expected = [
        "Thời gian bắt đầu: 09 giờ 30 phút, ngày 05 tháng 3 năm 2026.",
        "Địa điểm:",
        "Thành phần tham dự:",
        "Chủ trì (chủ tọa):",
        "Thư ký (người ghi biên bản):",
        "Nội dung (theo diễn biến cuộc họp):",
        "Ý kiến thứ 59",
        "Cuộc họp kết thúc vào 11 giờ 28 phút, ngày 05 tháng 3 năm 2026./.",
        "THƯ KÝ",
        "Nguyễn Văn Chủ Tọa",
        "Nơi nhận:",
        "- Lưu: VT, Hồ sơ.",
    ]
    places = [text.find(line, text.find("BIÊN BẢN")) for line in expected]
    assert -1 not in places, expected[places.index(-1)]
    assert places[:-4] == sorted(places[:-4])
    assert "CHỦ TỌA" in text


def test_the_page_number_stands_on_top_from_the_second_page(reader: PdfReader) -> None:
    assert len(reader.pages) > 1
    first, second = runs(reader, 0), runs(reader, 1)
    assert not [run for run in first if run[0].strip() == "1" and run[2] < 20]
    [(_, x, y, _)] = [run for run in second if run[0].strip() == "2"]
    assert 100 < x < 120
    assert y < 20


def test_the_type_is_bold_and_the_body_upright(reader: PdfReader) -> None:
    page = runs(reader, 0)
    assert all("Bold" in font for text, _, _, font in page if text.strip().startswith("BIÊN BẢN"))
    assert all("Bold" not in font for text, _, _, font in page if "hồ chứa" in text)


def sizes(reader: PdfReader) -> list[tuple[str, float, str]]:
    """Every piece of text with its size in points and its font."""
    found: list[tuple[str, float, str]] = []
    for page in reader.pages:

        def visit(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
            if text.strip():
                found.append((text.strip(), round(abs(size * tm[3] * cm[3]), 1), str(font["/BaseFont"])))

        page.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize(
    ("words", "smallest", "largest", "face"),
    [
        ("CỘNG HÒA", 12, 13, "Bold"),
        ("Độc lập", 13, 14, "Bold"),
        ("ỦY BAN", 12, 13, "Regular"),
        ("VĂN PHÒNG", 12, 13, "Bold"),
        ("Số: 05", 13, 13, "Regular"),
        ("BIÊN BẢN", 13, 14, "Bold"),
        ("Hội nghị", 13, 14, "Bold"),
        ("Ý kiến thứ 7:", 13, 14, "Regular"),
        ("THƯ KÝ", 13, 14, "Bold"),
        ("Nguyễn Văn Chủ Tọa", 13, 14, "Bold"),
        ("Nơi nhận:", 12, 12, "BoldItalic"),
        ("- Lưu: VT", 11, 11, "Regular"),
        ("2", 13, 14, "Regular"),
    ],
)
def test_every_part_has_the_size_and_face_of_the_decree(
    reader: PdfReader, words: str, smallest: float, largest: float, face: str
) -> None:
    found = [(size, font) for text, size, font in sizes(reader) if text.startswith(words)]
    assert found, words
    assert any(smallest <= size <= largest and font.endswith(face) for size, font in found), found


@pytest.mark.parametrize("paragraphs", range(18, 30))
def test_the_signers_never_stand_alone_on_a_page(paragraphs: int) -> None:
    content = [{"heading": "", "text": "Ý kiến."} for _ in range(paragraphs)]
    last = PdfReader(io.BytesIO(render_pdf("minutes", data(content=content)))).pages[-1].extract_text()
    assert ("THƯ KÝ" in last) == ("Cuộc họp kết thúc vào" in last)


@pytest.mark.parametrize(
    "hostile",
    [
        '#read("/etc/passwd")',
        "*không đậm* _a_ $x$ = @y",
        "<b>thẻ</b> & \\u{41}",
        "#sys.inputs",
        "a" * 4000,
    ],
)
def test_text_is_printed_and_never_obeyed(hostile: str) -> None:
    pdf = render_pdf("minutes", data(content=[{"heading": hostile[:200], "text": hostile}]))
    text = "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    assert "".join(hostile.split())[:60] in text


def test_long_names_and_empty_content_still_make_a_document() -> None:
    long_name = "Ủy ban nhân dân xã Krông Ea Thượng Đồng Xuân Phú Hòa và Ban Quản lý"
    pdf = render_pdf("minutes", data(superior=long_name, agency=long_name, title=long_name * 5, content=[]))
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in words(PdfReader(io.BytesIO(pdf)))
