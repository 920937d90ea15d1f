"""A leader plays the meeting beside its minutes; what was changed in the files is named; who looked is known."""

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from meetings.access import Role
from meetings.recording import service as recordings
from meetings.recording.minutes.log import Turn
from meetings.recording.models import Recording, RecordingFile
from meetings.recording.review.files import binding_faults
from meetings.recording.review.integrity import Checked, Checker, Sealed, Verdict
from meetings.recording.review.lanes import lanes
from meetings.recording.verify import verify_recordings
from meetings.verify import verify
from tests.conftest import running
from tests.fakes import Browser
from tests.minutes_stage import EAST, HALL, MEETING, NAMES, PAGE, Editor, Stage

REVIEW = f"/meetings/{MEETING}/review"
START = datetime(2026, 4, 23, 2, 0, tzinfo=UTC)


def flip(path: Path, at: int = 10) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


async def test_the_review_shows_player_chapters_lanes_and_minutes(stage: Stage) -> None:
    await stage.hold()
    await stage.record()
    await stage.draft()
    page = (await stage.secretary.get(REVIEW)).text
    for expected in (
        "/files/s1-0.webm",
        "Phát biểu: UBND xã Krông Gió",
        'data-from="1320000" data-to="1620000"',
        "Đại diện UBND xã Krông Gió được mời phát biểu: […]",
        'data-seek="1320000"',
        "Bản ghi còn nguyên vẹn",
    ):
        assert expected in page


@pytest.mark.parametrize(
    ("state", "expected"),
    [("queued", "0%"), ("running", "0%"), ("failed", "Không dựng được bản đầy đủ"), ("done", "Bản dựng đầy đủ")],
)
async def test_the_composed_picture_is_played_first_and_its_making_is_told(
    one_stage: Stage, state: str, expected: str
) -> None:
    await one_stage.hold()
    folder = await one_stage.record()
    (folder / "composed.webm").write_bytes(b"film")
    film = {"composed_state": state, "composed_sha256": sha256(b"film").hexdigest() if state == "done" else None}
    async with one_stage.context.database.transaction() as session:
        await session.execute(update(Recording).values(film))
    page = (await one_stage.secretary.get(REVIEW)).text
    assert expected in page
    assert ('composed.webm">' in page.split("data-screen")[1].split("</video>")[0]) is (state == "done")


