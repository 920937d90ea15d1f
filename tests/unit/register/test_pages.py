"""The register's pages say what stands in it, to those who may read it."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.register.models import Document
from meetings.register.service import Filing, Numbered, Organisation, file_document
from tests.conftest import LogIn
from tests.fakes import Browser

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MEETING = "m" * 16


def pdf(numbered: Numbered) -> bytes:
    return b"%PDF-1.7 " + numbered.symbol.encode()


def filing(number: int, title: str, **changes: object) -> Filing:
    made = Filing(
        organisation=Organisation("VPUBND", "Văn phòng", "Ủy ban nhân dân tỉnh"),
        type_code="BB",
        title=title,
        signer="Nguyễn Văn Chủ Tọa",
        recipients="Như thành phần tham dự;\nLưu: VT, Hồ sơ.",
        keeper="Văn thư",
        render=pdf,
        idempotency_key=f"page-test-{number}",
        filed_by="a" * 16,
        filed_by_name="Trần Thị Văn Thư",
        retention_code="mac_dinh",
        meeting_id=MEETING,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def put(context: Context, wanted: Filing) -> Document:
    async with context.database.transaction() as session:
        return await file_document(session, context.store, wanted, now=context.clock.now(), zone=HANOI)


@pytest.fixture
async def documents(context: Context) -> list[Document]:
    titles = ["Họp vận hành liên hồ chứa", "UBND tỉnh làm việc với Bộ", "Hội nghị <b>đầu tư</b>"]
    return [await put(context, filing(n, title)) for n, title in enumerate(titles)]


@pytest.fixture
async def clerk(log_in: LogIn) -> Browser:
    return await log_in(Role.CLERK)


READERS = [Role.SECRETARY, Role.OFFICE_LEADER, Role.CHAIR, Role.LEADER, Role.CLERK, Role.AUDITOR]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.POINT, Role.GUEST, Role.ANONYMOUS)])
async def test_who_may_read_the_register(role: Role, log_in: LogIn, documents: list[Document]) -> None:
    browser = await log_in(role)
    expected = 200 if role in READERS else 403
    for path in (
        "/register",
        "/register/print",
        "/register.csv",
        f"/documents/{documents[0].id}",
        f"/documents/{documents[0].id}/pdf",
    ):
        assert (await browser.get(path)).status_code == expected, path
    written = await browser.post(f"/documents/{documents[0].id}/dispatch", data={"note": "x"})
    assert written.status_code == (303 if role is Role.CLERK else 403)


async def test_nobody_reads_it_without_logging_in(client: Browser, documents: list[Document]) -> None:
    for path in ("/register", "/register/print", "/register.csv", f"/documents/{documents[0].id}/pdf"):
        answer = await client.get(path)
        assert answer.status_code in (303, 403)
        assert "hồ chứa" not in answer.text


async def test_the_register_shows_ten_columns_newest_first(clerk: Browser, documents: list[Document]) -> None:
    page = (await clerk.get("/register")).text
    assert page.count('<th scope="col">') == 10
    assert page.index("<b>03</b>/BB-VPUBND") < page.index("<b>02</b>/BB-VPUBND") < page.index("<b>01</b>/BB-VPUBND")
    assert "Biên bản họp vận hành liên hồ chứa" in page
    assert "Biên bản UBND tỉnh làm việc với Bộ" in page
    assert "Không có số trống" in page


async def test_words_without_diacritics_are_found_and_marked(clerk: Browser, documents: list[Document]) -> None:
    page = (await clerk.get("/register", params={"q": "HO CHUA"})).text
    assert "<mark>hồ chứa</mark>" in page
    assert "UBND tỉnh làm việc" not in page


async def test_markup_in_titles_and_queries_is_shown_and_not_run(clerk: Browser, documents: list[Document]) -> None:
    page = (await clerk.get("/register", params={"q": "<script>dau tu"})).text
    assert "<script>dau" not in page
    everything = (await clerk.get("/register")).text
    assert "&lt;b&gt;đầu tư&lt;/b&gt;" in everything


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"q": "x" * 201}, "q"),
        ({"year": "nineteen"}, "year"),
        ({"year": "99999"}, "year"),
        ({"year": "²⁰²⁶"}, "year"),
        ({"since": "31/02/2026"}, "since"),
        ({"since": "12/31/2026"}, "since"),
        ({"until": "2026-02-30"}, "until"),
    ],
)
async def test_a_filter_that_is_none_is_refused_with_a_sentence(
    clerk: Browser, params: dict[str, str], field: str
) -> None:
    answer = await clerk.get("/register", params=params, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize(
    "params",
    [{"page": "-1"}, {"page": "x"}, {"page": "9" * 30}, {"q": "\u202e"}, {"q": "%"}, {"series": "x"}, {"type": "<b>"}],
)
async def test_odd_filters_still_give_a_page(clerk: Browser, documents: list[Document], params: dict[str, str]) -> None:
    assert (await clerk.get("/register", params=params)).status_code == 200


async def test_filters_choose_year_type_series_and_days(clerk: Browser, context: Context) -> None:
    minutes = await put(context, filing(1, "Họp một"))
    letter = await put(context, filing(2, "Giấy hai", type_code="GM"))
    cases: list[tuple[dict[str, str], Callable[[Document], bool]]] = [
        ({"type": "GM"}, lambda d: d is letter),
        ({"series": minutes.series_id}, lambda d: d is minutes),
        ({"year": "2025"}, lambda d: False),
        ({"year": "all"}, lambda d: True),
        ({"since": "2026-04-24"}, lambda d: False),
        ({"since": "23/04/2026", "until": "23/4/2026"}, lambda d: True),
        ({"since": "2026-04-23", "until": "2026-04-23"}, lambda d: True),
    ]
    for params, expected in cases:
        page = (await clerk.get("/register", params=params)).text
        for document in (minutes, letter):
            assert (f"/documents/{document.id}" in page) is expected(document), params


async def test_an_empty_register_says_what_to_do_next(clerk: Browser) -> None:
    assert "Sổ chưa có văn bản nào." in (await clerk.get("/register")).text


async def test_the_printed_book_has_the_form_s_columns_numbered_and_oldest_first(
    clerk: Browser, documents: list[Document]
) -> None:
    page = (await clerk.get("/register/print")).text
    assert [f"({n})" in page for n in range(1, 11)] == [True] * 10
    assert page.index("01/BB-VPUBND") < page.index("03/BB-VPUBND")
    assert "Cộng: 3 văn bản." in page


async def test_the_spreadsheet_opens_in_vietnamese_and_runs_no_formula(clerk: Browser, context: Context) -> None:
    await put(context, filing(1, "Họp", signer='=HYPERLINK("http://x")', note="+1"))
    answer = await clerk.get("/register.csv")
    assert answer.text.startswith("\ufeff")
    header, line = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert header[0] == "Số, ký hiệu văn bản"
    assert len(header) == len(line) == 10
    assert line[0] == "01/BB-VPUBND"
    assert line[3] == '\'=HYPERLINK("http://x")'
    assert line[9] == "'+1"


async def test_the_document_page_shows_line_hashes_story_and_who_opened_the_recording(
    clerk: Browser, context: Context, documents: list[Document]
) -> None:
    async with context.database.transaction() as session:
        chain = events.meeting_chain(MEETING)
        await events.append(
            session, chain=chain, kind="recording.viewed", at=context.clock.now(), payload={"by": "Lê Văn Xem"}
        )
    page = (await clerk.get(f"/documents/{documents[0].id}")).text
    for expected in (
        "Đúng như lúc lưu",
        documents[0].pdf_sha256[:4],
        "Cấp số 01/BB-VPUBND, vào sổ và lưu",
        "Trần Thị Văn Thư",
        "Lê Văn Xem",
        "Như thành phần tham dự; Lưu: VT, Hồ sơ.",
    ):
        assert expected in page
    assert "Cấp số 02/BB-VPUBND" not in page


async def test_the_pdf_is_the_filed_file(clerk: Browser, documents: list[Document]) -> None:
    answer = await clerk.get(f"/documents/{documents[0].id}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == b"%PDF-1.7 01/BB-VPUBND"


async def test_a_changed_file_is_named_and_not_handed_out(
    clerk: Browser, context: Context, documents: list[Document]
) -> None:
    path = context.store.path_of(documents[0].pdf_sha256)
    path.chmod(0o600)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    page = (await clerk.get(f"/documents/{documents[0].id}")).text
    assert f"Tệp của văn bản 01/BB-VPUBND đã bị thay đổi: {path.name}" in page
    assert "Đúng như lúc lưu" not in page
    assert (await clerk.get(f"/documents/{documents[0].id}/pdf")).status_code == 404


async def test_the_clerk_writes_day_receipt_and_note_and_the_story_tells_it(
    clerk: Browser, documents: list[Document]
) -> None:
    path = f"/documents/{documents[0].id}"
    form = {"sent_on": "24/04/2026", "signed_receipt": "Lê Văn Nhận", "note": "Gửi qua trục"}
    answer = await clerk.post(f"{path}/dispatch", data=form)
    assert answer.status_code == 303
    page = (await clerk.get(path)).text
    for expected in ("24/04/2026", "Lê Văn Nhận", "Gửi qua trục", "Ghi ngày chuyển, ký nhận, ghi chú vào sổ"):
        assert expected in page
    assert "Gửi qua trục" in (await clerk.get("/register", params={"q": "gui qua"})).text.replace("<mark>", "").replace(
        "</mark>", ""
    )


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"sent_on": "mai"}, "Ngày chuyển không đúng"),
        ({"sent_on": "2026-04-22"}, "Ngày chuyển không thể trước ngày văn bản."),
        ({"signed_receipt": "x" * 201}, "dài quá 200 ký tự"),
        ({"note": "a\u202eb"}, "không hiển thị được"),
        ({"note": "a\x00b"}, "không hiển thị được"),
    ],
)
async def test_what_cannot_stand_in_the_register_is_refused_and_nothing_is_written(
    clerk: Browser, documents: list[Document], form: dict[str, str], sentence: str
) -> None:
    path = f"/documents/{documents[0].id}"
    answer = await clerk.post(f"{path}/dispatch", data=form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Ghi ngày chuyển, ký nhận" not in (await clerk.get(path)).text


@pytest.mark.parametrize("document_id", ["x", "0" * 16, "..%2F..%2Fetc", "%00"])
async def test_a_document_that_is_not_there_is_said_so(clerk: Browser, document_id: str) -> None:
    assert (await clerk.get(f"/documents/{document_id}")).status_code == 404


async def test_a_form_from_elsewhere_writes_nothing(clerk: Browser, documents: list[Document]) -> None:
    path = f"/documents/{documents[0].id}"
    answer = await clerk.request("POST", f"{path}/dispatch", data={"note": "giả"}, forged=True)
    assert answer.status_code == 403
    assert "giả" not in (await clerk.get(path)).text
