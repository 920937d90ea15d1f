"""Approved minutes become a numbered document in one act, with the recording they rest on."""

import asyncio
import io
import re

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update

from meetings.access import Role
from meetings.errors import NoSpace
from meetings.recording import service as recordings
from meetings.recording.minutes.models import MinutesParagraph
from meetings.recording.minutes.verify import verify_minutes
from meetings.register.models import Document
from meetings.register.verify import verify_documents
from meetings.store import Store
from tests.fakes import Browser
from tests.minutes_stage import MEETING, PAGE, Editor, Stage

ENTRY = {
    "recipients": "Như thành phần tham dự;\nLưu: VT, Hồ sơ.",
    "keeper": "Văn thư",
    "copies": "12",
    "note": "",
    "retention_code": "giao_ban",
}


SEALS = ("minutes.submitted", "minutes.approved")


async def documents(stage: Stage) -> list[Document]:
    async with stage.context.database.read() as session:
        return list(await session.scalars(select(Document)))


async def test_filing_gives_number_pdf_register_line_hashes_and_event(stage: Stage) -> None:
    await stage.record()
    await stage.approved()
    clerk = await stage.clerk()
    assert "Lấy số và lưu" in (await clerk.get(f"/meetings/{MEETING}/file")).text
    filed = await stage.post(clerk, "file", **ENTRY)
    assert filed.status_code == 303
    [document] = await documents(stage)
    assert filed.headers["location"] == f"/documents/{document.id}"
    assert (document.symbol, document.copies, document.retention_code) == ("01/BB-VPUBND", 12, "giao_ban")
    assert document.signer == "Lê Thị Thư Ký (thư ký); Nguyễn Văn Chủ Tọa (chủ tọa)"
    async with stage.context.database.read() as session:
        assert document.manifest_sha256 == await recordings.manifest_hash(session, MEETING) is not None
        assert await verify_documents(session, stage.context.store) == []
    [event] = await stage.log("document.filed")
    assert event.payload["pdf_sha256"] == document.pdf_sha256
    assert "01/BB-VPUBND" in (await stage.secretary.get(PAGE)).text


async def test_the_pdf_tells_number_chair_points_and_agenda(stage: Stage) -> None:
    await stage.record()
    await stage.approved()
    clerk = await stage.clerk()
    filed = await stage.post(clerk, "file", **ENTRY)
    pdf = (await clerk.get(f"{filed.headers['location']}/pdf")).content
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    for expected in (
        "Số: 01/BB-VPUBND",
        "Triển khai công tác phòng, chống thiên tai",
        "Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh.",
        "Có mặt 02/03 điểm cầu: - Phòng họp số 1 (điểm cầu chính); - UBND xã Krông Gió.",
        "Vắng (không kết nối): UBND phường Buôn Thông.",
        "1. Báo cáo",
        "2. Thảo luận",
        "Xin hỗ trợ máy bơm",
        "- Như thành phần tham dự; - Lưu: VT, Hồ sơ.",
    ):
        assert expected in text


async def test_sending_the_form_again_gives_the_same_document(stage: Stage) -> None:
    await stage.approved()
    clerk = await stage.clerk()
    answers = await asyncio.gather(*(stage.post(clerk, "file", **ENTRY) for _ in range(4)))
    again = await stage.post(clerk, "file", **ENTRY)
    assert {answer.headers.get("location") for answer in [*answers, again]} == {
        f"/documents/{(await documents(stage))[0].id}"
    }
    assert len(await documents(stage)) == 1
    page = await clerk.get(f"/meetings/{MEETING}/file")
    assert page.status_code == 303


@pytest.mark.parametrize("state", ["draft", "submitted"])
async def test_minutes_that_are_not_approved_are_not_filed(one_stage: Stage, state: str) -> None:
    await one_stage.hold()
    await one_stage.draft()
    if state == "submitted":
        assert (await (await Editor.filled(one_stage.secretary)).send("submit")).status_code == 303
    clerk = await one_stage.clerk()
    assert (await clerk.get(f"/meetings/{MEETING}/file")).status_code == 404
    assert (await one_stage.post(clerk, "file", **ENTRY)).status_code in (404, 409)
    assert await documents(one_stage) == []


async def test_words_changed_behind_an_approval_are_not_filed_and_are_named(one_stage: Stage) -> None:
    await one_stage.approved()
    assert {len(event.payload["content_sha256"]) for kind in SEALS for event in await one_stage.log(kind)} == {64}
    async with one_stage.context.database.transaction() as session:
        assert await verify_minutes(session) == []
        changed = update(MinutesParagraph).where(MinutesParagraph.slot == "closing")
        await session.execute(changed.values(text="Cuộc họp kết thúc sớm./."))
    refused = await one_stage.post(await one_stage.clerk(), "file", **ENTRY)
    assert refused.status_code == 409
    assert "không còn đúng như lúc trình hoặc duyệt" in refused.text
    assert await documents(one_stage) == []
    async with one_stage.context.database.read() as session:
        assert [str(fault) for fault in await verify_minutes(session)] == [
            f"Biên bản của cuộc họp {MEETING} không còn đúng như lúc trình hoặc duyệt."
        ]


