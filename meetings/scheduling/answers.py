"""Answers to an invitation by a link that needs no account: yes, or no with a reason."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.access import ANONYMOUS, Actor
from meetings.config import Settings
from meetings.errors import Conflict, Invalid, NotFound, TooMany, text
from meetings.ids import token_hash

from .models import Answer, Meeting, MeetingParticipant, MeetingState, ParticipantRole
from .rules import words

REASON_LIMIT = 500
MOST_ANSWERS = 10
ANSWERS_WITHIN = timedelta(hours=1)
_LINK = re.compile(r"/answer/[\w=-]+")


@dataclass(frozen=True)
class Asked:
    meeting: Meeting
    participant: MeetingParticipant

    @property
    def open(self) -> bool:
        asked = self.participant.removed_at is None and self.participant.role == ParticipantRole.MEMBER
        return asked and self.meeting.state == MeetingState.SCHEDULED


def answer_token(settings: Settings, participant_id: str) -> str:
    """The same words each time, so that every letter to somebody carries one link; the database has its hash only."""
    digest = hmac.new(settings.link_secret.encode(), f"answer:{participant_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def without_link(words: str) -> str:
    """For others than who was written to: whoever holds the link answers in that person's name."""
    return _LINK.sub("/answer/…", words)


async def asked_by(session: AsyncSession, token: str, *, lock: bool = False) -> Asked:
    found = MeetingParticipant.answer_token_hash == token_hash(token)
    query = select(MeetingParticipant, Meeting).join(Meeting, Meeting.id == MeetingParticipant.meeting_id)
    if lock:
        query = query.with_for_update(of=MeetingParticipant)
    row = (await session.execute(query.where(found))).first()
    if row is None:
        raise NotFound(
            "Đường liên kết trả lời này không đúng hoặc đã hết hiệu lực. Đề nghị mở lại từ giấy mời mới nhất.",
            code="link_unknown",
        )
    participant, meeting = row
    return Asked(meeting, participant)


async def give_answer(
    session: AsyncSession, token: str, answer: str, reason: str, now: datetime, actor: Actor = ANONYMOUS
) -> Asked:
    """Changes what was answered before, some times an hour until the meeting begins. An account that was logged in
    where the link was used stands in the log."""
    asked = await asked_by(session, token, lock=True)
    if answer not in (Answer.ACCEPTED, Answer.DECLINED):
        raise Invalid("Vui lòng chọn “Sẽ dự” hoặc “Không dự được”.", field="answer")
    reason = words.line(reason, "reason", text("Lý do"), REASON_LIMIT)
    if answer == Answer.DECLINED and not reason:
        raise Invalid("Vui lòng ghi lý do không dự được, để người chủ trì biết.", field="reason", code="missing")
    if not asked.open:
        raise _closed(asked)
    participant = asked.participant
    reason = reason if answer == Answer.DECLINED else ""
    if (participant.answer, participant.answer_reason) == (answer, reason):
        return asked
    await _require_patience(session, asked, now)
    participant.answer, participant.answer_reason, participant.answered_at = Answer(answer), reason, now
    await session.flush()
    await events.append(
        session,
        chain=events.meeting_chain(asked.meeting.id),
        kind="invitation.answered",
        at=now,
        actor_id=actor.account_id,
        subject_id=participant.id,
        payload={"name": participant.name, "answer": answer, "reason": reason} | _by(actor),
    )
    return asked


def _by(actor: Actor) -> dict[str, str]:
    return {"by": actor.name} if actor.account_id is not None else {}


async def _require_patience(session: AsyncSession, asked: Asked, now: datetime) -> None:
    """Each change is a line in the log that stays for ever. Counted while the participant's row is held."""
    given = select(func.count()).where(
        events.EventRow.chain == events.meeting_chain(asked.meeting.id),
        events.EventRow.kind == "invitation.answered",
        events.EventRow.subject_id == asked.participant.id,
        events.EventRow.at > now - ANSWERS_WITHIN,
    )
    if (await session.scalar(given) or 0) >= MOST_ANSWERS:
        raise TooMany(
            "Câu trả lời này đã đổi quá nhiều lần. Vui lòng thử lại sau một giờ.",
            code="answers",
            retry_after=ANSWERS_WITHIN.total_seconds(),
        )


def _closed(asked: Asked) -> Conflict:
    if asked.meeting.state == MeetingState.CANCELLED:
        return Conflict("Cuộc họp này đã hủy, không cần trả lời nữa.", code="cancelled")
    if asked.participant.removed_at is not None or asked.participant.role == ParticipantRole.CHAIR:
        return Conflict("Giấy mời này đã được thu hồi, không cần trả lời nữa.", code="withdrawn")
    return Conflict("Cuộc họp đã bắt đầu hoặc đã kết thúc, không nhận trả lời nữa.", code="begun")
