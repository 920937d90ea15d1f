"""Gathers what a draft and the editor start from: the plan in words, the event log, and what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.directory.models import Account, Person
from meetings.recording import service as recordings
from meetings.recording.minutes.draft import Facts, Invited, Point, draft
from meetings.recording.minutes.happenings import AgendaItem, Happening, happenings
from meetings.recording.minutes.log import Log, read_log
from meetings.recording.minutes.rules import Content, Record
from meetings.recording.models import Recording
from meetings.recording.rules import ACTIVE
from meetings.recording.rules import State as RecordingState
from meetings.register.history import whole_chain
from meetings.register.texts import printable
from meetings.scheduling.models import MeetingParticipant, PointRole
from meetings.scheduling.service import Plan, load_plan


@dataclass(frozen=True)
class Sources:
    plan: Plan
    log: Log
    happenings: list[Happening]
    recordings: Sequence[Recording]
    secretary: Person | None
    secretary_name: str
    secretary_account: str | None
    chair_accounts: frozenset[str]

    @property
    def record(self) -> Record:
        return record_from(self.recordings, sum(event.kind == "recording.gap" for event in self.log.events))


async def load_sources(session: AsyncSession, meeting_id: str) -> Sources:
    plan = await load_plan(session, meeting_id)
    log = read_log(await whole_chain(session, events.meeting_chain(meeting_id)))
    agenda = {item.id: AgendaItem(item.title, item.presenter) for item in plan.agenda}
    account = await _secretary(session, plan)
    person = await session.get(Person, account.person_id) if account and account.person_id else None
    return Sources(
        plan=plan,
        log=log,
        happenings=happenings(log, agenda),
        recordings=await recordings.recordings_of(session, meeting_id),
        secretary=person,
        secretary_name=person.full_name if person else account.display_name if account else "",
        secretary_account=account.id if account else None,
        chair_accounts=await _accounts_of(session, plan.chair),
    )


async def _accounts_of(session: AsyncSession, person: Person) -> frozenset[str]:
    return frozenset(await session.scalars(select(Account.id).where(Account.person_id == person.id)))


async def _secretary(session: AsyncSession, plan: Plan) -> Account | None:
    account_id = plan.meeting.secretary_account_id or plan.meeting.created_by
    return await session.get(Account, account_id) if account_id else None


def record_from(found: Sequence[Recording], gaps: int = 0) -> Record:
    """How many recordings run, how many came to an end with something on disk, and how many of them not by order."""
    ended = [one for one in found if one.state not in ACTIVE and one.manifest_sha256 is not None]
    return Record(
        running=sum(one.state in ACTIVE for one in found),
        stopped=len(ended),
        broken=sum(one.state == RecordingState.FAILED for one in found),
        gaps=gaps,
    )


async def record_of(session: AsyncSession, meeting_id: str) -> Record:
    return record_from(await recordings.recordings_of(session, meeting_id))


async def manifest_hash(session: AsyncSession, meeting_id: str) -> str | None:
    return await recordings.manifest_hash(session, meeting_id)


def first_draft(sources: Sources, writer_id: str | None = None) -> Content:
    """The draft of a meeting: from the log where it tells; from the plan, marked, where it does not."""
    plan = sources.plan
    facts = _facts(sources, writer_id, ZoneInfo(plan.meeting.time_zone))
    paragraphs = draft(facts, sources.log, sources.happenings)
    title = printable(plan.meeting.title) or "…"
    return Content(title, printable(sources.secretary_name) or "…", plan.chair.full_name, tuple(paragraphs))


def _facts(sources: Sources, writer_id: str | None, zone: tzinfo) -> Facts:
    plan = sources.plan
    venue = plan.main_venue
    return Facts(
        starts_at=plan.meeting.starts_at,
        ends_at=plan.meeting.ends_at,
        place=", ".join(part for part in (venue.name, venue.location) if part),
        chair=_person_words(plan.chair),
        secretary=_person_words(sources.secretary) if sources.secretary else sources.secretary_name,
        chair_seen=any(sources.log.attendance(f"account:{one}") for one in sources.chair_accounts),
        secretary_seen=_secretary_seen(sources, writer_id),
        points=tuple(
            Point(f"point:{p.venue_id}", _point_name(plan, p.venue_id, p.unit_name), p.role == PointRole.MAIN)
            for p in plan.points
        ),
        invited=tuple(Invited(_invited_words(p), p.answer, p.answer_reason) for p in plan.participants),
        zone=zone,
    )


def _secretary_seen(sources: Sources, writer_id: str | None) -> bool:
    """Who writes the minutes is their secretary; else the one planned, if they were in the meeting."""
    account = sources.secretary_account
    return account is not None and (account == writer_id or sources.log.attendance(f"account:{account}") is not None)


def _person_words(person: Person) -> str:
    honorific = f"{person.honorific[:1].upper()}{person.honorific[1:]} " if person.honorific else ""
    return f"{honorific}{person.full_name}{f', {person.post}' if person.post else ''}"


def _point_name(plan: Plan, venue_id: str, unit_name: str) -> str:
    name = plan.venues[venue_id].name
    return name if not unit_name or unit_name in name else f"{unit_name} ({name})"


def _invited_words(participant: MeetingParticipant) -> str:
    return ", ".join(part for part in (participant.name, participant.post, participant.unit_name) if part)
