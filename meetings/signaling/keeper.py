"""Keeps one media worker at work: starts it, listens for its heartbeat, and starts another when it ends or freezes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from meetings.signaling.media import memory, schema
from meetings.signaling.media.process import OnEvent, WorkerLink

logger = logging.getLogger(__name__)

# Heartbeats, one a tick, that a worker may leave unanswered. Counted, not timed: a pause of ours is not its fault.
MISSED_HEARTBEATS = 3
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0


class NotReady(Exception):
    """The media worker is being started; joining works again in a moment."""


class WorkerKeeper:
    """Owns the link to the worker. `on_lost` is called when a worker has ended, before the next one is started."""

    def __init__(
        self,
        link: WorkerLink,
        on_event: OnEvent,
        on_lost: Callable[[], None],
        memory_limit: int = memory.LIMIT_BYTES,
    ) -> None:
        self._memory_limit = memory_limit
        self._link = link
        self._on_event = on_event
        self._on_lost = on_lost
        self._ready: schema.Ready | None = None
        self._unanswered = 0
        self._restarting: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def ready(self) -> schema.Ready:
        """Where the worker is reached. Raises NotReady while there is none."""
        if self._ready is None:
            raise NotReady
        return self._ready

    @property
    def takes_tcp(self) -> bool:
        """Whether media is taken over TCP, too: its port may be another program's, or not wanted."""
        return self._ready is not None and bool(self._ready.tcp_candidates)

    def send(self, command: schema.Command) -> None:
        self._link.send(command)

    async def start(self) -> None:
        """Raises WorkerError with a sentence for the operator."""
        self._ready = await self._link.start(self._heard, self._ended)
        self._unanswered = 0

    async def restarted(self) -> None:
        """Wait until a restart under way is over."""
        if self._restarting is not None:
            await self._restarting

    async def close(self) -> None:
        self._closing = True
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._link.close()

    def beat(self) -> None:
        """Once a tick. A frozen worker is killed; its end then brings a new one."""
        if self._ready is None:
            return
        if self._unanswered >= MISSED_HEARTBEATS:
            logger.error("the media worker does not answer and is replaced")
            self._unanswered = 0
            self._link.kill()
            return
        self._unanswered += 1
        self._link.send(schema.Ping(self._unanswered))

    def _heard(self, event: schema.Event) -> None:
        self._unanswered = 0
        if not isinstance(event, schema.Pong):
            self._on_event(event)
        elif event.memory_bytes > self._memory_limit:
            logger.error("the media worker has grown to %d MiB and is replaced", event.memory_bytes >> 20)
            self._link.kill()

    def _ended(self, reason: str) -> None:
        logger.error("the media worker ended: %s", reason)
        self._ready = None
        self._on_lost()
        if not self._closing:
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._closing:
            try:
                await self.start()
            except Exception:
                logger.exception("the media worker did not start; next try in %.1f s", delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_DELAY_SECONDS)
            else:
                return
