"""The door of scheduling for other features and for its own routes: book, change, cancel, look up."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.errors import N_, Conflict, Invalid, text
from meetings.ids import new_id

from . import calendar, mailing, people
from .addressees import addressees
from .checks import law_faults
from .letters import snapshot_of
from .models import AgendaItem, LetterKind, Meeting, MeetingPoint, MeetingState, PointRole
from .office import Office
from .papers import StoredFile, add_papers
from .plans import Plan, facts_for, get_meeting, load_plan, set_state
from .rules import words
from .rules.booking import Booking
from .rules.clashes import Span, Wish

__all__ = [
    "Office",
    "Plan",
    "book",
    "cancel",
    "change",
    "facts_for",
    "get_meeting",
    "load_plan",
    "set_state",
]

CANCEL_REASONS = {
    "bat_kha_khang": N_("Bất khả kháng"),
    "chi_dao_cap_tren": N_("Theo chỉ đạo của cấp trên"),
    "chua_chuan_bi_kip": N_("Chưa chuẩn bị kịp"),
    "khac": N_("Lý do khác"),
}


async def book(
    session: AsyncSession,
    office: Office,
    booking: Booking,
    *,
    files: tuple[StoredFile, ...] = (),
    copied_from_id: str | None = None,
) -> Meeting:
    """Plans a meeting, holds its chair and rooms, queues its letters; all of it or nothing."""
    _check(office, booking)
    await calendar.lock(session, _held(booking))
    names = await people.look_up(session, booking)
    await calendar.require_free(session, _wish(booking), office.settings.zone)
    meeting = Meeting(
        **_columns(booking),
        id=new_id(),
        secretary_account_id=office.actor.account_id,
        created_by=office.actor.account_id,
        created_at=office.now,
        time_zone=office.settings.time_zone,
        uid=f"{new_id()}@{office.settings.mail_from.rpartition('@')[2]}",
        copied_from_id=copied_from_id,
        invited_at=office.now,
    )
    session.add(meeting)
    await session.flush()
    await _put_parts(session, meeting, booking, names)
    added = people.fresh(session, meeting, people.wanted(booking, names), office)
    await add_papers(session, meeting, files, office.actor, office.now)
    await session.flush()
    letters = await _write_to(session, office, meeting.id, [mailing.Post(LetterKind.REQUEST, added)])
    payload = {"title": meeting.title, "invited": len(added) - 1, "letters": letters}
    await _log(session, office, meeting, "meeting.booked", payload)
    return meeting


async def change(
    session: AsyncSession,
    office: Office,
    meeting_id: str,
    version: int,
    booking: Booking,
    *,
    files: tuple[StoredFile, ...] = (),
) -> Meeting:
    """Changes a meeting that has not begun. Only when hour or place move, SEQUENCE grows and all are asked anew."""
    before = await get_meeting(session, meeting_id)
    await calendar.lock(session, {*_held(booking), before.chair_person_id, before.main_venue_id})
    meeting = await _changeable(session, meeting_id)
    if meeting.version != version:
        raise Conflict(
            "Cuộc họp này vừa được người khác sửa. Vui lòng mở lại kế hoạch, xem thay đổi rồi sửa tiếp.",
            code="version",
        )
    moved = (meeting.starts_at, meeting.ends_at) != (booking.span.starts_at, booking.span.ends_at)
    _check(office, booking, invited=meeting.invited_at if not moved else None)
    names = await people.look_up(session, booking)
    await calendar.require_free(session, _wish(booking, meeting.id), office.settings.zone)
    material = moved or meeting.main_venue_id != booking.main_venue_id
    old = _shown(await load_plan(session, meeting.id))
    for name, value in _columns(booking).items():
        setattr(meeting, name, value)
    meeting.version += 1
    if material:
        meeting.sequence += 1
        meeting.invited_at = office.now
    await _put_parts(session, meeting, booking, names)
    change = await people.change(session, meeting, people.wanted(booking, names), office, ask_anew=material)
    await add_papers(session, meeting, files, office.actor, office.now)
    await session.flush()
    told = change.kept if material or _shown(await load_plan(session, meeting.id)) != old else []
    posts = [
        mailing.Post(LetterKind.CANCEL, change.removed),
        mailing.Post(LetterKind.UPDATE, told),
        mailing.Post(LetterKind.REQUEST, change.added),
    ]
    letters = await _write_to(session, office, meeting.id, posts)
    payload = {"title": meeting.title, "sequence": meeting.sequence, "moved": material, "letters": letters}
    await _log(session, office, meeting, "meeting.updated", payload)
    return meeting


async def cancel(session: AsyncSession, office: Office, meeting_id: str, reason: str, words_given: str) -> Meeting:
    """Calls a meeting off; its chair and rooms are free again, and everybody invited is told."""
    explanation = words.line(words_given, "explanation", text("Diễn giải"), 500)
    if reason not in CANCEL_REASONS:
        raise Invalid("Vui lòng chọn lý do hủy họp.", field="reason", code="missing")
    if reason == "khac" and not explanation:
        raise Invalid("Vui lòng ghi rõ lý do hủy họp.", field="explanation", code="missing")
    meeting = await _changeable(session, meeting_id)
    meeting.state, meeting.state_changed_at = MeetingState.CANCELLED, office.now
    meeting.cancel_reason = ": ".join(filter(None, (CANCEL_REASONS[reason], explanation)))
    meeting.sequence += 1
    meeting.version += 1
    await session.flush()
    everybody = await people.of_meeting(session, meeting.id)
    letters = await _write_to(session, office, meeting.id, [mailing.Post(LetterKind.CANCEL, everybody)])
    payload = {"title": meeting.title, "reason": meeting.cancel_reason, "letters": letters}
    await _log(session, office, meeting, "meeting.cancelled", payload)
    return meeting


def _check(office: Office, booking: Booking, invited: datetime | None = None) -> None:
    if faults := law_faults(office, booking.known, invited):
        raise Invalid.many(faults)


async def _changeable(session: AsyncSession, meeting_id: str) -> Meeting:
    meeting = await get_meeting(session, meeting_id, lock=True)
    match meeting.state:
        case MeetingState.CANCELLED:
            raise Conflict("Cuộc họp này đã hủy, không sửa được nữa. Có thể chép thành cuộc họp mới.", code="cancelled")
        case MeetingState.IN_SESSION:
            raise Conflict("Cuộc họp đang diễn ra. Vui lòng dùng bảng điều hành của cuộc họp.", code="in_session")
        case MeetingState.ENDED:
            raise Conflict("Cuộc họp đã kết thúc, không sửa được nữa. Có thể chép thành cuộc họp mới.", code="ended")
    return meeting


def _columns(booking: Booking) -> dict[str, Any]:
    return {
        "title": booking.title,
        "kind": booking.kind,
        "regime": booking.regime,
        "periodic": booking.periodic,
        "classification": booking.classification,
        "chair_person_id": booking.chair_person_id,
        "starts_at": booking.span.starts_at,
        "ends_at": booking.span.ends_at,
        "main_venue_id": booking.main_venue_id,
        "note": booking.note,
        "contact": booking.contact,
        "late_reason": booking.late_reason,
        "recording_planned": booking.recording_planned,
    }


def _held(booking: Booking) -> set[str]:
    return {booking.chair_person_id, *booking.venue_ids}


def _wish(booking: Booking, meeting_id: str | None = None) -> Wish:
    span = Span(booking.span.starts_at, booking.span.ends_at)
    return Wish(span, booking.chair_person_id, booking.main_venue_id, booking.venue_ids, meeting_id)


async def _put_parts(session: AsyncSession, meeting: Meeting, booking: Booking, names: people.Names) -> None:
    """Points and agenda as they are now; an agenda line that keeps its words keeps its id."""
    await session.execute(delete(MeetingPoint).where(MeetingPoint.meeting_id == meeting.id))
    for position, venue_id in enumerate((booking.main_venue_id, *booking.members)):
        role = PointRole.MEMBER if position else PointRole.MAIN
        unit_name = names.unit_of_venue(venue_id)
        session.add(
            MeetingPoint(meeting_id=meeting.id, venue_id=venue_id, role=role, unit_name=unit_name, position=position)
        )
    old = list(await session.scalars(select(AgendaItem).where(AgendaItem.meeting_id == meeting.id)))
    by_title = {item.title: item for item in old}
    kept = set()
    for position, wanted in enumerate(booking.agenda, 1):
        item = by_title.pop(wanted.title, None)
        if item is None:
            item = AgendaItem(meeting_id=meeting.id, title=wanted.title)
            session.add(item)
        else:
            kept.add(item.id)
        item.position, item.presenter, item.minutes = position, wanted.presenter, wanted.minutes
    for item in old:
        if item.id not in kept:
            await session.delete(item)
    await session.flush()


def _shown(plan: Plan) -> tuple[object, ...]:
    """What a letter tells; when only this changes, it is sent again without asking for new answers."""
    meeting = plan.meeting
    return (
        (meeting.title, meeting.chair_person_id, meeting.note, meeting.contact),
        [point.venue_id for point in plan.points],
        [(item.title, item.presenter, item.minutes) for item in plan.agenda],
    )


async def _write_to(session: AsyncSession, office: Office, meeting_id: str, posts: list[mailing.Post]) -> int:
    """How many letters wait to be sent for it."""
    plan = await load_plan(session, meeting_id)
    kind_name = office.regulation.kind(plan.meeting.kind).name
    people = list({one.id: one for post in posts for one in post.participants}.values())
    snapshot = snapshot_of(plan, office.settings, kind_name, office.base_url)
    snapshot["addressees"] = await addressees(session, plan, people)
    letters = await mailing.queue(
        session,
        posts,
        meeting_id=meeting_id,
        sequence=plan.meeting.sequence,
        snapshot=snapshot,
        now=office.now,
    )
    return len(letters)


async def _log(session: AsyncSession, office: Office, meeting: Meeting, kind: str, payload: dict[str, Any]) -> None:
    await events.append(
        session,
        chain=events.meeting_chain(meeting.id),
        kind=kind,
        at=office.now,
        actor_id=office.actor.account_id,
        subject_id=meeting.id,
        payload=payload | {"by": office.actor.name},
    )
