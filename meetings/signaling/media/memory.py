"""What the worker may grow to: watched from outside by its heartbeats, and bounded by the kernel between them."""

from __future__ import annotations

import os
import resource
from pathlib import Path

# A room of 200 points takes a tenth of it. Above it something leaks, and everybody is better off with a new worker.
LIMIT_BYTES = 1 << 30

_STATM = Path("/proc/self/statm")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def bound(limit: int = 2 * LIMIT_BYTES) -> None:
    """Let allocations of this process fail above the limit, before the machine runs out of memory for all others."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
