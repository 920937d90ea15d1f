"""How far the letters of a meeting are, in words that are true: waiting, with the mail server, in the folder, failed.

A mail server that took a letter has not delivered it; so nothing here says "received".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import N_, Text, text

from .models import Letter, LetterKind, LetterState, Meeting, MeetingParticipant

NAMES: Mapping[str, str] = {
    LetterKind.REQUEST: N_("Giấy mời"),
    LetterKind.UPDATE: N_("Thư báo thay đổi"),
    LetterKind.CANCEL: N_("Thư hủy"),
}
TONES: Mapping[str, str] = {
    LetterState.QUEUED: "act",
    LetterState.HANDED: "fine",
    LetterState.KEPT: "ink",
    LetterState.FAILED: "live",
}


@dataclass(frozen=True)
class Posted:
    """The newest letter to one person: what it is, how far it is, and what to do if it does not get on."""

    letter: Letter
    tone: str
    what: Text
    advice: Text | None


@dataclass(frozen=True)
class Delivery:
    """`newest`: by participant. `invited_on`: when the first letters of this hour and place were with the server."""

    newest: Mapping[str, Letter]
    handed_at: datetime | None

    @property
    def count(self) -> Counter[str]:
        return Counter(letter.state for letter in self.newest.values())

    @property
    def complete(self) -> bool:
        """Whether every letter is out of the house."""
        return bool(self.newest) and self.count[LetterState.HANDED] == len(self.newest)


async def delivery_of(session: AsyncSession, meeting: Meeting) -> Delivery:
    """Letters to people who are still asked."""
    query = (
        select(Letter)
        .join(MeetingParticipant, MeetingParticipant.id == Letter.participant_id)
        .where(Letter.meeting_id == meeting.id, MeetingParticipant.removed_at.is_(None))
        .order_by(Letter.number)
    )
    letters = list(await session.scalars(query))
    first = [one.done_at for one in letters if one.queued_at == meeting.invited_at and one.state == LetterState.HANDED]
    return Delivery({one.participant_id: one for one in letters}, max((at for at in first if at), default=None))


def posted(letter: Letter, zone: ZoneInfo) -> Posted:
    return Posted(letter, TONES[letter.state], *_words(letter, zone))


def _words(letter: Letter, zone: ZoneInfo) -> tuple[Text, Text | None]:
    name = text(NAMES[letter.kind])
    match LetterState(letter.state):
        case LetterState.QUEUED if letter.error:
            advice = text("Máy chủ thư chưa nhận ({error}); hệ thống tự thử lại.", error=letter.error)
            return text("{letter}: đang thử gửi lại", letter=name), advice
        case LetterState.QUEUED:
            return text("{letter}: đang chờ gửi", letter=name), None
        case LetterState.HANDED:
            at = letter.done_at.astimezone(zone) if letter.done_at else None
            when = f"{at:%H:%M %d/%m/%Y}" if at else "…"
            return text("{letter}: máy chủ thư đã nhận {when}", letter=name, when=when), None
        case LetterState.KEPT:
            return text("{letter}: chưa gửi đi, còn nằm ở Thư đi", letter=name), None  # the page says why, once
        case LetterState.FAILED:
            return text("{letter}: không gửi được", letter=name), remedy(letter.error)


def remedy(error: str) -> Text:
    """What to do about a letter that failed. A reply that begins with 5 is the server's no to this address."""
    if error.startswith("5"):
        return text(
            "Máy chủ thư từ chối địa chỉ ({error}). Đề nghị sửa thư điện tử trong danh bạ rồi bấm Gửi lại ở Thư đi, "
            "hoặc mời qua điện thoại.",
            error=error,
        )
    return text(
        "Không gửi được qua máy chủ thư ({error}). Đề nghị báo bộ phận kỹ thuật, bấm Gửi lại ở Thư đi, hoặc mời qua "
        "điện thoại.",
        error=error or "…",
    )


def by_participant(delivery: Delivery, participants: Sequence[MeetingParticipant], zone: ZoneInfo) -> dict[str, Posted]:
    return {one.id: posted(delivery.newest[one.id], zone) for one in participants if one.id in delivery.newest}
