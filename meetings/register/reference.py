"""Brings what the Decree settles into the database: missing rows are added, edited rows are left alone."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import ids
from meetings.database import Base
from meetings.register import rules
from meetings.register.models import DocumentType, RegisterColumn, Retention, Series

SHIPPED = Path(__file__).parent / "data" / "decree30.toml"

Row = dict[str, Any]


@lru_cache(maxsize=1)
def shipped() -> dict[str, list[Row]]:
    """The shipped rows in their order, each with the position it has there."""
    data = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    data.pop("source")
    return {table: [{"position": n, **row} for n, row in enumerate(rows)] for table, rows in data.items()}


async def load(session: AsyncSession, organisation: str) -> None:
    """Add the rows that are not there yet, and the number series of one organisation. Two at once do no harm."""
    rows = shipped()
    for row in rows["series"]:
        rules.check_number_format(row["number_format"])
    await _add_missing(session, DocumentType, [{"in_number": True, **row} for row in rows["types"]])
    await _add_missing(session, RegisterColumn, rows["columns"])
    await _add_missing(session, Retention, rows["retention"])
    series = [{"id": ids.new_id(), "organisation": organisation, **row} for row in rows["series"]]
    await _add_missing(session, Series, series)


async def _add_missing(session: AsyncSession, model: type[Base], rows: list[Row]) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await session.execute(insert(model).on_conflict_do_nothing(), rows)


# Before the first start has loaded the rows (and in a test that starts nothing) the shipped ones speak.


async def types_in_order(session: AsyncSession) -> list[DocumentType]:
    found = list(await session.scalars(select(DocumentType).order_by(DocumentType.position)))
    return found or [DocumentType(**{"in_number": True, **row}) for row in shipped()["types"]]


async def columns_of(session: AsyncSession, register: str = "outgoing") -> list[RegisterColumn]:
    """The columns of a register's form, left to right."""
    chosen = select(RegisterColumn).where(RegisterColumn.register == register)
    found = list(await session.scalars(chosen.order_by(RegisterColumn.position)))
    return found or [RegisterColumn(**row) for row in shipped()["columns"] if row["register"] == register]


async def retentions(session: AsyncSession) -> list[Retention]:
    found = list(await session.scalars(select(Retention).order_by(Retention.position)))
    return found or [Retention(**row) for row in shipped()["retention"]]
