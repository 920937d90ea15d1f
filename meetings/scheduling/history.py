"""The log of a meeting as sentences for the plan page; events of other features are passed over."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.errors import N_, Text

from .delivery import NAMES

SENTENCES: Mapping[str, str] = {
    "meeting.booked": N_("Đặt lịch, mời {invited} người; {letters} giấy mời chờ gửi"),
    "meeting.updated": N_("Sửa kế hoạch; {letters} thư chờ gửi"),
    "meeting.moved": N_("Đổi giờ hoặc địa điểm, mời lại; {letters} thư chờ gửi"),
    "meeting.cancelled": N_("Hủy họp: {reason}"),
    "invitation.handed": N_("{letter} cho {name}: máy chủ thư đã nhận"),
    "invitation.kept": N_("{letter} cho {name}: chưa gửi đi, nằm ở Thư đi vì chưa có máy chủ thư"),
    "invitation.failed": N_("{letter} cho {name}: không gửi được ({error})"),
    "invitation.accepted": N_("{name} trả lời: sẽ dự"),
    "invitation.declined": N_("{name} trả lời: không dự được ({reason})"),
    "paper.added": N_("Thêm tài liệu {filename}"),
    "paper.removed": N_("Bỏ tài liệu {filename}"),
    "conference.opened": N_("Bắt đầu họp"),
    "conference.ended": N_("Kết thúc họp"),
    "conference.ended.empty": N_("Họp tự kết thúc: không còn ai trong phòng họp quá {minutes} phút"),
    "conference.ended.overtime": N_("Họp tự kết thúc: đã quá giờ kết thúc dự kiến {hours} giờ"),
    "recording.started": N_("Bắt đầu ghi hình"),
    "recording.stopped": N_("Dừng ghi hình"),
    "document.filed": N_("Biên bản đã vào sổ văn bản"),
}
GATHERED: Mapping[str, str] = {
    "invitation.handed": N_("{letter} cho {n} người: máy chủ thư đã nhận"),
    "invitation.kept": N_("{letter} cho {n} người: chưa gửi đi, nằm ở Thư đi vì chưa có máy chủ thư"),
}
_FILLED = ("name", "reason", "filename", "invited", "letters", "error", "minutes", "hours")
ALARMS = frozenset({"invitation.failed", "invitation.kept", "invitation.declined", "meeting.cancelled"})


@dataclass(frozen=True)
class Happened:
    kind: str
    at: datetime
    what: Text
    by: str
    alarm: bool


async def history(session: AsyncSession, meeting_id: str, limit: int = 400) -> list[Happened]:
    """The newest first. Read by kind: a long meeting has thousands of events that are not for this page."""
    kinds = {*SENTENCES, "invitation.answered"}
    query = (
        select(events.EventRow, events.EventPayload.body)
        .outerjoin(
            events.EventPayload,
            (events.EventPayload.chain == events.EventRow.chain) & (events.EventPayload.seq == events.EventRow.seq),
        )
        .where(events.EventRow.chain == events.meeting_chain(meeting_id), events.EventRow.kind.in_(kinds))
        .order_by(events.EventRow.seq.desc())
        .limit(limit)
    )
    told = [_told(row, json.loads(body) if body else {}) for row, body in await session.execute(query)]
    return [_gathered(group) for _, group in groupby((one for one in told if one is not None), key=_together)]


def _together(one: Happened) -> tuple[str, object]:
    """Letters that went one after the other are one line; anything else stands for itself."""
    return (one.kind, (one.at.date(), str(one.what.params["letter"])) if one.kind in GATHERED else id(one))


def _gathered(group: Iterable[Happened]) -> Happened:
    first, *rest = group
    if not rest:
        return first
    params = {"letter": first.what.params["letter"], "n": len(rest) + 1}
    return Happened(first.kind, first.at, Text(GATHERED[first.kind], params), first.by, first.alarm)


def _told(event: events.EventRow, payload: Mapping[str, object]) -> Happened | None:
    kind = _kind(event.kind, payload)
    if kind not in SENTENCES:
        return None
    params: dict[str, object] = {key: value for key, value in payload.items() if isinstance(value, str | int)}
    params |= dict(numbers) if isinstance(numbers := payload.get("params"), dict) else {}
    params["letter"] = Text(NAMES.get(str(payload.get("letter")), NAMES["request"]))
    sentence = SENTENCES[kind]
    if any(f"{{{name}}}" in sentence and name not in params for name in _FILLED):
        return None  # what it said was erased
    return Happened(kind, event.at, Text(sentence, params), str(payload.get("by", "")), kind in ALARMS)


def _kind(kind: str, payload: Mapping[str, object]) -> str:
    if kind == "invitation.answered":
        return f"invitation.{payload.get('answer')}"
    if kind == "meeting.updated" and payload.get("moved"):
        return "meeting.moved"
    if kind == "conference.ended" and (why := f"{kind}.{payload.get('reason')}") in SENTENCES:
        return why
    return kind
