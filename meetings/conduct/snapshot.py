"""What the room page reads: the state of a waiting page, and a conference as it is after event number `seq`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.conduct import models, refusals
from meetings.conduct.callers import MAIN, Caller
from meetings.conduct.rules import course, entry, floor
from meetings.conduct.rules.course import ConferenceState
from meetings.conduct.rules.seats import SeatFacts, SeatKind, SeatRole, Standing, abilities
from meetings.conduct.scene import facts, last_seq, moment, seat_json, seats_of
from meetings.conduct.service import JOINABLE, conference_json, end_json
from meetings.directory.models import Person, Unit, Venue
from meetings.errors import MeetingsError
from meetings.scheduling.models import AgendaItem, Meeting, MeetingPoint

CHAT_SHOWN = 100
RECORDING_STATES = {
    "recording.requested": "requested",
    "recording.started": "recording",
    "recording.stopped": "idle",
    "recording.failed": "failed",
}
ONLY_FOR_CONDUCTORS = frozenset({"seat.waiting", "seat.refused"})
# A meeting's chain tells more than its conference: who declined and why, minutes sent back, who looked at a recording.
# None of that is the room's business.
OF_THE_ROOM = ("agenda.", "announcement", "chat.", "conference.", "floor.", "mute.", "participant.", "room.", "seat.")
OF_THE_RECORDING = frozenset({*RECORDING_STATES, "recording.gap", "recording.notice", "recording.unrecorded"})


@dataclass(frozen=True, slots=True)
class WaitingState:
    """`refusal`: why the caller may not join now, to be said in their language."""

    body: dict[str, Any]
    refusal: MeetingsError | None


async def snapshot(session: AsyncSession, meeting: Meeting, caller: Caller) -> dict[str, Any]:
    """Everything the page shows; only for an admitted seat or for who conducts."""
    seq = await last_seq(session, meeting.id)
    conference = await session.get(models.Conference, meeting.id)
    seats = [facts(row) for row in await seats_of(session, meeting.id)]
    mine = next((seat for seat in seats if seat.identity == caller.identity), None)
    check_may_look(caller, mine)
    return {
        "seq": seq,
        "meeting": meeting_json(meeting) | await _people_json(session, meeting),
        "conference": conference_json(conference),
        "me": mine.identity if mine is not None and mine.admitted else None,
        "seats": [seat_json(seat) for seat in seats if seat.admitted or caller.conducts],
        "absent": await _absent(session, meeting, seats),
        "floor": [seat.identity for seat in floor.speakers(seats)],
        "hands": [seat.identity for seat in floor.queue(seats)],
        "chat": await _chat(session, meeting.id),
        "agenda": await _agenda(session, meeting.id),
        "recording": await _recording(session, meeting.id),
        "announcement": _announcement(conference),
        "can": abilities(mine, conducts=caller.conducts, records=caller.records),
    }


def check_may_look(caller: Caller, mine: SeatFacts | None) -> None:
    """Before admission: no roster, no chat, no events."""
    if caller.conducts:
        return
    match mine.standing if mine is not None else None:
        case Standing.ADMITTED:
            return
        case Standing.REMOVED:
            raise refusals.Removed()
        case Standing.REFUSED:
            raise refusals.Refused()
        case _:
            raise refusals.StillWaiting()


def may_see(event: events.Event, *, conducts: bool) -> bool:
    if event.kind in ONLY_FOR_CONDUCTORS:
        return conducts
    return event.kind.startswith(OF_THE_ROOM) or event.kind in OF_THE_RECORDING


def puts_out(event: events.Event, identity: str) -> bool:
    """After this event its subject sees nothing more."""
    return event.kind in ("seat.removed", "seat.revoked") and event.subject_id == identity


def meeting_json(meeting: Meeting) -> dict[str, Any]:
    return {
        "id": meeting.id,
        "title": meeting.title,
        "starts_at": moment(meeting.starts_at),
        "ends_at": moment(meeting.ends_at),
    }


async def chair_name(session: AsyncSession, meeting: Meeting) -> str:
    return await session.scalar(select(Person.full_name).where(Person.id == meeting.chair_person_id)) or ""


async def _people_json(session: AsyncSession, meeting: Meeting) -> dict[str, str]:
    main = await session.scalar(select(Venue.name).where(Venue.id == meeting.main_venue_id))
    return {"chair": await chair_name(session, meeting), "main_point": main or ""}


async def _absent(session: AsyncSession, meeting: Meeting, seats: Sequence[SeatFacts]) -> list[dict[str, str]]:
    been = {seat.identity for seat in seats if seat.joined_at is not None or not seat.admitted}
    query = (
        select(MeetingPoint.venue_id, MeetingPoint.role, MeetingPoint.unit_name, Venue.name)
        .join(Venue, Venue.id == MeetingPoint.venue_id)
        .where(MeetingPoint.meeting_id == meeting.id)
        .order_by(MeetingPoint.position, Venue.name)
    )
    points = (
        (f"{SeatKind.POINT}:{venue_id}", role, unit or name)
        for venue_id, role, unit, name in await session.execute(query)
    )
    return [
        {"identity": identity, "name": name, "role": SeatRole.MAIN if role == MAIN else SeatRole.MEMBER}
        for identity, role, name in points
        if identity not in been
    ]


async def _last_events(session: AsyncSession, meeting_id: str, kinds: Sequence[str], limit: int) -> list[events.Event]:
    """The newest of these kinds, oldest first; one whose payload was erased is left out."""
    query = (
        select(events.EventRow, events.EventPayload.body)
        .join(
            events.EventPayload,
            (events.EventPayload.chain == events.EventRow.chain) & (events.EventPayload.seq == events.EventRow.seq),
        )
        .where(events.EventRow.chain == events.meeting_chain(meeting_id), events.EventRow.kind.in_(kinds))
        .where(events.EventPayload.body.is_not(None))
        .order_by(events.EventRow.seq.desc())
        .limit(limit)
    )
    found = [
        events.Event(row.chain, row.seq, row.at, row.kind, row.actor_id, row.subject_id, json.loads(body or b"{}"))
        for row, body in await session.execute(query)
    ]
    return found[::-1]


async def _chat(session: AsyncSession, meeting_id: str) -> list[dict[str, Any]]:
    lines = await _last_events(session, meeting_id, ["chat.message"], CHAT_SHOWN)
    return [{"seq": line.seq, "at": moment(line.at), **line.payload} for line in lines]


async def _recording(session: AsyncSession, meeting_id: str) -> dict[str, Any]:
    """From the log: the recording itself belongs to another feature."""
    last = await _last_events(session, meeting_id, list(RECORDING_STATES), 1)
    if not last:
        return {"state": "idle", "since": None, "note": None}
    event = last[0]
    return {"state": RECORDING_STATES[event.kind], "since": moment(event.at), "note": event.payload.get("note")}


async def _agenda(session: AsyncSession, meeting_id: str) -> list[dict[str, Any]]:
    query = (
        select(AgendaItem, models.AgendaProgress)
        .outerjoin(
            models.AgendaProgress,
            (models.AgendaProgress.item_id == AgendaItem.id)
            & (models.AgendaProgress.meeting_id == AgendaItem.meeting_id),
        )
        .where(AgendaItem.meeting_id == meeting_id)
        .order_by(AgendaItem.position)
    )
    return [_item_json(item, mark) for item, mark in await session.execute(query)]


def _item_json(item: AgendaItem, mark: models.AgendaProgress | None) -> dict[str, Any]:
    return {
        "item_id": item.id,
        "position": item.position,
        "title": item.title,
        "presenter": item.presenter or "",
        "minutes": item.minutes or None,
        "state": "planned" if mark is None else "running" if mark.ended_at is None else "done",
        "started_at": moment(mark.started_at) if mark else None,
        "ended_at": moment(mark.ended_at) if mark else None,
    }


def _announcement(conference: models.Conference | None) -> dict[str, Any] | None:
    if conference is None or conference.announcement is None:
        return None
    return {
        "text": conference.announcement,
        "name": conference.announced_by,
        "at": moment(conference.announced_at),
    }


async def next_meeting(session: AsyncSession, venue_id: str, now: datetime) -> Meeting | None:
    """What the point's page is about: the meeting in session, else the next one that has not passed."""
    query = (
        select(Meeting)
        .join(MeetingPoint, MeetingPoint.meeting_id == Meeting.id)
        .outerjoin(models.Conference, models.Conference.meeting_id == Meeting.id)
        .where(MeetingPoint.venue_id == venue_id, Meeting.state.in_(JOINABLE))
        .where((Meeting.ends_at > now) | (Meeting.state == "in_session"))
        .where(models.Conference.state.is_(None) | (models.Conference.state != ConferenceState.ENDED))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    meetings = list(await session.scalars(query.limit(5)))
    live = (meeting for meeting in meetings if not course.over_for_good(ends_at=meeting.ends_at, now=now))
    return next(live, None)


async def venue_json(session: AsyncSession, venue_id: str) -> dict[str, str]:
    query = select(Venue.name, Unit.name).join(Unit, Unit.id == Venue.unit_id).where(Venue.id == venue_id)
    name, unit = (await session.execute(query)).one()
    return {"id": venue_id, "name": name, "unit": unit}


async def waiting_state(
    session: AsyncSession, meeting: Meeting, caller: Caller, *, device_id: str | None, now: datetime
) -> WaitingState:
    """Where the caller stands before the door: no roster, no chat."""
    conference = await session.get(models.Conference, meeting.id)
    query = select(models.Seat).where(models.Seat.meeting_id == meeting.id, models.Seat.identity == caller.identity)
    row = await session.scalar(query)
    seat = facts(row) if row is not None else None
    refusal = _why_not(meeting, conference, caller, seat, now)
    state = "ended" if meeting.state == "ended" else conference.state if conference else "scheduled"
    body = {
        "meeting_id": meeting.id,
        "state": state,
        "may_join": refusal is None,
        "may_join_from": moment(entry.opens_at(meeting.starts_at)),
        "seat_state": _seat_state(seat, device_id),
        "locked": bool(conference and conference.locked),
    } | end_json(conference)
    return WaitingState(body, refusal)


def _why_not(
    meeting: Meeting, conference: models.Conference | None, caller: Caller, seat: SeatFacts | None, now: datetime
) -> MeetingsError | None:
    ended = meeting.state == "ended" or (conference is not None and conference.state == ConferenceState.ENDED)
    if ended or course.over_for_good(ends_at=meeting.ends_at, now=now):
        return refusals.Ended()
    if meeting.state not in JOINABLE:
        return refusals.NotHeld()
    starts_at = meeting.starts_at.astimezone(ZoneInfo(meeting.time_zone))
    try:
        entry.check_hour(caller.visitor, starts_at=starts_at, now=now)
        entry.enter(caller.visitor, seat, locked=bool(conference and conference.locked), waiting=0)
    except MeetingsError as refusal:
        return refusal
    return None


def _seat_state(seat: SeatFacts | None, device_id: str | None) -> str:
    if seat is None:
        return "none"
    if not seat.admitted:
        return seat.standing
    elsewhere = seat.present and device_id is not None and seat.device_id not in (None, device_id)
    return "elsewhere" if elsewhere else "admitted"


def room_state(*, now: datetime, helpline: str, venue: Mapping[str, str] | None) -> dict[str, Any]:
    """With nothing coming up; the caller fills in what does."""
    return {"server_now": moment(now), "venue": venue, "helpline": helpline, "next": None, "conference": None}


async def next_json(session: AsyncSession, meeting: Meeting) -> dict[str, Any]:
    body = meeting_json(meeting)
    return {"meeting_id": body.pop("id"), **body} | await _people_json(session, meeting)
