"""Booking through the form: what is stored, what is refused and with which words, and that refusals store nothing."""

from typing import Any

import pytest
import structlog

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.errors import NoSpace
from meetings.jobs import Job
from meetings.scheduling.models import (
    AgendaItem,
    BookingDraft,
    Letter,
    Meeting,
    MeetingPoint,
    Paper,
)
from meetings.store import Store
from tests.conftest import LogIn
from tests.fakes import Browser
from tests.scheduling_stage import booked, filled, furnished, invited, rows

PDF = b"%PDF-1.7\n"


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    await furnished(context.database)
    return await log_in(Role.SECRETARY)


async def test_a_booked_meeting_has_its_points_people_agenda_letters_and_a_line_in_the_log(
    context: Context, secretary: Browser
) -> None:
    meeting_id = await booked(secretary, guests="Ông Khách; Giám đốc; Sở Y; khach@so.example.invalid")
    [meeting] = await rows(context, Meeting)
    assert (meeting.id, meeting.title, meeting.state, meeting.sequence) == (
        meeting_id,
        "Họp giao ban tuần 18",
        "scheduled",
        0,
    )
    assert meeting.starts_at.isoformat() == "2026-04-29T01:00:00+00:00"
    points = await rows(context, MeetingPoint, "position")
    assert [(p.venue_id, p.role) for p in points] == [("r1", "main"), ("xa1", "member"), ("xa2", "member")]
    assert points[1].unit_name == "Ủy ban nhân dân xã xa1"
    people = await invited(context)
    assert [(p.name, p.post) for p in people][-1] == ("Ông Khách", "Giám đốc")
    assert people[0].name == "Ông Nguyễn Văn xa1"
    assert [item.title for item in await rows(context, AgendaItem, "position")] == ["Khai mạc", "Thảo luận"]
    assert len(await rows(context, Letter)) == len(await rows(context, Job)) == 3
    async with context.database.read() as session:
        [event] = await events.read_after(session, f"meeting:{meeting_id}", 0)
    assert (event.kind, event.actor_id, event.payload["invited"]) == ("meeting.booked", secretary.account_id, 3)
    page = await secretary.get(f"/meetings/{meeting_id}")
    assert page.status_code == 200
    for words in ("Họp giao ban tuần 18", "08:00–09:30", "Điểm cầu xã xa1", "Bà Trần Thị Chủ Trì", "08:10"):
        assert words in page.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"chair_person_id": "ct"},
            "Phòng họp số 1 đã có cuộc họp “Họp giao ban tuần 18” từ 08:00 đến 09:30 ngày 29/04.",
        ),
        ({"main_venue_id": "r2"}, "Bà Trần Thị Chủ Trì đã chủ trì “Họp giao ban tuần 18” từ 08:00 đến 09:30"),
        (
            {"chair_person_id": "ct", "main_venue_id": "r2", "points": ["xa2", "xa3"]},
            "Điểm cầu xã xa2 đã có cuộc họp “Họp giao ban tuần 18”",
        ),
    ],
)
async def test_a_taken_chair_room_or_point_is_refused_and_named(
    context: Context, secretary: Browser, changes: dict[str, Any], sentence: str
) -> None:
    await booked(secretary)
    answer = await secretary.post("/meetings/new", data=filled(title="Họp khác", start="09:00", **changes))
    assert answer.status_code == 409
    assert sentence in answer.text
    assert 'value="Họp khác"' in answer.text
    assert len(await rows(context, Meeting)) == 1


