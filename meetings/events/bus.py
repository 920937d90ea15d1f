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
BATCH = 500
KEPT = 500  # events of a chain in memory while somebody follows it
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


class _Feed:
    """What the followers of one chain share: the latest events, read once for all of them."""

    def __init__(self, database: Database, chain: str, base: int, poll_seconds: float) -> None:
        self.followers: list[_Follower] = []
        self._database, self._chain = database, chain
        self._base = base  # the events kept here begin after this number
        self._kept: list[Event] = []
        self._lock = asyncio.Lock()
        self._woken, self._known = 1, 0  # how often it was woken, and up to which time the kept events are complete
        self._poll_seconds = poll_seconds
        self._read_at = 0.0

    def wake(self) -> None:
        self._woken += 1
        for follower in self.followers:
            follower.news.set()

    async def after(self, seq: int) -> list[Event]:
        if seq < self._base:  # somebody who comes back late catches up alone
            return await self._read(seq)
        async with self._lock:
            if self._stale():
                await self._refresh()
        if seq < self._base:  # what was kept moved on meanwhile
            return await self._read(seq)
        return [event for event in self._kept if event.seq > seq]

    def _stale(self) -> bool:
        return self._known != self._woken or asyncio.get_running_loop().time() - self._read_at >= self._poll_seconds

    async def _refresh(self) -> None:
        woken = self._woken
        last = self._kept[-1].seq if self._kept else self._base
        batch = await self._read(last)
        self._kept += batch
        if len(self._kept) > KEPT:
            self._base = self._kept[-KEPT - 1].seq
            del self._kept[:-KEPT]
        if len(batch) < BATCH:
            self._known, self._read_at = woken, asyncio.get_running_loop().time()

    async def _read(self, seq: int) -> list[Event]:
        async with self._database.read() as session:
            return await read_after(session, self._chain, seq, BATCH)


class EventBus:
    """Wakes those who follow a chain when it has grown; what is new is read from the database once for all of them.

    Word may be lost between processes: every `poll_seconds` a chain that is followed is looked at anyhow.
    """

    def __init__(self, database: Database, poll_seconds: float | None = None) -> None:
        self._database = database
        self._poll_seconds = poll_seconds or (30.0 if database.dialect == "sqlite" else 2.0)
        self._feeds: dict[str, _Feed] = {}
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

    @property
    def follower_count(self) -> int:
        return sum(len(feed.followers) for feed in self._feeds.values())

    def wake(self, chain: str) -> None:
        if chain in self._feeds:
            self._feeds[chain].wake()

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
        for feed in self._feeds.values():
            for follower in feed.followers:
                follower.end()

    def end(self, name: str) -> None:
        """Ends the streams of one name: whoever they belong to must show anew that they may have them."""
        for feed in self._feeds.values():
            for follower in feed.followers:
                if follower.name == name:
                    follower.end()

    def follow(self, chain: str, after_seq: int = 0, *, name: str | None = None) -> AsyncGenerator[Event]:
        """All events of a chain after a number, then each new one when it is committed. Never ends by itself.

        `name` says whose stream it is; of more than a few with one name the oldest ends.
        """
        if self.follower_count >= MOST_FOLLOWERS:
            raise Unavailable("Máy chủ đang có quá nhiều người theo dõi. Vui lòng thử lại sau ít phút.", retry_after=30)
        return self._follow(_Follower(chain, name), after_seq)

    async def _follow(self, follower: _Follower, after_seq: int) -> AsyncGenerator[Event]:
        feed = self._enter(follower, after_seq)
        try:
            while not (self._closed or follower.ended):
                follower.news.clear()
                events = await feed.after(after_seq)
                for event in events:
                    after_seq = event.seq
                    yield event
                if not events and not follower.ended:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(follower.news.wait(), self._poll_seconds)
        finally:
            self._leave(feed, follower)

    def _enter(self, follower: _Follower, after_seq: int) -> _Feed:
        feed = self._feeds.get(follower.chain)
        if feed is None:
            feed = _Feed(self._database, follower.chain, after_seq, self._poll_seconds)
            self._feeds[follower.chain] = feed
        same = [other for other in feed.followers if other.name == follower.name and not other.ended]
        if follower.name is not None and len(same) >= MOST_STREAMS_EACH:
            same[0].end()
        feed.followers.append(follower)
        return feed

    def _leave(self, feed: _Feed, follower: _Follower) -> None:
        feed.followers.remove(follower)
        if not feed.followers and self._feeds.get(follower.chain) is feed:
            del self._feeds[follower.chain]
