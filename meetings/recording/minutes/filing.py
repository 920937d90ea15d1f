"""Files approved minutes: the form filled in, the recording's hash beside it, one act with the register."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor
from meetings.config import Settings
from meetings.context import Context
from meetings.errors import Invalid
from meetings.recording.minutes import rules
from meetings.recording.minutes.checks import require_filled
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import LABELS, Act, Content, Slot, State
from meetings.recording.minutes.service import REASON_LIMIT, content_of, hold_minutes, require_sealed
from meetings.recording.minutes.sources import manifest_hash, record_of
from meetings.register.forms import render_pdf
from meetings.register.models import Document
from meetings.register.service import Filing, Numbered, Organisation, file_document, get_document
from meetings.texts import clean_line, clean_text

TYPE = "BB"


@dataclass(frozen=True)
class Entry:
    """What the clerk enters beside the minutes."""

    recipients: str
    keeper: str
    copies: int
    note: str
    retention_code: str
    not_recorded_because: str = ""


def read_entry(fields: dict[str, str], retention_codes: set[str]) -> Entry:
    """The filing form checked; all its faults at once."""
    faults: list[Invalid] = []
    values: dict[str, str] = {}
    limits = {"recipients": 2000, "keeper": 200, "note": 500, "not_recorded_because": REASON_LIMIT}
    for field, limit in limits.items():
        try:
            clean = clean_text if field == "recipients" else clean_line
            values[field] = clean(fields.get(field, ""), field=field, limit=limit)
        except Invalid as fault:
            faults.append(fault)
    if not values.get("recipients", "x"):
        faults.append(Invalid("Xin ghi nơi nhận văn bản.", field="recipients"))
    copies = fields.get("copies", "")
    if not (copies.isascii() and copies.isdecimal() and len(copies) <= 4 and int(copies) >= 1):
        faults.append(Invalid("Số lượng bản là một số từ 1 đến 9999.", field="copies"))
    if fields.get("retention_code", "") not in retention_codes:
        faults.append(Invalid("Xin chọn thời hạn bảo quản.", field="retention_code"))
    if faults:
        raise Invalid.many(faults)
    return Entry(copies=int(copies), retention_code=fields["retention_code"], **values)


def issuer(settings: Settings) -> Organisation:
    return Organisation(settings.office_symbol, settings.office_name, settings.superior_name)


def form_data(content: Content, organisation: Organisation, recipients: str, numbered: Numbered) -> dict[str, Any]:
    """The minutes as form 1.9 takes them."""
    by_slot = {p.slot: p.text for p in content.paragraphs if p.slot is not Slot.CONTENT}
    day = numbered.issued_on
    return {
        "number": numbered.symbol,
        "title": content.title,
        "superior": organisation.superior or None,
        "agency": organisation.name,
        "issued": {"year": day.year, "month": day.month, "day": day.day},
        "lines": [
            {"label": LABELS[slot], "text": by_slot.get(slot, "")}
            for slot in (Slot.TIME, Slot.PLACE, Slot.ATTENDANCE, Slot.CHAIR, Slot.SECRETARY)
        ],
        "content": [{"heading": p.heading, "text": p.text} for p in content.paragraphs if p.slot is Slot.CONTENT],
        "closing": by_slot.get(Slot.CLOSING, ""),
        "secretary": content.secretary,
        "chair": content.chair,
        "recipients": [line.strip(" -") for line in recipients.splitlines() if line.strip(" -")],
    }


DEFAULT_RECIPIENTS = "Như thành phần tham dự;\nLưu: VT, Hồ sơ."


def proof(content: Content, settings: Settings, now: datetime) -> bytes:
    """How the document will look, without a number; slow, for a thread."""
    organisation = issuer(settings)
    blank = Numbered(0, f"…/{TYPE}-{organisation.symbol}", now.astimezone(settings.zone).date())
    data = form_data(content, organisation, DEFAULT_RECIPIENTS, blank)
    return render_pdf("minutes", data, [settings.data_dir / "fonts"], proof=True)


async def file_minutes(
    session: AsyncSession, context: Context, meeting_id: str, entry: Entry, actor: Actor
) -> Document:
    """Number, render, keep, enter and close the minutes in the caller's transaction. Doing it again, with whatever
    entry, gives the document of the first time."""
    minutes = await hold_minutes(session, meeting_id)
    if minutes.state == State.FILED and minutes.document_id is not None:
        return await get_document(session, minutes.document_id)
    state = rules.next_state(State(minutes.state), Act.FILE)
    because = entry.not_recorded_because or minutes.not_recorded_because
    record = await record_of(session, meeting_id)
    rules.require_record(record, because)
    minutes.not_recorded_because = "" if record.stopped else because
    content = await content_of(session, minutes)
    await require_sealed(session, minutes, content)
    require_filled(content)
    filing = _filing(context.settings, minutes, content, entry, actor)
    filing = replace(filing, manifest_sha256=await manifest_hash(session, meeting_id) if record.stopped else None)
    now = context.clock.now()
    document = await file_document(session, context.store, filing, now=now, zone=context.settings.zone)
    minutes.state, minutes.document_id = state, document.id
    await session.flush()
    return document


def _filing(settings: Settings, minutes: Minutes, content: Content, entry: Entry, actor: Actor) -> Filing:
    organisation = issuer(settings)
    assert actor.account_id is not None
    unrecorded = f"Không ghi hình: {minutes.not_recorded_because}" if minutes.not_recorded_because else ""
    return Filing(
        organisation=organisation,
        type_code=TYPE,
        title=content.title,
        signer=f"{content.secretary} (thư ký); {content.chair} (chủ tọa)",
        recipients=entry.recipients,
        keeper=entry.keeper,
        copies=entry.copies,
        note="; ".join(words for words in (entry.note, unrecorded) if words)[:500],
        retention_code=entry.retention_code,
        meeting_id=minutes.meeting_id,
        render=partial(_render, content, organisation, entry.recipients, settings),
        idempotency_key=f"minutes-{minutes.meeting_id}-{minutes.version}",
        filed_by=actor.account_id,
        filed_by_name=actor.name,
    )


def _render(content: Content, organisation: Organisation, recipients: str, settings: Settings, n: Numbered) -> bytes:
    return render_pdf("minutes", form_data(content, organisation, recipients, n), [settings.data_dir / "fonts"])
