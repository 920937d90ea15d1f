"""The columns of the register that are filled in after filing: day sent, receipt, note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.access import Actor
from meetings.errors import Invalid
from meetings.register.models import Document
from meetings.register.service import chain_of, folded_of
from meetings.texts import clean_line, read_day


@dataclass(frozen=True)
class Dispatch:
    sent_on: date | None
    signed_receipt: str
    note: str


def read_dispatch(sent_on: str, signed_receipt: str, note: str, *, issued_on: date) -> Dispatch:
    """The form's fields checked; all their faults at once."""
    faults: list[Invalid] = []
    day = read_day(sent_on)
    if day is None and sent_on.strip():
        faults.append(Invalid("Ngày chuyển không đúng; xin ghi như 23/04/2026.", field="sent_on"))
    elif day is not None and day < issued_on:
        faults.append(Invalid("Ngày chuyển không thể trước ngày văn bản.", field="sent_on"))
    values = {"signed_receipt": signed_receipt, "note": note}
    for field, limit in (("signed_receipt", 200), ("note", 500)):
        try:
            values[field] = clean_line(values[field], field=field, limit=limit)
        except Invalid as fault:
            faults.append(fault)
    if faults:
        raise Invalid.many(faults)
    return Dispatch(day, values["signed_receipt"], values["note"])


async def record_dispatch(
    session: AsyncSession, document: Document, dispatch: Dispatch, actor: Actor, now: datetime
) -> None:
    """Write the columns and log who did; what was filed itself does not change."""
    before = Dispatch(document.sent_on, document.signed_receipt, document.note)
    if dispatch == before:
        return
    document.sent_on, document.signed_receipt, document.note = dispatch.sent_on, dispatch.signed_receipt, dispatch.note
    document.folded = folded_of(document)
    await events.append(
        session,
        chain=chain_of(document),
        kind="document.dispatched",
        at=now,
        actor_id=actor.account_id,
        subject_id=document.id,
        payload={
            "by": actor.name,
            "sent_on": dispatch.sent_on.isoformat() if dispatch.sent_on else None,
            "signed_receipt": dispatch.signed_receipt,
            "note": dispatch.note,
        },
    )
