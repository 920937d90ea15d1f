"""The clock of the meeting regime: by when to invite, to send papers, to issue the notice of conclusions."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from meetings.errors import Invalid

from .regulation import Regulation
from .working_days import WorkingDays


@dataclass(frozen=True)
class Deadlines:
    """Last days, in the office's zone."""

    held_on: date
    invite_by: date
    papers_by: date
    notice_by: date
    invite_wd: int
    papers_wd: int
    notice_wd: int
    max_minutes: int
    source: str


@dataclass(frozen=True)
class Occasion:
    """What of a meeting the deadlines hang on. `called_at`: papers of a meeting called later than they would have
    been due are due when it is held."""

    regime: str
    kind: str
    periodic: bool
    starts_at: datetime
    called_at: datetime | None = None


def deadlines_of(occasion: Occasion, regulation: Regulation, zone: ZoneInfo) -> Deadlines:
    rule = regulation.deadline(occasion.regime, occasion.kind, occasion.periodic)
    calendar = WorkingDays(regulation.days)
    day = occasion.starts_at.astimezone(zone).date()
    papers_by = calendar.before(day, rule.papers_min_wd)
    called_on = occasion.called_at.astimezone(zone).date() if occasion.called_at else papers_by
    return Deadlines(
        held_on=day,
        invite_by=calendar.before(day, rule.invite_min_wd),
        papers_by=papers_by if called_on <= papers_by else day,
        notice_by=calendar.after(day, rule.notice_max_wd),
        invite_wd=rule.invite_min_wd,
        papers_wd=rule.papers_min_wd,
        notice_wd=rule.notice_max_wd,
        max_minutes=regulation.kind(occasion.kind).max_minutes,
        source=rule.source,
    )


def check_invitation(deadlines: Deadlines, today: date, late_reason: str) -> None:
    """A late invitation needs the reason for the short notice; with it, it may go."""
    if today <= deadlines.invite_by or late_reason:
        return
    raise Invalid(
        "Giấy mời phải gửi trước ngày họp {wd:0>2} ngày làm việc (chậm nhất {last}). Nếu là cuộc họp đột xuất, "
        "vui lòng ghi rõ lý do và người chỉ đạo.",
        field="late_reason",
        code="late",
        wd=deadlines.invite_wd,
        last=deadlines.invite_by.strftime("%d/%m/%Y"),
    )
