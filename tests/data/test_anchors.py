"""Anchors of the log: what was written down elsewhere shows a log whose end was cut off."""

import pytest
from sqlalchemy import delete, update

from meetings import events
from meetings.config import Settings
from meetings.context import Context
from meetings.errors import Invalid
from meetings.verify import anchors, read_anchors, verify


async def test_a_log_cut_off_at_its_end_or_taken_away_is_found_by_its_anchors(context: Context) -> None:
    settings: Settings = context.settings
    async with context.database.transaction() as session:
        for chain, count in (("house", 3), ("meeting:one", 1)):
            for n in range(count):
                await events.append(session, chain=chain, kind="x", at=context.clock.now(), payload={"n": n})
    written = "\n".join(str(one) for one in await anchors(settings))
    assert [line.split()[:2] for line in written.splitlines()] == [["house", "3"], ["meeting:one", "1"]]
    known = read_anchors(written)
    assert [str(finding) async for finding in verify(settings, known)] == []
    async with context.database.transaction() as session:
        [_, second, _] = await events.read_after(session, "house", 0)
        kept = await session.get_one(events.EventRow, ("house", second.seq))
        for table in (events.EventPayload, events.EventRow):
            await session.execute(delete(table).where((table.chain == "meeting:one") | (table.seq > 2)))
        await session.execute(delete(events.ChainHead).where(events.ChainHead.chain == "meeting:one"))
        await session.execute(update(events.ChainHead).values(seq=2, hash=kept.hash))
    assert [str(finding) async for finding in verify(settings)] == []
    assert [str(finding) async for finding in verify(settings, known)] == [
        "Nhật ký house, sự kiện 3: it differs from the anchor",
        "Nhật ký meeting:one, sự kiện 1: it differs from the anchor",
    ]


def test_a_line_that_is_no_anchor_is_refused_and_named() -> None:
    with pytest.raises(Invalid, match="Dòng 2 không phải"):
        read_anchors("house 1 " + "0" * 64 + "\nhouse 0 x")
