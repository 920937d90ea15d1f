"""Which letters a booking, a change or a cancellation causes, queued in the transaction that causes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import jobs
from meetings.directory.models import Person

from .letters import CHAIR_SUBJECTS, SUBJECTS
from .models import Letter, LetterKind, LetterState, Mailing, MeetingParticipant, ParticipantRole

JOB = "mail.send"
MAIL_ATTEMPTS = 40  # with the longest pause of an hour: about a day and a half


@dataclass(frozen=True)
class Post:
    """One kind of letter to some participants."""

    kind: LetterKind
    participants: Sequence[MeetingParticipant]


async def queue(
    session: AsyncSession,
    posts: Iterable[Post],
    *,
    meeting_id: str,
    sequence: int,
    snapshot: dict[str, Any],
    now: datetime,
) -> list[Letter]:
    """Call it with the meeting's row locked: the order of a participant's letters hangs on it."""
    wanted = [(post.kind, one) for post in posts for one in post.participants if one.email]
    if not wanted:
        return []
    mailing = Mailing(meeting_id=meeting_id, sequence=sequence, snapshot=snapshot, created_at=now)
    session.add(mailing)
    await session.flush()
    numbers = await _last_numbers(session, [one.id for _, one in wanted])
    letters = [_letter(mailing, kind, one, numbers.get(one.id, 0) + 1, now) for kind, one in wanted]
    session.add_all(letters)
    await session.flush()
    waiting = await _waiting(session, letters)
    for letter in letters:
        if letter.participant_id not in waiting:
            await put_to_post(session, letter)
    return letters


async def put_to_post(session: AsyncSession, letter: Letter) -> None:
    """Only the first unsent letter of a participant has a job: a CANCEL cannot overtake its REQUEST."""
    await jobs.enqueue(
        session, JOB, {"letter_id": letter.id}, dedupe_key=f"{JOB}:{letter.id}", max_attempts=MAIL_ATTEMPTS
    )


async def put_again(session: AsyncSession, letter: Letter, now: datetime) -> None:
    """For a letter that did not get out; call it with the letter's row locked. Its first job may be done: one more."""
    letter.state, letter.error, letter.done_at = LetterState.QUEUED, "", None
    await _address_anew(session, letter)
    await session.flush()
    key = f"{JOB}:{letter.id}:{now.isoformat()}"
    await jobs.enqueue(session, JOB, {"letter_id": letter.id}, dedupe_key=key, max_attempts=MAIL_ATTEMPTS)


async def _address_anew(session: AsyncSession, letter: Letter) -> None:
    """The directory may have been mended since; a guest's address stands in the plan alone."""
    participant = await session.get_one(MeetingParticipant, letter.participant_id)
    person = await session.get(Person, participant.person_id) if participant.person_id else None
    address = person.email if person else participant.email
    if address:
        participant.email = letter.to_address = address


async def next_letter(session: AsyncSession, letter: Letter) -> Letter | None:
    """What waited behind this one."""
    query = select(Letter).where(
        Letter.participant_id == letter.participant_id,
        Letter.number > letter.number,
        Letter.state == LetterState.QUEUED,
    )
    return await session.scalar(query.order_by(Letter.number).limit(1))


def _letter(mailing: Mailing, kind: LetterKind, to: MeetingParticipant, number: int, now: datetime) -> Letter:
    assert to.email is not None
    subjects = CHAIR_SUBJECTS if to.role == ParticipantRole.CHAIR else SUBJECTS
    return Letter(
        mailing_id=mailing.id,
        meeting_id=mailing.meeting_id,
        participant_id=to.id,
        number=number,
        kind=kind,
        to_name=to.name,
        to_address=to.email,
        subject=subjects[kind].format(title=mailing.snapshot["title"]),
        queued_at=now,
    )


async def _last_numbers(session: AsyncSession, participants: Sequence[str]) -> dict[str, int]:
    query = select(Letter.participant_id, func.max(Letter.number)).where(Letter.participant_id.in_(participants))
    return {row[0]: row[1] for row in await session.execute(query.group_by(Letter.participant_id))}


async def _waiting(session: AsyncSession, fresh: Sequence[Letter]) -> set[str]:
    """Participants who have an older letter that is not out yet."""
    query = select(Letter.participant_id).where(
        Letter.participant_id.in_([letter.participant_id for letter in fresh]),
        Letter.state == LetterState.QUEUED,
        Letter.id.not_in([letter.id for letter in fresh]),
    )
    return set(await session.scalars(query))