async def test_words_without_diacritics_are_found_in_the_minutes(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.record()
    await one_stage.draft()
    page = (await one_stage.secretary.get(REVIEW, params={"q": "may bom"})).text
    assert "<mark>máy bơm</mark>" in page
    assert "1 chỗ" in page


@pytest.mark.parametrize("name", ["s1-0.webm", "s1-1.webm", "manifest.jsonl"])
async def test_one_flipped_byte_is_named_on_the_page_and_by_verify(one_stage: Stage, name: str) -> None:
    await one_stage.hold()
    folder = await one_stage.record()
    assert "Bản ghi còn nguyên vẹn" in (await one_stage.secretary.get(REVIEW)).text
    async with one_stage.context.database.read() as session:
        assert await verify_recordings(session, one_stage.context.settings) == []
    flip(folder / name)
    page = (await one_stage.secretary.get(REVIEW)).text
    assert f"Tệp ghi đã bị thay đổi: {name}" in page
    assert "Bản ghi còn nguyên vẹn" not in page
    verdict = (await one_stage.secretary.get(f"/api/meetings/{MEETING}/integrity")).json()
    assert verdict == {"state": "faulty", "faults": [{"file": name, "verdict": "changed"}]}
    async with one_stage.context.database.read() as session:
        sentences = [str(fault) for fault in await verify_recordings(session, one_stage.context.settings)]
    assert any(folder.name in one and (name in one or "bảng kê" in one) for one in sentences)


async def test_a_recording_exchanged_after_filing_is_named(one_stage: Stage) -> None:
    folder = await one_stage.record()
    await one_stage.approved()
    clerk = await one_stage.clerk()
    filed = await one_stage.post(clerk, "file", recipients="Lưu: VT.", copies="1", retention_code="giao_ban")
    assert filed.status_code == 303
    assert "Bản ghi còn nguyên vẹn" in (await one_stage.secretary.get(REVIEW)).text
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(b'{"kind": "another"}\n')
    async with one_stage.context.database.transaction() as session:
        await session.execute(update(Recording).values(manifest_sha256=sha256(manifest.read_bytes()).hexdigest()))
    sentence = "Bản ghi không khớp với mã băm đã ghi trong văn bản 01/BB-VPUBND."
    assert sentence in (await one_stage.secretary.get(REVIEW)).text
    async with one_stage.context.database.read() as session:
        assert [str(fault) for fault in await binding_faults(session)] == [sentence]


async def test_a_recording_whose_row_and_files_are_gone_is_missed_by_the_command(one_stage: Stage) -> None:
    folder = await one_stage.record()
    await one_stage.approved()
    await one_stage.post(await one_stage.clerk(), "file", recipients="VT.", copies="1", retention_code="giao_ban")
    shutil.rmtree(folder)
    async with one_stage.context.database.transaction() as session:
        await session.execute(delete(RecordingFile))
        await session.execute(delete(Recording))
    found = [str(finding) async for finding in verify(one_stage.context.settings)]
    assert "Bản ghi không khớp với mã băm đã ghi trong văn bản 01/BB-VPUBND." in found


async def test_a_lost_file_is_named(one_stage: Stage) -> None:
    await one_stage.hold()
    folder = await one_stage.record()
    (folder / "s1-1.webm").unlink()
    assert "Mất tệp ghi: s1-1.webm" in (await one_stage.secretary.get(REVIEW)).text


async def test_a_change_that_keeps_size_and_time_is_found_by_checking_again(one_stage: Stage) -> None:
    await one_stage.hold()
    folder = await one_stage.record()
    await one_stage.secretary.get(REVIEW)
    path = folder / "s1-0.webm"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await one_stage.post(one_stage.secretary, "review/check")).status_code == 303
    assert "Tệp ghi đã bị thay đổi: s1-0.webm" in (await one_stage.secretary.get(REVIEW)).text


async def played(browser: Browser, page: str) -> int:
    """What a browser asks for when somebody presses play on a page: the beginning of the file that it shows."""
    found = re.search(r'data-screen[^>]* src="([^"]+)"', page)
    assert found
    answer = await browser.get(found[1], headers={"Range": "bytes=0-"})
    return answer.status_code


async def test_opening_a_page_is_no_viewing_and_playing_is_one_which_is_shown(stage: Stage) -> None:
    await stage.hold()
    await stage.record()
    leader = await stage.account(Role.LEADER)
    page = (await leader.get(REVIEW)).text
    assert 'preload="none"' in page
    assert await stage.log("recording.viewed") == []
    assert [await played(leader, page), await played(leader, page)] == [206, 206]
    [viewed] = await stage.log("recording.viewed")
    assert viewed.actor_id == f"account:{leader.account_id}"
    assert viewed.payload["by"] in (await leader.get(REVIEW)).text
    stage.clock.advance(3600)
    await leader.get(REVIEW)
    assert len(await stage.log("recording.viewed")) == 1
    await played(leader, page)
    assert len(await stage.log("recording.viewed")) == 2


async def test_who_writes_the_minutes_listens_to_a_sound_while_the_film_is_made(one_stage: Stage) -> None:
    await one_stage.hold()
    folder = await one_stage.record()
    await one_stage.draft()
    async with one_stage.context.database.transaction() as session:
        await session.execute(update(Recording).values(composed_state="running"))
    page = (await one_stage.secretary.get(PAGE)).text
    assert re.search(r'data-screen[^>]* src="[^"]+/s1-1.webm" data-sound', page)
    assert "Đang dựng bản đầy đủ:" in page
    assert f"nghe tiếng của {NAMES[HALL]}" in page
    assert re.search(r'data-screen[^>]* src="[^"]+/s1-0.webm">', (await one_stage.secretary.get(REVIEW)).text)
    (folder / "composed.webm").write_bytes(b"film")
    async with one_stage.context.database.transaction() as session:
        await session.execute(update(Recording).values(composed_state="done", composed_sha256="0" * 64))
    assert re.search(r'data-screen[^>]* src="[^"]+/composed.webm">', (await one_stage.secretary.get(PAGE)).text)


