"""Each person finds on one page the minutes that wait for them."""

from meetings.access import Role
from tests.fakes import Browser
from tests.minutes_stage import MEETING, Editor, Stage

WAITING = "Chờ Ông/Bà"


async def waits(browser: Browser) -> bool:
    """Whether the meeting stands under what waits, and not below it."""
    page = (await browser.get("/minutes")).text
    assert WAITING in page
    mine = page[page.index(WAITING) :].split('id="others"')[0]
    return f"/meetings/{MEETING}/" in mine


async def test_minutes_wait_for_the_one_whose_turn_it_is(stage: Stage) -> None:
    chair, clerk = await stage.chair(), await stage.clerk()
    assert [await waits(one) for one in (stage.secretary, chair, clerk)] == [False, False, False]
    await stage.hold()
    assert [await waits(one) for one in (stage.secretary, chair, clerk)] == [True, False, False]
    await stage.draft()
    assert [await waits(one) for one in (stage.secretary, chair, clerk)] == [True, False, False]
    editor = await Editor.filled(stage.secretary)
    await editor.send("submit", not_recorded_because="Chủ tọa không cho ghi")
    assert [await waits(one) for one in (stage.secretary, chair, clerk)] == [False, True, False]
    await stage.post(chair, "minutes/approve", version=str(editor.version))
    assert [await waits(one) for one in (stage.secretary, chair, clerk)] == [False, False, True]
    assert f"/meetings/{MEETING}/file" in (await clerk.get("/minutes")).text


async def test_a_stranger_s_desk_is_empty_and_the_page_needs_an_account(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    for role in (Role.LEADER, Role.CLERK, Role.AUDITOR, Role.ADMIN, Role.SECRETARY):
        page = await (await one_stage.account(role)).get("/minutes")
        assert page.status_code == 200
        assert MEETING not in page.text, role
    async with Browser(one_stage.app) as nobody:
        assert (await nobody.get("/minutes")).status_code == 303
