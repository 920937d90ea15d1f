"""Owns taking in a list of units or people from a CSV file, as a spreadsheet saves it: all of it or nothing."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.config import Settings
from meetings.directory.models import Person
from meetings.directory.people import PersonForm, save_person
from meetings.directory.units import LEVELS, UnitForm, add_unit, named
from meetings.directory.venues import VenueForm, save_venue
from meetings.errors import Conflict, Invalid, MeetingsError

LARGEST = 1024 * 1024
MOST_ROWS = 2000
MOST_FAULTS = 20  # told at once; whoever has more has chosen the wrong file

# what a column may be called: as the office writes it, or as it is called here
COLUMNS = {
    "units": {
        "name": ("tên đơn vị", "name"),
        "short_name": ("tên ngắn", "short_name"),
        "level": ("cấp", "level"),
        "parent": ("trực thuộc", "parent"),
        "code": ("mã định danh", "code"),
        "since": ("từ ngày", "since"),
        "venue": ("phòng họp", "venue"),
        "phone": ("điện thoại", "phone"),
    },
    "people": {
        "full_name": ("họ và tên", "full_name"),
        "honorific": ("xưng hô", "honorific"),
        "post": ("chức vụ", "post"),
        "unit": ("đơn vị", "unit"),
        "email": ("thư điện tử", "email"),
        "sort_rank": ("thứ tự", "sort_rank"),
    },
}
_LEVELS = {name.casefold(): key for key, name in LEVELS.items()} | {key: key for key in LEVELS}


@dataclass(frozen=True)
class Desk:
    """Who brings the list, when, and where."""

    settings: Settings
    now: datetime
    actor_id: str


async def import_list(session: AsyncSession, desk: Desk, kind: str, content: bytes) -> int:
    """How many were added; what is there already is passed over. Faults are told with their lines."""
    if kind not in COLUMNS:
        raise Invalid("Vui lòng chọn danh sách gồm những gì.", field="kind")
    rows = read_rows(kind, content)
    added, faults = 0, list[MeetingsError]()
    for line, row in rows:
        try:
            added += await (_unit if kind == "units" else _person)(session, desk, row)
        except (Conflict, Invalid) as fault:
            faults += [_at(line, one) for one in fault.faults]
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise Invalid.many(faults[:MOST_FAULTS])
    return added


def _at(line: int, fault: MeetingsError) -> Invalid:
    return Invalid("Dòng {line}: {why}", field="file", line=line, why=fault.text)


def read_rows(kind: str, content: bytes) -> list[tuple[int, dict[str, str]]]:
    """Each row with the number of its line, its cells under the names used here."""
    if not content:
        raise Invalid("Vui lòng chọn tệp danh sách.", field="file")
    if len(content) > LARGEST:
        raise Invalid("Tệp danh sách lớn quá 1 MB.", field="file")
    try:
        words = content.decode("utf-8-sig")
        first = words.partition("\n")[0]
        separator = max(";,\t", key=first.count)
        table = list(csv.reader(io.StringIO(words), delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Invalid("Không đọc được tệp. Vui lòng lưu danh sách dạng CSV UTF-8 rồi chọn lại.", field="file") from None
    if len(table) > MOST_ROWS + 1:
        raise Invalid("Danh sách dài quá {limit} dòng.", field="file", limit=MOST_ROWS)
    names = _heads(kind, table[0])
    return [
        (line, {name: row[place] if place < len(row) else "" for name, place in names.items()})
        for line, row in enumerate(table[1:], 2)
        if any(cell.strip() for cell in row)
    ]


def _heads(kind: str, heads: list[str]) -> dict[str, int]:
    places = {" ".join(head.split()).casefold(): place for place, head in reversed(list(enumerate(heads)))}
    known = COLUMNS[kind]
    found = {name: places[title] for name, titles in known.items() for title in titles if title in places}
    needed = next(iter(known))
    if needed not in found:
        raise Invalid("Dòng đầu của tệp cần có cột “{column}”.", field="file", column=known[needed][0])
    return found


async def _unit(session: AsyncSession, desk: Desk, row: dict[str, str]) -> int:
    if await named(session, " ".join(row["name"].split())) is not None:
        return 0
    parent = None
    if row.get("parent", "").strip():
        parent = await named(session, " ".join(row["parent"].split()))
        if parent is None:
            raise Invalid("Chưa có đơn vị tên “{name}”.", field="file", name=row["parent"][:200])
    form = UnitForm(
        name=row["name"],
        short_name=row.get("short_name", ""),
        level=_LEVELS.get(row.get("level", "").strip().casefold() or "commune", ""),
        parent_id=parent.id if parent else "",
        code=row.get("code", ""),
        since=row.get("since", "").strip() or desk.now.astimezone(desk.settings.zone).date().isoformat(),
    )
    unit = await add_unit(session, form, desk.now, desk.actor_id)
    if row.get("venue", "").strip():
        venue = VenueForm(name=row["venue"], unit_id=unit.id, phone=row.get("phone", ""))
        await save_venue(session, venue, venue_id=None, settings=desk.settings, now=desk.now, actor_id=desk.actor_id)
    return 1


async def _person(session: AsyncSession, desk: Desk, row: dict[str, str]) -> int:
    unit_id = ""
    if row.get("unit", "").strip():
        unit = await named(session, " ".join(row["unit"].split()))
        if unit is None:
            raise Invalid("Chưa có đơn vị tên “{name}”.", field="file", name=row["unit"][:200])
        unit_id = unit.id
    name, post = " ".join(row["full_name"].split()), " ".join(row.get("post", "").split())
    same = select(Person.id).where(Person.full_name == name, Person.post == post, Person.unit_id == (unit_id or None))
    if await session.scalar(same):
        return 0
    form = PersonForm(
        full_name=name,
        honorific=row.get("honorific", ""),
        post=post,
        unit_id=unit_id,
        email=row.get("email", ""),
        sort_rank=row.get("sort_rank", "").strip() or "100",
    )
    await save_person(session, form, person_id=None, now=desk.now, actor_id=desk.actor_id)
    return 1
