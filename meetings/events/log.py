"""Owns the log of what happened: append-only chains, each event bound to the one before it."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base

HOUSE = "house"
CHANGED = "chains"  # under this name session.info carries the chains that a transaction has lengthened
GENESIS = "0" * 64
ERASED = "payload.erased"


class EventRow(Base):
    __tablename__ = "events"
    __table_args__ = (Index("ix_events_at", "at"),)  # all logs of a time, newest first

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    actor_id: Mapped[str | None]
    subject_id: Mapped[str | None]
    payload_sha256: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class EventPayload(Base):
    """The bytes of a payload, beside the chain: personal data can be erased and the chain still verifies."""

    __tablename__ = "event_payloads"
    __table_args__ = (ForeignKeyConstraint(["chain", "seq"], ["events.chain", "events.seq"]),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


class ChainHead(Base):
    __tablename__ = "chain_heads"

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]


@dataclass(frozen=True)
class Event:
    chain: str
    seq: int
    at: datetime
    kind: str
    actor_id: str | None
    subject_id: str | None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    chain: str
    seq: int
    what: str


def meeting_chain(meeting_id: str) -> str:
    return f"meeting:{meeting_id}"


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _link(row: EventRow) -> str:
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = [row.chain, row.seq, at, row.kind, row.actor_id, row.subject_id, row.payload_sha256, row.previous]
    return hashlib.sha256(_canonical(parts)).hexdigest()


async def _locked_head(session: AsyncSession, chain: str) -> ChainHead:
    """The chain's head, held by this transaction: the next sequence number is ours alone."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    first = insert(ChainHead).values(chain=chain, seq=0, hash=GENESIS).on_conflict_do_nothing()
    query = select(ChainHead).where(ChainHead.chain == chain).with_for_update()
    head = await session.scalar(query.execution_options(populate_existing=True))
    if head is None:
        await session.execute(first)
        head = (await session.scalars(query)).one()
    return head


async def append(
    session: AsyncSession,
    *,
    chain: str,
    kind: str,
    at: datetime,
    actor_id: str | None = None,
    subject_id: str | None = None,
    payload: dict[str, Any] | None = None,
) -> Event:
    """Adds one event in the caller's transaction. Call it last: from here on the chain is locked."""
    head = await _locked_head(session, chain)
    body = _canonical(payload or {})
    row = EventRow(
        chain=chain,
        seq=head.seq + 1,
        at=at,
        kind=kind,
        actor_id=actor_id,
        subject_id=subject_id,
        payload_sha256=hashlib.sha256(body).hexdigest(),
        previous=head.hash,
    )
    row.hash = _link(row)
    session.add(row)
    await session.flush()
    session.add(EventPayload(chain=chain, seq=row.seq, body=body))
    head.seq, head.hash = row.seq, row.hash
    await session.flush()
    session.info.setdefault(CHANGED, set()).add(chain)
    return _event(row, body)


def _event(row: EventRow, body: bytes | None) -> Event:
    payload = json.loads(body) if body else {}
    return Event(row.chain, row.seq, row.at, row.kind, row.actor_id, row.subject_id, payload)


async def read_after(session: AsyncSession, chain: str, seq: int, limit: int = 500) -> list[Event]:
    query = (
        select(EventRow, EventPayload.body)
        .outerjoin(EventPayload, (EventPayload.chain == EventRow.chain) & (EventPayload.seq == EventRow.seq))
        .where(EventRow.chain == chain, EventRow.seq > seq)
        .order_by(EventRow.seq)
        .limit(limit)
    )
    return [_event(row, body) for row, body in await session.execute(query)]


async def erase_payload(
    session: AsyncSession, chain: str, seq: int, *, at: datetime, actor_id: str, reason: str
) -> None:
    """Takes the content of one event away; that it was done, by whom and why, becomes an event itself."""
    payload = await session.get(EventPayload, (chain, seq))
    if payload is None:
        raise LookupError(f"no event {seq} in {chain}")
    payload.body = None
    await append(session, chain=chain, kind=ERASED, at=at, actor_id=actor_id, payload={"seq": seq, "reason": reason})


async def verify_chain(session: AsyncSession, chain: str, anchor: tuple[int, str] | None = None) -> list[Problem]:
    """Walks a chain from its beginning and names every place where it was changed.

    `anchor` is a number and its hash kept off the machine: it shows a chain whose end was cut off.
    """
    rows = await session.execute(
        select(EventRow, EventPayload.body)
        .outerjoin(EventPayload, (EventPayload.chain == EventRow.chain) & (EventPayload.seq == EventRow.seq))
        .where(EventRow.chain == chain)
        .order_by(EventRow.seq)
    )
    problems: list[Problem] = []
    previous, expected, gone, erased, hashes = GENESIS, 1, set[int](), set[int](), dict[int, str]()
    for row, body in rows:
        problems += [Problem(chain, row.seq, what) for what in _faults(row, body, expected, previous)]
        if body is None:
            gone.add(row.seq)
        elif row.kind == ERASED:
            erased |= _erased_by(body)
        previous, expected = row.hash, row.seq + 1
        hashes[row.seq] = row.hash
    problems += [Problem(chain, seq, "its payload is missing") for seq in sorted(gone - erased)]
    head = await session.get(ChainHead, chain)
    if (head.seq, head.hash) != (expected - 1, previous) if head else bool(hashes):
        problems.append(Problem(chain, expected - 1, "the head does not name the last event"))
    if anchor is not None and hashes.get(anchor[0]) != anchor[1]:
        problems.append(Problem(chain, anchor[0], "it differs from the anchor"))
    return problems


def _faults(row: EventRow, body: bytes | None, expected: int, previous: str) -> list[str]:
    faults = []
    if row.seq != expected:
        faults.append(f"number {expected} is missing")
    if row.previous != previous:
        faults.append("it does not follow the event before it")
    if _link(row) != row.hash:
        faults.append("it was changed")
    if body is not None and hashlib.sha256(body).hexdigest() != row.payload_sha256:
        faults.append("its payload was changed")
    return faults


def _erased_by(body: bytes) -> set[int]:
    try:
        return {int(json.loads(body)["seq"])}
    except (ValueError, KeyError, TypeError):
        return set()  # a changed payload: named by its hash already
