"""Acts on minutes, each within the caller's transaction: draft once, save, submit, return, approve, file.

The row of the minutes is locked first, then the series' counter, then the chain's head; no act takes them otherwise.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.access import Actor
from meetings.errors import Conflict, Invalid, NotFound
from meetings.events import EventPayload, EventRow
from meetings.ids import is_id
from meetings.recording.minutes import rules
from meetings.recording.minutes.checks import require_complete, require_filled
from meetings.recording.minutes.models import Minutes, MinutesParagraph
from meetings.recording.minutes.rules import Act, Content, Paragraph, Slot, State
from meetings.texts import clean_line

REASON_LIMIT = 1000


async def find_minutes(session: AsyncSession, meeting_id: str) -> Minutes | None:
    return await session.get(Minutes, meeting_id) if is_id(meeting_id) else None


async def content_of(session: AsyncSession, minutes: Minutes) -> Content:
    """What people edit of the minutes, paragraphs in their order."""
    mine = select(MinutesParagraph).where(MinutesParagraph.meeting_id == minutes.meeting_id)
    rows = await session.scalars(mine.order_by(MinutesParagraph.position))
    paragraphs = tuple(Paragraph(Slot(row.slot), row.text, row.heading, row.moment_at) for row in rows)
    return Content(minutes.title, minutes.secretary_name, minutes.chair_name, paragraphs)


async def hold_minutes(session: AsyncSession, meeting_id: str) -> Minutes:
    """The row, locked until the transaction ends."""
    held = select(Minutes).where(Minutes.meeting_id == meeting_id).with_for_update()
    known = is_id(meeting_id)
    minutes = (await session.scalars(held.execution_options(populate_existing=True))).one_or_none() if known else None
    if minutes is None:
        raise NotFound("Cuộc họp này chưa có biên bản.", code="no_minutes")
    return minutes


async def start_minutes(
    session: AsyncSession, meeting_id: str, content: Content, actor: Actor, now: datetime
) -> Minutes:
    """Keep the first draft. A draft is made once: a second one would throw away what people wrote."""
    if await find_minutes(session, meeting_id) is not None:
        raise Conflict("Cuộc họp này đã có biên bản.", code="drafted")
    content = rules.checked(content)
    minutes = Minutes(
        meeting_id=meeting_id,
        state=State.DRAFT,
        version=1,
        title=content.title,
        secretary_name=content.secretary,
        chair_name=content.chair,
        not_recorded_because="",
        returned_reason="",
        saved_by=actor.name,
        saved_at=now,
    )
    session.add(minutes)
    await session.flush()
    _add_paragraphs(session, meeting_id, content)
    await _log(session, minutes, "minutes.drafted", actor, now)
    return minutes


def _add_paragraphs(session: AsyncSession, meeting_id: str, content: Content) -> None:
    session.add_all(
        MinutesParagraph(
            meeting_id=meeting_id, position=n, slot=p.slot, heading=p.heading, text=p.text, moment_at=p.moment_at
        )
        for n, p in enumerate(content.paragraphs)
    )


async def save_minutes(
    session: AsyncSession, meeting_id: str, version: int, content: Content, actor: Actor, now: datetime
) -> Minutes:
    """Put the content in place of the version that the editor saw; saving what stands there already changes nothing."""
    content = rules.checked(content)
    minutes = await hold_minutes(session, meeting_id)
    minutes.state = rules.next_state(State(minutes.state), Act.SAVE)
    if content == await content_of(session, minutes):
        return minutes
    _check_version(minutes, version)
    await session.execute(delete(MinutesParagraph).where(MinutesParagraph.meeting_id == meeting_id))
    session.expire_all()
    minutes = await hold_minutes(session, meeting_id)
    _add_paragraphs(session, meeting_id, content)
    minutes.title, minutes.secretary_name, minutes.chair_name = content.title, content.secretary, content.chair
    minutes.version += 1
    minutes.saved_by, minutes.saved_at = actor.name, now
    await session.flush()
    return minutes


def _check_version(minutes: Minutes, version: int) -> None:
    if minutes.version != version:
        raise Conflict(
            "{name} vừa sửa biên bản này trong lúc Ông/Bà đang sửa. Xin so hai bản rồi lưu lại.",
            code="changed_meanwhile",
            name=minutes.saved_by,
        )


async def submit_minutes(
    session: AsyncSession, meeting_id: str, version: int, not_recorded_because: str, actor: Actor, now: datetime
) -> Minutes:
    minutes = await hold_minutes(session, meeting_id)
    state = rules.next_state(State(minutes.state), Act.SUBMIT)
    _check_version(minutes, version)
    content = await content_of(session, minutes)
    require_complete(content)
    minutes.not_recorded_because = _reason(not_recorded_because, "not_recorded_because")
    minutes.state, minutes.submitted_by, minutes.submitted_at = state, actor.name, now
    minutes.returned_reason = ""
    await session.flush()
    await _log(session, minutes, "minutes.submitted", actor, now, content_sha256=rules.seal(content))
    return minutes


async def return_minutes(
    session: AsyncSession, meeting_id: str, version: int, reason: str, actor: Actor, now: datetime
) -> Minutes:
    """Send back with a reason: without one nobody knows what to mend."""
    minutes = await hold_minutes(session, meeting_id)
    state = rules.next_state(State(minutes.state), Act.RETURN)
    _check_version(minutes, version)
    reason = _reason(reason, "reason")
    if not reason:
        raise Invalid("Xin ghi lý do trả lại để người soạn biết cần sửa gì.", field="reason")
    minutes.state, minutes.returned_reason = state, reason
    minutes.approved_by = minutes.approved_at = None
    await session.flush()
    await _log(session, minutes, "minutes.returned", actor, now, reason=reason)
    return minutes


async def approve_minutes(session: AsyncSession, meeting_id: str, version: int, actor: Actor, now: datetime) -> Minutes:
    """Approve the version that the approver read, and no other."""
    minutes = await hold_minutes(session, meeting_id)
    state = rules.next_state(State(minutes.state), Act.APPROVE)
    _check_version(minutes, version)
    content = await content_of(session, minutes)
    await require_sealed(session, minutes, content)
    require_filled(content)
    minutes.state, minutes.approved_by, minutes.approved_at = state, actor.name, now
    await session.flush()
    await _log(session, minutes, "minutes.approved", actor, now, content_sha256=rules.seal(content))
    return minutes


async def sealed_with(session: AsyncSession, minutes: Minutes) -> str | None:
    """The seal that the newest submission or approval in the log gave these minutes."""
    query = (
        select(EventPayload.body)
        .join(EventRow, (EventRow.chain == EventPayload.chain) & (EventRow.seq == EventPayload.seq))
        .where(EventRow.chain == events.meeting_chain(minutes.meeting_id))
        .where(EventRow.kind.in_(("minutes.submitted", "minutes.approved")))
    )
    body = await session.scalar(query.order_by(EventRow.seq.desc()).limit(1))
    sealed = json.loads(body).get("content_sha256") if body else None
    return sealed if isinstance(sealed, str) else None


async def require_sealed(session: AsyncSession, minutes: Minutes, content: Content) -> None:
    """Nothing is approved or filed but what the log says was submitted or approved."""
    if await sealed_with(session, minutes) != rules.seal(content):
        raise Conflict(
            "Nội dung biên bản không còn đúng như lúc trình hoặc duyệt. Xin trả lại để trình và duyệt lại.",
            code="content_changed",
        )


def _reason(words: str, field: str) -> str:
    return clean_line(words, field=field, limit=REASON_LIMIT)


async def _log(session: AsyncSession, minutes: Minutes, kind: str, actor: Actor, now: datetime, **more: object) -> None:
    await events.append(
        session,
        chain=events.meeting_chain(minutes.meeting_id),
        kind=kind,
        at=now,
        actor_id=actor.account_id,
        subject_id=minutes.meeting_id,
        payload={"version": minutes.version, "by": actor.name, **more},
    )
