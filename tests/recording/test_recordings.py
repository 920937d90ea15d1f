"""The coordinator's side of recording through its doors, on both databases: people, recorders, files, the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from meetings import events
from meetings.access import Role
from meetings.errors import NoSpace
from meetings.recording import manifest, messages, service, tasks
from meetings.recording.formats import TrackFormat
from meetings.recording.host import INTERNAL_HEADER
from meetings.recording.messages import Poll, Report, Work
from meetings.recording.rules import Disk, require_room
from meetings.recording.tape import Tape, recorded_files
from meetings.recording.verify import verify_recordings
from meetings.signaling.client import RemoteTrack
from tests.conduct_world import EAST, LEADER, MEETING, World
from tests.fakes import Browser
from tests.unit.recording.samples import opus_packets

STATE = f"/api/meetings/{MEETING}/recording"


@pytest.fixture
async def session_open(world: World) -> World:
    """The meeting is in session, with free space for recordings."""
    world.context.settings.recording_min_free_bytes = 0
    opened = await world.act(world.secretary, "open")
    assert opened.status_code == 200, opened.text
    return world


async def recorder_asks(world: World, worker: str = "host-a") -> Work:
    return messages.work_decoder.decode(await _internal(world, "poll", Poll(worker)))


async def recorder_tells(world: World, report: Report, worker: str = "host-a") -> None:
    await _internal(world, "report", msgspec.structs.replace(report, worker=worker))


async def _internal(world: World, path: str, message: msgspec.Struct, secret: str | None = None) -> bytes:
    secret = world.context.settings.internal_secret if secret is None else secret
    async with Browser(world.app) as browser:
        answer = await browser.request(
            "POST",
            f"/internal/recorder/{path}",
            content=messages.encode(message),
            headers={INTERNAL_HEADER: secret},
            forged=True,
        )
    assert answer.status_code == 200, answer.text
    return answer.content


async def state(browser: Browser) -> str:
    return str((await browser.get(STATE)).json()["state"])


async def begun(world: World) -> str:
    """A recording that the secretary asked for; its id."""
    answer = await world.secretary.post(STATE + "/start", json={})
    assert answer.status_code == 200, answer.text
    [assignment] = (await recorder_asks(world)).assignments
    return assignment.recording_id


def taped(world: World, recording_id: str) -> Path:
    """A second of sound on tape, as a recorder leaves it."""
    directory = world.context.settings.recordings_dir / MEETING / recording_id
    tape = Tape(directory, recording_id, MEETING)
    tape.begin_segment()
    opened = tape.open(
        RemoteTrack("TR_1", f"point:{EAST}", "Ea Kao", "audio", "microphone", False), 100, TrackFormat("audio")
    )
    for index, packet in enumerate(opus_packets(50)):
        opened.writer.write(packet, index * 20, keyframe=True, duration_ms=20)
    tape.close(opened)
    tape.end()
    return directory


def stopped(world: World, recording_id: str, kind: Any = "stopped") -> Report:
    directory = taped(world, recording_id)
    return Report(
        recording_id,
        kind,
        t=1100,
        bytes=9000,
        origin=world.clock.now().isoformat(),
        manifest_sha256=manifest.digest(directory),
        files=tuple(recorded_files(directory)),
    )


async def test_recording_is_said_only_once_bytes_are_on_disk(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    assert await state(world.secretary) == "requested"
    await recorder_tells(world, Report(recording, "started", bytes=4000, origin=world.clock.now().isoformat()))
    assert await state(world.secretary) == "recording"
    assert (await world.kinds())[-3:] == ["recording.requested", "recording.started", "recording.notice"]


async def test_every_point_sees_whether_the_meeting_is_recorded(session_open: World) -> None:
    world = session_open
    east = await world.point(EAST)
    assert await state(east) == "idle"
    await begun(world)
    assert await state(east) == "requested"


async def test_only_secretary_and_chair_start_and_stop(session_open: World) -> None:
    world = session_open
    for browser in (await world.point(EAST), await world.account(Role.LEADER, person_id=LEADER)):
        for act in ("start", "stop"):
            assert (await browser.post(f"{STATE}/{act}", json={})).status_code == 403
    assert (await (await world.chair()).post(STATE + "/start", json={})).status_code == 200


async def test_a_meeting_that_is_not_in_session_is_not_recorded(world: World) -> None:
    world.context.settings.recording_min_free_bytes = 0
    answer = await world.secretary.post(STATE + "/start", json={})
    assert answer.status_code == 409
    assert "đang diễn ra" in answer.json()["error"]["message"]


async def test_a_nearly_full_disk_is_refused_with_a_sentence(session_open: World) -> None:
    world = session_open
    world.context.settings.recording_min_free_bytes = 1 << 60
    answer = await world.secretary.post(STATE + "/start", json={})
    assert answer.status_code == 507
    assert "gần đầy" in answer.json()["error"]["message"]
    assert await state(world.secretary) == "idle"


def test_the_last_twentieth_of_a_disk_is_left_alone() -> None:
    require_room(Disk(total=1000, free=60), min_free=0)
    with pytest.raises(NoSpace):
        require_room(Disk(total=1000, free=49), min_free=0)


async def test_starting_twice_gives_one_recording(session_open: World) -> None:
    world = session_open
    first = await begun(world)
    assert await begun(world) == first


async def test_a_lease_keeps_other_hosts_away_until_it_runs_out(session_open: World) -> None:
    world = session_open
    await begun(world)
    assert (await recorder_asks(world, "host-b")).assignments == ()
    world.clock.advance(10)
    await recorder_asks(world, "host-a")
    world.clock.advance(10)
    assert (await recorder_asks(world, "host-b")).assignments == ()
    world.clock.advance(16)
    assert len((await recorder_asks(world, "host-b")).assignments) == 1
    assert (await recorder_asks(world, "host-a")).assignments == ()


async def test_a_host_that_lost_its_lease_is_not_heard_any_more(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    world.clock.advance(60)
    assert len((await recorder_asks(world, "host-b")).assignments) == 1
    report = stopped(world, recording)
    await recorder_tells(world, report, "host-a")
    assert await state(world.secretary) == "requested"
    assert (await world.kinds())[-1] == "recording.requested"
    await recorder_tells(world, report, "host-b")
    assert await state(world.secretary) == "idle"


async def test_the_log_tells_who_stopped_a_recording(session_open: World) -> None:
    world = session_open
    await begun(world)
    for _ in range(2):
        assert (await (await world.chair()).post(STATE + "/stop", json={})).status_code == 200
    async with world.context.database.read() as session:
        log = await events.read_after(session, events.meeting_chain(MEETING), 0)
    [asked] = [event for event in log if event.kind == "recording.stop_requested"]
    assert asked.actor_id is not None
    assert asked.actor_id.startswith("account:")
    assert asked.payload["name"]


async def test_the_recorder_learns_whose_pictures_matter(session_open: World) -> None:
    world = session_open
    east = await world.point(EAST)
    await world.enter(east)
    await begun(world)
    assert (await recorder_asks(world)).assignments[0].prominent == ()
    await world.act(world.secretary, "floor", identity=f"point:{EAST}", action="grant")
    assert (await recorder_asks(world)).assignments[0].prominent == (f"point:{EAST}",)


async def test_a_picture_that_cannot_be_recorded_is_told_once_and_stands_on_the_page(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = Report(
        recording, "unrecorded", reason="av1", track="TR_1", media="video", identity="guest:1", participant_name="Ông A"
    )
    for _ in range(2):
        await recorder_tells(world, report)
    assert (await world.kinds()).count("recording.unrecorded") == 1
    page = (await world.secretary.get(f"/meetings/{MEETING}/review")).text
    assert "Không ghi được hình của Ông A: mã hóa AV1" in page


async def test_the_end_of_the_conference_ends_the_recording(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    await recorder_tells(world, Report(recording, "started", origin=world.clock.now().isoformat()))
    await world.act(world.secretary, "end")
    await tasks.stop_ended(world.context)
    assert (await world.kinds())[-1] == "recording.stop_requested"
    assert (await recorder_asks(world)).assignments[0].stop
    await recorder_tells(world, stopped(world, recording))
    assert await state(world.secretary) == "idle"
    assert (await world.kinds())[-1] == "recording.stopped"


async def test_a_report_told_twice_changes_nothing(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = stopped(world, recording)
    await recorder_tells(world, report)
    before = await world.kinds()
    await recorder_tells(world, report)
    assert await world.kinds() == before
    async with world.context.database.read() as session:
        assert len(await service.files_of(session, recording)) == 1
        assert await service.manifest_hash(session, MEETING) == report.manifest_sha256


async def test_another_end_told_later_is_noticed_and_what_was_sealed_stays(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = stopped(world, recording)
    await recorder_tells(world, report)
    before = await world.kinds()
    with capture_logs() as lines:
        await recorder_tells(world, msgspec.structs.replace(report, manifest_sha256="0" * 64, files=()))
        await recorder_tells(world, Report(recording, "progress", bytes=1))
    [line] = [one for one in lines if one["event"] == "recording.another_end_told"]
    assert (line["sealed"], line["told"]) == (report.manifest_sha256, "0" * 64)
    assert await world.kinds() == before
    async with world.context.database.read() as session:
        assert len(await service.files_of(session, recording)) == 1
        assert await verify_recordings(session, world.context.settings) == []


async def test_a_recording_that_has_ended_is_handed_out_to_nobody(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    await recorder_tells(world, stopped(world, recording))
    world.clock.advance(60)
    for worker in ("host-a", "host-b"):
        assert (await recorder_asks(world, worker)).assignments == ()


async def test_a_full_disk_is_an_alarm_and_the_meeting_goes_on(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    await recorder_tells(world, stopped(world, recording, "full"))
    assert (await world.secretary.get(STATE)).json() == {
        "state": "failed",
        "since": world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": "disk_full",
    }
    assert (await world.kinds())[-1] == "recording.failed"
    assert await world.meeting_state() == "in_session"


@pytest.mark.parametrize("secret", ["", "x", "đúng mà sai"])
async def test_the_recorders_door_opens_only_with_the_secret(session_open: World, secret: str) -> None:
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        await _internal(session_open, "poll", Poll("host-a"), secret)


async def test_files_are_served_by_range_to_those_who_may_and_viewings_are_logged(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = stopped(world, recording)
    await recorder_tells(world, report)
    url = f"/recordings/{recording}/files/{report.files[0].name}"
    whole = await world.secretary.get(url)
    assert (whole.status_code, len(whole.content)) == (200, report.files[0].size)
    assert whole.headers["content-type"] == "audio/webm"
    part = await world.secretary.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert (await world.kinds()).count("recording.viewed") == 1
    world.clock.advance(3600)
    await world.secretary.get(url, headers={"Range": "bytes=0-"})
    assert (await world.kinds()).count("recording.viewed") == 2
    assert (await world.log())[-1].payload["by"] == "thu.ky"


async def test_whoever_asks_for_all_but_the_first_byte_has_looked_too(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = stopped(world, recording)
    await recorder_tells(world, report)
    part = await world.secretary.get(
        f"/recordings/{recording}/files/{report.files[0].name}", headers={"Range": "bytes=1-"}
    )
    assert part.status_code == 206
    assert (await world.kinds()).count("recording.viewed") == 1


async def test_strangers_and_other_names_get_nothing(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    await recorder_tells(world, stopped(world, recording))
    operator = await world.account(Role.OPERATOR)
    assert (await operator.get(f"/recordings/{recording}/files/manifest.jsonl")).status_code == 403
    for name in ("composed.webm", "nothing.webm", "..%2F..%2Fmeetings.db", "lock"):
        assert (await world.secretary.get(f"/recordings/{recording}/files/{name}")).status_code == 404
    assert "recording.viewed" not in await world.kinds()


async def test_one_flipped_byte_is_named(session_open: World) -> None:
    world = session_open
    recording = await begun(world)
    report = stopped(world, recording)
    await recorder_tells(world, report)
    path = world.context.settings.recordings_dir / MEETING / recording / report.files[0].name
    async with world.context.database.read() as session:
        assert await verify_recordings(session, world.context.settings) == []
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        [finding] = await verify_recordings(session, world.context.settings)
    assert report.files[0].name in str(finding.params["what"])


async def test_chapters_tell_agenda_and_floor_at_their_moments(session_open: World) -> None:
    world = session_open
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(world.secretary, "agenda", item_id="itemone", action="start")
    recording = await begun(world)
    started = Report(recording, "started", origin=world.clock.now().isoformat())
    world.clock.advance(0.5)
    await recorder_tells(world, started)
    world.clock.advance(5)
    await world.act(world.secretary, "floor", identity=f"point:{EAST}", action="grant")
    world.clock.advance(5)
    await world.act(world.secretary, "agenda", item_id="itemtwo", action="start")
    world.clock.advance(5)
    async with world.context.database.read() as session:
        found = await service.chapters(session, MEETING)
        row = await service.get_recording(session, recording)
        row.duration_ms = 15_500
    assert [(one.at_ms, one.kind) for one in found] == [(0, "agenda"), (5500, "floor"), (10_500, "agenda")]
    assert [str(one.title) for one in found] == ["Mục 1", "Phát biểu: UBND xã Ea Kao", "Mục 2"]
