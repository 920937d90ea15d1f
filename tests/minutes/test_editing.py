"""The secretary drafts once, edits without fear of losing words, and sends for approval."""

import asyncio
from html import unescape

import pytest
from sqlalchemy import update

from meetings import events
from meetings.access import Role
from meetings.recording.minutes import rules, service
from meetings.recording.models import Recording
from tests.fakes import Browser
from tests.minutes_stage import MEETING, PAGE, Editor, Stage

API = f"/api/meetings/{MEETING}/minutes"


async def test_the_draft_is_made_from_the_log_and_shown_as_form_1_9(stage: Stage) -> None:
    await stage.hold()
    assert "Lập bản thảo" in (await stage.secretary.get(PAGE)).text
    await stage.draft()
    editor = await Editor.of(stage.secretary)
    assert editor.texts()[0].startswith("06 giờ 41 phút, ngày 23 tháng 4 năm 2026.")
    assert "Có mặt 02/03 điểm cầu:" in editor.texts()[2]
    assert editor.texts()[3] == "[… theo kế hoạch: Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh]."
    assert editor.texts()[4] == "Bà Lê Thị Thư Ký, chuyên viên Văn phòng."
    assert [row[2] for row in editor.rows if row[2]] == ["1. Báo cáo", "2. Thảo luận"]
    assert editor.texts()[-1] == "Cuộc họp kết thúc vào 08 giờ 11 phút, ngày 23 tháng 4 năm 2026./."
    assert (editor.secretary, editor.chair) == ("Lê Thị Thư Ký", "Nguyễn Văn Chủ Tọa")


async def test_a_chair_whose_account_was_in_the_meeting_is_said_to_have_chaired(one_stage: Stage) -> None:
    chair = await one_stage.chair()
    async with one_stage.context.database.transaction() as session:
        await events.append(
            session,
            chain=events.meeting_chain(MEETING),
            kind="participant.joined",
            at=one_stage.start,
            subject_id=f"account:{chair.account_id}",
            payload={"name": "Nguyễn Văn Chủ Tọa"},
        )
    await one_stage.hold()
    await one_stage.draft()
    assert (await Editor.of(one_stage.secretary)).texts()[3] == "Ông Nguyễn Văn Chủ Tọa, Phó Chủ tịch UBND tỉnh."


async def test_a_draft_with_open_places_is_not_submitted_until_each_is_confirmed_or_written(stage: Stage) -> None:
    """An agenda item's presenter was never in the meeting: the plan's word for it needs a person's."""
    await stage.hold()
    await stage.draft()
    editor = await Editor.of(stage.secretary)
    refused = await editor.send("submit")
    assert refused.status_code == 422
    page = unescape(refused.text)
    assert "Chưa trình được biên bản. Còn chỗ chưa điền hoặc chưa xác nhận: mục “Thành phần tham dự”, " in page
    assert "mục “Chủ trì (chủ tọa)”, đoạn “1. Báo cáo”" in page
    assert await stage.log("minutes.submitted") == []
    assert "Đúng như vậy" in page
    for index in (2, 3, 6):
        assert (await (await Editor.of(stage.secretary)).send(f"confirm:{index}")).status_code == 303
    editor = await Editor.of(stage.secretary)
    assert editor.texts()[6] == "Sở Nông nghiệp trình bày."
    assert (await editor.send("submit")).status_code == 422
    [floor] = [row for row in editor.rows if "[…]" in row[3]]
    floor[3] = "Đại diện xã đề nghị hỗ trợ máy bơm."
    assert (await editor.send("submit")).status_code == 303


async def test_what_got_past_submission_open_is_neither_approved_nor_filed(one_stage: Stage) -> None:
    """Written into the tables from before the rule, with a seal that fits."""
    await one_stage.hold()
    await one_stage.draft()
    async with one_stage.context.database.transaction() as session:
        minutes = await service.hold_minutes(session, MEETING)
        minutes.state, minutes.submitted_by, minutes.submitted_at = "submitted", "Ai đó", one_stage.clock.now()
        seal = rules.seal(await service.content_of(session, minutes))
    await one_stage.tell(95, "minutes.submitted", content_sha256=seal)
    chair = await one_stage.chair()
    page = unescape((await chair.get(PAGE)).text)
    assert "Còn chỗ chưa điền hoặc chưa xác nhận:" in page
    assert "2 điều cần xem trước khi duyệt" in page  # the open places, and no recording
    refused = await one_stage.post(chair, "minutes/approve", version="1")
    assert refused.status_code == 409
    assert "Xin trả lại để người soạn điền." in refused.text
    async with one_stage.context.database.transaction() as session:
        minutes = await service.hold_minutes(session, MEETING)
        minutes.state, minutes.approved_by, minutes.approved_at = "approved", "Ai đó", one_stage.clock.now()
    entry = {"recipients": "Lưu: VT.", "copies": "1", "retention_code": "giao_ban", "not_recorded_because": "Không ghi"}
    refused = await one_stage.post(await one_stage.clerk(), "file", **entry)
    assert refused.status_code == 409
    assert "chưa điền hoặc chưa xác nhận" in refused.text


