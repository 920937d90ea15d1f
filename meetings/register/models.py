"""Tables of the document register: what the Decree settles, number series, and documents."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base


class DocumentType(Base):
    """A type of document and its abbreviation; `in_number` says whether the abbreviation stands in the number."""

    __tablename__ = "document_types"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    in_number: Mapped[bool]
    position: Mapped[int]


class RegisterColumn(Base):
    """One column of a printed register; `field` names the value, `title` is what the form prints."""

    __tablename__ = "register_columns"

    register: Mapped[str] = mapped_column(String(20), primary_key=True)
    field: Mapped[str] = mapped_column(String(30), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    position: Mapped[int]


class Retention(Base):
    """How long a kind of dossier is kept: a proposal that people confirm. 0 years means for ever."""

    __tablename__ = "retentions"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    years: Mapped[int]
    position: Mapped[int]


class Series(Base):
    """A run of numbers of one organisation for some types of document ("*": whatever no other series takes)."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("organisation", "code"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(30))
    code: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100))
    types: Mapped[list[str]]
    number_format: Mapped[str] = mapped_column(String(60))
    position: Mapped[int]


class SeriesCounter(Base):
    """The last number given in a series and year. Its row lock is what makes numbers unique and without gaps."""

    __tablename__ = "series_counters"

    series_id: Mapped[str] = mapped_column(ForeignKey("series.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last_no: Mapped[int]


class Document(Base):
    """A line of the outgoing register and the file it stands for. Names are those of its day."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("series_id", "year", "number"),
        UniqueConstraint("idempotency_key"),
        Index("ix_documents_year_issued", "year", "issued_on", "filed_at"),
        Index("ix_documents_meeting", "meeting_id"),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id"))
    year: Mapped[int]
    number: Mapped[int]
    symbol: Mapped[str] = mapped_column(String(80))
    type_code: Mapped[str] = mapped_column(String(10))
    type_name: Mapped[str] = mapped_column(String(100))
    organisation: Mapped[str] = mapped_column(String(200))
    issued_on: Mapped[date] = mapped_column(Date)
    title: Mapped[str] = mapped_column(String(500))
    signer: Mapped[str] = mapped_column(String(200))
    recipients: Mapped[str] = mapped_column(Text)
    keeper: Mapped[str] = mapped_column(String(200))
    copies: Mapped[int]
    sent_on: Mapped[date | None] = mapped_column(Date)
    signed_receipt: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(500))
    retention_code: Mapped[str] = mapped_column(String(30))
    folded: Mapped[str] = mapped_column(Text)
    pdf_sha256: Mapped[str] = mapped_column(String(64))
    manifest_sha256: Mapped[str | None] = mapped_column(String(64))
    meeting_id: Mapped[str | None] = mapped_column(String(16))
    filed_by: Mapped[str] = mapped_column(String(16))
    filed_by_name: Mapped[str] = mapped_column(String(200))
    filed_at: Mapped[datetime]
    idempotency_key: Mapped[str] = mapped_column(String(100))
