"""Jobs: done once they are due, again when they failed, and never lost with the process that did them."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from meetings import jobs
from meetings.clock import SystemClock
from meetings.config import PROJECT_ROOT
from meetings.database import Database
from meetings.jobs import GiveUp, JobContext, JobRunner, JobState, JobStatus
from tests.conftest import running
from tests.fakes import ManualClock, eventually


async def put(database: Database, kind: str = "letter", key: str | None = None, **payload: object) -> str:
    async with database.transaction() as session:
        return await jobs.enqueue(session, kind, payload, dedupe_key=key, max_attempts=3)


async def state_of(database: Database, job_id: str) -> JobStatus:
    async with database.read() as session:
        found = await jobs.status(session, job_id)
    assert found is not None
    return found


class Work:
    """A handler that notes what it was given and does what the test says."""

    def __init__(self, act: Callable[[JobContext], Awaitable[None]] | None = None) -> None:
        self.given: list[dict[str, object]] = []
        self._act = act

    async def __call__(self, job: JobContext) -> None:
        self.given.append(job.payload)
        if self._act is not None:
            await self._act(job)


async def test_a_job_is_done_once_with_what_it_was_given(database: Database, clock: ManualClock) -> None:
    work = Work()
    job_id = await put(database, to="van-thu@example.invalid")
    assert await JobRunner(database, clock, {"letter": work}).run_due() == 1
    assert work.given == [{"to": "van-thu@example.invalid"}]
    assert (await state_of(database, job_id)).state == JobState.DONE
    assert await JobRunner(database, clock, {"letter": work}).run_due() == 0


async def test_work_left_behind_in_a_failed_transaction_is_not_done(database: Database, clock: ManualClock) -> None:
    with pytest.raises(ZeroDivisionError):
        await _enqueue_and_break(database)
    assert await JobRunner(database, clock, {"letter": Work()}).run_due() == 0


async def _enqueue_and_break(database: Database) -> None:
    async with database.transaction() as session:
        await jobs.enqueue(session, "letter", {})
        raise ZeroDivisionError


async def test_the_same_key_gives_one_job(database: Database, clock: ManualClock) -> None:
    ids = await asyncio.gather(*(put(database, key="invite:1") for _ in range(8)))
    assert len(set(ids)) == 1
    assert await JobRunner(database, clock, {"letter": Work()}).run_due() == 1


async def test_a_failing_job_is_tried_again_later_and_then_given_up(database: Database, clock: ManualClock) -> None:
    async def refuse(job: JobContext) -> None:
        raise RuntimeError("máy chủ thư không trả lời, token=abcdef")

    runner, job_id = JobRunner(database, clock, {"letter": Work(refuse)}), await put(database, key="k")
    waits: list[timedelta] = []
    for _ in range(3):
        assert await runner.run_due() == 1
        assert await runner.run_due() == 0, "it must wait before it is tried again"
        waits.append(jobs.backoff(len(waits) + 1))
        clock.advance(waits[-1].total_seconds())
    found = await state_of(database, job_id)
    assert (found.state, found.attempts, waits[1] > waits[0]) == (JobState.FAILED, 3, True)
    assert found.error == "máy chủ thư không trả lời, token=…"
    assert await runner.run_due() == 0
    assert await put(database, key="k") == job_id, "asking for it once more revives it"
    assert await runner.run_due() == 1


async def test_what_cannot_succeed_is_not_tried_again(database: Database, clock: ManualClock) -> None:
    async def refuse(job: JobContext) -> None:
        raise GiveUp("địa chỉ không có thật")

    job_id = await put(database)
    await JobRunner(database, clock, {"letter": Work(refuse)}).run_due()
    assert (await state_of(database, job_id)).state == JobState.FAILED


async def test_a_job_waits_for_its_time(database: Database, clock: ManualClock) -> None:
    async with database.transaction() as session:
        await jobs.enqueue(session, "letter", {}, run_at=clock.now() + timedelta(minutes=5))
    runner = JobRunner(database, clock, {"letter": Work()})
    assert await runner.run_due() == 0
    clock.advance(300)
    assert await runner.run_due() == 1


async def test_progress_is_shown_while_it_runs(database: Database, clock: ManualClock) -> None:
    seen: list[JobStatus] = []

    async def compose(job: JobContext) -> None:
        await job.progress(0.25, "đã ghép 15 phút")
        seen.append(await state_of(database, job.job_id))

    await put(database)
    await JobRunner(database, clock, {"letter": Work(compose)}).run_due()
    assert (seen[0].state, seen[0].progress, seen[0].note) == (JobState.RUNNING, 0.25, "đã ghép 15 phút")


async def test_many_runners_do_each_job_once(database: Database, clock: ManualClock) -> None:
    work = Work()
    for n in range(20):
        await put(database, n=n)
    runners = [JobRunner(database, clock, {"letter": work}) for _ in range(4)]
    done = await asyncio.gather(*(runner.run_due() for runner in runners))
    assert sum(done) == 20
    assert sorted(given["n"] for given in work.given) == list(range(20))  # type: ignore[type-var] # numbers


async def test_no_more_run_at_once_than_allowed(database: Database) -> None:
    running, most, release = 0, 0, asyncio.Event()

    async def hold(job: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    ids = [await put(database, n=n) for n in range(5)]
    stop = asyncio.Event()
    task = asyncio.create_task(JobRunner(database, SystemClock(), {"letter": Work(hold)}, concurrency=2).run(stop))
    await eventually(lambda: running == 2, what="two jobs at work")
    release.set()

    async def all_done() -> bool:
        return all([(await state_of(database, job_id)).state == JobState.DONE for job_id in ids])

    await eventually(all_done, what="all five jobs")
    stop.set()
    await asyncio.wait_for(task, 10)
    assert most == 2


async def test_stopping_gives_a_job_back_without_counting_it_as_failed(database: Database) -> None:
    started = asyncio.Event()

    async def hold(job: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    job_id, stop = await put(database), asyncio.Event()
    task = asyncio.create_task(JobRunner(database, SystemClock(), {"letter": Work(hold)}).run(stop))
    await asyncio.wait_for(started.wait(), 10)
    stop.set()
    await asyncio.wait_for(task, 10)
    found = await state_of(database, job_id)
    assert (found.state, found.attempts) == (JobState.QUEUED, 0)


async def test_a_job_whose_worker_is_gone_is_taken_over_after_its_lease(database: Database, clock: ManualClock) -> None:
    taken_over = asyncio.Event()

    async def hang(job: JobContext) -> None:
        await asyncio.Event().wait()

    async def finish(job: JobContext) -> None:
        taken_over.set()

    job_id = await put(database)
    first = asyncio.create_task(JobRunner(database, clock, {"letter": Work(hang)}).run_due())

    async def at_work() -> bool:
        return (await state_of(database, job_id)).state == JobState.RUNNING

    await eventually(at_work, what="the first worker")
    second = JobRunner(database, clock, {"letter": Work(finish)})
    assert await second.run_due() == 0, "the lease still holds"
    clock.advance(jobs.LEASE.total_seconds() + 1)
    assert await second.run_due() == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await state_of(database, job_id)).state == JobState.DONE, "the first worker's end changes nothing any more"


CHILD = """
import asyncio, sys
from meetings import models
from meetings.clock import SystemClock
from meetings.database import Database
from meetings.jobs import JobRunner

