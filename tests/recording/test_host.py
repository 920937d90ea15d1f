"""The recorder host and a coordinator that is not always there; no relay answers here, so nothing is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from structlog.testing import capture_logs

from meetings.recording import manifest
from meetings.recording.host import CoordinatorAway, Host
from meetings.recording.messages import Assignment, Poll, Report, Work
from tests.fakes import eventually
from tests.recording_stage import kill


class MoodyCoordinator:
    """Answers only while `there`."""

    def __init__(self, directory: Path) -> None:
        self.there = True
        self.takes_reports = True
        self.polls = self.refused = 0
        self.reports: list[Report] = []
        self.assignment: Assignment | None = Assignment("r1", "m1", "http://127.0.0.1:9", "token", str(directory))

    async def poll(self, poll: Poll) -> Work:
        self.polls += 1
        if not self.there:
            raise CoordinatorAway("not there")
        return Work((self.assignment,) if self.assignment else ())

    async def report(self, report: Report) -> None:
        if not self.there or not self.takes_reports:
            self.refused += 1
            raise CoordinatorAway("not there")
        self.reports.append(report)
        if report.kind == "stopped":
            self.assignment = None

    def told(self, kind: str) -> bool:
        return any(report.kind == kind for report in self.reports)

    def stop(self) -> None:
        assert self.assignment is not None
        self.assignment = msgspec.structs.replace(self.assignment, stop=True)


@asynccontextmanager
async def working(coordinator: MoodyCoordinator) -> AsyncIterator[Host]:
    stop = asyncio.Event()
    host = Host(coordinator, "host-a")
    task = asyncio.create_task(host.run(stop))
    try:
        yield host
    finally:
        stop.set()
        await task


async def test_a_recording_goes_on_while_the_coordinator_is_away(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    async with working(coordinator) as host:
        await eventually(lambda: "r1" in host.process_ids, what="the recording's process")
        process = host.process_ids["r1"]
        coordinator.there = False
        seen = coordinator.polls
        await eventually(lambda: coordinator.polls > seen + 4, what="more polls")
        assert host.process_ids == {"r1": process}
        coordinator.stop()
        coordinator.there = True
        await eventually(lambda: coordinator.told("stopped"), what="the end, reported late")
    assert manifest.problems(tmp_path / "r1") == []
    assert manifest.read(tmp_path / "r1")[-1].kind == "end"


async def test_a_process_that_died_is_followed_by_the_one_in_reserve(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    async with working(coordinator) as host:
        await eventually(lambda: "r1" in host.process_ids, what="the recording's process")
        first = host.process_ids["r1"]
        kill(first)
        await eventually(lambda: host.process_ids.get("r1") not in (None, first), what="the next process")
        coordinator.stop()
        await eventually(lambda: coordinator.told("stopped"), what="the end")


async def test_what_is_not_its_business_any_more_is_let_go_but_not_ended(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    async with working(coordinator) as host:
        await eventually(lambda: (tmp_path / "r1" / "lock").exists(), what="the recording at work")
        coordinator.assignment = None
        await eventually(lambda: not host.process_ids, what="no process")
    assert not coordinator.told("stopped")
    assert "end" not in [entry.kind for entry in manifest.read(tmp_path / "r1")]


async def test_a_recording_whose_recorder_never_came_back_is_brought_to_its_end(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    coordinator.stop()
    async with working(coordinator):
        await eventually(lambda: coordinator.told("stopped"), what="the end")
    [report] = coordinator.reports
    assert (report.worker, report.manifest_sha256) == ("host-a", manifest.digest(tmp_path / "r1"))


async def test_a_report_that_waits_makes_two_lines_in_the_log_not_one_a_second(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    with capture_logs() as lines:
        async with working(coordinator) as host:
            await eventually(lambda: "r1" in host.process_ids, what="the recording's process")
            coordinator.takes_reports = False
            coordinator.stop()
            await eventually(lambda: coordinator.refused >= 3, what="three tries of a report")
            coordinator.takes_reports = True
            await eventually(lambda: coordinator.told("stopped"), what="the end")
    assert [line["event"] for line in lines if line["event"] == "recorder.report_waits"] == ["recorder.report_waits"]
