"""What the plan, the log and the outbox say of letters is what became of them, and never more."""

from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import update

from meetings.access import Role
from meetings.context import Context
from meetings.directory.models import Person
from meetings.scheduling.models import Letter
from tests.conftest import LogIn
from tests.fakes import Browser, ManualClock
from tests.fakes_mail import Postman
from tests.scheduling_stage import booked, filled, furnished, post_letters, rows


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    await furnished(context.database)
    return await log_in(Role.SECRETARY)


async def plan(browser: Browser, meeting_id: str) -> str:
    return (await browser.get(f"/meetings/{meeting_id}")).text


async def test_a_booking_says_that_letters_wait_until_the_mail_server_has_them(
    context: Context, secretary: Browser, mail_server: Controller, clock: ManualClock
) -> None:
    meeting_id = await booked(secretary)
    page = await plan(secretary, meeting_id)
    assert page.count("Giấy mời: đang chờ gửi") == 2
    assert "Giấy mời: 2 thư đang chờ gửi" in page
    assert "Đặt lịch, mời 2 người; 2 giấy mời chờ gửi" in page
    assert "Đã mời" not in page
    clock.advance(60)
    await post_letters(context)
    page = await plan(secretary, meeting_id)
    assert page.count("Giấy mời: máy chủ thư đã nhận 08:42 23/04/2026") == 2
    assert "Giấy mời: máy chủ thư nhận 23/04/2026, đúng hạn" in page
    assert "Giấy mời cho 2 người: máy chủ thư đã nhận" in page
    assert "Đã mời" in page


async def test_without_a_mail_server_nobody_is_called_invited(context: Context, secretary: Browser) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    page = await plan(secretary, meeting_id)
    assert page.count("Giấy mời: chưa gửi đi, còn nằm ở Thư đi") == 2
    assert "Giấy mời: chưa gửi đi, 2 thư nằm ở Thư đi" in page
    assert "Giấy mời cho 2 người: chưa gửi đi, nằm ở Thư đi vì chưa có máy chủ thư" in page
    assert "Đã mời" not in page
    assert "đúng hạn" not in page


async def test_letters_that_left_late_are_late_however_early_they_were_booked(
    context: Context, secretary: Browser, log_in: LogIn, mail_server: Controller, clock: ManualClock
) -> None:
    meeting_id = await booked(secretary)
    clock.advance(timedelta(days=5).total_seconds())
    await post_letters(context)
    assert "Giấy mời: máy chủ thư nhận 28/04/2026, sau hạn" in await plan(await log_in(Role.SECRETARY), meeting_id)


async def test_a_failed_letter_stands_beside_its_person_with_the_reason_and_what_to_do(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    postman.refuses["xa1@xa.example.invalid"] = "550 no such person"
    meeting_id = await booked(secretary)
    await post_letters(context)
    page = await plan(secretary, meeting_id)
    assert "Giấy mời: không gửi được" in page
    assert "Máy chủ thư từ chối địa chỉ (550 no such person). Đề nghị sửa thư điện tử trong danh bạ" in page
    assert "Giấy mời: 1 thư không gửi được" in page
    assert "Giấy mời cho Ông Nguyễn Văn xa1: không gửi được (550 no such person)" in page
    assert "Đã mời" not in page


async def test_a_letter_is_sent_again_to_the_address_that_the_directory_has_by_now(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    postman.refuses["xa1@xa.example.invalid"] = "550 no such person"
    meeting_id = await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    async with context.database.transaction() as session:
        await session.execute(update(Person).where(Person.id == "p-xa1").values(email="dung@xa.example.invalid"))
    [letter] = await rows(context, Letter)
    await secretary.post("/outbox/retry", data={"letter": letter.id})
    await post_letters(context)
    [message] = postman.came
    assert "dung@xa.example.invalid" in str(message["To"])
    assert "Giấy mời: máy chủ thư đã nhận" in await plan(secretary, meeting_id)


async def test_letters_kept_before_there_was_a_mail_server_can_be_sent_when_there_is_one(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1"])
    async with context.database.transaction() as session:
        await session.execute(update(Letter).values(state="kept"))
    await post_letters(context)
    assert postman.came == []
    [letter] = await rows(context, Letter)
    assert f'value="{letter.id}"' in (await secretary.get("/outbox")).text
    await secretary.post("/outbox/retry", data={"letter": letter.id})
    await post_letters(context)
    assert len(postman.came) == 1
    assert "máy chủ thư đã nhận" in await plan(secretary, meeting_id)


async def test_a_moved_meeting_is_told_by_a_letter_of_its_own_name(
    context: Context, secretary: Browser, mail_server: Controller
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    await secretary.post(f"/meetings/{meeting_id}/edit", data=filled(people=["p-xa1"], start="14:00", version="1"))
    page = await plan(secretary, meeting_id)
    assert "Thư báo thay đổi: đang chờ gửi" in page
    assert "Đổi giờ hoặc địa điểm, mời lại; 1 thư chờ gửi" in page
    await post_letters(context)
    assert "Thư báo thay đổi cho Ông Nguyễn Văn xa1: máy chủ thư đã nhận" in await plan(secretary, meeting_id)


async def test_what_became_of_letters_is_for_those_who_can_mend_it(
    context: Context, secretary: Browser, log_in: LogIn
) -> None:
    meeting_id = await booked(secretary)
    await post_letters(context)
    auditor = await plan(await log_in(Role.AUDITOR), meeting_id)
    assert "Họp giao ban tuần 18" in auditor
    assert "còn nằm ở Thư đi" not in auditor
