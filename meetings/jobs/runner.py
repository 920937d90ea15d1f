"""Owns the doing of it: claims due jobs by a lease, keeps the lease, retries later, stops when told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select, update

from meetings.clock import Clock
from meetings.database import Database
from meetings.errors import MeetingsError
from meetings.ids import new_id
from meetings.jobs.queue import ENQUEUED, LEASE, GiveUp, Handler, Job, JobContext, JobState, LeaseLost, update_mine
from meetings.logs import redact

log = structlog.get_logger(__name__)

RENEW_SECONDS = 20.0
POLL_SECONDS = 2.0
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(hours=1)


def backoff(attempt: int) -> timedelta:
    """5 s, 10 s, 20 s … at most an hour."""
    return min(FIRST_BACKOFF * int(2 ** min(attempt - 1, 20)), LONGEST_BACKOFF)


@dataclass(frozen=True)
class _Claim:
    kind: str
    max_attempts: int
    job: JobContext


class JobRunner:
    """Claims due jobs and runs their handlers, at most `concurrency` at a time, until told to stop."""

    def __init__(self, database: Database, clock: Clock, handlers: Mapping[str, Handler], concurrency: int = 2) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._concurrency = concurrency
        self._worker = new_id()
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        database.after_commit.append(self._committed)

    def _committed(self, info: dict[Any, Any]) -> None:
        if info.get(ENQUEUED):
            self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        if self._database.dialect == "sqlite":
            await self._release_all()
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._wake.clear()
                if not await self._fill_safely() or len(self._running) >= self._concurrency:
                    await self._rest(stopping)
        finally:
            stopping.cancel()
            await self._stop_running()

    async def run_due(self) -> int:
        """Runs what is due now, one after the other, and says how much it was (for tests and commands)."""
        done = 0
        while (claim := await self._claim()) is not None:
            await self._work(claim)
            done += 1
        return done

    async def _fill_safely(self) -> bool:
        try:
            return await self._fill()
        except MeetingsError:
            log.warning("jobs.database_away")
            return False

    async def _fill(self) -> bool:
        claimed = False
        while len(self._running) < self._concurrency:
            claim = await self._claim()
            if claim is None:
                break
            claimed = True
            task = asyncio.create_task(self._work(claim))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return claimed

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("jobs.result_not_stored", exc_info=error)

    async def _rest(self, stopping: asyncio.Task[bool]) -> None:
        wake = asyncio.create_task(self._wake.wait())
        await asyncio.wait([wake, stopping], timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        wake.cancel()

    async def _stop_running(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _release_all(self) -> None:
        """On SQLite this process is the only one: whatever is still called running died with the last one."""
        async with self._database.transaction() as session:
            left = update(Job).where(Job.state == JobState.RUNNING)
            await session.execute(left.values(state=JobState.QUEUED, worker=None, lease_until=None))

    async def _claim(self) -> _Claim | None:
        now = self._clock.now()
        waiting = (Job.state == JobState.QUEUED) & or_(Job.run_at.is_(None), Job.run_at <= now)
        orphaned = (Job.state == JobState.RUNNING) & (Job.lease_until < now)
        query = select(Job).where(waiting | orphaned, Job.kind.in_(list(self._handlers)))
        async with self._database.transaction() as session:
            job = await session.scalar(query.order_by(Job.id).limit(1).with_for_update(skip_locked=True))
            if job is None:
                return None
            job.state, job.worker, job.lease_until = JobState.RUNNING, self._worker, now + LEASE
            job.attempts += 1
            mine = JobContext(job.id, dict(job.payload), job.attempts, self._database, self._clock, self._worker)
            return _Claim(job.kind, job.max_attempts, mine)

    async def _work(self, claim: _Claim) -> None:
        job = claim.job
        with structlog.contextvars.bound_contextvars(job_id=job.job_id, job_kind=claim.kind):
            work = asyncio.ensure_future(self._handlers[claim.kind](job))
            renewing = asyncio.create_task(self._renew(job, work))
            try:
                await work
            except LeaseLost:
                log.warning("jobs.lease_lost")
            except asyncio.CancelledError:
                # stopped, not failed: the next runner begins it anew at once
                await self._store(job, state=JobState.QUEUED, run_at=None, attempts=job.attempt - 1)
                raise
            except Exception as error:
                await self._failed(claim, error)
            else:
                await self._store(job, state=JobState.DONE, progress=1.0, error=None, finished_at=self._clock.now())
            finally:
                renewing.cancel()

    async def _renew(self, job: JobContext, work: asyncio.Future[None]) -> None:
        """Keeps the lease while the handler works; a handler whose job another worker has is stopped."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                async with self._database.transaction() as session:
                    await update_mine(session, job.job_id, job.worker, {"lease_until": self._clock.now() + LEASE})
            except LeaseLost:
                work.cancel()
                return
            except MeetingsError:
                log.warning("jobs.lease_not_renewed")  # the database is away; there are two more tries in a lease

    async def _failed(self, claim: _Claim, error: Exception) -> None:
        job, now = claim.job, self._clock.now()
        words = redact(str(error) or type(error).__name__)
        if isinstance(error, GiveUp) or job.attempt >= claim.max_attempts:
            log.error("jobs.failed", error=words, exc_info=error)
            await self._store(job, state=JobState.FAILED, error=words, finished_at=now)
        else:
            log.warning("jobs.will_retry", error=words, attempt=job.attempt)
            await self._store(job, state=JobState.QUEUED, error=words, run_at=now + backoff(job.attempt))

    async def _store(self, job: JobContext, **values: Any) -> None:
        try:
            async with self._database.transaction() as session:
                await update_mine(session, job.job_id, job.worker, values | {"worker": None, "lease_until": None})
        except LeaseLost:
            log.warning("jobs.lease_lost")
