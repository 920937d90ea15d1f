"""What a letter says to each person: the form of address, the way in, the language; the chair has a letter, too."""

from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from icalendar import Calendar
from sqlalchemy import update

from meetings.access import Role
from meetings.context import Context
from meetings.directory.models import Account, Person
from meetings.scheduling.addressees import Addressee
from meetings.scheduling.answers import answer_token
from meetings.scheduling.models import MeetingParticipant, ParticipantRole
from tests.conftest import LogIn
from tests.fakes import Browser
from tests.fakes_mail import Postman
from tests.scheduling_stage import booked, filled, furnished, invited, post_letters, rows

CHAIR = "pct@tinh.example.invalid"


@pytest.fixture
async def secretary(context: Context, log_in: LogIn) -> Browser:
    """In a house whose chair has an address."""
    await furnished(context.database)
    async with context.database.transaction() as session:
        await session.execute(update(Person).where(Person.id == "pct").values(email=CHAIR))
    return await log_in(Role.SECRETARY)


async def give_account(context: Context, person_id: str, locale: str) -> None:
    async with context.database.transaction() as session:
        session.add(
            Account(
                login=person_id,
                display_name=person_id,
                person_id=person_id,
                password_hash="",
                locale=locale,
                created_at=context.clock.now(),
            )
        )


def words(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def event_of(message: EmailMessage) -> Any:
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return Calendar.from_ical(content).walk("VEVENT")[0]


async def test_the_chair_gets_a_letter_that_reports_and_does_not_ask(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary)
    assert await post_letters(context) == 3
    [message] = postman.to(CHAIR)
    assert message["Subject"] == "Lịch chủ trì họp: Họp giao ban tuần 18"
    text = words(message)
    assert "Kính gửi: Bà Trần Thị Chủ Trì, Phó Chủ tịch, Ủy ban nhân dân tỉnh" in text
    assert "Văn phòng UBND tỉnh trân trọng báo cáo Bà Trần Thị Chủ Trì lịch chủ trì cuộc họp:" in text
    assert "/answer/" not in text
    attendee = event_of(message)["ATTENDEE"]
    assert (str(attendee), attendee.params["ROLE"]) == (f"mailto:{CHAIR}", "CHAIR")
    page = (await secretary.get(f"/meetings/{meeting_id}")).text
    assert page.count("Giấy mời: máy chủ thư đã nhận") == 3
    assert "mời 2 người" in page  # the chair is not counted among them


async def test_the_chair_is_not_asked_even_by_a_link(context: Context, secretary: Browser, client: Browser) -> None:
    await booked(secretary)
    chair = next(one for one in await rows(context, MeetingParticipant) if one.role == ParticipantRole.CHAIR)
    link = f"/answer/{answer_token(context.settings, chair.id)}"
    assert "Sẽ dự</button>" not in (await client.get(link)).text
    assert (await client.post(link, data={"answer": "declined", "reason": "Bận"})).status_code == 409


async def test_a_new_chair_is_told_and_the_old_one_is_free_again(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    meeting_id = await booked(secretary, people=["p-xa1"])
    await post_letters(context)
    form = filled(chair_person_id="p-xa1", people=["p-xa2"], version="1")
    assert (await secretary.post(f"/meetings/{meeting_id}/edit", data=form)).status_code == 303
    await post_letters(context)
    _, off = postman.to(CHAIR)
    assert "Bà Trần Thị Chủ Trì không còn lịch chủ trì cuộc họp dưới đây" in words(off)
    assert event_of(off)["STATUS"] == "CANCELLED"
    first, now_chair = postman.to("xa1@xa.example.invalid")
    assert (event_of(first)["ATTENDEE"].params["ROLE"], event_of(now_chair)["ATTENDEE"].params["ROLE"]) == (
        "REQ-PARTICIPANT",
        "CHAIR",
    )
    assert event_of(first)["UID"] == event_of(now_chair)["UID"]
    assert [one.name for one in await invited(context)] == ["Ông Nguyễn Văn xa2"]


async def test_who_has_a_point_or_an_account_reads_how_to_come_in_and_whom_to_call(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    await give_account(context, "p-xa1", "vi")
    meeting_id = await booked(secretary, people=["p-xa1", "p-xa3"], points=["xa1"])
    await post_letters(context)
    text = words(postman.to("xa1@")[0])
    assert "Kính gửi: Ông Nguyễn Văn xa1, Chủ tịch UBND xã xa1\n" in text
    assert "Điểm cầu của đơn vị: Điểm cầu xã xa1, mở sẵn trên máy của phòng họp" in text
    assert f"Vào họp bằng tài khoản: https://hop.example.invalid/meetings/{meeting_id}/room" in text
    assert f"Hỗ trợ kỹ thuật: {context.settings.helpline}" in text
    assert str(event_of(postman.to("xa1@")[0])["URL"]).endswith(f"/meetings/{meeting_id}/room")
    other = words(postman.to("xa3@")[0])
    assert "Điểm cầu của đơn vị" not in other
    assert "/room" not in other
    assert "/answer/" in other


async def test_an_account_that_reads_english_gets_the_english_part_below(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    await give_account(context, "p-xa1", "en")
    await booked(secretary)
    await post_letters(context)
    vietnamese, _, english = words(postman.to("xa1@")[0]).partition("* * *")
    assert "Văn phòng UBND tỉnh trân trọng kính mời Ông Nguyễn Văn xa1 tới dự cuộc họp:" in vietnamese
    assert "has the honour of inviting Ông Nguyễn Văn xa1" in english
    assert "Wednesday, 29/04/2026" in english
    assert "Khai mạc – Chủ trì (10 minutes)" in english
    assert "* * *" not in words(postman.to("xa2@")[0])


async def test_hundred_points_are_counted_in_the_letter_not_listed(
    context: Context, secretary: Browser, mail_server: Controller, postman: Postman
) -> None:
    await booked(secretary, people=["p-xa1"], points=[f"xa{n}" for n in range(1, 13)] + ["r2"])
    await post_letters(context)
    assert "Điểm cầu thành phần: 13 điểm cầu\n" in words(postman.to("xa1@")[0])


@pytest.mark.parametrize(
    ("name", "post", "unit", "address"),
    [
        ("Ông Lê Văn A", "Giám đốc Sở Y tế", "Sở Y tế", "Ông Lê Văn A, Giám đốc Sở Y tế"),
        ("Lê Văn A", "", "", "Ông/Bà Lê Văn A"),
        ("đồng chí Lê Văn A", "Giám đốc", "Sở Y tế", "đồng chí Lê Văn A, Giám đốc, Sở Y tế"),
        ("PGS.TS. Lê Văn A", "", "Đại học Tây Nguyên", "PGS.TS. Lê Văn A, Đại học Tây Nguyên"),
        ("Bàng Thị Ôn", "", "", "Ông/Bà Bàng Thị Ôn"),
    ],
)
def test_everybody_is_addressed_with_honorific_post_and_unit(name: str, post: str, unit: str, address: str) -> None:
    assert Addressee(name, post, unit, False, "NEEDS-ACTION", "", False, "").address == address
