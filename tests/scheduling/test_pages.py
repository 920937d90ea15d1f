"""Today, the week, a plan and its papers, seen by the people who open them."""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from meetings.access import Role
from meetings.context import Context
from meetings.directory import points
from meetings.directory.identity import DEVICE_COOKIE
from meetings.scheduling.models import Meeting, MeetingParticipant, Paper
from meetings.scheduling.plans import get_meeting, set_state
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock
from tests.scheduling_stage import LATE, booked, filled, furnished, rows

PDF = b"%PDF-1.7\n" + b"x" * 2000


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    await furnished(context.database)
    return await log_in(Role.SECRETARY)


def upload(name: str = "Báo cáo.pdf", content: bytes = PDF, media_type: str = "application/pdf") -> Any:
    return [("papers", (name, content, media_type))]


async def at_point(app: FastAPI, venue_id: str) -> Browser:
    """A browser bound to a room by its link."""
    context: Context = app.state.context
    async with context.database.transaction() as session:
        token = await points.renew_link(session, context.settings, venue_id, context.clock.now())
        opened = await points.open_link(session, token, None, context.clock.now())
    browser = Browser(app)
    browser.cookies.set(DEVICE_COOKIE, opened.device, domain="hop.example.invalid")
    return browser


class TestWeek:
    async def test_a_meeting_stands_with_its_leaders_its_room_and_in_the_list(self, secretary: Browser) -> None:
        meeting_id = await booked(secretary, people=["ct", "p-xa1"])
        for view, words in (("leader", "wk-who"), ("room", "rm-track"), ("list", "Phòng họp số 1")):
            page = await secretary.get(f"/week?week=2026-W18&view={view}")
            assert page.status_code == 200
            assert f'href="/meetings/{meeting_id}"' in page.text
            assert words in page.text
        leader = await secretary.get("/week?week=2026-W18&view=leader")
        assert leader.text.count('class="ev chair"') == 1  # the deputy chairs it
        assert leader.text.count('class="ev"') == 1  # the chairman attends

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("leader=pct", True),
            ("leader=ct", False),
            ("leader=p-xa1", True),
            ("venue=r1", True),
            ("venue=xa1", False),
            ("point=xa1", True),
            ("point=r1", False),
            ("point=xa9", False),
            ("leader=pct&point=xa1", True),
            ("leader=%00%27", False),
        ],
    )
    async def test_it_is_filtered_by_leader_room_and_point(self, secretary: Browser, query: str, found: bool) -> None:
        await booked(secretary)
        page = await secretary.get(f"/week?week=2026-W18&view=list&{query}")
        assert page.status_code == 200
        assert ("Họp giao ban tuần 18" in page.text) is found

    @pytest.mark.parametrize("week", ["", "2026-W99", "x", "9999-W01", "2026-W17'", "٢٠٢٦-W17"])
    async def test_a_week_that_is_none_shows_this_one(self, secretary: Browser, week: str) -> None:
        page = await secretary.get("/week", params={"week": week})
        assert "Lịch công tác 20/4 – 24/4/2026" in page.text

    async def test_one_may_walk_from_week_to_week_over_the_new_year(self, secretary: Browser) -> None:
        page = await secretary.get("/week?week=2026-W53")
        assert "Lịch công tác 28/12 – 01/1/2027" in page.text
        assert "week=2026-W52" in page.text
        assert "week=2027-W01" in page.text

    async def test_a_meeting_on_saturday_adds_the_weekend(self, secretary: Browser) -> None:
        await booked(secretary, date="2026-05-16", start="07:30")
        page = await secretary.get("/week?week=2026-W20")
        assert "Thứ Bảy" in page.text
        assert "Lịch công tác 11/5 – 17/5/2026" in page.text

    async def test_a_holiday_is_named_and_nobody_is_said_to_be_where_nobody_entered(self, secretary: Browser) -> None:
        await booked(secretary)
        for view in ("leader", "room", "list"):
            page = (await secretary.get(f"/week?week=2026-W18&view={view}")).text
            assert "Nghỉ: Ngày Chiến thắng" in page
            assert "Nghỉ: Ngày Quốc tế Lao động" in page
            assert "làm việc tại cơ quan" not in page.casefold()
        secretary.cookies.set("locale", "en", domain="hop.example.invalid")
        assert "Day off: International Labor Day" in (await secretary.get("/week?week=2026-W18")).text

    async def test_an_administrator_is_told_why_there_is_nothing_to_see(
        self, secretary: Browser, log_in: LogIn
    ) -> None:
        await booked(secretary, date="2026-04-29")
        admin = await log_in(Role.ADMIN)
        for path in ("/", "/week?week=2026-W18", "/week?week=2026-W18&view=list"):
            page = (await admin.get(path)).text
            assert "Tài khoản này không xem lịch họp của cơ quan" in page, path
            assert "Họp giao ban tuần 18" not in page, path
            assert "Chưa có cuộc họp nào" not in page, path

    async def test_points_are_counted_the_same_on_every_page(self, secretary: Browser) -> None:
        meeting_id = await booked(secretary, points=["xa1", "xa2"])
        assert "· 3 điểm cầu" in (await secretary.get("/week?week=2026-W18&view=list")).text
        assert '<b>3</b></p><p class="ready-l">Điểm cầu' in (await secretary.get("/")).text
        assert 'id="diem-cau">Điểm cầu <span class="count">· 3' in (await secretary.get(f"/meetings/{meeting_id}")).text
        assert "3 điểm cầu và người chủ trì" in (await secretary.get(f"/meetings/{meeting_id}/cancel")).text

    async def test_keys_are_explained_where_they_work(self, secretary: Browser) -> None:
        week = (await secretary.get("/week")).text
        assert 'id="keys"' in week
        assert 'id="keys"' in (await secretary.get("/meetings/new")).text
        for key in ("j", "k", "t", "c", "1", "2", "3"):
            assert week.count(f'data-key="{key}"') == 1
            assert f"<kbd>{key.upper()}</kbd>" in week

    async def test_a_cancelled_meeting_leaves_the_week(self, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        await secretary.post(f"/meetings/{meeting_id}/cancel", data={"reason": "bat_kha_khang"})
        page = await secretary.get("/week?week=2026-W18&view=list")
        assert "Chưa có cuộc họp nào trong tuần 18" in page.text


class TestToday:
    async def test_no_answer_draws_no_bar(self, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        page = (await secretary.get(f"/meetings/{meeting_id}")).text
        bar = page.partition('<svg class="meter"')[2].partition("</svg>")[0]
        assert re.findall(r'width="([\d.]+)"', bar) == ["0.0", "0.0"]
        assert '<b class="num">0</b>sẽ dự' in page

    async def test_an_empty_house_says_what_to_do_next(self, secretary: Browser) -> None:
        page = await secretary.get("/")
        assert "Chưa có cuộc họp nào trong 14 ngày tới" in page.text
        assert 'href="/meetings/new"' in page.text

    async def test_the_next_meeting_comes_first_with_the_way_in_when_its_hour_is_near(
        self, secretary: Browser, clock: ManualClock
    ) -> None:
        meeting_id = await booked(secretary, date="2026-04-23", start="09:30", late_reason=LATE)
        await booked(secretary, title="Họp sau", start="14:00", chair_person_id="ct")
        page = (await secretary.get("/")).text
        assert page.index("Họp giao ban tuần 18") < page.index("Họp sau")
        assert "Còn 49 phút" in page
        assert f'href="/meetings/{meeting_id}/room"' in page
        clock.advance(3600)
        assert "Đã đến giờ" in (await secretary.get("/")).text

    async def test_a_leader_sees_only_what_concerns_the_leader(
        self, context: Context, secretary: Browser, log_in: LogIn
    ) -> None:
        await booked(secretary)
        chair = await log_in(Role.CHAIR, person_id="pct")
        invited = await log_in(Role.LEADER, person_id="p-xa1")
        other = await log_in(Role.LEADER, person_id="ct")
        assert "Họp giao ban tuần 18" in (await chair.get("/")).text
        assert "Trả lời giấy mời" in (await invited.get("/")).text
        assert "Họp giao ban tuần 18" not in (await other.get("/")).text

    async def test_what_is_due_waits_until_it_is_done(
        self, context: Context, secretary: Browser, clock: ManualClock
    ) -> None:
        meeting_id = await booked(secretary)
        assert "Gửi tài liệu họp" in (await secretary.get("/")).text
        await secretary.post(f"/meetings/{meeting_id}/papers", files=upload())
        assert "Gửi tài liệu họp" not in (await secretary.get("/")).text
        async with context.database.transaction() as session:
            await set_state(session, await get_meeting(session, meeting_id), "ended", clock.now())
        page = (await secretary.get("/")).text
        assert "Hoàn thiện biên bản" in page
        assert f'href="/meetings/{meeting_id}/minutes"' in page

    async def test_the_page_speaks_english_too(self, secretary: Browser) -> None:
        await booked(secretary)
        secretary.cookies.set("locale", "en", domain="hop.example.invalid")
        for path in ("/", "/week", "/meetings/new", "/outbox"):
            assert (await secretary.get(path)).status_code == 200


class TestPapers:
    async def test_a_paper_is_handed_out_as_it_came_and_never_shown_as_a_page(
        self, context: Context, secretary: Browser
    ) -> None:
        meeting_id = await booked(secretary)
        added = await secretary.post(f"/meetings/{meeting_id}/papers", files=upload("Báo cáo; “quý I”.pdf"))
        assert added.status_code == 303
        [paper] = await rows(context, Paper)
        answer = await secretary.get(f"/meetings/{meeting_id}/papers/{paper.id}")
        assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
        assert answer.headers["x-content-type-options"] == "nosniff"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith('attachment; filename="B_o c_o_ _qu_ I_.pdf"; filename*=UTF-8')
        assert "%C3%A1" in disposition

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("giả.pdf", b"MZ\x90\x00", "không đúng với đuôi tên"),
            ("giả.pdf", b"<script>", "không đúng với đuôi tên"),
            ("trang.html", b"<html>", "Không nhận tệp"),
            ("trống.pdf", b"", "trống"),
            ("bao\u202efdp.exe", PDF, "ký tự ẩn"),
            ("<script>alert(1)</script>.exe", PDF, "Không nhận tệp"),
        ],
    )
    async def test_a_file_that_is_not_what_its_name_says_is_refused_and_not_kept(
        self, context: Context, secretary: Browser, name: str, content: bytes, sentence: str
    ) -> None:
        meeting_id = await booked(secretary)
        answer = await secretary.post(f"/meetings/{meeting_id}/papers", files=upload(name, content))
        assert answer.status_code == 422
        assert sentence in answer.text
        assert "<script>alert" not in answer.text
        assert await rows(context, Paper) == []
        assert context.store.all_hashes() == []

    async def test_one_bad_file_among_good_ones_refuses_all(self, context: Context, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        both = [*upload(), *upload("giả.pdf", b"MZ")]
        assert (await secretary.post(f"/meetings/{meeting_id}/papers", files=both)).status_code == 422
        assert await rows(context, Paper) == []
        assert context.store.all_hashes() == []

    async def test_nothing_and_too_much_are_refused(self, context: Context, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        assert (await secretary.post(f"/meetings/{meeting_id}/papers", data={"x": "y"})).status_code == 422
        context.settings.max_upload_bytes = 1000
        answer = await secretary.post(f"/meetings/{meeting_id}/papers", files=upload())
        assert answer.status_code == 413
        assert await rows(context, Paper) == []

    async def test_why_somebody_declined_and_what_happened_is_for_accounts_not_for_a_rooms_device(
        self, app: FastAPI, context: Context, secretary: Browser
    ) -> None:
        meeting_id = await booked(secretary, people=["p-xa1"])
        async with context.database.transaction() as session:
            changed = update(MeetingParticipant).where(MeetingParticipant.meeting_id == meeting_id)
            await session.execute(changed.values(answer="declined", answer_reason="Đi viện"))
        async with await at_point(app, "xa1") as point:
            page = (await point.get(f"/meetings/{meeting_id}")).text
            assert "Họp giao ban tuần 18" in page
            assert "Đi viện" not in page
            assert "Đặt lịch, mời" not in page
        page = (await secretary.get(f"/meetings/{meeting_id}")).text
        assert "Đi viện" in page
        assert "Đặt lịch, mời" in page

    async def test_a_removed_paper_is_gone_for_readers_while_its_bytes_stay(
        self, context: Context, secretary: Browser
    ) -> None:
        meeting_id = await booked(secretary)
        await secretary.post(f"/meetings/{meeting_id}/papers", files=upload())
        [paper] = await rows(context, Paper)
        await secretary.post(f"/meetings/{meeting_id}/papers/{paper.id}/remove")
        assert (await secretary.get(f"/meetings/{meeting_id}/papers/{paper.id}")).status_code == 404
        assert context.store.verify(paper.sha256)
        assert "Bỏ tài liệu Báo cáo.pdf" in (await secretary.get(f"/meetings/{meeting_id}")).text

    async def test_the_same_file_twice_is_one_paper(self, context: Context, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        for _ in range(2):
            await secretary.post(f"/meetings/{meeting_id}/papers", files=upload())
        assert len(await rows(context, Paper)) == 1

    async def test_an_invited_room_reads_the_papers_and_another_room_does_not(
        self, app: FastAPI, context: Context, secretary: Browser, client: Browser
    ) -> None:
        meeting_id = await booked(secretary)
        other_id = await booked(secretary, title="Họp khác", start="14:00", points=["xa9"])
        await secretary.post(f"/meetings/{meeting_id}/papers", files=upload())
        [paper] = await rows(context, Paper)
        path = f"/meetings/{meeting_id}/papers/{paper.id}"
        async with await at_point(app, "xa1") as invited, await at_point(app, "xa9") as stranger:
            assert (await invited.get(path)).status_code == 200
            assert (await stranger.get(path)).status_code == 403
            assert (await stranger.get(f"/meetings/{other_id}/papers/{paper.id}")).status_code == 404
            assert (await invited.post(f"/meetings/{meeting_id}/papers", files=upload("x.pdf"))).status_code == 403
        assert (await client.get(path)).status_code == 303


class TestPlan:
    async def test_each_role_has_its_own_buttons(self, secretary: Browser, log_in: LogIn) -> None:
        meeting_id = await booked(secretary)
        buttons = {"room", "console", "edit", "cancel", "copy"}

        async def seen(browser: Browser) -> set[str]:
            page = (await browser.get(f"/meetings/{meeting_id}")).text
            return {name for name in buttons if f'href="/meetings/{meeting_id}/{name}"' in page}

        assert await seen(secretary) == buttons
        assert await seen(await log_in(Role.CHAIR, person_id="pct")) == {"room", "console"}
        assert await seen(await log_in(Role.OPERATOR)) == {"room", "console"}
        assert await seen(await log_in(Role.CLERK)) == set()
        assert await seen(await log_in(Role.LEADER, person_id="p-xa1")) == {"room"}

    async def test_a_meeting_under_way_or_over_is_not_changed_by_the_form(
        self, context: Context, secretary: Browser, clock: ManualClock
    ) -> None:
        meeting_id = await booked(secretary)
        for state in ("in_session", "ended"):
            async with context.database.transaction() as session:
                await set_state(session, await get_meeting(session, meeting_id), state, clock.now())
            answer = await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(title="Khác", version="1"))
            assert answer.status_code == 409
            cancel = await secretary.post(f"/meetings/{meeting_id}/cancel", data={"reason": "bat_kha_khang"})
            assert cancel.status_code == 409
        page = await secretary.get(f"/meetings/{meeting_id}")
        assert f'href="/meetings/{meeting_id}/minutes"' in page.text
        assert f'href="/meetings/{meeting_id}/review"' in page.text
        assert [meeting.title for meeting in await rows(context, Meeting)] == ["Họp giao ban tuần 18"]

    async def test_an_invitation_is_shown_as_the_official_form(self, secretary: Browser) -> None:
        meeting_id = await booked(secretary)
        page = (await secretary.get(f"/meetings/{meeting_id}/invitation")).text
        for words in (
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
            "GIẤY MỜI",
            "ngày 23 tháng 4 năm 2026",
            "Thời gian: 08 giờ 00, ngày 29 tháng 4 năm 2026.",
            "- Ông Nguyễn Văn xa1, Chủ tịch UBND xã xa1",
            "./.",
        ):
            assert words in page

    @pytest.mark.parametrize("meeting_id", ["x", "0" * 16, "%00", "..", "A" * 3000])
    async def test_a_meeting_that_is_not_there_is_said_so(self, secretary: Browser, meeting_id: str) -> None:
        assert (await secretary.get(f"/meetings/{meeting_id}/edit")).status_code == 404
