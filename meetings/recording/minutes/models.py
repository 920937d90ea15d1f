"""Tables of minutes: one row for a meeting's minutes, one for each of its paragraphs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base


class Minutes(Base):
    """`version` grows with every change, so that two editors never overwrite each other unseen."""

    __tablename__ = "minutes"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    state: Mapped[str]
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(500))
    secretary_name: Mapped[str] = mapped_column(String(200))
    chair_name: Mapped[str] = mapped_column(String(200))
    not_recorded_because: Mapped[str] = mapped_column(Text)
    returned_reason: Mapped[str] = mapped_column(Text)
    saved_by: Mapped[str]
    saved_at: Mapped[datetime]
    submitted_by: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"))


class MinutesParagraph(Base):
    """A paragraph at its place in form 1.9; `moment_at` is the instant it tells of."""

    __tablename__ = "minutes_paragraphs"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("minutes.meeting_id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(String(20))
    heading: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    moment_at: Mapped[datetime | None]
