"""The process of one recording: orders on standard input, reports on standard output, a hidden participant between.

Started before it is needed, so that after a crash only the join has to be waited for. When its host dies (standard
input ends) it records on for half a minute, until the process of a new host takes over: that one sends SIGTERM, takes
over the directory's lock and carries on. A recording that has its end on the disk is only reported again.
Exit status 0: reported its end; 3: the life is over, the recording is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from meetings.logs import configure
from meetings.recording import ending, manifest, messages
from meetings.recording.messages import Assignment, Begin, Order, Report, Stop, Update
from meetings.recording.recorder import DiskFull, Recorder, make_client
from meetings.recording.tape import Tape

LIFE_OVER = 3
ORPHAN_SECONDS = 30.0


def main() -> None:
    """Wait for orders and carry them out."""
    configure()
    sys.exit(asyncio.run(_serve()))


async def _serve() -> int:
    orders = await _standard_input()
    first = await _next_order(orders)
    if not isinstance(first, Begin):
        return 0
    return await _Life(first.assignment).live(orders)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


async def _next_order(orders: asyncio.StreamReader) -> Order | None:
    while True:
        line = await orders.readline()
        if not line:
            return None
        with contextlib.suppress(msgspec.DecodeError):
            return messages.order_decoder.decode(line)


def _send(report: Report) -> None:
    """One line; if the host is gone there is nobody to tell."""
    left = messages.encode(report) + b"\n"
    with contextlib.suppress(OSError):
        while left:  # a signal may cut a long one
            left = left[os.write(sys.stdout.fileno(), left) :]


class _Life:
    """From the first order to the end of this process."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._token = assignment.token
        self._stop = asyncio.Event()
        self._finished = assignment.stop

    async def live(self, orders: asyncio.StreamReader) -> int:
        """Record until stopped, orphaned, thrown out or out of disk."""
        one, directory = self._assignment, Path(self._assignment.directory)
        try:
            tape = Tape(directory, one.recording_id, one.meeting_id)
        except manifest.Ended:  # and the word of it was lost
            _send(ending.told(directory, one.recording_id))
            return 0
        except OSError as error:
            _send(ending.refused(directory, one.recording_id, str(error)))
            return 0
        recorder = Recorder(tape, one, _send)
        if self._finished:
            recorder.told_to_stop(one.stop_at)
            recorder.finish()
            return 0
        return await self._record(recorder, orders)

    async def _record(self, recorder: Recorder, orders: asyncio.StreamReader) -> int:
        client = make_client(self._assignment, recorder, lambda: self._token)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        listening = asyncio.create_task(self._obey(orders, recorder))
        writing = asyncio.create_task(recorder.run())
        joined = asyncio.create_task(client.run(self._stop))
        await asyncio.wait([writing, joined], return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        await asyncio.gather(joined, return_exceptions=True)
        for task in (writing, listening):
            task.cancel()
        results = await asyncio.gather(writing, listening, return_exceptions=True)
        return self._conclude(recorder, results[0])

    def _conclude(self, recorder: Recorder, result: BaseException | None) -> int:
        try:
            if isinstance(result, DiskFull):
                recorder.finish_full(str(result))
            elif result is not None and not isinstance(result, asyncio.CancelledError):
                recorder.pause()
                raise result
            elif self._finished:
                recorder.finish()
            else:
                recorder.pause()
                return LIFE_OVER
        except OSError as error:
            recorder.finish_full(str(error))
        return 0

    async def _obey(self, orders: asyncio.StreamReader, recorder: Recorder) -> None:
        while not self._stop.is_set():
            match await _next_order(orders):
                case Update(token, prominent):
                    self._token = token
                    recorder.update(prominent)
                case Stop(at):
                    recorder.told_to_stop(at)
                    self._finished = True
                    self._stop.set()
                case None:
                    await asyncio.sleep(ORPHAN_SECONDS)
                    self._stop.set()
                case Begin():
                    pass


if __name__ == "__main__":
    main()
