"""The recorder host and a coordinator that is not always there; no relay answers here, so nothing is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from meetings.recording import manifest
from meetings.recording.host import CoordinatorAway, Host, Refused
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
        self.ended = asyncio.Event()
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
            self.ended.set()

    def ends(self) -> list[str]:
        return [report.manifest_sha256 for report in self.reports if report.kind in ("stopped", "full")]

    def told(self, kind: str) -> bool:
        return any(report.kind == kind for report in self.reports)

    def stop(self) -> None:
        assert self.assignment is not None
        self.assignment = msgspec.structs.replace(self.assignment, stop=True)


class SlowCoordinator(MoodyCoordinator):
    """Asked a second time what there is to do, it looks that up, is told the end, and only then answers."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.orders_to_stop = 0
        self.looked_up = asyncio.Event()

    async def poll(self, poll: Poll) -> Work:
        work = await super().poll(poll)
        if work.assignments and work.assignments[0].stop:
            self.orders_to_stop += 1
            if self.orders_to_stop == 2:
                self.looked_up.set()
                await self.ended.wait()
        return work

    async def report(self, report: Report) -> None:
        if report.kind == "stopped":
            await self.looked_up.wait()
        await super().report(report)


class ForgetfulCoordinator(MoodyCoordinator):
    """Does not remember the first end it was told, as when another host held the lease or a backup was restored."""

    async def report(self, report: Report) -> None:
        kept = self.assignment
        await super().report(report)
        if len(self.ends()) == 1:
            self.assignment = kept


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


async def test_a_recording_that_has_ended_is_left_alone_while_its_report_waits(tmp_path: Path) -> None:
    coordinator = MoodyCoordinator(tmp_path / "r1")
    coordinator.takes_reports = False
    async with working(coordinator) as host:
        await eventually(lambda: (tmp_path / "r1" / "lock").exists(), what="the recording at work")
        coordinator.stop()
        await eventually(lambda: coordinator.refused and not host.process_ids, what="the end, told in vain")
        sealed, asked = manifest.digest(tmp_path / "r1"), coordinator.polls
        await eventually(lambda: coordinator.polls > asked + 6, what="the same order again and again")
        assert host.process_ids == {}
        coordinator.takes_reports = True
        await eventually(lambda: coordinator.told("stopped"), what="the end")
        asked = coordinator.polls
        await eventually(lambda: coordinator.polls > asked + 4, what="more polls")
    assert coordinator.ends() == [sealed] == [manifest.digest(tmp_path / "r1")]


async def test_an_order_that_left_before_the_end_was_told_is_out_of_date(tmp_path: Path) -> None:
    coordinator = SlowCoordinator(tmp_path / "r1")
    async with working(coordinator) as host:
        await eventually(lambda: (tmp_path / "r1" / "lock").exists(), what="the recording at work")
        coordinator.stop()
        await eventually(lambda: coordinator.ended.is_set(), what="an order to stop what has ended")
        asked = coordinator.polls
        await eventually(lambda: coordinator.polls > asked + 4, what="more polls")
        assert host.process_ids == {}
    assert coordinator.ends() == [manifest.digest(tmp_path / "r1")]


@pytest.mark.parametrize("stop", [True, False])
async def test_whoever_asks_again_for_a_recording_that_has_ended_is_told_the_same(tmp_path: Path, stop: bool) -> None:
    coordinator = ForgetfulCoordinator(tmp_path / "r1")
    coordinator.stop()
    async with working(coordinator):
        await eventually(lambda: len(coordinator.ends()) == 1, what="the end")
        if coordinator.assignment is not None:
            coordinator.assignment = msgspec.structs.replace(coordinator.assignment, stop=stop)
        await eventually(lambda: len(coordinator.ends()) == 2, what="the end, told again")
    first, second = (report for report in coordinator.reports if report.kind == "stopped")
    assert first == second
    assert first.manifest_sha256 == manifest.digest(tmp_path / "r1")


async def test_a_report_that_is_refused_for_good_does_not_hold_up_the_others(tmp_path: Path) -> None:
    class Strict(MoodyCoordinator):
        async def report(self, report: Report) -> None:
            if self.refused == 0:
                self.refused += 1
                raise Refused("no such recording")
            await super().report(report)

    coordinator = Strict(tmp_path / "r1")
    coordinator.stop()
    with capture_logs() as lines:
        async with working(coordinator):
            await eventually(lambda: coordinator.told("stopped"), what="the end, told when asked again")
    assert [line["kind"] for line in lines if line["event"] == "recorder.report_refused"] == ["stopped"]
