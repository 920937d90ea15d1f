"""Tables of the conference: its state, its seats, guests, the progress of the agenda, webhooks already seen."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base, JsonDict
from meetings.ids import new_id


class Conference(Base):
    """A meeting in progress. Its row is locked first by every act, which puts the acts of one meeting in order."""

    __tablename__ = "conferences"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    state: Mapped[str]
    locked: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime | None]
    empty_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    end_reason: Mapped[str | None]
    end_params: Mapped[JsonDict | None]  # the numbers of the reason's sentence
    relay_behind: Mapped[bool] = mapped_column(default=False)  # the relay missed something that was decided
    announcement: Mapped[str | None]
    announced_by: Mapped[str | None]
    announced_at: Mapped[datetime | None]


class Seat(Base):
    """One identity in one conference, and what it may do there. The authority that the relay is made to follow."""

    __tablename__ = "seats"
    __table_args__ = (UniqueConstraint("meeting_id", "identity"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("conferences.meeting_id"))
    identity: Mapped[str]
    kind: Mapped[str]
    role: Mapped[str]
    venue_id: Mapped[str | None] = mapped_column(ForeignKey("venues.id"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    display_name: Mapped[str]
    standing: Mapped[str]
    present: Mapped[bool] = mapped_column(default=False)
    arrived_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    participant_sid: Mapped[str | None]
    held_mute: Mapped[bool] = mapped_column(default=False)
    floor_since: Mapped[datetime | None]
    hand_raised_at: Mapped[datetime | None]
    may_audio: Mapped[bool] = mapped_column(default=True)
    may_video: Mapped[bool] = mapped_column(default=True)
    may_screen: Mapped[bool] = mapped_column(default=False)
    device_id: Mapped[str | None]
    generation: Mapped[int] = mapped_column(default=0)
    oldest_generation: Mapped[int] = mapped_column(default=0)

    @property
    def admitted(self) -> bool:
        return self.standing == "admitted"

    @property
    def has_floor(self) -> bool:
        return self.floor_since is not None


class Guest(Base):
    """Somebody without an account who asks to come in to one meeting, known by a cookie."""

    __tablename__ = "guests"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class AgendaProgress(Base):
    """When an item of the agenda was last begun and ended."""

    __tablename__ = "agenda_progress"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("conferences.meeting_id"), primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WebhookReceipt(Base):
    """Ids of webhooks already applied; a relay repeats a webhook whose answer was lost."""

    __tablename__ = "webhook_receipts"
    __table_args__ = (Index("ix_webhook_receipts_received_at", "received_at"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]


class LineCheck(Base):
    """One try of a line before a meeting, by a room's device or an account: what was measured, and what it means."""

    __tablename__ = "line_checks"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    subject: Mapped[str] = mapped_column(index=True)
    venue_id: Mapped[str | None] = mapped_column(ForeignKey("venues.id"))
    name: Mapped[str]
    browser: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    level: Mapped[str | None]
    measured: Mapped[JsonDict | None]
    verdicts: Mapped[JsonDict | None]
