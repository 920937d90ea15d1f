"""One act in one meeting: what is loaded before, what changes, and what is written and logged together at the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.conduct import models
from meetings.conduct.rules.course import ConferenceState
from meetings.conduct.rules.seats import Change, SeatFacts, SeatKind, SeatRole, Source, Standing, publishable, rights_of
from meetings.errors import NotFound
from meetings.scheduling.models import Meeting


class Deed(StrEnum):
    """What the relay has to be told after the commit."""

    RIGHTS = "rights"
    SILENCE = "silence"
    EXPEL = "expel"  # if it is still unwelcome when the relay is asked
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Order:
    deed: Deed
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    payload: Mapping[str, Any]
    subject: str | None
    actor: str | None


@dataclass
class Scene:
    """A conference under the lock of its row. Acts change it in memory; `write` makes it lasting, the log last."""

    session: AsyncSession
    now: datetime
    meeting: Meeting
    conference: models.Conference
    seats: dict[str, SeatFacts]
    rows: dict[str, models.Seat]
    orders: list[Order] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def state(self) -> ConferenceState:
        return ConferenceState(self.conference.state)

    @property
    def present(self) -> list[SeatFacts]:
        return [seat for seat in self.seats.values() if seat.present]

    def seat(self, identity: str) -> SeatFacts:
        seat = self.seats.get(identity)
        if seat is None:
            raise NotFound("Không có điểm cầu hoặc người này trong phòng họp.", field="identity")
        return seat

    def put(self, seat: SeatFacts, *, venue_id: str | None = None, account_id: str | None = None) -> None:
        """A seat as it is now, without an event of its own."""
        row = self.rows.get(seat.identity)
        if row is None:
            row = models.Seat(meeting_id=self.meeting.id, venue_id=venue_id, account_id=account_id)
            self.session.add(row)
            self.rows[seat.identity] = row
        if seat.present and not row.present:
            row.arrived_at = self.now
        store(row, seat)
        self.seats[seat.identity] = seat

    def apply(self, changes: Iterable[Change], *, actor: str | None) -> None:
        for change in changes:
            before = self.seats.get(change.seat.identity)
            self.put(change.seat)
            self._order(before, change)
            payload = {"seat": seat_json(change.seat), "name": change.seat.name} | dict(change.extra)
            self.log(change.kind, payload, actor=actor, subject=change.seat.identity)

    def _order(self, before: SeatFacts | None, change: Change) -> None:
        after = change.seat
        if before is not None and before.admitted and not after.admitted:
            self.orders.append(Order(Deed.EXPEL, after.identity))
            return
        if before is not None and rights_of(before) != rights_of(after):
            self.orders.append(Order(Deed.RIGHTS, after.identity))
        if change.silence and Source.MICROPHONE in publishable(after):  # else the lost right silences it
            self.orders.append(Order(Deed.SILENCE, after.identity))

    def log(self, kind: str, payload: Mapping[str, Any], *, actor: str | None, subject: str | None = None) -> None:
        self.entries.append(Entry(kind, payload, subject, actor))

    async def write(self) -> int:
        """Rows first, then the events in order; the chain's head is the last lock taken. The log's sequence now."""
        self._note_emptiness()
        await self.session.flush()
        chain = events.meeting_chain(self.meeting.id)
        for entry in self.entries:
            await events.append(
                self.session,
                chain=chain,
                kind=entry.kind,
                at=self.now,
                actor_id=entry.actor,
                subject_id=entry.subject,
                payload=dict(entry.payload),
            )
        self.entries.clear()
        return await last_seq(self.session, self.meeting.id)

    def _note_emptiness(self) -> None:
        if self.present:
            self.conference.empty_since = None
        elif self.conference.empty_since is None and any(seat.left_at for seat in self.seats.values()):
            self.conference.empty_since = self.now


async def open_scene(session: AsyncSession, meeting: Meeting, now: datetime) -> Scene:
    """Takes the lock of the conference's row, making the row when there is none yet."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    fresh = insert(models.Conference).values(meeting_id=meeting.id, state=ConferenceState.WAITING, locked=False)
    await session.execute(fresh.on_conflict_do_nothing())
    query = select(models.Conference).where(models.Conference.meeting_id == meeting.id).with_for_update()
    conference = (await session.scalars(query.execution_options(populate_existing=True))).one()
    await session.refresh(meeting)  # it may have been cancelled while we waited for the lock
    rows = {row.identity: row for row in await seats_of(session, meeting.id)}
    return Scene(session, now, meeting, conference, {key: facts(row) for key, row in rows.items()}, rows)


async def seats_of(session: AsyncSession, meeting_id: str) -> list[models.Seat]:
    query = select(models.Seat).where(models.Seat.meeting_id == meeting_id).order_by(models.Seat.id)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def last_seq(session: AsyncSession, meeting_id: str) -> int:
    query = select(events.ChainHead.seq).where(events.ChainHead.chain == events.meeting_chain(meeting_id))
    return await session.scalar(query) or 0


COLUMN_OF = {"name": "display_name", "hand_at": "hand_raised_at"}


def facts(row: models.Seat) -> SeatFacts:
    values = {item.name: getattr(row, COLUMN_OF.get(item.name, item.name)) for item in fields(SeatFacts)}
    values |= {"kind": SeatKind(row.kind), "role": SeatRole(row.role), "standing": Standing(row.standing)}
    return SeatFacts(**values)


def store(row: models.Seat, seat: SeatFacts) -> None:
    for item in fields(SeatFacts):
        value = getattr(seat, item.name)
        setattr(row, COLUMN_OF.get(item.name, item.name), str(value) if isinstance(value, StrEnum) else value)


def moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def seat_json(seat: SeatFacts) -> dict[str, Any]:
    """A seat as the room page sees it; web/src/api/README.md names the fields."""
    return {
        "identity": seat.identity,
        "name": seat.name,
        "kind": seat.kind,
        "role": seat.role,
        "state": seat.standing,
        "joined": seat.present,
        "joined_at": moment(seat.joined_at),
        "left_at": moment(seat.left_at),
        "held_mute": seat.held_mute,
        "has_floor": seat.has_floor,
        "floor_since": moment(seat.floor_since),
        "hand_at": moment(seat.hand_at),
        "may_publish": [str(source) for source in publishable(seat)],
    }
