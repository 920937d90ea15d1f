"""Reads events for the page: one log or all, by day, person and kind, newest first, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.directory.models import Account, Venue
from meetings.events import Event, EventPayload, EventRow
from meetings.scheduling.models import Meeting

PAGE = 100
MEETINGS_OFFERED = 200
ACCOUNTS_OFFERED = 500
HOUSE, EVERYTHING = "house", "all"


@dataclass(frozen=True)
class Asked:
    """The filter. `log` is the house's, a meeting's id, or all."""

    log: str = HOUSE
    since: date | None = None
    until: date | None = None
    account_id: str = ""
    kind: str = ""
    page: int = 1

    @property
    def chain(self) -> str | None:
        """The one chain that is asked for, if it is one."""
        if self.log == EVERYTHING:
            return None
        return events.HOUSE if self.log == HOUSE else events.meeting_chain(self.log)


@dataclass(frozen=True)
class Found:
    events: list[Event]
    more: bool


async def find(session: AsyncSession, asked: Asked, zone: tzinfo) -> Found:
    newest = (EventRow.seq.desc(),) if asked.chain else (EventRow.at.desc(), EventRow.chain, EventRow.seq.desc())
    query = (
        select(EventRow, EventPayload.body)
        .outerjoin(EventPayload, (EventPayload.chain == EventRow.chain) & (EventPayload.seq == EventRow.seq))
        .where(*_conditions(asked, zone))
        .order_by(*newest)
    )
    rows = list(await session.execute(query.limit(PAGE + 1).offset((asked.page - 1) * PAGE)))
    return Found([_event(row, body) for row, body in rows[:PAGE]], len(rows) > PAGE)


def _conditions(asked: Asked, zone: tzinfo) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.chain is not None:
        found.append(EventRow.chain == asked.chain)
    if asked.since is not None:
        found.append(EventRow.at >= _midnight(asked.since, zone))
    if asked.until is not None:
        found.append(EventRow.at < _midnight(asked.until + timedelta(days=1), zone))
    if asked.account_id:  # the directory writes the account's id, the room its identity
        found.append(EventRow.actor_id.in_((asked.account_id, f"account:{asked.account_id}")))
    if asked.kind:
        found.append(EventRow.kind == asked.kind)
    return found


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _event(row: EventRow, body: bytes | None) -> Event:
    return Event(row.chain, row.seq, row.at, row.kind, row.actor_id, row.subject_id, json.loads(body) if body else {})


@dataclass(frozen=True)
class Names:
    """What identities and meetings in the events found are called."""

    accounts: dict[str, str]
    venues: dict[str, str]
    meetings: dict[str, Meeting]

    def of(self, identity: str | None) -> str:
        """Empty for what is nobody known here: the clock, a guest."""
        if not identity:
            return ""
        kind, _, key = identity.rpartition(":")
        return self.venues.get(key, "") if kind == "point" else self.accounts.get(key) or self.venues.get(key, "")

    def actor(self, event: Event) -> str:
        """Who did it; a guest is called as they called themselves. Empty: nobody, the system did it by itself."""
        known = self.of(event.actor_id)
        if known or not event.actor_id:
            return known
        itself = event.actor_id in (event.subject_id, event.payload.get("identity"))
        return str(event.payload.get("by") or (event.payload.get("name") if itself else "") or event.actor_id)

    def meeting(self, chain: str) -> Meeting | None:
        return self.meetings.get(chain.removeprefix("meeting:"))


async def names_in(session: AsyncSession, found: Iterable[Event]) -> Names:
    told = list(found)
    keys = {key.rpartition(":")[2] for one in told for key in (one.actor_id, one.subject_id) if key}
    held = {one.chain.removeprefix("meeting:") for one in told if one.chain != events.HOUSE}
    accounts = await session.execute(select(Account.id, Account.display_name).where(Account.id.in_(keys)))
    venues = await session.execute(select(Venue.id, Venue.name).where(Venue.id.in_(keys)))
    meetings = await session.scalars(select(Meeting).where(Meeting.id.in_(held)))
    return Names(
        {row.id: row.display_name for row in accounts},
        {row.id: row.name for row in venues},
        {one.id: one for one in meetings},
    )


async def meetings_offered(session: AsyncSession, chosen: str) -> list[Meeting]:
    """The newest, and the one that is looked at."""
    query = select(Meeting).order_by(Meeting.starts_at.desc()).limit(MEETINGS_OFFERED)
    found = list(await session.scalars(query))
    if chosen not in (HOUSE, EVERYTHING, *(one.id for one in found)):
        found += list(await session.scalars(select(Meeting).where(Meeting.id == chosen)))
    return found


async def accounts_offered(session: AsyncSession) -> list[Account]:
    return list(await session.scalars(select(Account).order_by(Account.display_name).limit(ACCOUNTS_OFFERED)))
