"""Owns the following of chains: who waits for news, and how the word goes round between processes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import psycopg
from sqlalchemy import make_url

from meetings.database import Database
from meetings.errors import Unavailable
from meetings.events.log import CHANGED, Event, read_after

CHANNEL = "meetings_events"  # of PostgreSQL's NOTIFY
MOST_FOLLOWERS = 2000
MOST_STREAMS_EACH = 8  # a browser with several windows; one more takes the place of the first


class _Follower:
    def __init__(self, chain: str, name: str | None) -> None:
        self.chain, self.name = chain, name
        self.news = asyncio.Event()
        self.ended = False

    def end(self) -> None:
        self.ended = True
        self.news.set()


class EventBus:
    """Wakes those who follow a chain when it has grown; they read what is new from the database.

    A wake-up may be lost between processes: every follower also looks by itself each `poll_seconds`.
    """

    def __init__(self, database: Database, poll_seconds: float = 2.0) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._followers: dict[str, list[_Follower]] = {}
        self._closed = False
        self._untold: set[str] = set()
        self._to_tell = asyncio.Event()
        database.after_commit.append(self._committed)

    def _committed(self, info: dict[Any, Any]) -> None:
        for chain in info.get(CHANGED, ()):
            self.wake(chain)
            if self._database.dialect == "postgresql":
                self._untold.add(chain)
                self._to_tell.set()

    def wake(self, chain: str) -> None:
        for follower in self._followers.get(chain, ()):
            follower.news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Tells other processes what this one commits, and hears what they do. On SQLite there are none."""
        if self._database.dialect == "sqlite":
            await stop.wait()
            return
        url = make_url(self._database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._tell(url)), group.create_task(self._hear(url))]
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _tell(self, url: str) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                await self._to_tell.wait()
                self._to_tell.clear()
                while self._untold:
                    await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, self._untold.pop()))

    async def _hear(self, url: str) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for notice in connection.notifies():
                self.wake(notice.payload)

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        self._closed = True
        for followers in self._followers.values():
            for follower in followers:
                follower.end()

    def follow(self, chain: str, after_seq: int = 0, *, name: str | None = None) -> AsyncGenerator[Event]:
        """All events of a chain after a number, then each new one when it is committed. Never ends by itself.

        `name` says whose stream it is; of more than a few with one name the oldest ends.
        """
        if sum(len(followers) for followers in self._followers.values()) >= MOST_FOLLOWERS:
            raise Unavailable("Máy chủ đang có quá nhiều người theo dõi. Vui lòng thử lại sau ít phút.", retry_after=30)
        return self._follow(_Follower(chain, name), after_seq)

    async def _follow(self, follower: _Follower, after_seq: int) -> AsyncGenerator[Event]:
        self._enter(follower)
        try:
            while not (self._closed or follower.ended):
                follower.news.clear()
                async with self._database.read() as session:
                    events = await read_after(session, follower.chain, after_seq)
                for event in events:
                    after_seq = event.seq
                    yield event
                if not events and not follower.ended:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(follower.news.wait(), self._poll_seconds)
        finally:
            self._leave(follower)

    def _enter(self, follower: _Follower) -> None:
        followers = self._followers.setdefault(follower.chain, [])
        same = [other for other in followers if other.name == follower.name and not other.ended]
        if follower.name is not None and len(same) >= MOST_STREAMS_EACH:
            same[0].end()
        followers.append(follower)

    def _leave(self, follower: _Follower) -> None:
        followers = self._followers[follower.chain]
        followers.remove(follower)
        if not followers:
            del self._followers[follower.chain]