async def test_the_next_meeting_may_begin_when_the_last_one_ends(secretary: Browser) -> None:
    await booked(secretary)
    await booked(secretary, title="Họp sau", start="09:30")


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"title": ""}, "title", "Vui lòng nhập tên cuộc họp"),
        ({"title": "x" * 301}, "title", "dài quá 300 ký tự"),
        ({"title": "Họp \u202eđảo"}, "title", "ký tự ẩn"),
        ({"title": "Họp\x07"}, "title", "ký tự ẩn"),
        ({"title": ["Họp", "x" * 500]}, "title", "dài quá"),
        ({"kind": "<script>"}, "kind", "chọn loại cuộc họp"),
        ({"chair_person_id": "khong-co"}, "chair_person_id", "không còn trong danh mục"),
        ({"main_venue_id": "khong-co"}, "main_venue_id", "không còn trong danh mục"),
        ({"points": ["xa1", "khong-co"]}, "points", "không còn trong danh mục"),
        ({"people": ["%00"]}, "people", "không có trong danh sách"),
        ({"date": "hôm qua"}, "date", "nhập ngày họp"),
        ({"date": "2020-01-01"}, "date", "Giờ họp đã qua"),
        ({"start": "24:00"}, "start", "nhập giờ bắt đầu"),
        ({"length": "-1"}, "length", "thời lượng từ 5 đến"),
        ({"classification": "mat"}, "classification", "Luật Bảo vệ bí mật nhà nước số 117/2025/QH15"),
        ({"title": "Họp tối mật"}, "title", "Luật Bảo vệ bí mật nhà nước số 117/2025/QH15"),
        ({"agenda_title": ["Nghe báo cáo (MẬT)", "Thảo luận"]}, "title", "bí mật nhà nước"),
        ({"agenda_minutes": ["nhiều", ""]}, "agenda-1", "nhập một số"),
        ({"guests": "Ông A; khong-phai-thu@"}, "guests", "chưa đúng"),
        ({"date": "2026-04-24"}, "late_reason", "đột xuất"),
    ],
)
async def test_bad_input_gets_one_sentence_at_its_field_and_nothing_is_booked(
    context: Context,
    secretary: Browser,
    changes: dict[str, Any],
    field: str,
    sentence: str,
) -> None:
    await secretary.token()
    with structlog.testing.capture_logs() as lines:
        answer = await secretary.post("/meetings/new", data=filled(**changes))
    assert answer.status_code == 422
    assert [(line["event"], line["page"], line["fields"]) for line in lines] == [("form.refused", "booking", [field])]
    assert answer.text.count('id="' + field + '-why"') == 1
    assert sentence in answer.text
    assert await rows(context, Meeting) == await rows(context, Letter) == await rows(context, Job) == []


async def test_all_that_is_wrong_is_told_at_once_and_each_sentence_leads_to_its_field(
    context: Context, secretary: Browser
) -> None:
    await booked(secretary)
    form = filled(
        title="Họp tối mật",
        kind="",
        start="09:00",
        people=["p-xa1", "khong-co"],
        agenda_title=["", "Thảo luận"],
        guests="khong@ten\nÔng A; sai@",
        length="90",
    )
    files = [("papers", ("báo cáo.pdf", b"khong phai pdf", "application/pdf"))]
    answer = await secretary.post("/meetings/new", data=form, files=files)
    assert answer.status_code == 422
    fields = ["kind", "chair_person_id", "main_venue_id", "points", "people", "guests", "agenda-1", "papers", "title"]
    for field in fields:
        assert f'<a href="#{field}">' in answer.text, field
        assert f'id="{field}"' in answer.text, field
        assert f'id="{field}-why"' in answer.text, field
    for field in ("title", "kind", "chair_person_id", "main_venue_id", "guests", "agenda-1", "papers"):
        tag = answer.text.partition(f'id="{field}"')[2].partition(">")[0]
        assert 'aria-invalid="true"' in tag, field
        assert f"{field}-why" in tag.partition("aria-describedby=")[2], field
    told = [answer.text.index(f'<a href="#{field}">') for field in ("title", "kind", "chair_person_id", "papers")]
    assert told == sorted(told)
    assert "Có 11 mục cần sửa:" in answer.text
    assert len(await rows(context, Meeting)) == 1