async def test_the_approver_is_told_that_the_recording_broke_off_or_has_gaps(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.record()
    await one_stage.tell(60, "recording.gap", from_ms=1000, until_ms=4000)
    await one_stage.draft()
    await (await Editor.filled(one_stage.secretary)).send("submit")
    chair = await one_stage.chair()
    page = unescape((await chair.get(PAGE)).text)
    assert "Bản ghi có 1 quãng trống" in page
    assert "bị ngắt" not in page
    async with one_stage.context.database.transaction() as session:
        await session.execute(update(Recording).values(state="failed"))
    assert "Bản ghi bị ngắt trước khi được dừng" in (await chair.get(PAGE)).text


async def test_a_second_draft_does_not_replace_what_was_written(stage: Stage) -> None:
    await stage.hold()
    answers = await asyncio.gather(*(stage.post(stage.secretary, "minutes/draft") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {303}
    editor = await Editor.of(stage.secretary)
    editor.rows[5][3] = "Do thư ký viết."
    assert (await editor.send()).status_code == 303
    await stage.draft()
    assert "Do thư ký viết." in (await Editor.of(stage.secretary)).texts()
    assert len(await stage.log("minutes.drafted")) == 1


async def test_a_meeting_still_in_session_has_no_draft_yet(one_stage: Stage) -> None:
    await one_stage.tell(0, "conference.opened")
    one_stage.clock.advance(-3600)
    answer = await one_stage.post(one_stage.secretary, "minutes/draft")
    assert answer.status_code == 409
    assert "chưa kết thúc" in answer.text


async def test_buttons_without_a_script_move_add_take_and_remove(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.tell(91, "announcement", text="Gửi báo cáo trước 17 giờ")
    await one_stage.draft()
    first = await Editor.of(one_stage.secretary)
    order = first.texts()
    for act, expected in [
        ("up:6", [*order[:5], order[6], order[5], *order[7:]]),
        ("down:5", order),
        ("add:5", [*order[:6], "", *order[6:]]),
        ("remove:6", order),
        ("up:5", order),
        ("remove:0", order),
        ("down:99", order),
        ("up:x", order),
        ("nothing", order),
    ]:
        editor = await Editor.of(one_stage.secretary)
        assert (await editor.send(act)).status_code == 303, act
        assert (await Editor.of(one_stage.secretary)).texts() == expected, act
    [announced] = await one_stage.log("announcement")
    editor = await Editor.of(one_stage.secretary)
    await editor.send(f"take:{announced.seq}")
    taken = (await Editor.of(one_stage.secretary)).rows[-2]
    assert taken[3] == "Thông báo tới các điểm cầu: “Gửi báo cáo trước 17 giờ”."
    assert taken[1] == announced.at.isoformat()


async def test_two_editors_are_shown_both_versions_and_nothing_is_lost(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    mine, theirs = await Editor.of(stage.secretary), await Editor.of(stage.secretary)
    theirs.rows[5][3] = "Câu của người kia."
    assert (await theirs.send()).status_code == 303
    mine.rows[5][3] = "Câu của tôi."
    refused = await mine.send()
    assert refused.status_code == 409
    page = unescape(refused.text)
    assert "Câu của tôi." in page
    assert "Câu của người kia." in page
    again = Editor(stage.secretary, refused.text)
    assert again.rows[5][3] == "Câu của tôi."
    assert (await again.send()).status_code == 303
    assert (await Editor.of(stage.secretary)).rows[5][3] == "Câu của tôi."


async def test_a_browser_s_line_ends_are_no_difference(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    mine, theirs = await Editor.of(one_stage.secretary), await Editor.of(one_stage.secretary)
    theirs.rows[5][3] = "Câu của người kia."
    await theirs.send()
    mine.rows = [[slot, moment, heading, text.replace("\n", "\r\n")] for slot, moment, heading, text in mine.rows]
    mine.rows[5][3] = "Câu của tôi."
    page = (await mine.send()).text
    assert page[page.index("gaps") :].split("</table>")[0].count("<tr>") == 2  # the head and the one paragraph


async def test_of_editors_at_the_same_moment_one_wins(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editors = [await Editor.of(stage.secretary) for _ in range(5)]
    for number, editor in enumerate(editors):
        editor.rows[5][3] = f"Câu {number}."
    answers = await asyncio.gather(*(editor.send() for editor in editors))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409, 409]


def body(editor: Editor, **changes: object) -> dict[str, object]:
    fields = editor.fields()
    columns = zip(fields["slot"], fields["heading"], fields["text"], fields["moment"], strict=True)
    paragraphs = [{"slot": s, "heading": h, "text": t, "moment": m} for s, h, t, m in columns]
    whole = {name: fields[name] for name in ("title", "secretary", "chair")}
    return {"version": editor.version, "paragraphs": paragraphs, **whole, **changes}


async def test_autosave_counts_versions_and_a_conflict_answers_with_both(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editor = await Editor.of(stage.secretary)
    same = await stage.secretary.post(API, json=body(editor))
    assert same.json()["version"] == 1
    saved = await stage.secretary.post(API, json=body(editor, title="Tên khác"))
    assert saved.json()["version"] == 2
    refused = await stage.secretary.post(API, json=body(editor, title="Tên thứ ba"))
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "changed_meanwhile"
    assert refused.json()["current"]["title"] == "Tên khác"
    assert refused.json()["current"]["version"] == 2
    assert len(refused.json()["current"]["paragraphs"]) == len(editor.rows)


PARAGRAPH = {"slot": "content", "heading": "", "text": "x", "moment": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": "mới"},
        {"version": 10**12},
        {"title": ""},
        {"title": "x" * 501},
        {"title": None},
        {"secretary": " "},
        {"paragraphs": "x"},
        {"paragraphs": [{**PARAGRAPH, "slot": "nowhere"}]},
        {"paragraphs": [{**PARAGRAPH, "moment": "hôm qua"}]},
        {"paragraphs": [{**PARAGRAPH, "moment": "2026-04-23T01:00:00"}]},
        {"paragraphs": [{**PARAGRAPH, "text": "a\u202eb"}]},
        {"paragraphs": [{**PARAGRAPH, "text": "a\x00b"}]},
        {"paragraphs": [{**PARAGRAPH, "text": "x" * 20_001}]},
        {"paragraphs": [PARAGRAPH] * 301},
        {"paragraphs": [{**PARAGRAPH, "slot": "time"}] * 2},
        {"paragraphs": [{**PARAGRAPH, "more": 1}]},
    ],
    ids=lambda changes: str(changes)[:50],
)
async def test_bad_autosaves_are_refused_with_one_sentence_and_nothing_is_kept(
    one_stage: Stage, changes: dict[str, object]
) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.of(one_stage.secretary)
    answer = await one_stage.secretary.post(API, json=body(editor, **changes))
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert (await Editor.of(one_stage.secretary)).rows == editor.rows


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "x"},
        {"version": ""},
        {"slot": ["content"]},
        {"moment": ["x"] * 9},
        {"title": "y" * 501},
        {"title": ""},
        {"text": ["a\x07"] * 12},
    ],
    ids=lambda changes: str(changes)[:40],
)
async def test_a_bad_form_is_refused_and_nothing_is_kept(one_stage: Stage, changes: dict[str, object]) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.of(one_stage.secretary)
    answer = await one_stage.secretary.post(PAGE, data={**editor.fields(), **changes})
    assert answer.status_code == 422
    assert (await Editor.of(one_stage.secretary)).rows == editor.rows


async def test_markup_is_text_and_what_was_typed_comes_back_with_the_fault(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.of(one_stage.secretary)
    editor.rows[5][3] = "</textarea><script>alert(1)</script>"
    editor.rows[6][3] = "chữ\u202eđảo"
    refused = await editor.send()
    assert refused.status_code == 422
    assert "<script>alert" not in refused.text
    assert "không hiển thị được" in refused.text
    assert "</textarea><script>alert(1)</script>" in unescape(refused.text)


async def test_incomplete_minutes_are_not_submitted_but_what_was_typed_stays(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editor = await Editor.filled(stage.secretary)
    editor.rows[1][3] = ""
    refused = await editor.send("submit")
    assert refused.status_code == 422
    assert "Địa điểm" in refused.text
    assert await stage.log("minutes.submitted") == []


async def test_submitted_minutes_are_read_only_until_they_come_back(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editor = await Editor.filled(stage.secretary)
    assert (await editor.send("submit")).status_code == 303
    late = await editor.send()
    assert late.status_code == 409
    assert "đang chờ duyệt" in late.text
    chair = await stage.chair()
    empty = await stage.post(chair, "minutes/return", version=str(editor.version), reason=" ")
    assert empty.status_code == 422
    assert "lý do trả lại" in empty.text
    returned = await stage.post(chair, "minutes/return", version=str(editor.version), reason="Thiếu ý kiến Sở Y tế")
    assert returned.status_code == 303
    assert "Thiếu ý kiến Sở Y tế" in (await stage.secretary.get(PAGE)).text
    assert (await (await Editor.of(stage.secretary)).send("submit")).status_code == 303
    [event] = await stage.log("minutes.returned")
    assert event.payload["reason"] == "Thiếu ý kiến Sở Y tế"


async def test_only_the_version_that_was_read_is_approved(stage: Stage) -> None:
    await stage.hold()
    await stage.draft()
    editor = await Editor.filled(stage.secretary)
    await editor.send("submit")
    chair = await stage.chair()
    assert (await stage.post(chair, "minutes/approve", version=str(editor.version + 1))).status_code == 409
    assert (await stage.post(chair, "minutes/approve", version="x")).status_code == 422
    assert (await stage.post(chair, "minutes/approve", version=str(editor.version))).status_code == 303
    assert (await stage.post(chair, "minutes/approve", version=str(editor.version))).status_code == 409


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.POINT, Role.GUEST, Role.ANONYMOUS)])
async def test_who_may_do_what_with_a_draft(one_stage: Stage, role: Role) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.filled(one_stage.secretary)
    stranger = await one_stage.account(role)
    sees = role is Role.OFFICE_LEADER
    assert (await stranger.get(PAGE)).status_code == (200 if sees else 403)
    assert (await stranger.get(f"{PAGE}/preview.pdf")).status_code == (200 if sees else 403)
    assert (await stranger.post(PAGE, data=editor.fields())).status_code == 403
    assert (await stranger.post(API, json=body(editor))).status_code == 403
    assert (await one_stage.post(stranger, "minutes/draft")).status_code == 403
    await editor.send("submit")
    approved = await one_stage.post(stranger, "minutes/approve", version=str(editor.version))
    assert approved.status_code == (303 if sees else 403)


async def test_the_preview_is_a_pdf_even_with_signs_that_cannot_be_filed(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.of(one_stage.secretary)
    editor.rows[5][3] = "Tốt 👍"
    await editor.send()
    answer = await one_stage.secretary.get(f"{PAGE}/preview.pdf")
    assert answer.content.startswith(b"%PDF")
    assert (await (await Editor.of(one_stage.secretary)).send("submit")).status_code == 422


async def test_paragraphs_of_the_recording_carry_links_to_their_moment(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.record()
    await one_stage.draft()
    page = (await one_stage.secretary.get(PAGE)).text
    assert 'data-seek="1320000"' in page  # the floor at minute 22
    assert "s1-0.webm#t=1320.0" in page


@pytest.mark.parametrize("meeting_id", ["x", "0" * 16, "%2e%2e"])
async def test_minutes_of_no_meeting_are_said_to_be_missing(one_stage: Stage, meeting_id: str) -> None:
    assert (await one_stage.secretary.get(f"/meetings/{meeting_id}/minutes")).status_code == 404


@pytest.mark.parametrize(
    "path", [PAGE, f"{PAGE}/preview.pdf", f"/meetings/{MEETING}/file", f"/meetings/{MEETING}/review"]
)
async def test_without_logging_in_nothing_of_it_is_seen(one_stage: Stage, path: str) -> None:
    await one_stage.hold()
    await one_stage.draft()
    async with Browser(one_stage.app) as nobody:
        answer = await nobody.get(path)
        changed = await nobody.post(PAGE, data={"version": "1"})
    assert answer.status_code in (303, 403)
    assert "Chủ tọa" not in answer.text
    assert changed.status_code == 403


async def test_the_longest_minutes_go_through_the_form(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    editor = await Editor.of(one_stage.secretary)
    editor.rows += [["content", "", f"Ý kiến thứ {n}.", ""] for n in range(300 - len(editor.rows))]
    assert (await editor.send()).status_code == 303
    assert len((await Editor.of(one_stage.secretary)).rows) == 300
    too_long = await Editor.of(one_stage.secretary)
    too_long.rows.append(["content", "", "Một đoạn nữa.", ""])
    refused = await too_long.send()
    assert refused.status_code == 422
    assert "Biên bản có quá 300 đoạn." in refused.text
