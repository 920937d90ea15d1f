"""Owns persons: who holds which post, looked up for chairs and participants."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.directory.house_log import note
from meetings.directory.models import Person, Unit
from meetings.errors import Invalid, MeetingsError, NotFound
from meetings.texts import clean_line

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
# columns of the form: name, longest, whether it must be there
_LINES = (("full_name", 120, True), ("honorific", 20, False), ("post", 200, False), ("email", 254, False))


@dataclass(frozen=True)
class PersonForm:
    """What somebody typed, not yet looked at."""

    full_name: str = ""
    honorific: str = ""
    post: str = ""
    unit_id: str = ""
    email: str = ""
    sort_rank: str = "100"
    active: bool = True


@dataclass(frozen=True)
class PersonRow:
    person: Person
    unit: Unit | None


@dataclass
class _Checked:
    values: dict[str, str] = field(default_factory=dict)
    rank: int = 100


async def list_people(session: AsyncSession, *, words: str = "", everybody: bool = False) -> list[PersonRow]:
    """By rank, as a programme lists them, then by name; those who left only on demand."""
    query = select(Person, Unit).outerjoin(Unit, Unit.id == Person.unit_id)
    if not everybody:
        query = query.where(Person.active)
    rows = [PersonRow(*row) for row in await session.execute(query.order_by(Person.sort_rank, Person.full_name))]
    wanted = words.casefold().split()
    return [row for row in rows if all(word in _searched(row) for word in wanted)]


def _searched(row: PersonRow) -> str:
    unit = row.unit.name if row.unit else ""
    return f"{row.person.full_name} {row.person.post} {unit}".casefold()


async def get_person(session: AsyncSession, person_id: str) -> Person:
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("Không có người này trong danh bạ.")
    return person


async def save_person(
    session: AsyncSession, form: PersonForm, *, person_id: str | None, now: datetime, actor_id: str
) -> Person:
    """Puts somebody in or changes them; all faults of the form are told at once."""
    checked = await _check(session, form)
    person = Person() if person_id is None else await get_person(session, person_id)
    for name, value in checked.values.items():
        setattr(person, name, value)
    person.email = checked.values["email"] or None
    person.unit_id, person.sort_rank, person.active = form.unit_id or None, checked.rank, form.active
    session.add(person)
    await session.flush()
    kind = "person.created" if person_id is None else "person.changed"
    await note(session, kind, person.id, now, actor_id, full_name=person.full_name, post=person.post)
    return person


async def _check(session: AsyncSession, form: PersonForm) -> _Checked:
    checked, faults = _Checked(), list[MeetingsError]()
    for name, limit, required in _LINES:
        try:
            checked.values[name] = clean_line(getattr(form, name), field=name, limit=limit, required=required)
        except Invalid as fault:
            faults.append(fault)
    if checked.values.get("email") and not _ADDRESS.fullmatch(checked.values["email"]):
        faults.append(Invalid("Địa chỉ thư điện tử chưa đúng, ví dụ: van-thu@example.invalid.", field="email"))
    if form.sort_rank.isascii() and form.sort_rank.isdecimal() and len(form.sort_rank) <= 4:
        checked.rank = int(form.sort_rank)
    else:
        faults.append(Invalid("Thứ tự là một số từ 0 đến 9999.", field="sort_rank"))
    if form.unit_id and await session.get(Unit, form.unit_id) is None:
        faults.append(Invalid("Không có đơn vị này trong danh bạ.", field="unit_id"))
    if faults:
        raise Invalid.many(faults)
    return checked
