"""The two doors of the database: what is acknowledged is stored, what is not leaves nothing behind."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.database import Database
from meetings.directory.models import LoginAttempt
from meetings.errors import MeetingsError, Unavailable
from meetings.events import ChainHead

AT = datetime(2026, 4, 23, 1, 0, 0, 123456, tzinfo=UTC)


async def heads(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {head.chain: head.seq for head in await session.scalars(select(ChainHead))}


async def test_what_ends_well_is_stored_and_what_breaks_is_not(database: Database) -> None:
    async with database.transaction() as session:
        session.add(ChainHead(chain="kept", seq=1, hash=""))
    with contextlib.suppress(ZeroDivisionError):
        async with database.transaction() as session:
            session.add(ChainHead(chain="lost", seq=1, hash=""))
            await session.flush()
            raise ZeroDivisionError
    assert await heads(database) == {"kept": 1}


async def test_through_the_reading_door_nothing_is_written(database: Database) -> None:
    with pytest.raises((MeetingsError, DBAPIError)):
        await _write_through_the_reading_door(database)
    assert await heads(database) == {}


async def _write_through_the_reading_door(database: Database) -> None:
    async with database.read() as session:
        await session.execute(text("INSERT INTO chain_heads VALUES ('x', 0, '')"))
        await session.commit()


async def test_reading_then_writing_loses_no_update(database: Database) -> None:
    """Forty at once read a counter and write it back: with a deferred BEGIN most of them would fail on SQLite."""
    async with database.transaction() as session:
        session.add(ChainHead(chain="counter", seq=0, hash=""))

    async def count() -> None:
        async with database.transaction() as session:
            head = await session.get_one(ChainHead, "counter", with_for_update=True)
            await asyncio.sleep(0)
            head.seq += 1

    await asyncio.gather(*(count() for _ in range(40)))
    assert await heads(database) == {"counter": 40}


async def test_readers_go_on_while_somebody_writes(database: Database) -> None:
    async with database.transaction() as session:
        session.add(ChainHead(chain="kept", seq=1, hash=""))
    async with database.transaction() as session:
        session.add(ChainHead(chain="coming", seq=1, hash=""))
        await session.flush()
        assert await asyncio.wait_for(heads(database), 60) == {"kept": 1}
    assert await heads(database) == {"kept": 1, "coming": 1}


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(database: Database) -> None:
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ChainHead)) == 0
        async with database.transaction() as writing:
            writing.add(ChainHead(chain="later", seq=1, hash=""))
        assert await session.scalar(select(func.count()).select_from(ChainHead)) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_reader_sees_one_moment_because_a_commit_waits_for_it(database: Database) -> None:
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ChainHead)) == 0
        writing = asyncio.create_task(write(database, "later"))
        await asyncio.wait([writing], timeout=0.3)
        assert not writing.done()
        assert await session.scalar(select(func.count()).select_from(ChainHead)) == 0
    await asyncio.wait_for(writing, 30)
    assert await heads(database) == {"later": 2}


async def test_cancelled_in_the_middle_it_stores_nothing_and_holds_nothing(database: Database) -> None:
    """At every point at which a task can be cancelled: afterwards the next writer is not kept waiting."""
    for steps in range(12):
        name = f"chain {steps}"
        task = asyncio.create_task(write(database, name))
        for _ in range(steps * 3):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.wait_for(write(database, f"after {steps}"), 60)
        found = await heads(database)
        assert f"after {steps}" in found
        assert found.get(name) in (None, 2), "all of it or nothing"


async def test_cancelled_while_a_statement_runs_it_frees_the_lock(database: Database) -> None:
    """The statement is in the driver's hands when the task is cancelled, with a second one waiting for the door."""
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT count(*) FROM n"
    writing = asyncio.Event()

    async def dawdle() -> None:
        async with database.transaction() as session:
            session.add(ChainHead(chain="lost", seq=1, hash=""))
            await session.flush()
            writing.set()
            await session.execute(text(slow))

    task = asyncio.create_task(dawdle())
    await asyncio.wait_for(writing.wait(), 60)
    waiting = asyncio.create_task(write(database, "waiting"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(waiting, 60)
    assert await heads(database) == {"waiting": 2}


async def write(database: Database, name: str) -> None:
    async with database.transaction() as session:
        session.add(ChainHead(chain=name, seq=1, hash=""))
        await session.flush()
        await asyncio.sleep(0)
        await session.execute(update(ChainHead).where(ChainHead.chain == name).values(seq=2))


async def test_listeners_hear_of_what_is_stored_and_only_then(database: Database) -> None:
    heard: list[object] = []
    database.after_commit.append(lambda info: heard.append(info.get("what")))
    async with database.transaction() as session:
        session.info["what"] = "stored"
        assert heard == []
    with contextlib.suppress(ZeroDivisionError):
        async with database.transaction() as session:
            session.info["what"] = "broken"
            raise ZeroDivisionError
    assert heard == ["stored"]


async def test_whoever_is_cancelled_during_the_commit_is_heard_of_all_the_same(database: Database) -> None:
    heard: set[object] = set()
    database.after_commit.append(lambda info: heard.add(info.get("what")))

    async def tell(name: str) -> None:
        async with database.transaction() as session:
            session.info["what"] = name
            session.add(ChainHead(chain=name, seq=1, hash=""))

    for steps in range(60):
        task = asyncio.create_task(tell(f"chain {steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert set(await heads(database)) == heard


async def test_a_transaction_inside_a_transaction_is_a_mistake_told_at_once(database: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        await _nested(database)
    await write(database, "afterwards")


async def _nested(database: Database) -> None:
    async with database.transaction(), database.transaction():
        raise AssertionError("unreachable")


async def test_an_instant_comes_back_as_it_was_whatever_its_zone(database: Database) -> None:
    in_dak_lak = AT.astimezone(timezone(timedelta(hours=7)))
    async with database.transaction() as session:
        session.add(LoginAttempt(id="a", at=in_dak_lak, login="x", address=""))
    async with database.read() as session:
        found = (await session.scalars(select(LoginAttempt.at).where(LoginAttempt.at == AT))).one()
    assert (found, found.tzinfo) == (AT, UTC)


async def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        await _store(database, datetime(2026, 4, 23))  # noqa: DTZ001 that is the point


async def _store(database: Database, at: datetime) -> None:
    async with database.transaction() as session:
        session.add(LoginAttempt(id="a", at=at, login="x", address=""))


async def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(DBAPIError):
        await _orphan(database)


async def _orphan(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO account_roles VALUES ('nobody', 'admin')"))


async def test_a_database_that_is_away_is_told_as_a_sentence() -> None:
    database = Database("postgresql+psycopg://postgres@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(Unavailable, match="tạm thời chưa phục vụ được") as refusal:
        await heads(database)
    assert refusal.value.retry_after
    await database.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_is_set_up_to_survive_a_power_cut(database: Database) -> None:
    async def pragmas(session: AsyncSession) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [await session.scalar(text(f"PRAGMA {name}")) for name in names]

    async with database.transaction() as session:
        assert await pragmas(session) == ["truncate", 2, 1, 30_000]
    async with database.read() as session:
        assert await pragmas(session) == ["truncate", 2, 1, 30_000]
