"""What the machine did meanwhile: CPU time and memory of processes, and the pauses it makes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

# Sleeps a millisecond at a time and writes by how many microseconds each sleep was late.
_PROBE = """
import signal, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
late = []
while not stop:
    before = time.perf_counter_ns()
    time.sleep(0.001)
    late.append((time.perf_counter_ns() - before) // 1000 - 1000)
sys.stdout.write(" ".join(map(str, late)))
"""


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of all threads of these processes."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in pids)


class Pauses:
    """How late the machine wakes a process that asked for a millisecond."""

    def __init__(self) -> None:
        self.p50_ms = self.p99_ms = self.most_ms = 0.0


@contextmanager
def pauses() -> Iterator[Pauses]:
    """Measured by a process of its own until the block ends; filled in then."""
    found = Pauses()
    with subprocess.Popen([sys.executable, "-c", _PROBE], stdout=subprocess.PIPE, text=True) as probe:
        try:
            yield found
        finally:
            probe.terminate()
            said, _ = probe.communicate()
    late = [int(word) / 1000 for word in said.split()]
    if late:
        found.p50_ms, found.p99_ms = (float(one) for one in np.percentile(late, [50, 99]))
        found.most_ms = max(late)


def described() -> str:
    """The machine in a few words."""
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE / (1 << 30)
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]}"
