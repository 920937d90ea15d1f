"""What the office may set otherwise than shipped: names, columns, retention, number series. The law is data; whoever
changes it is in the log, and what was shipped can always be taken again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings import events
from meetings.access import Actor
from meetings.errors import N_, Conflict, Invalid, NotFound
from meetings.register import reference, rules
from meetings.register.models import DocumentType, RegisterColumn, Retention, Series
from meetings.texts import clean_line

Setting = DocumentType | RegisterColumn | Retention | Series
LONGEST_YEARS = 100


@dataclass(frozen=True)
class Table:
    """One kind of rows: what its rows are known by, and which of their fields may be set."""

    name: str
    title: str
    model: type[Setting]
    key: str
    fields: tuple[str, ...]


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("series", N_("Sổ cấp số"), Series, "code", ("name", "types", "number_format")),
        Table("columns", N_("Cột của sổ đăng ký"), RegisterColumn, "field", ("title",)),
        Table("retention", N_("Thời hạn bảo quản"), Retention, "code", ("name", "years")),
        Table("types", N_("Loại văn bản"), DocumentType, "code", ("name",)),
    )
}
LIMITS = {"name": 200, "title": 200, "types": 200, "number_format": 60}
NARROW = {("types", "name"): 100, ("series", "name"): 100}


@dataclass(frozen=True)
class Line:
    """One row as its form holds it, beside what was shipped (None: the office's own)."""

    table: Table
    key: str
    values: dict[str, str]
    default: dict[str, str] | None

    @property
    def changed(self) -> bool:
        return self.default is not None and self.values != self.default


async def lines_of(session: AsyncSession, table: Table) -> list[Line]:
    """The rows of a table in their order."""
    return [_line(table, row) for row in await _rows(session, table)]


async def _rows(session: AsyncSession, table: Table, *, lock: bool = False) -> list[Setting]:
    query = select(table.model).order_by(table.model.position)
    found = await session.scalars(query.with_for_update() if lock else query)
    return [row for row in found if isinstance(row, table.model)]


def _line(table: Table, row: Setting) -> Line:
    key = str(getattr(row, table.key))
    shipped = next((one for one in reference.shipped()[table.name] if one[table.key] == key), None)
    values = {field: _shown(getattr(row, field)) for field in table.fields}
    return Line(table, key, values, {field: _shown(shipped[field]) for field in table.fields} if shipped else None)


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


async def change(
    session: AsyncSession, table: Table, key: str, typed: Mapping[str, str], actor: Actor, now: datetime
) -> None:
    """Set a row's fields to what was typed; all faults at once."""
    row = await _row(session, table, key)
    values = await _checked(session, table, row, typed)
    await _write(session, table, row, values, actor, now, "register.setting_changed")


async def restore(session: AsyncSession, table: Table, key: str, actor: Actor, now: datetime) -> None:
    """What was shipped, checked like anything else: another row may have taken its place meanwhile."""
    row = await _row(session, table, key)
    default = _line(table, row).default
    if default is None:
        raise Conflict("Dòng này do cơ quan đặt, không có mặc định để lấy lại.")
    values = await _checked(session, table, row, default)
    await _write(session, table, row, values, actor, now, "register.setting_restored")


async def _row(session: AsyncSession, table: Table, key: str) -> Setting:
    rows = await _rows(session, table, lock=True)
    found = next((row for row in rows if str(getattr(row, table.key)) == key), None)
    if found is None:
        raise NotFound("Không có thiết lập này.")
    return found


async def _write(
    session: AsyncSession, table: Table, row: Setting, values: dict[str, Any], actor: Actor, now: datetime, kind: str
) -> None:
    before = _line(table, row)
    for field, value in values.items():
        setattr(row, field, value)
    after = _line(table, row)
    if after.values == before.values:
        return
    await session.flush()
    name = after.values.get("name") or after.values.get("title")
    what = {"table": table.name, "key": before.key, "name": name, "by": actor.name}
    payload = {**what, "before": before.values, "after": after.values}
    await events.append(
        session, chain=events.HOUSE, kind=kind, at=now, actor_id=actor.account_id, subject_id=None, payload=payload
    )


async def _checked(session: AsyncSession, table: Table, row: Setting, typed: Mapping[str, str]) -> dict[str, Any]:
    faults: list[Invalid] = []
    values: dict[str, Any] = {}
    for field in table.fields:
        try:
            values[field] = await _value(session, table, row, field, typed.get(field, ""))
        except Invalid as fault:
            faults.append(fault)
    if faults:
        raise Invalid.many(faults)
    return values


async def _value(session: AsyncSession, table: Table, row: Setting, field: str, typed: str) -> Any:
    if field == "years":
        return _years(typed)
    limit = NARROW.get((table.name, field), LIMITS[field])
    words = clean_line(typed, field=field, limit=limit, required=True)
    if field == "number_format":
        rules.check_number_format(words)
    if field == "types":
        assert isinstance(row, Series)
        return await _types(session, row, [part for part in words.replace(",", " ").split() if part])
    return words


def _years(typed: str) -> int:
    typed = typed.strip()
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 3 and int(typed) <= LONGEST_YEARS):
        raise Invalid("Số năm là một số từ 0 đến {most}; 0 là vĩnh viễn.", field="years", most=LONGEST_YEARS)
    return int(typed)


async def _types(session: AsyncSession, row: Series, codes: Sequence[str]) -> list[str]:
    """Every type has one series of the organisation: named by one, or left to the one that takes the rest."""
    known = {one.code for one in await reference.types_in_order(session)}
    if unknown := [code for code in codes if code not in known and code != "*"]:
        raise Invalid("Không có loại văn bản “{type}”.", field="types", type=unknown[0])
    query = select(Series).where(Series.organisation == row.organisation, Series.id != row.id)
    others = list(await session.scalars(query))
    taken = {code: other.name for other in others for code in other.types}
    if double := [code for code in codes if code in taken]:
        name = taken[double[0]]
        raise Invalid("Loại “{type}” đã thuộc sổ “{name}”.", field="types", type=double[0], name=name)
    left = known - set(codes) - set(taken)
    if left and "*" not in {*codes, *taken}:
        raise Invalid("Loại “{type}” sẽ không còn sổ nào cấp số.", field="types", type=sorted(left)[0])
    return list(dict.fromkeys(codes))
