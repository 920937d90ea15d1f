"""The event log: what was appended stands in order, whatever was changed afterwards is found."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.event
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.config import Settings
from meetings.database import Database
from meetings.events import Event, EventBus
from meetings.events.bus import KEPT
from tests.conftest import sqlite_database
from tests.fakes import eventually

AT = datetime(2026, 4, 23, 1, 0, tzinfo=UTC)


async def add(database: Database, chain: str, kind: str = "chat.message", **payload: Any) -> Event:
    async with database.transaction() as session:
        return await events.append(session, chain=chain, kind=kind, at=AT, actor_id="a", payload=payload)


async def problems(database: Database, chain: str) -> list[str]:
    async with database.read() as session:
        return [problem.what for problem in await events.verify_chain(session, chain)]


async def test_numbers_are_without_gap_when_many_append_at_once(database: Database) -> None:
    await asyncio.gather(*(add(database, f"meeting:{n % 2}", n=n) for n in range(40)))
    async with database.read() as session:
        for chain in ("meeting:0", "meeting:1"):
            assert [event.seq for event in await events.read_after(session, chain, 0)] == list(range(1, 21))
    assert await problems(database, "meeting:0") == []


async def test_a_transaction_that_fails_leaves_no_number_behind(database: Database) -> None:
    await add(database, "house")
    with contextlib.suppress(RuntimeError):
        async with database.transaction() as session:
            await events.append(session, chain="house", kind="x", at=AT)
            raise RuntimeError
    assert (await add(database, "house")).seq == 2


async def test_erased_content_is_gone_and_the_chain_still_verifies(database: Database) -> None:
    secret = await add(database, "house", said="số điện thoại của ông A")
    async with database.transaction() as session:
        await events.erase_payload(session, "house", secret.seq, at=AT, actor_id="admin", reason="theo đề nghị")
    async with database.read() as session:
        first, second = await events.read_after(session, "house", 0)
    assert first.payload == {}
    assert second.payload == {"seq": 1, "reason": "theo đề nghị"}
    assert await problems(database, "house") == []


async def test_content_that_was_only_deleted_is_found(database: Database) -> None:
    await add(database, "house", said="x")
    async with database.transaction() as session:
        await session.execute(text("UPDATE event_payloads SET body = NULL"))
    assert await problems(database, "house") == ["its payload is missing"]


async def test_a_chain_cut_short_together_with_its_head_is_found_by_the_anchor(database: Database) -> None:
    for n in range(3):
        await add(database, "house", n=n)
    async with database.transaction() as session:
        rows = (await session.execute(text("SELECT seq, hash FROM events ORDER BY seq"))).all()
        anchor = (rows[-1].seq, rows[-1].hash)
        await session.execute(text("DELETE FROM event_payloads WHERE seq = 3"))
        await session.execute(text("DELETE FROM events WHERE seq = 3"))
        await session.execute(text("UPDATE chain_heads SET seq = 2, hash = :hash"), {"hash": rows[1].hash})
    async with database.read() as session:
        assert await events.verify_chain(session, "house") == []
        found = await events.verify_chain(session, "house", anchor)
    assert [problem.what for problem in found] == ["it differs from the anchor"]


LENGTH = 12
HEX = "0123456789abcdef"


def other(dice: random.Random, value: str | None) -> str:
    """One character changed, added or taken away."""
    value = value or ""
    place = dice.randrange(len(value) + 1)
    changed = [value[:place] + dice.choice(HEX) + value[place:], value[:place] + value[place + 1 :]]
    if place < len(value):
        changed.append(value[:place] + dice.choice(HEX) + value[place + 1 :])
    return next((one for one in changed if one != value), value + "x")


async def change_a_column(session: AsyncSession, dice: random.Random, seq: int) -> str:
    column = dice.choice(["kind", "actor_id", "subject_id", "payload_sha256", "previous", "hash"])
    row = (await session.execute(text("SELECT * FROM events WHERE seq = :seq"), {"seq": seq})).mappings().one()
    value = other(dice, row[column])
    await session.execute(text(f"UPDATE events SET {column} = :value WHERE seq = :seq"), {"value": value, "seq": seq})
    return f"{column} {row[column]!r} -> {value!r}"


async def change_the_time(session: AsyncSession, dice: random.Random, seq: int) -> str:
    at = f"2026-04-2{dice.randint(4, 9)} 01:00:00.{dice.randrange(10**6):06}"
    await session.execute(text("UPDATE events SET at = :at WHERE seq = :seq"), {"at": at, "seq": seq})
    return at


async def change_the_content(session: AsyncSession, dice: random.Random, seq: int) -> str:
    body = await session.scalar(text("SELECT body FROM event_payloads WHERE seq = :seq"), {"seq": seq})
    assert isinstance(body, bytes)
    place = dice.randrange(len(body))
    changed = body[:place] + bytes([body[place] ^ (1 << dice.randrange(8))]) + body[place + 1 :]
    update = text("UPDATE event_payloads SET body = :body WHERE seq = :seq")
    await session.execute(update, {"body": changed, "seq": seq})
    return f"bit of byte {place}"


async def take_the_content_away(session: AsyncSession, dice: random.Random, seq: int) -> str:
    how = dice.choice(["UPDATE event_payloads SET body = NULL", "DELETE FROM event_payloads"])
    await session.execute(text(f"{how} WHERE seq = :seq"), {"seq": seq})
    return how


async def take_one_out(session: AsyncSession, dice: random.Random, seq: int) -> str:
    await session.execute(text("DELETE FROM event_payloads WHERE seq = :seq"), {"seq": seq})
    await session.execute(text("DELETE FROM events WHERE seq = :seq"), {"seq": seq})
    return f"{seq} deleted"


async def move_to_another_chain(session: AsyncSession, dice: random.Random, seq: int) -> str:
    await session.execute(text("PRAGMA defer_foreign_keys = ON"))
    for table in ("events", "event_payloads"):
        await session.execute(text(f"UPDATE {table} SET chain = 'meeting:x' WHERE seq = :seq"), {"seq": seq})
    return f"{seq} moved"


async def swap_two(session: AsyncSession, dice: random.Random, seq: int) -> str:
    await session.execute(text("PRAGMA defer_foreign_keys = ON"))
    later = seq % LENGTH + 1
    for old, new in ((seq, -1), (later, seq), (-1, later)):
        for table in ("events", "event_payloads"):
            await session.execute(text(f"UPDATE {table} SET seq = :new WHERE seq = :old"), {"new": new, "old": old})
    return f"{seq} and {later} swapped"


async def repeat_one(session: AsyncSession, dice: random.Random, seq: int) -> str:
    copy = (
        "INSERT INTO events SELECT chain, seq + :step, at, kind, actor_id, subject_id, payload_sha256, previous, hash"
        " FROM events WHERE seq = :seq"
    )
    await session.execute(text(copy), {"step": LENGTH + dice.randint(0, 5), "seq": seq})
    return f"{seq} repeated"


async def set_the_head_back(session: AsyncSession, dice: random.Random, seq: int) -> str:
    await session.execute(text("UPDATE chain_heads SET seq = seq - :n"), {"n": dice.randint(1, 3)})
    return "head"


# what somebody with the database's password could do to one place of the log
TAMPERINGS = [
    *[change_a_column] * 4,
    change_the_time,
    *[change_the_content] * 2,
    take_the_content_away,
    take_one_out,
    move_to_another_chain,
    swap_two,
    repeat_one,
    set_the_head_back,
]


@pytest.mark.parametrize("seed", range(4))
async def test_every_one_of_a_thousand_random_changes_is_found(
    settings: Settings, sqlite_template: Path, seed: int
) -> None:
    database, dice = Database(sqlite_database(settings, sqlite_template)), random.Random(seed)
    for n in range(LENGTH):
        await add(database, "house", "chat.message", said=f"câu thứ {n}", by=HEX[: n + 1])
    for attempt in range(250):
        async with database.transaction() as session:
            what = await dice.choice(TAMPERINGS)(session, dice, dice.randint(1, LENGTH))
            assert await events.verify_chain(session, "house"), f"change {attempt} was not found: {what}"
            await session.rollback()
    assert await problems(database, "house") == []
    await database.dispose()


async def test_a_follower_sees_what_was_and_what_comes(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    await add(database, "meeting:m", n=1)
    seen: list[int] = []

    async def follow() -> None:
        async for event in bus.follow("meeting:m"):
            seen.append(event.seq)

    following = asyncio.create_task(follow())
    await eventually(lambda: seen == [1], what="the event of before")
    await add(database, "meeting:m", n=2)
    await add(database, "meeting:other", n=1)
    await eventually(lambda: seen == [1, 2], what="the event after")
    bus.close()
    await asyncio.wait_for(following, 5)


async def test_a_follower_misses_nothing_while_many_write(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    seen: list[int] = []

    async def follow() -> None:
        async for event in bus.follow("meeting:m"):
            seen.append(event.seq)
            if event.seq == 60:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(*(add(database, "meeting:m", n=n) for n in range(60)))
    await asyncio.wait_for(following, 20)
    assert seen == list(range(1, 61))


async def test_a_late_follower_catches_up_while_others_are_far_ahead(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    async with database.transaction() as session:
        for n in range(KEPT + 120):
            await events.append(session, chain="meeting:m", kind="x", at=AT, payload={"n": n})
    last = KEPT + 121
    ahead, behind = bus.follow("meeting:m", KEPT + 100), bus.follow("meeting:m")
    first = [(await anext(ahead)).seq for _ in range(20)]
    await add(database, "meeting:m")
    seen = [(await anext(behind)).seq for _ in range(last)]
    assert first == list(range(KEPT + 101, last))
    assert seen == list(range(1, last + 1))
    assert (await asyncio.wait_for(anext(ahead), 5)).seq == last
    for stream in (ahead, behind):
        await stream.aclose()


async def test_a_hundred_followers_cost_one_reading(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    readings = 0

    def count(*anything: object) -> None:
        nonlocal readings
        readings += 1

    streams = [bus.follow("meeting:m") for _ in range(100)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    await eventually(lambda: bus.follower_count == 100, what="a hundred followers")
    sqlalchemy.event.listen(database.reading_engine.sync_engine, "before_cursor_execute", count)
    await add(database, "meeting:m")
    assert {event.seq for event in await asyncio.wait_for(asyncio.gather(*waiting), 20)} == {1}
    assert readings < 10, "BEGIN and SELECT, once or twice; not a hundred times"
    for stream in streams:
        await stream.aclose()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_word_of_an_event_goes_to_other_processes(database_url: str) -> None:
    """Two databases objects with a bus each stand for two processes; the poll is too slow to explain the answer."""
    here, there = Database(database_url), Database(database_url)
    writing, reading = EventBus(here, poll_seconds=60), EventBus(there, poll_seconds=60)
    stop = asyncio.Event()
    running = [asyncio.create_task(bus.run(stop)) for bus in (writing, reading)]
    following = reading.follow("meeting:m")
    first = asyncio.ensure_future(anext(following))
    await eventually(lambda: listening(here), what="both buses to listen")
    await add(here, "meeting:m", n=1)
    assert (await asyncio.wait_for(first, 10)).seq == 1
    await following.aclose()
    stop.set()
    await asyncio.wait_for(asyncio.gather(*running), 10)
    for database in (here, there):
        await database.dispose()


async def listening(database: Database) -> bool:
    async with database.read() as session:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        return int((await session.execute(text(query))).scalar_one()) == 2


async def test_of_too_many_streams_of_one_browser_the_oldest_ends(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    streams = [bus.follow("meeting:m", name="browser") for _ in range(9)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting[0], 5)
    await add(database, "meeting:m")
    assert [(await asyncio.wait_for(one, 5)).seq for one in waiting[1:]] == [1] * 8
    for stream in streams:
        await stream.aclose()


async def test_the_stream_names_each_event_and_beats_in_between(database: Database) -> None:
    bus = EventBus(database, poll_seconds=60)
    await add(database, "meeting:m", said="xin chào")
    response = events.sse_stream(bus.follow("meeting:m"), heartbeat=0.01, lifetime=0.5)
    assert response.media_type == "text/event-stream"
    chunks = [bytes(chunk) if isinstance(chunk, bytes) else b"" async for chunk in response.body_iterator]
    assert any(chunk.startswith(b"id: m:1\ndata: {") and "xin chào".encode() in chunk for chunk in chunks)
    assert b": still here\n\n" in chunks
