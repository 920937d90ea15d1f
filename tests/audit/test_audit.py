"""Who watches reads the logs in plain words and sees whether they are whole, and nothing of what was said."""

from collections.abc import AsyncIterator
from html import unescape

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from meetings import events
from meetings.access import ACCOUNT_ROLES, Role
from meetings.audit.words import SENTENCES
from meetings.directory.house_log import note
from meetings.events import EventRow
from tests.fakes import Browser, ManualClock
from tests.minutes_stage import EAST, MEETING, NAMES, Stage, staged

TITLE = "Triển khai công tác phòng, chống thiên tai"


@pytest.fixture
async def stage(any_app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(any_app, clock) as made:
        yield made


@pytest.fixture
async def one_stage(app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(app, clock) as made:
        yield made


async def read(browser: Browser, **asked: str) -> str:
    answer = await browser.get("/audit", params=asked)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def lines(page: str) -> str:
    """The table's body: what is chosen from does not count."""
    return page[page.index("<tbody>") : page.index("</tbody>")] if "<tbody>" in page else ""


@pytest.mark.parametrize("role", [*ACCOUNT_ROLES, None])
async def test_who_may_read_the_logs(one_stage: Stage, role: Role | None) -> None:
    await one_stage.hold()
    browser = await one_stage.account(role) if role else Browser(one_stage.app)
    answer = await browser.get("/audit", params={"log": MEETING, "check": "1"})
    expected = 200 if role in (Role.AUDITOR, Role.ADMIN) else 403 if role else 303
    assert answer.status_code == expected
    if role is None:
        await browser.aclose()


async def test_a_meeting_s_log_is_told_in_words_and_nothing_that_was_said_stands_in_it(stage: Stage) -> None:
    await stage.hold()
    auditor = await stage.account(Role.AUDITOR)
    told = lines(await read(auditor, log=MEETING))
    for expected in (f"{NAMES[EAST]} vào phòng họp", f"Mời {NAMES[EAST]} phát biểu", "Bắt đầu nội dung “Báo cáo”"):
        assert expected in told
    assert f"{NAMES[EAST]} nhắn trong hộp thoại" in told
    assert "máy bơm" not in told
    auditor.cookies.set("locale", "en")
    assert f"Gave {NAMES[EAST]} the floor" in lines(await read(auditor, log=MEETING))


async def test_who_reads_no_meetings_sees_neither_their_titles_nor_their_agenda(one_stage: Stage) -> None:
    await one_stage.hold()
    admin = await one_stage.account(Role.ADMIN)
    for log in (MEETING, "all"):
        page = await read(admin, log=log)
        assert TITLE not in page
        assert "Báo cáo" not in lines(page)
    assert TITLE in await read(await one_stage.account(Role.AUDITOR), log="all")


async def test_the_log_is_filtered_by_day_person_and_kind(stage: Stage) -> None:
    await stage.hold()
    auditor = await stage.account(Role.AUDITOR)
    async with stage.context.database.transaction() as session:
        await note(
            session, "person.created", "p1", stage.clock.now(), stage.secretary.account_id, full_name="Trần Văn Mới"
        )
    house = lines(await read(auditor))
    assert "Thêm vào danh bạ: Trần Văn Mới" in house
    assert NAMES[EAST] not in house
    mine = lines(await read(auditor, log="all", who=str(stage.secretary.account_id)))
    assert mine.count("<tr>") == 2  # in the directory under the account's id, in the room under its identity
    assert "Thêm vào danh bạ" in mine
    assert "Bắt đầu họp" in mine
    assert lines(await read(auditor, log=MEETING, kind="floor.granted")).count("<tr>") == 1
    day = stage.start.astimezone(stage.context.settings.zone).date()
    assert lines(await read(auditor, log=MEETING, since=day.isoformat(), until=day.isoformat())).count("<tr>") == 9
    assert lines(await read(auditor, log=MEETING, until=f"{day.year - 1}-01-01")) == ""
    assert (await auditor.get("/audit", params={"since": "hôm qua"})).status_code == 422
    assert (await auditor.get("/audit", params={"log": "../x"})).status_code == 404


async def test_who_did_it_is_named_as_it_was_a_person_a_point_a_guest_or_the_system(one_stage: Stage) -> None:
    await one_stage.tell(0, "participant.joined", EAST, actor=f"point:{EAST}")
    await one_stage.tell(1, "agenda.ended", title="Báo cáo")
    async with one_stage.context.database.transaction() as session:
        await events.append(
            session,
            chain=events.meeting_chain(MEETING),
            kind="seat.waiting",
            at=one_stage.start,
            actor_id="guest:g1",
            subject_id="guest:g1",
            payload={"name": "Khách Lạ"},
        )
    rows = lines(await read(await one_stage.account(Role.AUDITOR), log=MEETING)).split("<tr>")[1:]
    doers = [row.split('data-l="Người làm:">')[1].split("<")[0] for row in rows]
    assert doers == ["Khách Lạ", "hệ thống", NAMES[EAST]]


async def test_a_changed_event_is_found_by_the_button(stage: Stage) -> None:
    await stage.hold()
    auditor = await stage.account(Role.AUDITOR)
    assert "Nhật ký này còn nguyên vẹn." in await read(auditor, log=MEETING, check="1")
    async with stage.context.database.transaction() as session:
        changed = update(EventRow).where(EventRow.chain == events.meeting_chain(MEETING), EventRow.seq == 3)
        await session.execute(changed.values(kind="conference.closed"))
    page = await read(auditor, log=MEETING, check="1")
    assert "Nhật ký này không còn nguyên vẹn." in page
    assert "Sự kiện số 3: đã bị sửa." in page
    assert "Sự kiện khác: conference.closed" in page


async def test_a_long_log_is_read_a_page_at_a_time(one_stage: Stage) -> None:
    for minute in range(120):
        await one_stage.tell(minute, "floor.requested", EAST)
    auditor = await one_stage.account(Role.AUDITOR)
    first, second = await read(auditor, log=MEETING), await read(auditor, log=MEETING, page="2")
    assert (lines(first).count("<tr>"), lines(second).count("<tr>")) == (100, 20)
    assert 'rel="next"' in first
    assert 'rel="prev"' in second


def test_no_sentence_tells_what_was_said() -> None:
    assert not {name for words in SENTENCES.values() for name in ("{text}", "{reason}", "{answer}") if name in words}
