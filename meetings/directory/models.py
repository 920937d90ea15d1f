"""Tables of the directory: units, venues, persons, accounts, sessions, point links."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base
from meetings.ids import new_id


class Unit(Base):
    """An organisation's unit as it was called in a span of days; never deleted, only closed."""

    __tablename__ = "units"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    short_name: Mapped[str] = mapped_column(default="")
    level: Mapped[str]  # province, office, department, commune, ward
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    code: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]  # the last day; None while it lasts
    successor_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))


class Venue(Base):
    """A physical room."""

    __tablename__ = "venues"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    name: Mapped[str]
    location: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    equipment: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)


class Person(Base):
    __tablename__ = "persons"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    full_name: Mapped[str]
    post: Mapped[str] = mapped_column(default="")
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    honorific: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None]
    sort_rank: Mapped[int] = mapped_column(default=100)
    active: Mapped[bool] = mapped_column(default=True)  # people who left stay: meetings and documents name them


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    login: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    locale: Mapped[str | None]
    created_at: Mapped[datetime]


class AccountRole(Base):
    __tablename__ = "account_roles"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class WebSession(Base):
    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(default="")
    browser: Mapped[str] = mapped_column(default="")


class LoginAttempt(Base):
    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_login_at", "login", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    login: Mapped[str]
    address: Mapped[str] = mapped_column(index=True)
    succeeded: Mapped[bool] = mapped_column(default=False)


class SetupLink(Base):
    """The one-time link by which the first administrator comes in."""

    __tablename__ = "setup_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PointLink(Base):
    """The permanent link of a venue. The token itself is not here: it is made anew from the house's secret and the
    generation, so that the card can be printed again and a stolen database opens no room."""

    __tablename__ = "point_links"

    venue_id: Mapped[str] = mapped_column(ForeignKey("venues.id"), primary_key=True)
    generation: Mapped[int] = mapped_column(default=1)
    token_hash: Mapped[str] = mapped_column(unique=True)
    renewed_at: Mapped[datetime]
    device_hash: Mapped[str | None] = mapped_column(index=True)
    bound_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    browser: Mapped[str] = mapped_column(default="")