async def test_the_day_is_shown_as_day_month_year_and_a_holiday_is_named(context: Context, secretary: Browser) -> None:
    meeting_id = await booked(secretary)
    assert 'name="date" value="29/04/2026"' in (await secretary.get(f"/meetings/{meeting_id}/edit")).text
    page = (await secretary.post("/meetings/new", data=filled(title="", date="30/04/2026"))).text
    assert 'type="date"' not in page.partition('name="date"')[2].partition(">")[0]
    assert "30/04/2026: ngày nghỉ, Ngày Chiến thắng" in page
    assert "02/09/2026" in page.partition("data-off=")[2].partition(">")[0]


async def test_markup_is_shown_as_typed_and_never_as_markup(secretary: Browser) -> None:
    meeting_id = await booked(secretary, title="<script>alert(1)</script> & “họp”", note="<b>đậm</b>")
    for path in ("", "/edit", "/copy", "/cancel", "/invitation"):
        page = await secretary.get(f"/meetings/{meeting_id}{path}")
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
        assert "<b>đậm" not in page.text
    for path in (
        "/",
        "/week?week=2026-W18&view=leader",
        "/week?week=2026-W18&view=room",
        "/week?week=2026-W18&view=list",
    ):
        page = await secretary.get(path)
        assert "&lt;script&gt;" in page.text, path
        assert "<script>alert" not in page.text


async def test_a_form_of_another_site_and_a_forged_token_are_refused(context: Context, secretary: Browser) -> None:
    foreign = await secretary.request("POST", "/meetings/new", data=filled(), forged=True)
    forged = await secretary.request("POST", "/meetings/new", data=filled(csrf_token="0" * 64), forged=True)
    assert (foreign.status_code, forged.status_code) == (403, 403)
    assert await rows(context, Meeting) == []


@pytest.mark.parametrize("role", [Role.CHAIR, Role.LEADER, Role.CLERK, Role.OPERATOR, Role.AUDITOR, Role.ADMIN])
async def test_only_the_office_books(context: Context, log_in: LogIn, secretary: Browser, role: Role) -> None:
    browser = await log_in(role)
    assert (await browser.get("/meetings/new")).status_code == 403
    assert (await browser.post("/meetings/new", data=filled())).status_code == 403
    meeting_id = await booked(secretary)
    for path in ("edit", "cancel"):
        assert (await browser.get(f"/meetings/{meeting_id}/{path}")).status_code == 403
    assert (await browser.post(f"/meetings/{meeting_id}/edit", data=filled(title="Khác"))).status_code == 403
    assert (await browser.post(f"/meetings/{meeting_id}/cancel", data={"reason": "khac"})).status_code == 403
    assert [meeting.title for meeting in await rows(context, Meeting)] == ["Họp giao ban tuần 18"]


async def test_another_secretary_sees_but_does_not_change_while_the_office_leader_does(
    secretary: Browser, log_in: LogIn
) -> None:
    meeting_id = await booked(secretary)
    other, leader = await log_in(Role.SECRETARY), await log_in(Role.OFFICE_LEADER)
    assert (await other.get(f"/meetings/{meeting_id}")).status_code == 200
    assert (await other.get(f"/meetings/{meeting_id}/edit")).status_code == 403
    assert (await leader.get(f"/meetings/{meeting_id}/edit")).status_code == 200


async def test_nobody_known_is_led_to_the_log_in(client: Browser, context: Context) -> None:
    for path in ("/", "/week", "/meetings/new", "/outbox", "/meetings/0000000000000000"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), path


async def test_a_late_invitation_goes_with_its_reason(context: Context, secretary: Browser) -> None:
    await booked(secretary, date="2026-04-24", late_reason="Theo chỉ đạo của Chủ tịch", urgent="1")
    [meeting] = await rows(context, Meeting)
    assert (meeting.periodic, meeting.late_reason) == (False, "Theo chỉ đạo của Chủ tịch")


