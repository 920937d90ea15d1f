"""How far a meeting is: the steps of its life, and each deadline with what was kept of it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import Text, text
from meetings.register.models import Document

from .delivery import Delivery
from .models import LetterState, Meeting, MeetingState
from .office import Office
from .plans import Plan
from .rules.clock_face import left
from .rules.deadlines import Deadlines, Occasion, deadlines_of
from .rules.working_days import WorkingDays


@dataclass(frozen=True)
class Due:
    """One line of the deadlines. `tone`: ok, wait, late, or nothing yet."""

    tone: str
    what: Text
    detail: Text


@dataclass(frozen=True)
class Step:
    name: Text
    state: str  # done, now or ""


async def documents_of(session: AsyncSession, meeting_id: str) -> list[Document]:
    """What the register holds of this meeting."""
    query = select(Document).where(Document.meeting_id == meeting_id)
    return list(await session.scalars(query.order_by(Document.issued_on, Document.id)))


def deadlines_of_meeting(meeting: Meeting, office: Office) -> Deadlines:
    occasion = Occasion(meeting.regime, meeting.kind, meeting.periodic, meeting.starts_at, meeting.created_at)
    return deadlines_of(occasion, office.regulation, office.settings.zone)


def dues(plan: Plan, office: Office, delivery: Delivery, *, filed: bool) -> list[Due]:
    deadlines, calendar = deadlines_of_meeting(plan.meeting, office), WorkingDays(office.regulation.days)
    found = [_invitation(plan, deadlines, office, delivery), _papers(plan, deadlines, office, calendar)]
    length = (plan.meeting.ends_at - plan.meeting.starts_at).total_seconds() / 60
    if length > deadlines.max_minutes:
        found.append(
            Due(
                "late",
                text("Thời lượng vượt quy định"),
                text("Loại họp này không quá {n} phút", n=deadlines.max_minutes),
            )
        )
    if plan.meeting.state != MeetingState.CANCELLED:
        found.append(_notice(deadlines, office, calendar, filed=filed))
    return found


def _invitation(plan: Plan, deadlines: Deadlines, office: Office, delivery: Delivery) -> Due:
    """In time counts what left the house: letters in a queue or in the folder have invited nobody."""
    if not delivery.complete or delivery.handed_at is None:
        return _not_out(deadlines, office, delivery)
    sent = _day(office, delivery.handed_at)
    detail = text(
        "Hạn {day}, trước ngày họp {wd:0>2} ngày làm việc", day=_short(deadlines.invite_by), wd=deadlines.invite_wd
    )
    if sent <= deadlines.invite_by:
        return Due("ok", text("Giấy mời: máy chủ thư nhận {day}, đúng hạn", day=_short(sent)), detail)
    reason = text("Đột xuất: {reason}", reason=plan.meeting.late_reason or "…")
    late = text("Giấy mời: máy chủ thư nhận {day}, sau hạn {by}", day=_short(sent), by=_short(deadlines.invite_by))
    return Due("", late, reason)


def _not_out(deadlines: Deadlines, office: Office, delivery: Delivery) -> Due:
    count, by = delivery.count, text("Hạn {day}", day=_short(deadlines.invite_by))
    tone = "late" if _day(office, office.now) > deadlines.invite_by else "wait"
    if not delivery.newest:
        return Due("", text("Giấy mời: không có người nhận qua thư điện tử"), by)
    if count[LetterState.FAILED]:
        return Due("late", text("Giấy mời: {n} thư không gửi được", n=count[LetterState.FAILED]), by)
    if count[LetterState.KEPT]:
        return Due("late", text("Giấy mời: chưa gửi đi, {n} thư nằm ở Thư đi", n=count[LetterState.KEPT]), by)
    return Due(tone, text("Giấy mời: {n} thư đang chờ gửi", n=count[LetterState.QUEUED]), by)


def _papers(plan: Plan, deadlines: Deadlines, office: Office, calendar: WorkingDays) -> Due:
    by, today = deadlines.papers_by, _day(office, office.now)
    detail = text("Hạn {day}", day=_short(by))
    if plan.papers:
        first = _day(office, min(paper.added_at for paper in plan.papers))
        sentence = text("Tài liệu: có từ {day}", day=_short(first))
        return Due("ok" if first <= by else "late", sentence, detail)
    tone = "late" if today > by else "wait"
    return Due(
        tone, text("Tài liệu: chưa có"), text("Hạn {day}. {left}", day=_short(by), left=left(by, today, calendar))
    )


def _notice(deadlines: Deadlines, office: Office, calendar: WorkingDays, *, filed: bool) -> Due:
    by, today = deadlines.notice_by, _day(office, office.now)
    what = text("Thông báo kết luận: chậm nhất {day}", day=_short(by))
    detail = text("{n:0>2} ngày làm việc sau ngày họp", n=deadlines.notice_wd)
    if filed:
        return Due("ok", text("Biên bản đã vào sổ"), what)
    if today <= deadlines.held_on:
        return Due("", what, detail)
    return Due("late" if today > by else "wait", what, left(by, today, calendar))


def steps(plan: Plan, delivery: Delivery, *, filed: bool) -> list[Step]:
    order = (MeetingState.SCHEDULED, MeetingState.IN_SESSION, MeetingState.ENDED)
    first = text("Đã mời") if delivery.complete else text("Đã đặt lịch")
    names = (first, text("Đang họp"), text("Biên bản"), text("Đã lưu hồ sơ"))
    if plan.meeting.state == MeetingState.CANCELLED:
        return [Step(text("Đã đặt lịch"), "done"), Step(text("Đã hủy"), "now")]
    at = len(names) - 1 if filed else order.index(MeetingState(plan.meeting.state))
    return [Step(name, "done" if n < at else "now" if n == at else "") for n, name in enumerate(names)]


def _day(office: Office, instant: datetime) -> date:
    return instant.astimezone(office.settings.zone).date()


def _short(day: date) -> str:
    return f"{day:%d/%m/%Y}"
