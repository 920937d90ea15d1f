"""The recorder host: asks the coordinator what to record and keeps one process per recording going.

Never opens the database. When the coordinator is away everything in hand goes on, and reports wait in a bounded queue.
A process that dies is followed at once by another one that was already waiting; its orders are the last ones known.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Protocol

import httpx2
import msgspec
import structlog

from meetings.recording import ending, messages
from meetings.recording.messages import Assignment, Begin, Poll, Report, Stop, Update, Work

POLL_EVERY = 0.25  # so soon after the end of a conference its recording ends
REPORTS_WAITING = 1000
SHORT_LIFE = 1.0  # seconds; one may be an accident, several in a row are a fault that restarting does not mend
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)  # before the next life, by the number of short ones in a row
STOP_PATIENCE = 20.0
INTERNAL_HEADER = "X-Internal-Secret"
_LINE_LIMIT = 8 * 1024 * 1024  # a report of the end lists every file

log = structlog.get_logger(__name__)


class Coordinator(Protocol):
    """What the host asks and tells."""

    async def poll(self, poll: Poll) -> Work: ...
    async def report(self, report: Report) -> None: ...


class CoordinatorAway(Exception):
    """It does not answer, or not as expected; ask again later."""


class Refused(Exception):
    """It will never take this; the reports behind it must not wait for that."""


class HttpCoordinator:
    """The coordinator over loopback HTTP, under the house's internal secret."""

    def __init__(self, url: str, secret: str) -> None:
        self._client = httpx2.AsyncClient(base_url=url, headers={INTERNAL_HEADER: secret}, timeout=10, trust_env=False)

    async def poll(self, poll: Poll) -> Work:
        """Raises CoordinatorAway, Refused."""
        return messages.work_decoder.decode(await self._post("/internal/recorder/poll", messages.encode(poll)))

    async def report(self, report: Report) -> None:
        """Raises CoordinatorAway, Refused."""
        await self._post("/internal/recorder/report", messages.encode(report))

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _post(self, path: str, body: bytes) -> bytes:
        try:
            answer = await self._client.post(path, content=body, headers={"Content-Type": "application/json"})
        except httpx2.HTTPError as error:
            raise CoordinatorAway(str(error) or type(error).__name__) from error
        if answer.status_code in (404, 422):  # no such recording, or not to be read
            raise Refused(f"{path} was answered with {answer.status_code}")
        if answer.status_code != 200:
            raise CoordinatorAway(f"{path} was answered with {answer.status_code}")
        return answer.content


@dataclass
class _Process:
    """A started recording process."""

    process: asyncio.subprocess.Process
    ready_at: float = field(default_factory=time.monotonic)

    def order(self, message: msgspec.Struct) -> None:
        """One line to its standard input; a dead process is noticed elsewhere."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            with contextlib.suppress(ConnectionError):
                self.process.stdin.write(messages.encode(message) + b"\n")

    def end_life(self) -> None:
        """Have it seal its files and go; the recording may go on in another one."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()


