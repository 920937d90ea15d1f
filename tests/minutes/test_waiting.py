"""*Hôm nay* tells each person of the minutes that wait for them, and nobody else of them."""

from html import unescape

import pytest

from meetings.access import ACCOUNT_ROLES, Role
from meetings.app import WAITING
from meetings.recording.minutes.waiting import waiting
from tests.fakes import Browser
from tests.minutes_stage import MEETING, Editor, Stage

FILE = f"/meetings/{MEETING}/file"
ALL = ("Lập bản thảo biên bản", "Sửa biên bản được trả lại", "Duyệt biên bản", "Lấy số, lưu biên bản vào sổ")


async def told(browser: Browser) -> list[str]:
    """Which of the sentences stand on the person's first page."""
    page = unescape((await browser.get("/")).text)
    return [sentence for sentence in ALL if sentence in page]


async def test_each_act_waits_for_the_one_whose_turn_it_is(stage: Stage) -> None:
    assert waiting in WAITING
    chair, clerk = await stage.chair(), await stage.clerk()
    people = (stage.secretary, chair, clerk)
    assert [await told(one) for one in people] == [[], [], []]
    await stage.hold()
    assert [await told(one) for one in people] == [["Lập bản thảo biên bản"], [], []]
    await stage.draft()
    assert "Hoàn thiện biên bản" in (await stage.secretary.get("/")).text
    editor = await Editor.filled(stage.secretary)
    await editor.send("submit", not_recorded_because="Chủ tọa không cho ghi")
    assert [await told(one) for one in people] == [[], ["Duyệt biên bản"], []]
    assert "Biên bản đang chờ duyệt" in (await stage.secretary.get("/")).text
    await stage.post(chair, "minutes/return", version=str(editor.version), reason="Thiếu ý kiến Sở Y tế")
    assert [await told(one) for one in people] == [["Sửa biên bản được trả lại"], [], []]
    assert "Cần sửa: Thiếu ý kiến Sở Y tế" in (await stage.secretary.get("/")).text
    await (await Editor.of(stage.secretary)).send("submit", not_recorded_because="Chủ tọa không cho ghi")
    await stage.post(chair, "minutes/approve", version=str(editor.version))
    assert [await told(one) for one in people] == [[], [], ["Lấy số, lưu biên bản vào sổ"]]
    assert f'href="{FILE}"' in (await clerk.get("/")).text
    entry = {"recipients": "Lưu: VT.", "copies": "1", "retention_code": "giao_ban"}
    assert (await stage.post(clerk, "file", **entry)).status_code == 303
    assert [await told(one) for one in people] == [[], [], []]


@pytest.mark.parametrize("role", ACCOUNT_ROLES)
async def test_of_a_stranger_s_minutes_only_who_may_act_is_told(one_stage: Stage, role: Role) -> None:
    stranger = await one_stage.account(role)
    await one_stage.hold()
    assert await told(stranger) == []
    await one_stage.draft()
    assert await told(stranger) == []
    editor = await Editor.filled(one_stage.secretary)
    await editor.send("submit", not_recorded_because="Chủ tọa không cho ghi")
    assert await told(stranger) == (["Duyệt biên bản"] if role is Role.OFFICE_LEADER else [])
    await one_stage.post(await one_stage.chair(), "minutes/approve", version=str(editor.version))
    assert await told(stranger) == (["Lấy số, lưu biên bản vào sổ"] if role is Role.CLERK else [])
