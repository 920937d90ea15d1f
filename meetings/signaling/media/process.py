"""Starts a media worker, speaks to it and notices its end: as a child process, or inside this one for tests.

`python -m meetings.signaling.media.process FD CONFIG` is the child. It lives as long as the socket FD and its parent.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Protocol

import msgspec

from meetings.signaling import loglines
from meetings.signaling.media import memory, schema
from meetings.signaling.media.framing import frame, read_frame
from meetings.signaling.media.worker import Worker, WorkerConfig, WorkerError

logger = logging.getLogger(__name__)

OnEvent = Callable[[schema.Event], None]
OnExit = Callable[[str], None]

# What may wait unread between the two processes. A side that leaves this much unread is frozen, and is given up.
_MAX_UNREAD = 8 << 20
# Above this the child leaves out events that the next one of their kind replaces anyway.
_CROWDED = 1 << 20
_REPLACED_SOON = (schema.AudioLevels, schema.ConsumerStats)

_START_SECONDS = 20.0
_STOP_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


class WorkerLink(Protocol):
    """One media worker as the control process sees it.

    `on_event` is called on the event loop for every event after Ready; `on_exit` once, with a reason, when the worker
    ended without being asked to. From then on `send` does nothing.
    """

    async def start(self, on_event: OnEvent, on_exit: OnExit) -> schema.Ready:
        """Start the worker; raises WorkerError with a sentence for the operator when it cannot."""

    def send(self, command: schema.Command) -> None:
        """Hand over one command; commands are carried out in order."""

    def kill(self) -> None:
        """End a worker that no longer answers, at once; `on_exit` follows."""

    async def close(self) -> None:
        """End the worker and wait for it; nothing happens if it has ended."""


class InProcessWorker:
    """A worker on the caller's event loop. Messages still pass through bytes, so both forms carry the same things."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._worker: Worker | None = None
        self._on_event: OnEvent = lambda event: None

    async def start(self, on_event: OnEvent, on_exit: OnExit) -> schema.Ready:
        self._on_event = on_event
        worker = Worker(self._config, self._deliver)
        ready = worker.start()
        self._worker = worker
        return _ready(schema.encode(ready))

    def send(self, command: schema.Command) -> None:
        if self._worker is not None:
            self._worker.handle(schema.decode_command(schema.encode(command)))

    def kill(self) -> None:
        """A worker on the caller's own loop cannot be frozen alone."""

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _deliver(self, event: schema.Event) -> None:
        # Not at once: the other form never calls back from within send().
        data = schema.encode(event)
        asyncio.get_running_loop().call_soon(lambda: self._on_event(schema.decode_event(data)))


class ProcessWorker:
    """A worker in a child process, joined by a socket pair."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, on_event: OnEvent, on_exit: OnExit) -> schema.Ready:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "meetings.signaling.media.process",
                str(theirs.fileno()),
                msgspec.json.encode(self._config).decode(),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            ready = _ready(await asyncio.wait_for(read_frame(reader), _START_SECONDS))
        except (TimeoutError, ValueError, WorkerError) as error:
            await self.close()
            raise WorkerError(str(error) or "The media worker did not start in time.") from error
        self._reading = asyncio.create_task(self._read(reader, on_event, on_exit))
        return ready

    def send(self, command: schema.Command) -> None:
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        writer.write(frame(schema.encode(command)))
        if writer.transport.get_write_buffer_size() > _MAX_UNREAD:
            logger.error("media worker %s reads no commands and is ended", self.pid)
            self.kill()

    async def close(self) -> None:
        self._closing = True
        self.send(schema.Shutdown())
        await self._ended(_STOP_SECONDS)
        if self._reading is not None:
            await self._reading
        if self._writer is not None:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader, on_event: OnEvent, on_exit: OnExit) -> None:
        reason = "its socket closed"
        try:
            while (data := await read_frame(reader)) is not None:
                event = schema.decode_event(data)
                if isinstance(event, schema.Failed):
                    reason = event.reason
                on_event(event)
        except ValueError as error:
            reason = f"it sent something unreadable: {error}"
        code = await self._ended(0.5)
        if not self._closing:
            on_exit(f"media worker ended with code {code}: {reason}")

    async def _ended(self, seconds: float) -> int | None:
        """Wait for the child's end, and bring it about when it takes longer than `seconds`."""
        if self._process is None:
            return None
        try:
            return await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def _ready(data: bytes | None) -> schema.Ready:
    if data is None:
        raise WorkerError("The media worker ended while it was starting.")
    event = schema.decode_event(data)
    if isinstance(event, schema.Failed):
        raise WorkerError(event.reason)
    if not isinstance(event, schema.Ready):
        raise WorkerError(f"The media worker began with {type(event).__name__}.")
    return event


# ------------------------------------------------------------------------------------------------- the child


class _Parent:
    """The way back to the control process. When it does not read, replaceable events go first, then this process."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def emit(self, event: schema.Event) -> None:
        if self._writer.is_closing():
            return
        unread = self._writer.transport.get_write_buffer_size()
        if unread > _MAX_UNREAD:
            self._writer.transport.abort()
        elif unread < _CROWDED or not isinstance(event, _REPLACED_SOON):
            self._writer.write(frame(schema.encode(event)))


async def _serve(descriptor: int, config: WorkerConfig) -> int:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    parent = _Parent(writer)
    worker = Worker(config, parent.emit)
    try:
        parent.emit(worker.start())
        gc.freeze()  # what start-up made lives as long as the process: no need to look through it again
        while not worker.closed and (data := await read_frame(reader)) is not None:
            _handle(worker, schema.decode_command(data))
    except WorkerError as error:
        parent.emit(schema.Failed(str(error)))
        return 3
    finally:
        worker.close()
        writer.close()
    return 0


def _handle(worker: Worker, command: schema.Command) -> None:
    try:
        worker.handle(command)
    except Exception:  # the edge of the process: one bad command must not end everybody's meeting
        logger.exception("%s failed", type(command).__name__)


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main(arguments: list[str]) -> int:
    """The child process: `FD CONFIG`, the socket to the parent and the configuration as JSON."""
    parent = os.getppid()
    _die_with_parent()
    if os.getppid() != parent:  # it died between our start and the line above
        return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us in order
    loglines.configure()
    memory.bound()
    descriptor, config = arguments
    return asyncio.run(_serve(int(descriptor), msgspec.json.decode(config, type=WorkerConfig)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