async def test_a_refused_form_loses_nothing_uploads_neither(context: Context, secretary: Browser) -> None:
    answer = await secretary.post(
        "/meetings/new",
        data=filled(title="", note="Giữ lại", points=["xa3", "xa4"]),
        files=[("papers", ("Báo cáo.pdf", PDF, "application/pdf"))],
    )
    assert answer.status_code == 422
    for words in ("Giữ lại", "Báo cáo.pdf", 'value="xa3" checked', 'value="Khai mạc"'):
        assert words in answer.text
    [draft] = await rows(context, BookingDraft)
    again = filled(points=["xa3", "xa4"], draft_id=draft.id, draft_version=str(draft.version))
    meeting_id = (await secretary.post("/meetings/new", data=again)).headers["location"].rpartition("/")[2]
    [paper] = await rows(context, Paper)
    assert (paper.meeting_id, paper.filename, paper.size) == (meeting_id, "Báo cáo.pdf", len(PDF))
    assert await rows(context, BookingDraft) == []


async def test_a_full_disk_shows_the_form_again_with_what_was_typed(context: Context, secretary: Browser) -> None:
    class Full(Store):
        def put_bytes(self, content: bytes) -> str:
            raise NoSpace("Máy chủ đã hết chỗ lưu.")

    object.__setattr__(context, "store", Full(context.settings.files_dir))
    answer = await secretary.post(
        "/meetings/new",
        data=filled(note="Giữ lại"),
        files=[("papers", ("Báo cáo.pdf", PDF, "application/pdf"))],
    )
    assert answer.status_code == 507
    for words in ("hết chỗ lưu", "Giữ lại", 'value="Khai mạc"'):
        assert words in answer.text
    assert await rows(context, Meeting) == []


async def test_a_draft_is_saved_while_typing_and_two_windows_do_not_overwrite_each_other(
    context: Context, secretary: Browser
) -> None:
    first = (await secretary.post("/meetings/drafts", data=filled(title="Một"))).json()
    place = {"draft_id": first["draft_id"], "draft_version": str(first["draft_version"])}
    second = await secretary.post("/meetings/drafts", data=filled(title="Hai", **place))
    assert second.json()["draft_version"] == 2
    stale = await secretary.post(
        "/meetings/drafts", data=filled(title="Ba", **place), headers={"Accept": "application/json"}
    )
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "draft_version")
    assert 'value="Hai"' in (await secretary.get(f"/meetings/new?draft={first['draft_id']}")).text
    assert "Đặt tiếp lịch họp đang soạn" in (await secretary.get("/")).text
    await secretary.post("/meetings/drafts/drop", data={"draft_id": first["draft_id"]})
    assert await rows(context, BookingDraft) == []


async def test_somebody_elses_draft_cannot_be_read_or_dropped(
    context: Context, secretary: Browser, log_in: LogIn
) -> None:
    draft_id = (await secretary.post("/meetings/drafts", data=filled())).json()["draft_id"]
    other = await log_in(Role.SECRETARY)
    assert (await other.get(f"/meetings/new?draft={draft_id}")).status_code == 404
    await other.post("/meetings/drafts/drop", data={"draft_id": draft_id})
    assert len(await rows(context, BookingDraft)) == 1


async def test_a_copy_has_everything_but_the_day(context: Context, secretary: Browser) -> None:
    meeting_id = await booked(secretary)
    page = await secretary.get(f"/meetings/{meeting_id}/copy")
    assert 'value="Họp giao ban tuần 18"' in page.text
    assert 'value="2026-04-29"' not in page.text
    assert 'value="xa2" checked' in page.text
    await booked(secretary, date="2026-05-06", copied_from_id=meeting_id)
    copy = next(one for one in await rows(context, Meeting) if one.id != meeting_id)
    assert (copy.copied_from_id, copy.uid != (await rows(context, Meeting, "id"))[0].uid) == (meeting_id, True)


async def test_without_a_script_a_button_adds_lines_to_the_agenda(secretary: Browser) -> None:
    page = await secretary.post("/meetings/new", data=filled(act="row"))
    assert page.status_code == 200
    assert page.text.count('name="agenda_title"') > 3


async def test_two_faults_are_told_together(secretary: Browser) -> None:
    answer = await secretary.post("/meetings/new", data=filled(title="", length="x"))
    assert "Có 2 mục cần sửa" in answer.text
    assert 'id="title-why"' in answer.text
    assert 'id="length-why"' in answer.text