async def hang(job):
    print("at work", flush=True)
    await asyncio.Event().wait()

asyncio.run(JobRunner(Database(sys.argv[1]), SystemClock(), {"letter": hang}).run(asyncio.Event()))
"""


async def test_a_job_survives_the_sudden_death_of_the_process_that_did_it(
    database: Database, database_url: str
) -> None:
    job_id = await put(database)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, database_url, stdout=asyncio.subprocess.PIPE, cwd=PROJECT_ROOT
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 30) == b"at work\n"
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    assert (await state_of(database, job_id)).state == JobState.RUNNING
    later = ManualClock(SystemClock().now() + jobs.LEASE + timedelta(seconds=1))
    work = Work()
    assert await JobRunner(database, later, {"letter": work}).run_due() == 1
    found = await state_of(database, job_id)
    assert (found.state, found.attempts) == (JobState.DONE, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_new_start_takes_over_at_once(database: Database) -> None:
    """There the process is the only one: what is still called running died with the last one."""
    job_id = await put(database)
    dead = JobRunner(database, SystemClock(), {"letter": Work()})
    assert await dead._claim() is not None
    stop = asyncio.Event()
    task = asyncio.create_task(JobRunner(database, SystemClock(), {"letter": Work()}).run(stop))

    async def done() -> bool:
        return (await state_of(database, job_id)).state == JobState.DONE

    await eventually(done, what="the job, without waiting for the lease")
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_a_finished_job_s_row_goes_after_its_time_and_a_failed_one_s_much_later(
    database: Database, clock: ManualClock
) -> None:
    async def refuse(job: JobContext) -> None:
        raise GiveUp("không có địa chỉ")

    async def left() -> set[str]:
        async with database.transaction() as session:
            await jobs.clear(session, clock.now(), done=timedelta(days=30), failed=timedelta(days=365))
        async with database.read() as session:
            return set(await session.scalars(select(jobs.Job.kind)))

    for kind in ("done", "failed"):
        await put(database, kind, key=kind)
    await JobRunner(database, clock, {"done": Work(), "failed": Work(refuse)}).run_due()
    await put(database, "waiting")
    assert await left() == {"done", "failed", "waiting"}
    clock.advance(31 * 86400)
    assert await left() == {"failed", "waiting"}
    clock.advance(335 * 86400)
    assert await left() == {"waiting"}, "what is not done is never cleared"


async def test_an_application_clears_old_rows_by_itself(any_app: FastAPI, clock: ManualClock) -> None:
    database: Database = any_app.state.context.database
    await put(database, "old")
    await JobRunner(database, clock, {"old": Work()}).run_due()
    clock.advance(31 * 86400)

    async def gone() -> bool:
        async with database.read() as session:
            return await session.scalar(select(jobs.Job.id)) is None

    async with running(any_app):
        await eventually(gone, what="the old row cleared")
