"""Child processes: started, restarted with backoff, and never outliving the process that started them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from meetings.journal import Journal

_PR_SET_PDEATHSIG = 1
SUPERVISED = "MEETINGS_SUPERVISED"
_log = structlog.get_logger(__name__)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; called by a supervised child as its first act."""
    parent = os.environ.get(SUPERVISED)
    if not parent or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we could ask
        sys.exit(1)


@dataclass
class Child:
    """One process to keep running: what to call it, how to start it and what it finds in its environment."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Keeps children running until told to stop; owns one task for each."""

    first_pause = 0.2  # seconds before the second restart in a row; doubled each time. The first one is made at once
    longest_pause = 5.0
    healthy_after = 20.0  # a child that lived this long starts its backoff anew
    grace = 8.0  # between SIGTERM and SIGKILL

    def __init__(
        self,
        children: list[Child],
        journal: Journal | None = None,
        changed: Callable[[dict[str, int]], None] | None = None,
    ) -> None:
        self._children = children
        self._journal = journal
        self._changed = changed
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._copying: set[asyncio.Task[None]] = set()

    def pid(self, name: str) -> int | None:
        """The process id of a child that runs now."""
        process = self._running.get(name)
        return process.pid if process else None

    async def run(self, stop: asyncio.Event) -> None:
        """Returns when `stop` is set and every child has ended."""
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(self._keep(child, stop), name=f"child:{child.name}")
        if self._copying:  # the last words; a grandchild that lives on may hold the other end open
            _, unfinished = await asyncio.wait(self._copying, timeout=1)
            for task in unfinished:
                task.cancel()

    async def _keep(self, child: Child, stop: asyncio.Event) -> None:
        pause = 0.0
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            process = await self._start(child)
            await self._wait(process, stop)
            self._running.pop(child.name, None)
            if stop.is_set():
                return
            if loop.time() - started > self.healthy_after:
                pause = 0.0
            _log.warning("child ended, starting it again", child=child.name, code=process.returncode, pause=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2 or self.first_pause, self.longest_pause)

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        environment = {**os.environ, **child.environment, SUPERVISED: str(os.getpid())}
        process = await asyncio.create_subprocess_exec(
            *child.command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE if self._journal else None,
            start_new_session=True,
        )
        if self._journal and process.stderr:
            copying = asyncio.create_task(self._journal.copy(process.stderr))
            self._copying.add(copying)
            copying.add_done_callback(self._copying.discard)
        self._running[child.name] = process
        self._tell()
        return process

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed({name: process.pid for name, process in self._running.items()})

    async def _wait(self, process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(asyncio.shield(ended), self.grace)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        await ended
