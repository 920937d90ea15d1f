"""Tables of scheduling: meetings with points, participants, agenda and papers; drafts of the form; letters."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base, BigInt
from meetings.ids import new_id


class MeetingState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    IN_SESSION = "in_session"
    ENDED = "ended"
    CANCELLED = "cancelled"


class PointRole(StrEnum):
    MAIN = "main"
    MEMBER = "member"


class ParticipantRole(StrEnum):
    CHAIR = "chair"  # gets letters, is not asked, and is not counted among the invited
    MEMBER = "member"


class Answer(StrEnum):
    NONE = "none"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class Meeting(Base):
    """A meeting as it is planned. Instants are UTC; `time_zone` is the one they were meant in."""

    __tablename__ = "meetings"
    __table_args__ = (
        Index("ix_meetings_starts_at", "starts_at"),
        Index("ix_meetings_chair_person_id_starts_at", "chair_person_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str]
    kind: Mapped[str]
    regime: Mapped[str] = mapped_column(default="qd45")
    periodic: Mapped[bool] = mapped_column(default=True)
    classification: Mapped[str] = mapped_column(default="thuong")
    chair_person_id: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    secretary_account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    created_by: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    time_zone: Mapped[str]
    main_venue_id: Mapped[str] = mapped_column(ForeignKey("venues.id"))
    state: Mapped[str] = mapped_column(default=MeetingState.SCHEDULED)
    state_changed_at: Mapped[datetime | None]
    uid: Mapped[str] = mapped_column(unique=True)
    sequence: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")
    late_reason: Mapped[str] = mapped_column(default="")
    recording_planned: Mapped[bool] = mapped_column(default=True)
    copied_from_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id"))
    cancel_reason: Mapped[str] = mapped_column(default="")
    invited_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class MeetingPoint(Base):
    """A venue connected to a meeting; the main point has a row too. `unit_name` is the unit's name on that day."""

    __tablename__ = "meeting_points"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    venue_id: Mapped[str] = mapped_column(ForeignKey("venues.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(default=PointRole.MEMBER)
    unit_name: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)


class MeetingParticipant(Base):
    """Somebody asked to come, with the name and post of the day. Removed ones stay as rows, for their letters."""

    __tablename__ = "meeting_participants"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("persons.id"), index=True)
    name: Mapped[str]
    post: Mapped[str] = mapped_column(default="")
    unit_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None]
    role: Mapped[str] = mapped_column(default=ParticipantRole.MEMBER)
    requirement: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)
    answer: Mapped[str] = mapped_column(default=Answer.NONE)
    answer_reason: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    answer_token_hash: Mapped[str | None] = mapped_column(unique=True)
    removed_at: Mapped[datetime | None]


class AgendaItem(Base):
    __tablename__ = "agenda_items"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    position: Mapped[int]
    title: Mapped[str]
    presenter: Mapped[str] = mapped_column(default="")
    minutes: Mapped[int] = mapped_column(default=0)


class Paper(Base):
    """A file of the meeting; its bytes lie in the content store under `sha256`."""

    __tablename__ = "papers"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    title: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[BigInt]
    sha256: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    removed_at: Mapped[datetime | None]


class BookingDraft(Base):
    """What a person has typed into the booking form so far; `version` keeps two windows from overwriting each other."""

    __tablename__ = "booking_drafts"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id"), index=True)
    fields: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class LetterKind(StrEnum):
    REQUEST = "request"
    UPDATE = "update"
    CANCEL = "cancel"


class LetterState(StrEnum):
    """What is known of a letter. That it was read, or even came, is nothing that a mail server tells."""

    QUEUED = "queued"
    HANDED = "handed"  # to the mail server, which took it
    KEPT = "kept"  # written to the outbox folder, since there is no mail server: it has reached nobody
    FAILED = "failed"  # refused for good, or tried too often


class Mailing(Base):
    """What one set of letters says: the meeting as it was at that moment. Later changes do not reach back."""

    __tablename__ = "mailings"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    sequence: Mapped[int]
    snapshot: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Letter(Base):
    """One letter to one participant. Letters of one participant go out in the order of `number`."""

    __tablename__ = "letters"
    __table_args__ = (UniqueConstraint("participant_id", "number"), Index("ix_letters_state", "state"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    mailing_id: Mapped[str] = mapped_column(ForeignKey("mailings.id"))
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("meeting_participants.id"))
    number: Mapped[int]
    kind: Mapped[str]
    to_name: Mapped[str]
    to_address: Mapped[str]
    subject: Mapped[str]
    state: Mapped[str] = mapped_column(default=LetterState.QUEUED)
    queued_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
