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
STANDBY = "MEETINGS_STANDBY"
_log = structlog.get_logger(__name__)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; called by a supervised child as its first act."""
    parent = os.environ.get(SUPERVISED)
    if not parent or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we could ask
        sys.exit(1)


def wait_for_turn() -> None:
    """A standby has loaded everything by now; it goes on when it is told to, and ends with who would tell it."""
    if os.environ.pop(STANDBY, "") and not sys.stdin.readline():
        sys.exit(0)


@dataclass
class Child:
    """One process to keep running: what to call it, how to start it and what it finds in its environment.

    `standby`: a second one waits, already loaded, to take the place of the first within a moment.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    standby: bool = False


class Supervisor:
    """Keeps children running until told to stop; owns one task for each."""

    first_pause = 0.2  # seconds before the second restart in a row; doubled each time. The first one is made at once
    longest_pause = 5.0
    healthy_after = 5.0  # a child that lived this long starts its backoff anew
    grace = 8.0  # between SIGTERM and SIGKILL
    standby_after = 5.0  # a standby is loaded when the start is over and the cores are free again

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
        self._standby: dict[str, asyncio.subprocess.Process] = {}
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
            process = await self._take_standby(child) or await self._start(child)
            self._running[child.name] = process
            self._tell()
            preparing = asyncio.create_task(self._prepare(child))
            await self._wait(process, stop)
            await self._end_preparing(child, preparing, stop)
            self._running.pop(child.name, None)
            if stop.is_set():
                return
            if loop.time() - started > self.healthy_after:
                pause = 0.0
            _log.warning("child ended, starting it again", child=child.name, code=process.returncode, pause=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2 or self.first_pause, self.longest_pause)

    async def _prepare(self, child: Child) -> None:
        if child.standby:
            await asyncio.sleep(self.standby_after)
            self._standby[child.name] = await self._start(child, standby=True)

    async def _end_preparing(self, child: Child, preparing: asyncio.Task[None], stop: asyncio.Event) -> None:
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
        if stop.is_set() and (spare := self._standby.pop(child.name, None)) is not None:
            with contextlib.suppress(ProcessLookupError):
                spare.kill()
            await spare.wait()

    async def _take_standby(self, child: Child) -> asyncio.subprocess.Process | None:
        """The one that waits, told to go on; None when there is none, or it is not alive."""
        spare = self._standby.pop(child.name, None)
        if spare is None or spare.returncode is not None or spare.stdin is None:
            return None
        try:
            spare.stdin.write(b"\n")
            await spare.stdin.drain()
        except OSError:
            return None
        spare.stdin.close()
        return spare

    async def _start(self, child: Child, *, standby: bool = False) -> asyncio.subprocess.Process:
        environment = {**os.environ, **child.environment, SUPERVISED: str(os.getpid())}
        environment |= {STANDBY: "1"} if standby else {}
        process = await asyncio.create_subprocess_exec(
            *child.command,
            env=environment,
            stdin=asyncio.subprocess.PIPE if standby else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE if self._journal else None,
            start_new_session=True,
        )
        if self._journal and process.stderr:
            copying = asyncio.create_task(self._journal.copy(process.stderr))
            self._copying.add(copying)
            copying.add_done_callback(self._copying.discard)
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
