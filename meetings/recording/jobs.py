"""The job that composes a recording into one file: a process of low priority, whose progress the page shows."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.context import Context
from meetings.errors import NotFound
from meetings.jobs import GiveUp, Handler, JobContext
from meetings.recording import manifest, messages, service
from meetings.recording.compose import ComposeOrder
from meetings.recording.models import Recording
from meetings.recording.rules import Composed
from meetings.recording.service import COMPOSE, COMPOSED_NAME, directory_of
from meetings.register.forms import shipped_fonts
from meetings.scheduling import service as scheduling

log = structlog.get_logger(__name__)

ORDER_NAME = "compose.json"
STOP_PATIENCE = 5.0


def handlers(context: Context) -> dict[str, Handler]:
    """The kinds of jobs that recording leaves behind."""

    async def compose(job: JobContext) -> None:
        await _Composition(context, job, str(job.payload["recording_id"])).run()

    return {COMPOSE: compose}


@dataclass(frozen=True)
class _Composition:
    """One run; a later one goes on where this one was stopped."""

    context: Context
    job: JobContext
    recording_id: str

    async def run(self) -> None:
        """Compose, hash, log. Nothing is done twice."""
        recording, order = await self._prepare()
        if recording.composed_state == Composed.DONE:
            return
        target = Path(order.directory) / order.target
        if not target.exists():
            path = Path(order.directory) / ORDER_NAME
            await asyncio.to_thread(path.write_bytes, messages.encode(order))
            await self._work(path)
        await self._finish(await asyncio.to_thread(manifest.file_hash, target), target.stat().st_size)

    async def _prepare(self) -> tuple[Recording, ComposeOrder]:
        async with self.context.database.transaction() as session:
            try:
                recording = await service.get_recording(session, self.recording_id)
            except NotFound as error:
                raise GiveUp("the recording is gone") from error
            order = await order_for(session, self.context, recording)
            if recording.composed_state != Composed.DONE:
                recording.composed_state = Composed.RUNNING
        return recording, order

    async def _work(self, order: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "meetings.recording.compose",
            str(order),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            complaints = asyncio.create_task(process.stderr.read())
            async for line in process.stdout:
                await self.job.progress(float(line))
            if await process.wait() != 0:
                words = (await complaints).decode(errors="replace").strip().splitlines()
                raise RuntimeError(words[-1] if words else "the composing process has died")
        finally:
            await _end(process)

    async def _finish(self, sha256: str, size: int) -> None:
        now = self.context.clock.now()
        async with self.context.database.transaction() as session:
            recording = await service.get_recording(session, self.recording_id)
            if recording.composed_state == Composed.DONE:
                return
            recording.composed_state, recording.composed_sha256, recording.composed_size = Composed.DONE, sha256, size
            await session.flush()
            await events.append(
                session,
                chain=events.meeting_chain(recording.meeting_id),
                kind="recording.composed",
                at=now,
                subject_id=recording.id,
                payload={"recording_id": recording.id, "file": COMPOSED_NAME, "sha256": sha256, "size": size},
            )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
        except TimeoutError:
            process.kill()


async def order_for(session: AsyncSession, context: Context, recording: Recording) -> ComposeOrder:
    """What composing needs from the database."""
    plan = await scheduling.load_plan(session, recording.meeting_id)
    chapters = await service.chapters(session, recording.meeting_id, recording.id)
    origin = recording.started_at or recording.requested_at
    return ComposeOrder(
        directory=str(directory_of(context.settings, recording)),
        target=COMPOSED_NAME,
        title=plan.meeting.title,
        origin=origin.isoformat(),
        time_zone=context.settings.time_zone,
        fonts=str(shipped_fonts()),
        main=f"point:{plan.meeting.main_venue_id}",
        floor=tuple(await service.floor_changes(session, recording)),
        chapters=tuple((one.at_ms, str(one.title)) for one in chapters),
    )
