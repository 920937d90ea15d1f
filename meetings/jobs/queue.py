"""Owns the table of work to be done: what is put into it, and what is said of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from meetings.clock import Clock
from meetings.database import Base, Database
from meetings.ids import new_id

ENQUEUED = "jobs"  # under this name session.info tells that a transaction has left work behind
LEASE = timedelta(seconds=60)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state_run_at", "state", "run_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=JobState.QUEUED)
    run_at: Mapped[datetime | None]
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    note: Mapped[str] = mapped_column(default="")
    error: Mapped[str | None]
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True)
class JobStatus:
    state: JobState
    progress: float
    note: str
    error: str | None
    attempts: int


class GiveUp(Exception):
    """Raised by a handler when trying again cannot help."""


class LeaseLost(Exception):
    """Another worker has the job now: this one must stop."""


@dataclass(frozen=True)
class JobContext:
    job_id: str
    payload: dict[str, Any]
    attempt: int
    database: Database
    clock: Clock
    worker: str

    async def progress(self, fraction: float, note: str = "") -> None:
        """Shows how far the work is and keeps the lease. Raises LeaseLost when another worker took over."""
        now = self.clock.now()
        values = {"progress": min(max(fraction, 0.0), 1.0), "note": note, "lease_until": now + LEASE}
        async with self.database.transaction() as session:
            await update_mine(session, self.job_id, self.worker, values)


Handler = Callable[[JobContext], Awaitable[None]]


async def enqueue(
    session: AsyncSession,
    kind: str,
    payload: dict[str, Any],
    *,
    run_at: datetime | None = None,
    dedupe_key: str | None = None,
    max_attempts: int = 10,
) -> str:
    """Leaves work behind in the caller's transaction. The same key never gives two jobs: the first one's id comes
    back, and if that one had failed for good it is tried anew."""
    session.info[ENQUEUED] = True
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {"id": new_id(), "kind": kind, "payload": payload, "run_at": run_at, "dedupe_key": dedupe_key}
    fresh = insert(Job).values(
        **values, max_attempts=max_attempts, state=JobState.QUEUED, attempts=0, progress=0, note=""
    )
    made = await session.scalar(fresh.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Job.id))
    if made is not None:
        return str(made)
    revived = update(Job).where(Job.dedupe_key == dedupe_key, Job.state == JobState.FAILED)
    await session.execute(
        revived.values(state=JobState.QUEUED, attempts=0, run_at=run_at, error=None, payload=payload, finished_at=None)
    )
    return (await session.scalars(select(Job.id).where(Job.dedupe_key == dedupe_key))).one()


async def status(session: AsyncSession, job_id: str) -> JobStatus | None:
    job = await session.get(Job, job_id)
    if job is None:
        return None
    return JobStatus(JobState(job.state), job.progress, job.note, job.error, job.attempts)


async def update_mine(session: AsyncSession, job_id: str, worker: str, values: dict[str, Any]) -> None:
    mine = update(Job).where(Job.id == job_id, Job.worker == worker, Job.state == JobState.RUNNING)
    changed = await session.scalar(mine.values(**values).returning(Job.id))
    if changed is None:
        raise LeaseLost(job_id)
