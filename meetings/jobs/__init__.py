"""Work done later: rows that any process may claim by a lease, and that may run twice safely."""

from meetings.jobs.cleaning import JobCleaning, clear
from meetings.jobs.queue import (
    LEASE,
    GiveUp,
    Handler,
    Job,
    JobContext,
    JobState,
    JobStatus,
    LeaseLost,
    enqueue,
    status,
)
from meetings.jobs.runner import JobRunner, backoff

__all__ = [
    "LEASE",
    "GiveUp",
    "Handler",
    "Job",
    "JobCleaning",
    "JobContext",
    "JobRunner",
    "JobState",
    "JobStatus",
    "LeaseLost",
    "backoff",
    "clear",
    "enqueue",
    "status",
]