async def test_without_a_recording_the_reason_is_asked_for_and_stands_in_the_register(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editor = await Editor.filled(stage.secretary)
    await editor.send("submit")
    await stage.post(await stage.chair(), "minutes/approve", version=str(editor.version))
    clerk = await stage.clerk()
    refused = await stage.post(clerk, "file", **ENTRY)
    assert refused.status_code == 422
    assert "lý do không ghi hình" in refused.text
    assert await documents(stage) == []
    filed = await stage.post(clerk, "file", **ENTRY, not_recorded_because="Chủ tọa không cho ghi")
    assert filed.status_code == 303
    [document] = await documents(stage)
    assert document.note == "Không ghi hình: Chủ tọa không cho ghi"
    assert document.manifest_sha256 is None
    assert document.number == 1


async def test_while_the_recording_runs_nothing_is_filed(one_stage: Stage) -> None:
    await one_stage.record(state="running")
    await one_stage.approved()
    clerk = await one_stage.clerk()
    refused = await one_stage.post(clerk, "file", **ENTRY, not_recorded_because="vội")
    assert refused.status_code == 409
    assert "chưa dừng" in refused.text
    assert await documents(one_stage) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipients": ""}, "Xin ghi nơi nhận"),
        ({"recipients": "x" * 2001}, "dài quá 2000 ký tự"),
        ({"recipients": "a\u202eb"}, "không hiển thị được"),
        ({"keeper": "x" * 201}, "dài quá 200 ký tự"),
        ({"copies": ""}, "từ 1 đến 9999"),
        ({"copies": "0"}, "từ 1 đến 9999"),
        ({"copies": "-1"}, "từ 1 đến 9999"),
        ({"copies": "²"}, "từ 1 đến 9999"),
        ({"copies": "99999999999"}, "từ 1 đến 9999"),
        ({"copies": "000012345"}, "từ 1 đến 9999"),
        ({"retention_code": "mãi mãi"}, "thời hạn bảo quản"),
        ({"note": "a\x00"}, "không hiển thị được"),
    ],
)
async def test_a_bad_entry_is_refused_and_files_nothing(
    one_stage: Stage, changes: dict[str, str], sentence: str
) -> None:
    await one_stage.approved()
    clerk = await one_stage.clerk()
    answer = await one_stage.post(clerk, "file", **(ENTRY | changes))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert await documents(one_stage) == []


class FullStore(Store):
    def put_bytes(self, content: bytes) -> str:
        raise NoSpace("Máy chủ đã hết chỗ lưu.")


async def test_a_full_disk_files_nothing_and_the_next_try_gets_number_one(stage: Stage) -> None:
    await stage.approved()
    clerk = await stage.clerk()
    good = stage.context.store
    object.__setattr__(stage.context, "store", FullStore(good.path_of("0" * 64).parent))
    assert (await stage.post(clerk, "file", **ENTRY)).status_code == 507
    object.__setattr__(stage.context, "store", good)
    assert (await stage.post(clerk, "file", **ENTRY)).status_code == 303
    assert [document.number for document in await documents(stage)] == [1]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.POINT, Role.GUEST, Role.ANONYMOUS)])
async def test_only_the_clerk_files(one_stage: Stage, role: Role) -> None:
    await one_stage.approved()
    browser = await one_stage.account(role)
    assert (await browser.get(f"/meetings/{MEETING}/file")).status_code == (200 if role is Role.CLERK else 403)
    answer = await one_stage.post(browser, "file", **ENTRY)
    assert answer.status_code == (303 if role is Role.CLERK else 403)


async def test_filed_minutes_are_read_by_those_who_read_documents(one_stage: Stage) -> None:
    await one_stage.approved()
    await one_stage.post(await one_stage.clerk(), "file", **ENTRY)
    for role, status in [(Role.LEADER, 200), (Role.AUDITOR, 200), (Role.OPERATOR, 403), (Role.ADMIN, 403)]:
        assert (await (await one_stage.account(role)).get(PAGE)).status_code == status, role
    late = await one_stage.secretary.post(PAGE, data={"version": "1"})
    assert late.status_code in (409, 422)


async def test_a_page_of_each_state_names_what_comes_next(one_stage: Stage) -> None:
    await one_stage.approved()
    clerk: Browser = await one_stage.clerk()
    page = (await clerk.get(PAGE)).text
    assert "Đã duyệt, chờ vào sổ" in page
    assert re.search(rf'href="/meetings/{MEETING}/file"', page)