VIEWERS = {Role.OFFICE_LEADER, Role.LEADER, Role.AUDITOR}


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.POINT, Role.GUEST, Role.ANONYMOUS)])
async def test_who_may_review(one_stage: Stage, role: Role) -> None:
    await one_stage.hold()
    await one_stage.record()
    browser = await one_stage.account(role)
    expected = 200 if role in VIEWERS else 403
    assert (await browser.get(REVIEW)).status_code == expected
    assert (await browser.get(f"/api/meetings/{MEETING}/integrity")).status_code == expected
    assert (await one_stage.post(browser, "review/check")).status_code == (303 if role in VIEWERS else 403)
    async with one_stage.context.database.read() as session:
        [recording] = await recordings.recordings_of(session, MEETING)
    file = await browser.get(f"/recordings/{recording.id}/files/s1-0.webm")
    assert file.status_code == expected
    assert len(await one_stage.log("recording.viewed")) == (1 if role in VIEWERS else 0)


async def test_a_draft_is_not_shown_to_readers(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.record()
    await one_stage.draft()
    leader = await one_stage.account(Role.LEADER)
    assert "Chưa có biên bản để xem." in (await leader.get(REVIEW)).text


async def test_a_meeting_without_recording_says_so_and_logs_nothing(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.draft()
    page = (await one_stage.secretary.get(REVIEW)).text
    assert "Cuộc họp không có bản ghi." in page
    assert await one_stage.log("recording.viewed") == []
    assert (await Editor.of(one_stage.secretary)).rows


def turn(identity: str, begin: float, end: float | None) -> Turn:
    ended = START + timedelta(minutes=end) if end is not None else None
    return Turn(1, identity, identity, START + timedelta(minutes=begin), ended)


def test_lanes_are_cut_to_the_recording_and_a_short_turn_is_still_seen() -> None:
    found = lanes([turn("a", -5, 5), turn("b", 10, 10.001), turn("a", 50, None), turn("c", 70, 80)], START, 60 * 60_000)
    assert [lane.name for lane in found] == ["a", "b"]
    assert [(bar.start_ms, bar.end_ms) for bar in found[0].bars] == [(0, 300_000), (3_000_000, 3_600_000)]
    assert found[1].bars[0].width == 3


def test_beyond_eight_speakers_the_rest_share_a_lane() -> None:
    found = lanes([turn(str(n), n, n + 1) for n in range(12)], START, 60 * 60_000)
    assert [lane.name for lane in found] == ["0", "1", "2", "3", "4", "5", "6", ""]
    assert len(found[-1].bars) == 5


def test_nothing_recorded_draws_nothing() -> None:
    assert lanes([turn(EAST, 0, 1)], START, 0) == []


async def test_the_house_closes_what_it_reads(one_stage: Stage) -> None:
    await one_stage.hold()
    await one_stage.record()
    async with running(one_stage.app):
        assert (await one_stage.secretary.get(REVIEW)).status_code == 200
    with pytest.raises(RuntimeError):
        await one_stage.app.state.integrity.report("m", [], wait=1)


async def test_a_check_that_takes_longer_is_found_by_the_next_who_asks(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 1000)
    wrong = Sealed("big", path, "0" * 64)
    checker = Checker()
    first = await checker.report("m", [wrong], wait=0)
    later = await checker.report("m", [wrong], wait=10)
    await checker.close()
    assert first is None
    assert later is not None
    assert later.faults == [Checked("big", Verdict.CHANGED)]


async def test_chapters_and_labels_are_in_the_reader_s_language(one_stage: Stage) -> None:
    await one_stage.tell(0.1, "floor.granted", EAST)
    await one_stage.record()
    reader = one_stage.secretary
    assert "Bắt đầu ghi" in (await reader.get(REVIEW)).text
    reader.cookies.set("locale", "en")
    page = (await reader.get(REVIEW)).text
    assert "Recording begins" in page
    assert f"Floor: {NAMES[EAST]}" in page
    assert "Bắt đầu ghi" not in page
