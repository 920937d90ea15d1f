"""The rules of minutes: states and acts, the shape of form 1.9, whether the record allows filing; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from meetings.errors import N_, Conflict, Invalid, MeetingsError, text
from meetings.texts import clean_line, clean_text

TEXT_LIMIT = 20_000
HEADING_LIMIT = 300
PARAGRAPH_LIMIT = 300


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    FILED = "filed"


class Act(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    FILE = "file"


_NEXT: dict[tuple[State, Act], State] = {
    (State.DRAFT, Act.SAVE): State.DRAFT,
    (State.RETURNED, Act.SAVE): State.RETURNED,
    (State.DRAFT, Act.SUBMIT): State.SUBMITTED,
    (State.RETURNED, Act.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Act.RETURN): State.RETURNED,
    (State.APPROVED, Act.RETURN): State.RETURNED,
    (State.SUBMITTED, Act.APPROVE): State.APPROVED,
    (State.APPROVED, Act.FILE): State.FILED,
}

_WHY_NOT: dict[State, str] = {
    State.DRAFT: N_("Biên bản còn là bản thảo; xin trình duyệt trước."),
    State.SUBMITTED: N_("Biên bản đang chờ duyệt nên chưa làm được việc này."),
    State.RETURNED: N_("Biên bản đã được trả lại để sửa; xin sửa rồi trình lại."),
    State.APPROVED: N_("Biên bản đã được duyệt; muốn sửa, xin đề nghị người duyệt trả lại."),
    State.FILED: N_("Biên bản đã vào sổ và không thay đổi được nữa."),
}


def next_state(state: State, act: Act) -> State:
    """The state after an act, or Conflict with what stands in the way."""
    following = _NEXT.get((state, act))
    if following is None:
        raise Conflict(_WHY_NOT[state], code="wrong_state")
    return following


def editable(state: State) -> bool:
    return (state, Act.SAVE) in _NEXT


class Slot(StrEnum):
    """Where a paragraph stands in form 1.9; only CONTENT may stand more than once."""

    TIME = "time"
    PLACE = "place"
    ATTENDANCE = "attendance"
    CHAIR = "chair"
    SECRETARY = "secretary"
    CONTENT = "content"
    CLOSING = "closing"


LABELS: dict[Slot, str] = {
    Slot.TIME: N_("Thời gian bắt đầu"),
    Slot.PLACE: N_("Địa điểm"),
    Slot.ATTENDANCE: N_("Thành phần tham dự"),
    Slot.CHAIR: N_("Chủ trì (chủ tọa)"),
    Slot.SECRETARY: N_("Thư ký (người ghi biên bản)"),
    Slot.CONTENT: N_("Nội dung"),
    Slot.CLOSING: N_("Câu kết thúc"),
}
_ORDER = list(Slot)


@dataclass(frozen=True)
class Paragraph:
    """One paragraph as people edit it; `moment_at` is the instant in the meeting it tells of."""

    slot: Slot
    text: str
    heading: str = ""
    moment_at: datetime | None = None


@dataclass(frozen=True)
class Content:
    """All of the minutes that people edit: title, the two signers, and the paragraphs."""

    title: str
    secretary: str
    chair: str
    paragraphs: tuple[Paragraph, ...]


def seal(content: Content) -> str:
    """SHA-256 of the content, written in one way: what is submitted and approved is known again by it."""
    paragraphs = [
        [
            p.slot,
            p.heading,
            p.text,
            p.moment_at.astimezone(UTC).isoformat(timespec="microseconds") if p.moment_at else None,
        ]
        for p in content.paragraphs
    ]
    whole = [content.title, content.secretary, content.chair, paragraphs]
    return hashlib.sha256(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def checked(content: Content) -> Content:
    """The content checked and in the order of the form; every fault of the form at once."""
    faults: list[MeetingsError] = []
    names: dict[str, str] = {}
    for field, value, limit in (
        ("title", content.title, 500),
        ("secretary", content.secretary, 200),
        ("chair", content.chair, 200),
    ):
        try:
            names[field] = clean_line(value, field=field, limit=limit)
            if not names[field]:
                faults.append(Invalid("Mục này không được để trống.", field=field))
        except Invalid as fault:
            faults.append(fault)
    paragraphs: list[Paragraph] = []
    try:
        paragraphs = arranged(content.paragraphs)
    except Invalid as fault:
        faults += fault.faults
    if faults:
        raise Invalid.many(faults)
    return Content(names["title"], names["secretary"], names["chair"], tuple(paragraphs))


def arranged(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """The paragraphs checked and in the order of the form; every fault of the form at once."""
    faults: list[Invalid] = []
    kept: list[Paragraph] = []
    for index, paragraph in enumerate(paragraphs):
        try:
            kept.append(_checked(paragraph, index))
        except Invalid as fault:
            faults.append(fault)
    if len(paragraphs) > PARAGRAPH_LIMIT:
        faults.append(Invalid("Biên bản có quá {limit} đoạn.", limit=PARAGRAPH_LIMIT))
    for slot in Slot:
        if slot is not Slot.CONTENT and sum(p.slot is slot for p in kept) > 1:
            faults.append(Invalid("Mục “{label}” chỉ được có một lần.", label=text(LABELS[slot])))
    if faults:
        raise Invalid.many(faults)
    present = {paragraph.slot for paragraph in kept}
    kept += [Paragraph(slot, "") for slot in Slot if slot is not Slot.CONTENT and slot not in present]
    return sorted(kept, key=lambda paragraph: _ORDER.index(paragraph.slot))


def _checked(paragraph: Paragraph, index: int) -> Paragraph:
    return Paragraph(
        slot=paragraph.slot,
        text=clean_text(paragraph.text, field=f"text-{index}", limit=TEXT_LIMIT),
        heading=clean_line(paragraph.heading, field=f"heading-{index}", limit=HEADING_LIMIT),
        moment_at=paragraph.moment_at,
    )


@dataclass(frozen=True)
class Record:
    """What there is of recordings: how many still run, how many came to an end, how many of those broke off, and how
    many gaps they declare."""

    running: int = 0
    stopped: int = 0
    broken: int = 0
    gaps: int = 0

    @property
    def whole(self) -> bool:
        return bool(self.stopped) and not (self.running or self.broken or self.gaps)


def require_record(record: Record, not_recorded_because: str) -> None:
    """Minutes are filed with the recording they rest on, or with the reason why there is none."""
    if record.running:
        raise Conflict("Bản ghi của cuộc họp chưa dừng; xin dừng ghi rồi lưu biên bản.", code="recording_runs")
    if not record.stopped and not not_recorded_because:
        raise Invalid(
            "Cuộc họp không có bản ghi; xin ghi rõ lý do không ghi hình.",
            field="not_recorded_because",
            code="no_recording",
        )
