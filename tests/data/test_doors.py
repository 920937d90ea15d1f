"""The two doors of the database, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime

from meetings import events, jobs
from meetings.database import Database


async def test_what_a_transaction_appended_is_read_back(database: Database) -> None:
    at = datetime(2026, 4, 23, 1, 0, tzinfo=UTC)
    async with database.transaction() as session:
        for number in range(3):
            await events.append(session, chain="house", kind="x", at=at, payload={"n": number})
        await jobs.enqueue(session, "letter", {"to": "a"}, dedupe_key="one")
        await jobs.enqueue(session, "letter", {"to": "a"}, dedupe_key="one")
    async with database.read() as session:
        found = await events.read_after(session, "house", 1)
        assert [(event.seq, event.payload, event.at) for event in found] == [(2, {"n": 1}, at), (3, {"n": 2}, at)]
        assert await events.verify_chain(session, "house") == []
