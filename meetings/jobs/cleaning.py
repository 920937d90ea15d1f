"""Owns the end of a job's row: done ones go after a while, failed ones are kept longer for whoever asks why."""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.clock import Clock
from meetings.database import Database
from meetings.errors import MeetingsError
from meetings.jobs.queue import Job, JobState

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 3600.0


async def clear(session: AsyncSession, now: datetime, *, done: timedelta, failed: timedelta) -> int:
    """Deletes what was done or failed longer ago than that, and says how many rows went. Several may do it at once."""
    old_done = (Job.state == JobState.DONE) & (Job.finished_at < now - done)
    old_failed = (Job.state == JobState.FAILED) & (Job.finished_at < now - failed)
    gone = await session.scalars(delete(Job).where(or_(old_done, old_failed)).returning(Job.id))
    return len(gone.all())


class JobCleaning:
    """Looks every hour, from the start on."""

    def __init__(self, database: Database, clock: Clock, *, done_days: int, failed_days: int) -> None:
        self._database, self._clock = database, clock
        self._done, self._failed = timedelta(days=done_days), timedelta(days=failed_days)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)

    async def _clear(self) -> None:
        try:
            async with self._database.transaction() as session:
                gone = await clear(session, self._clock.now(), done=self._done, failed=self._failed)
        except MeetingsError:
            return  # the database is away; there is another hour
        if gone:
            log.info("jobs.cleared", rows=gone)
