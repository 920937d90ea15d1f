"""Tells *Hôm nay* of minutes whose next act is this person's (to write, approve, file) and where their own are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Action, Actor, allowed
from meetings.errors import Text, text
from meetings.recording.minutes.desk import LOOK_BACK, TURN, facts_of
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import State
from meetings.scheduling.models import Meeting, MeetingState
from meetings.scheduling.office import Office
from meetings.scheduling.rules.deadlines import Occasion, deadlines_of
from meetings.scheduling.waiting import LIMIT, Wait


async def waiting(session: AsyncSession, office: Office) -> Sequence[Wait]:
    """Oldest meetings first: they are the most urgent."""
    held = (Meeting.state == MeetingState.ENDED) | Minutes.meeting_id.is_not(None)
    open_still = Minutes.state.is_(None) | (Minutes.state != State.FILED)
    chosen = (
        select(Meeting, Minutes)
        .outerjoin(Minutes, Minutes.meeting_id == Meeting.id)
        .where(held, open_still, Meeting.starts_at > office.now - LOOK_BACK, _may_concern(office.actor))
        .order_by(Meeting.starts_at)
        .limit(LIMIT)
    )
    told = [_told(meeting, minutes, office) for meeting, minutes in await session.execute(chosen)]
    return [wait for wait in told if wait is not None]


def _may_concern(actor: Actor) -> ColumnElement[bool]:
    """Fewer rows; whether the act is really theirs is decided for each."""
    concerns = (Meeting.created_by == actor.account_id) | (Meeting.secretary_account_id == actor.account_id)
    if actor.person_id is not None:
        concerns = concerns | (Meeting.chair_person_id == actor.person_id)
    if allowed(actor, Action.APPROVE_MINUTES):
        concerns = concerns | (Minutes.state == State.SUBMITTED)
    if allowed(actor, Action.FILE_MINUTES):
        concerns = concerns | (Minutes.state == State.APPROVED)
    return concerns


def _told(meeting: Meeting, minutes: Minutes | None, office: Office) -> Wait | None:
    facts = facts_of(office.actor, meeting)
    state = State(minutes.state) if minutes else None
    mine = allowed(office.actor, TURN[state], facts)
    if not mine and not (state in _UNDER_WAY and allowed(office.actor, Action.EDIT_MINUTES, facts)):
        return None
    what, button, path = _MINE[state] if mine else _UNDER_WAY[state]
    by = _last_day(meeting, office)
    return Wait(
        what=what,
        title=minutes.title if minutes else meeting.title,
        detail=_detail(minutes, meeting, office),
        href=f"/meetings/{meeting.id}/{path}",
        button=button,
        by=by,
        late=by < office.now.astimezone(office.settings.zone).date(),
    )


_MINE: dict[State | None, tuple[Text, Text, str]] = {
    None: (text("Lập bản thảo biên bản"), text("Lập bản thảo"), "minutes"),
    State.DRAFT: (text("Hoàn thiện biên bản"), text("Viết tiếp"), "minutes"),
    State.RETURNED: (text("Sửa biên bản được trả lại"), text("Mở để sửa"), "minutes"),
    State.SUBMITTED: (text("Duyệt biên bản"), text("Xem và duyệt"), "minutes"),
    State.APPROVED: (text("Lấy số, lưu biên bản vào sổ"), text("Lưu vào sổ"), "file"),
}
_UNDER_WAY: dict[State | None, tuple[Text, Text, str]] = {
    State.SUBMITTED: (text("Biên bản đang chờ duyệt"), text("Xem biên bản"), "minutes"),
    State.APPROVED: (text("Biên bản đã duyệt, chờ văn thư vào sổ"), text("Xem biên bản"), "minutes"),
}


def _last_day(meeting: Meeting, office: Office) -> date:
    occasion = Occasion(meeting.regime, meeting.kind, meeting.periodic, meeting.starts_at, meeting.created_at)
    return deadlines_of(occasion, office.regulation, office.settings.zone).notice_by


def _detail(minutes: Minutes | None, meeting: Meeting, office: Office) -> Text:
    """Who did the last thing, or what the approver wants."""
    zone = office.settings.zone
    if minutes is None or minutes.state == State.DRAFT:
        return text("Họp ngày {day}", day=f"{meeting.starts_at.astimezone(zone):%d/%m}")
    if minutes.state == State.RETURNED:
        return text("Cần sửa: {reason}", reason=_short(minutes.returned_reason))
    if minutes.state == State.APPROVED:
        return text("{name} đã duyệt", name=minutes.approved_by or "")
    return text("{name} trình", name=minutes.submitted_by or "")


def _short(words: str) -> str:
    return words if len(words) <= 80 else f"{words[:79]}…"
