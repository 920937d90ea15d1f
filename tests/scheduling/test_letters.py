"""Letters: what they hold, through a real mail server or into the folder; updates, cancellations, answers."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from icalendar import Calendar

from meetings import events
from meetings.access import Role
from meetings.context import Context
from meetings.jobs import JobContext
from meetings.scheduling.jobs import send_letter
from meetings.scheduling.models import Letter, Meeting
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock
from tests.fakes_mail import Postman
from tests.scheduling_stage import booked, filled, furnished, invited, post_letters, rows


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    await furnished(context.database)
    return await log_in(Role.SECRETARY)


def calendar_of(message: EmailMessage) -> Any:
    [part] = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return Calendar.from_ical(content)


def answer_path(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return "/answer/" + str(body.get_content()).partition("/answer/")[2].split()[0]


async def test_a_booking_sends_each_participant_a_letter_with_text_page_and_calendar(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary, note="Mang theo báo cáo <b>quý I</b>")
    assert await post_letters(context) == 2
    [message] = postman.to("xa1@xa.example.invalid")
    assert message["Subject"] == "Giấy mời: Họp giao ban tuần 18"
    assert str(message["From"]) == "Văn phòng UBND tỉnh <van-phong@example.invalid>"
    assert str(message["To"]) == "Ông Nguyễn Văn xa1 <xa1@xa.example.invalid>"
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    calendar = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    assert calendar["Content-Transfer-Encoding"] == "base64"
    attached = next(message.iter_attachments())
    assert attached.get_filename() == "invite.ics"
    assert attached.get_payload(decode=True) == calendar.get_payload(decode=True)
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    for words in ("Chủ trì: Bà Trần Thị Chủ Trì, Phó Chủ tịch", "Thời gian: 08:00 đến 09:30, Thứ Tư, ngày 29/04/2026"):
        assert words in text.get_content()
    assert "&lt;b&gt;quý I" in page.get_content()
    [event] = calendar_of(message).walk("VEVENT")
    [meeting] = await rows(context, Meeting)
    assert (str(event["UID"]), event["SEQUENCE"]) == (meeting.uid, 0)
    assert str(event["ATTENDEE"]) == "mailto:xa1@xa.example.invalid"
    assert "xa2@" not in str(message)
    async with context.database.read() as session:
        kinds = [event.kind for event in await events.read_after(session, f"meeting:{meeting_id}", 0)]
    assert kinds == ["meeting.booked", "invitation.handed", "invitation.handed"]


async def test_a_moved_meeting_is_the_same_event_with_a_higher_sequence_and_asks_anew(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    await secretary.post(answer_path(postman.came[0]), data={"answer": "accepted"})
    answer = await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(start="14:00", version="1"))
    assert answer.status_code == 303, answer.text
    await post_letters(context)
    first, second = postman.to("xa1@xa.example.invalid")
    before, after = calendar_of(first).walk("VEVENT")[0], calendar_of(second).walk("VEVENT")[0]
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after["DTSTART"].dt.hour == 14
    assert second["Subject"].startswith("Thay đổi giấy mời")
    assert {one.answer for one in await invited(context)} == {"none"}


async def test_a_mended_word_is_told_without_a_new_sequence_and_answers_stand(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    await secretary.post(answer_path(postman.to("xa1@")[0]), data={"answer": "accepted"})
    await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(title="Họp giao ban tuần 19", version="1"))
    await post_letters(context)
    event = calendar_of(postman.to("xa1@")[1]).walk("VEVENT")[0]
    assert (event["SEQUENCE"], str(event["SUMMARY"])) == (0, "Họp giao ban tuần 19")
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert sorted(one.answer for one in await invited(context)) == ["accepted", "none"]


async def test_a_change_that_no_letter_shows_sends_none(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    unticked = {name: value for name, value in filled(version="1").items() if name != "recording_planned"}
    assert (await secretary.post(f"/meetings/{meeting_id}/edit", data=unticked)).status_code == 303
    await post_letters(context)
    assert len(postman.came) == 2
    assert [meeting.recording_planned for meeting in await rows(context, Meeting)] == [False]


async def test_who_is_taken_off_the_list_gets_a_cancel_and_who_is_new_a_request(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(people=["p-xa2", "p-xa3"], version="1"))
    await post_letters(context)
    assert [str(calendar_of(one)["METHOD"]) for one in postman.to("xa1@")] == ["REQUEST", "CANCEL"]
    assert [str(calendar_of(one)["METHOD"]) for one in postman.to("xa2@")] == ["REQUEST"]
    assert [str(calendar_of(one)["METHOD"]) for one in postman.to("xa3@")] == ["REQUEST"]


async def test_a_cancelled_meeting_tells_everybody_why_and_frees_its_rooms(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    form = {"reason": "chua_chuan_bi_kip", "explanation": "Chờ số liệu"}
    assert (await secretary.post(f"/meetings/{meeting_id}/cancel", data=form)).status_code == 303
    await post_letters(context)
    request, cancel = postman.to("xa1@")
    assert calendar_of(cancel)["METHOD"] == "CANCEL"
    [event] = calendar_of(cancel).walk("VEVENT")
    assert (event["SEQUENCE"], event["STATUS"]) == (1, "CANCELLED")
    assert event["UID"] == calendar_of(request).walk("VEVENT")[0]["UID"]
    body = cancel.get_body(("plain",))
    assert body is not None
    assert "Lý do: Chưa chuẩn bị kịp: Chờ số liệu" in body.get_content()
    await booked(secretary, title="Họp khác trong phòng vừa trống")
    page = await secretary.get(f"/meetings/{meeting_id}")
    assert "Cuộc họp đã hủy." in page.text


async def test_the_cancel_page_counts_whom_letters_reach_and_whom_not(
    context: Context, secretary: Browser, mail_server: Controller
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1", "p-xa2", "ct"])
    page = (await secretary.get(f"/meetings/{meeting_id}/cancel")).text
    assert "Thư hủy sẽ được gửi cho 2 người." in page
    assert "2 người không có địa chỉ thư, cần báo bằng cách khác." in page  # the chair is one of them


async def test_without_a_mail_server_neither_booking_nor_cancelling_promises_to_send(secretary: Browser) -> None:
    form = (await secretary.get("/meetings/new")).text
    assert "Đặt lịch và soạn giấy mời" in form
    assert "Đặt lịch và gửi giấy mời" not in form
    page = (await secretary.get(f"/meetings/{await booked(secretary)}/cancel")).text
    assert "Thư hủy cho 2 người sẽ nằm ở Thư đi vì chưa có máy chủ thư" in page


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "chọn lý do hủy họp"),
        ({"reason": "vi thích"}, "chọn lý do hủy họp"),
        ({"reason": "khac", "explanation": "  "}, "ghi rõ lý do"),
        ({"reason": "khac", "explanation": "\u202ex"}, "ký tự ẩn"),
        ({"reason": "khac", "explanation": "x" * 501}, "dài quá 500"),
    ],
)
async def test_a_cancellation_without_its_reason_is_refused(
    context: Context, secretary: Browser, form: dict[str, str], sentence: str
) -> None:
    meeting_id = await booked(secretary)
    answer = await secretary.post(f"/meetings/{meeting_id}/cancel", data=form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert [meeting.state for meeting in await rows(context, Meeting)] == ["scheduled"]


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(context: Context, secretary: Browser) -> None:
    meeting_id = await booked(secretary)
    await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(title="Lần một", version="1"))
    stale = await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(title="Lần hai", version="1"))
    assert stale.status_code == 409
    assert "vừa được người khác sửa" in stale.text
    assert [meeting.title for meeting in await rows(context, Meeting)] == ["Lần một"]


async def test_letters_wait_while_the_server_is_down_and_a_cancel_never_overtakes_its_request(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman, clock: ManualClock
) -> None:
    mail_server.stop()
    meeting_id = await booked(secretary, people=["p-xa1"])
    assert await post_letters(context) == 1
    await secretary.post(f"/meetings/{meeting_id}/cancel", data={"reason": "bat_kha_khang"})
    assert await post_letters(context) == 0  # the request has not gone yet: nothing else may
    assert [letter.state for letter in await rows(context, Letter, "number")] == ["queued", "queued"]
    assert "Đang chờ gửi" in (await secretary.get("/outbox")).text
    again = Controller(postman, hostname="127.0.0.1", port=mail_server.port)
    again.start()
    try:
        clock.advance(6)
        assert await post_letters(context) == 2
    finally:
        again.stop()
    assert [str(calendar_of(message)["METHOD"]) for message in postman.came] == ["REQUEST", "CANCEL"]
    assert [letter.state for letter in await rows(context, Letter, "number")] == ["handed", "handed"]


async def test_an_address_that_the_server_refuses_is_shown_and_can_be_tried_again(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    postman.refuses["xa1@xa.example.invalid"] = "550 no such person"
    await booked(secretary)
    await post_letters(context)
    failed = next(letter for letter in await rows(context, Letter) if letter.state == "failed")
    assert failed.to_address == "xa1@xa.example.invalid"
    page = await secretary.get("/outbox?state=failed")
    assert "no such person" in page.text
    assert "Thư không gửi được" in (await secretary.get("/")).text
    postman.refuses.clear()
    await secretary.post("/outbox/retry", data={"letter": failed.id})
    await post_letters(context)
    assert len(postman.to("xa1@")) == 1


async def test_a_server_that_asks_to_come_back_later_is_asked_again(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman, clock: ManualClock
) -> None:
    postman.refuses["xa1@xa.example.invalid"] = "451 greylisted"
    await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    assert [(letter.state, "greylisted" in letter.error) for letter in await rows(context, Letter)] == [
        ("queued", True)
    ]
    postman.refuses.clear()
    clock.advance(6)
    await post_letters(context)
    assert [letter.state for letter in await rows(context, Letter)] == ["handed"]


async def test_a_job_that_runs_twice_sends_one_letter_or_the_same_one(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    await booked(secretary, people=["p-xa1"])
    [letter] = await rows(context, Letter)
    job = JobContext("job", {"letter_id": letter.id}, 1, context.database, context.clock, "worker")
    await asyncio.gather(
        send_letter(job, context.settings, context.translations),
        send_letter(job, context.settings, context.translations),
    )
    await send_letter(job, context.settings, context.translations)
    assert len({message["Message-ID"] for message in postman.came}) == 1
    assert [letter.state for letter in await rows(context, Letter)] == ["handed"]
    async with context.database.read() as session:
        sent = [
            e
            for e in await events.read_after(session, f"meeting:{letter.meeting_id}", 0)
            if e.kind == "invitation.handed"
        ]
    assert len(sent) == 1


async def test_without_a_mail_server_letters_lie_in_a_folder_that_the_office_can_read(
    context: Context, secretary: Browser, log_in: LogIn
) -> None:
    await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    [letter] = await rows(context, Letter)
    content = (context.settings.outbox_dir / f"{letter.id}.eml").read_bytes()
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert calendar_of(message)["METHOD"] == "REQUEST"
    listed = await secretary.get("/outbox")
    assert "Chưa có máy chủ thư" in listed.text
    page = await secretary.get(f"/outbox/{letter.id}.eml")
    assert "Giấy mời: Họp giao ban tuần 18" in page.text
    assert "BEGIN:VCALENDAR" in page.text
    file = await secretary.get(f"/outbox/{letter.id}.eml/file")
    assert (file.headers["content-type"], file.content) == ("message/rfc822", content)
    assert "attachment" in file.headers["content-disposition"]
    clerk = await log_in(Role.CLERK)
    for path in ("/outbox", f"/outbox/{letter.id}.eml", f"/outbox/{letter.id}.eml/file"):
        assert (await clerk.get(path)).status_code == 403


async def test_whoever_reads_the_outbox_gets_no_answer_link_and_only_its_own_people_the_letter(
    context: Context, secretary: Browser, log_in: LogIn
) -> None:
    await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    [letter] = await rows(context, Letter)
    message = message_from_bytes((context.settings.outbox_dir / f"{letter.id}.eml").read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    token = answer_path(message).removeprefix("/answer/")
    for role, status in [(Role.SECRETARY, 403), (Role.OPERATOR, 403), (Role.ADMIN, 403), (Role.OFFICE_LEADER, 200)]:
        reader = await log_in(role)
        page = (await reader.get(f"/outbox/{letter.id}.eml")).text
        assert "/answer/…" in page
        assert token not in page
        assert (f"/outbox/{letter.id}.eml/file" in page) is (status == 200)
        assert (await reader.get(f"/outbox/{letter.id}.eml/file")).status_code == status, role
    assert token not in (await secretary.get(f"/outbox/{letter.id}.eml")).text
    assert (await secretary.get(f"/outbox/{letter.id}.eml/file")).status_code == 200


@pytest.mark.parametrize("name", ["..%2Fmeetings.db", "x.eml", "0000000000000000.eml", "%00.eml", ".eml"])
async def test_only_letters_are_read_from_the_folder(secretary: Browser, name: str) -> None:
    assert (await secretary.get(f"/outbox/{name}")).status_code == 404


class TestAnswers:
    @pytest.fixture
    async def link(self, context: Context, secretary: Browser) -> str:
        await booked(secretary, people=["p-xa1"])
        await post_letters(context)
        [letter] = await rows(context, Letter)
        message = message_from_bytes((context.settings.outbox_dir / f"{letter.id}.eml").read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        return answer_path(message)

    async def test_opening_the_link_changes_nothing(self, context: Context, client: Browser, link: str) -> None:
        before = await invited(context)
        for _ in range(3):
            page = await client.get(link)
            assert page.status_code == 200
            await client.head(link)
        assert "Họp giao ban tuần 18" in page.text
        assert [one.answer for one in await invited(context)] == [before[0].answer] == ["none"]

    async def test_yes_and_then_no_with_a_reason_without_an_account(
        self, context: Context, client: Browser, secretary: Browser, link: str
    ) -> None:
        yes = await client.post(link, data={"answer": "accepted"})
        assert yes.status_code == 303
        assert "Đã ghi nhận trả lời của Ông Nguyễn Văn xa1" in (await client.get(yes.headers["location"])).text
        await client.post(link, data={"answer": "declined", "reason": "Đi công tác <b>Hà Nội</b>"})
        [one] = await invited(context)
        assert (one.answer, one.answer_reason) == ("declined", "Đi công tác <b>Hà Nội</b>")
        plan = await secretary.get(f"/meetings/{one.meeting_id}")
        assert "không dự được (Đi công tác &lt;b&gt;Hà Nội" in plan.text
        async with context.database.read() as session:
            log = await events.read_after(session, f"meeting:{one.meeting_id}", 0)
        assert [e.payload["answer"] for e in log if e.kind == "invitation.answered"] == ["accepted", "declined"]

    async def test_the_log_names_the_account_that_answered_and_nobody_else(
        self, context: Context, client: Browser, secretary: Browser, link: str
    ) -> None:
        await client.post(link, data={"answer": "accepted"})
        await secretary.post(link, data={"answer": "declined", "reason": "Đi công tác"})
        [one] = await invited(context)
        async with context.database.read() as session:
            log = await events.read_after(session, f"meeting:{one.meeting_id}", 0)
        answered = [event.actor_id for event in log if event.kind == "invitation.answered"]
        assert answered == [None, secretary.account_id]

    async def test_an_answer_is_changed_ten_times_an_hour_and_no_more(
        self, context: Context, client: Browser, clock: ManualClock, link: str
    ) -> None:
        for n in range(10):
            answer = await client.post(link, data={"answer": "declined", "reason": f"Lý do {n}"})
            assert answer.status_code == 303, answer.text
        refused = await client.post(link, data={"answer": "accepted"})
        assert refused.status_code == 429
        assert "đổi quá nhiều lần" in refused.text
        assert [one.answer for one in await invited(context)] == ["declined"]
        clock.advance(3601)
        assert (await client.post(link, data={"answer": "accepted"})).status_code == 303

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({}, "Vui lòng chọn"),
            ({"answer": "maybe"}, "Vui lòng chọn"),
            ({"answer": "declined"}, "ghi lý do không dự được"),
            ({"answer": "declined", "reason": "   "}, "ghi lý do không dự được"),
            ({"answer": "declined", "reason": "x" * 501}, "dài quá 500"),
            ({"answer": "declined", "reason": "\u202eabc"}, "ký tự ẩn"),
            ({"answer": "declined", "reason": "a\x00b"}, "ký tự ẩn"),
        ],
    )
    async def test_bad_answers_change_nothing(
        self, context: Context, client: Browser, link: str, form: dict[str, str], sentence: str
    ) -> None:
        answer = await client.post(link, data=form)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert [one.answer for one in await invited(context)] == ["none"]

    @pytest.mark.parametrize("token", ["x", "A" * 32, "A" * 5000, "%00", "..%2f..", "ấ"])
    async def test_a_forged_link_opens_nothing(self, context: Context, client: Browser, link: str, token: str) -> None:
        assert (await client.get(f"/answer/{token}")).status_code == 404
        assert (await client.post(f"/answer/{token}", data={"answer": "accepted"})).status_code == 404
        assert [one.answer for one in await invited(context)] == ["none"]

    async def test_after_the_meeting_was_cancelled_the_link_says_so(
        self, context: Context, client: Browser, secretary: Browser, link: str
    ) -> None:
        [meeting] = await rows(context, Meeting)
        await secretary.post(f"/meetings/{meeting.id}/cancel", data={"reason": "bat_kha_khang"})
        assert "Cuộc họp này đã hủy" in (await client.get(link)).text
        assert (await client.post(link, data={"answer": "accepted"})).status_code == 409
        assert [one.answer for one in await invited(context)] == ["none"]
