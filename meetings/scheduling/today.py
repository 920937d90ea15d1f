"""What one person sees first: the next meeting, what follows, what waits, and the clock of deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, Actor, Role, allowed
from meetings.errors import text
from meetings.register.models import Document

from . import drafts
from .answers import answer_token
from .models import Answer, Letter, LetterState, Meeting, MeetingParticipant, MeetingState, ParticipantRole
from .office import Office
from .overview import Line, lines_between
from .rules.clock_face import Duty, Face, draw
from .rules.deadlines import Deadlines, Occasion, deadlines_of
from .rules.working_days import WorkingDays
from .waiting import Source, Wait, gather

AHEAD = timedelta(days=14)
BACK = timedelta(days=30)
HOUSE_ROLES = (Role.SECRETARY, Role.OFFICE_LEADER, Role.OPERATOR, Role.CLERK, Role.AUDITOR)
DAYS_TO_REMIND = 3


@dataclass(frozen=True)
class Today:
    next: Line | None
    later: Sequence[tuple[date, Sequence[Line]]]
    waits: Sequence[Wait]
    clock: Face
    today: date


async def load_today(session: AsyncSession, office: Office, sources: Sequence[Source] = ()) -> Today:
    zone, now, actor = office.settings.zone, office.now, office.actor
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone).astimezone(UTC)
    found = await lines_between(session, midnight - BACK, midnight + AHEAD)
    visible = [line for line in found if concerns(line, actor)]
    coming = [line for line in visible if not _over(line, now)]
    own = [line for line in visible if allowed(actor, Action.EDIT_MEETING, line.facts(actor))]
    filed = await _filed(session, own)
    duties = [duty for line in own for duty in _duties(line, office, filed)]
    soon = [duty for duty in duties if duty.papers and duty.by <= today + timedelta(days=DAYS_TO_REMIND)]
    waits = [_papers_wait(duty, today) for duty in soon]
    waits += await _draft_waits(session, actor)
    waits += await _unanswered(session, office)
    waits += await _failed_letters(session, actor)
    rest = coming[1:]
    days = sorted({line.day(zone) for line in rest})
    return Today(
        next=coming[0] if coming else None,
        later=[(day, [line for line in rest if line.day(zone) == day]) for day in days][:6],
        waits=await gather(session, office, waits, sources),
        clock=draw(duties, today, WorkingDays(office.regulation.days)),
        today=today,
    )


def concerns(line: Line, actor: Actor) -> bool:
    """The office sees what the house plans; a chair or leader what they chair or are asked to."""
    if actor.has(*HOUSE_ROLES):
        return True
    facts = line.facts(actor)
    return facts.own or facts.chairs or facts.invited


def _over(line: Line, now: datetime) -> bool:
    if line.state == MeetingState.IN_SESSION:
        return False
    return line.state == MeetingState.ENDED or line.meeting.ends_at <= now


def line_deadlines(line: Line, office: Office) -> Deadlines:
    meeting = line.meeting
    occasion = Occasion(meeting.regime, meeting.kind, meeting.periodic, meeting.starts_at, meeting.created_at)
    return deadlines_of(occasion, office.regulation, office.settings.zone)


def _duties(line: Line, office: Office, filed: set[str]) -> list[Duty]:
    meeting, deadlines = line.meeting, line_deadlines(line, office)
    booked = meeting.created_at.astimezone(office.settings.zone).date()
    held = meeting.state == MeetingState.ENDED or (
        meeting.state == MeetingState.SCHEDULED and meeting.ends_at <= office.now
    )
    if held:
        if meeting.state != MeetingState.ENDED or meeting.id in filed:
            return []
        path = f"/meetings/{meeting.id}/minutes"
        return [Duty(text("Hoàn thiện biên bản"), meeting.title, path, deadlines.held_on, deadlines.notice_by)]
    if meeting.state == MeetingState.SCHEDULED and not line.papers and deadlines.papers_wd:
        path = f"/meetings/{meeting.id}#tai-lieu"
        return [Duty(text("Gửi tài liệu họp"), meeting.title, path, booked, deadlines.papers_by, papers=True)]
    return []


def _papers_wait(duty: Duty, today: date) -> Wait:
    return Wait(
        what=duty.what,
        title=duty.title,
        detail=text("Chưa có tài liệu nào"),
        href=duty.href,
        button=text("Thêm tài liệu"),
        by=duty.by,
        late=duty.by < today,
    )


async def _filed(session: AsyncSession, lines: Sequence[Line]) -> set[str]:
    """Meetings whose minutes stand in the register."""
    ids = [line.meeting.id for line in lines if line.state == MeetingState.ENDED]
    query = select(Document.meeting_id).where(Document.meeting_id.in_(ids), Document.type_code == "BB")
    return {meeting_id for meeting_id in await session.scalars(query) if meeting_id}


async def _draft_waits(session: AsyncSession, actor: Actor) -> list[Wait]:
    if not allowed(actor, Action.BOOK_MEETING):
        return []
    return [
        Wait(
            what=text("Đặt tiếp lịch họp đang soạn"),
            title=draft.typed.title or "…",
            detail=text("Bản nháp chưa gửi giấy mời"),
            href=f"/meetings/new?draft={draft.id}",
            button=text("Soạn tiếp"),
        )
        for draft in (await drafts.mine(session, actor))[:3]
    ]


async def _unanswered(session: AsyncSession, office: Office) -> list[Wait]:
    """Invitations to this person that have no answer."""
    if office.actor.person_id is None:
        return []
    query = (
        select(MeetingParticipant, Meeting)
        .join(Meeting, Meeting.id == MeetingParticipant.meeting_id)
        .where(
            MeetingParticipant.person_id == office.actor.person_id,
            MeetingParticipant.removed_at.is_(None),
            MeetingParticipant.role == ParticipantRole.MEMBER,
            MeetingParticipant.answer == Answer.NONE,
            Meeting.state == MeetingState.SCHEDULED,
            Meeting.starts_at > office.now,
        )
        .order_by(Meeting.starts_at)
        .limit(10)
    )
    return [
        Wait(
            what=text("Trả lời giấy mời"),
            title=meeting.title,
            detail=text("Họp ngày {day}", day=f"{meeting.starts_at.astimezone(office.settings.zone):%d/%m}"),
            href=f"/answer/{answer_token(office.settings, participant.id)}",
            button=text("Trả lời"),
            by=meeting.starts_at.astimezone(office.settings.zone).date(),
        )
        for participant, meeting in (await session.execute(query))
    ]


async def _failed_letters(session: AsyncSession, actor: Actor) -> list[Wait]:
    if not allowed(actor, Action.VIEW_OUTBOX):
        return []
    query = select(func.count()).select_from(Letter).where(Letter.state == LetterState.FAILED)
    count = await session.scalar(query) or 0
    if not count:
        return []
    return [
        Wait(
            what=text("Thư không gửi được"),
            title="",
            detail=text("{n} thư bị máy chủ thư từ chối", n=count),
            href="/outbox?state=failed",
            button=text("Xem thư"),
            late=True,
        )
    ]