async def spawn() -> asyncio.subprocess.Process:
    """A process that has its modules loaded and waits for orders."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "meetings.recording.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
    )


class Host:
    """Runs until told to stop. `worker` names this host in leases."""

    def __init__(self, coordinator: Coordinator, worker: str = "") -> None:
        self._coordinator = coordinator
        # The machine's name alone: a host that is started anew has its recordings back at once, not after a lease.
        self.worker = worker or os.uname().nodename
        self._assignments: dict[str, Assignment] = {}
        self._processes: dict[str, _Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._reports: asyncio.Queue[Report] = asyncio.Queue(REPORTS_WAITING)
        self._spare: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._told = ending.Told()
        self._stopping = False
        self._away = False

    @property
    def process_ids(self) -> dict[str, int]:
        """The process of every recording in hand, for tests that kill it."""
        return {recording: one.process.pid for recording, one in self._processes.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Ask, record and report until `stop`; then leave every room, with everything sealed."""
        reporting = asyncio.create_task(self._deliver())
        self._prepare_spare()
        try:
            while not stop.is_set():
                await self._ask()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_EVERY)
        finally:
            await self._leave_all()
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    async def _ask(self) -> None:
        question = self._told.asking()
        try:
            work = await self._coordinator.poll(Poll(self.worker, tuple(self._keepers)))
        except (CoordinatorAway, Refused, msgspec.DecodeError) as error:
            if not self._away:
                log.warning("recorder.coordinator_away", reason=str(error))
            self._away = True
            return
        self._away = False
        outdated = self._told.outdated(question)
        wanted = {one.recording_id: one for one in work.assignments if one.recording_id not in outdated}
        for recording, assignment in wanted.items():
            self._assign(recording, assignment)
        for recording in self._keepers.keys() - wanted.keys():
            self._drop(recording)

    def _assign(self, recording: str, assignment: Assignment) -> None:
        before = self._assignments.get(recording)
        self._assignments[recording] = assignment
        if recording not in self._keepers:
            self._keepers[recording] = asyncio.create_task(self._keep(recording))
        elif (process := self._processes.get(recording)) is not None and assignment != before:
            if assignment.stop:
                process.order(Stop(assignment.stop_at))
            else:
                process.order(Update(assignment.token, assignment.prominent))

    def _drop(self, recording: str) -> None:
        """Another host has it, or it is gone: seal what is open and let go."""
        self._assignments.pop(recording, None)
        if (process := self._processes.get(recording)) is not None:
            process.end_life()

    async def _keep(self, recording: str) -> None:
        """One life after the other, until the recording has reported its end or is not ours any more."""
        short = 0
        try:
            while recording in self._assignments and not self._stopping:
                started = time.monotonic()
                if await self._one_life(recording):
                    return
                seconds = time.monotonic() - started
                short = short + 1 if seconds < SHORT_LIFE else 0
                log.warning("recorder.life_ended", recording_id=recording, seconds=round(seconds, 1))
                await asyncio.sleep(PAUSES[min(max(short - 1, 0), len(PAUSES) - 1)])
        finally:
            self._keepers.pop(recording, None)
            self._assignments.pop(recording, None)

    async def _one_life(self, recording: str) -> bool:
        """Whether the recording has come to its end."""
        process = _Process(await self._take_spare())
        self._processes[recording] = process
        try:
            process.order(Begin(self._assignments[recording]))
            ended = False
            assert process.process.stdout is not None
            async for line in process.process.stdout:
                report = self._accept(line)
                ended = ended or (report is not None and report.kind in messages.ENDS)
            await process.process.wait()
            return ended
        finally:
            del self._processes[recording]
            if process.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.process.kill()

    def _accept(self, line: bytes) -> Report | None:
        try:
            report = messages.report_decoder.decode(line)
        except msgspec.DecodeError:
            log.warning("recorder.unreadable_report", line=line[:200])
            return None
        if self._reports.full() and report.kind == "progress":
            return report  # the next one says more
        with contextlib.suppress(asyncio.QueueFull):  # the end is in the manifest, too: whoever asks again is told
            self._reports.put_nowait(msgspec.structs.replace(report, worker=self.worker))
            if report.kind in messages.ENDS:
                self._told.waits(report.recording_id)
        return report

    async def _deliver(self) -> None:
        """Reports in order, each until the coordinator has taken it."""
        while True:
            report = await self._reports.get()
            await self._deliver_one(report)
            if report.kind in messages.ENDS:
                self._told.taken(report.recording_id)
            self._reports.task_done()

    async def _deliver_one(self, report: Report) -> None:
        """One line in the log when it must wait and one when it is taken, however often it was tried."""
        tries = 0
        while True:
            try:
                await self._coordinator.report(report)
            except CoordinatorAway as error:
                if not tries:
                    log.warning("recorder.report_waits", kind=report.kind, reason=str(error))
                tries += 1
                await asyncio.sleep(1)
            except Refused as error:
                log.error(
                    "recorder.report_refused", kind=report.kind, recording_id=report.recording_id, reason=str(error)
                )
                return
            else:
                if tries:
                    log.info("recorder.report_taken", kind=report.kind, tries=tries + 1)
                return

    def _prepare_spare(self) -> None:
        if not self._stopping:
            self._spare = asyncio.create_task(spawn())

    async def _take_spare(self) -> asyncio.subprocess.Process:
        spare, self._spare = self._spare, None
        try:
            process = await spare if spare is not None else await spawn()
            return process if process.returncode is None else await spawn()
        finally:
            self._prepare_spare()

    async def _leave_all(self) -> None:
        self._stopping = True
        for process in list(self._processes.values()):
            process.end_life()
        if self._keepers:
            await asyncio.wait(list(self._keepers.values()), timeout=STOP_PATIENCE)
        for task in list(self._keepers.values()):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._reports.join(), 3)
        if self._spare is not None:
            spare = await self._spare
            with contextlib.suppress(ProcessLookupError):
                spare.kill()
            await spare.wait()


async def serve(url: str, secret: str, stop: asyncio.Event) -> None:
    """Run a host against the coordinator at `url`."""
    coordinator = HttpCoordinator(url, secret)
    host = Host(coordinator)
    try:
        await host.run(stop)
    finally:
        await coordinator.close()
