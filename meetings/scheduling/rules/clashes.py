"""Whether a chair or a room is taken, and the sentence that names the meeting in the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from meetings.errors import Conflict


@dataclass(frozen=True)
class Span:
    """Half open: a meeting that ends at ten leaves the room free for one that begins at ten."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True)
class Booked:
    """A meeting already planned, with what it holds."""

    meeting_id: str
    title: str
    span: Span
    chair_person_id: str
    venue_ids: frozenset[str]


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    span: Span
    chair_person_id: str
    main_venue_id: str
    venue_ids: frozenset[str]  # the main one too
    meeting_id: str | None = None  # the meeting's own booking is not in its way


@dataclass(frozen=True)
class Clash:
    field: str  # chair_person_id, main_venue_id or points
    taken_id: str
    meeting: Booked


def clashes(wish: Wish, planned: Iterable[Booked]) -> list[Clash]:
    """What is in the way: the chair first, then the main room, then each point."""
    in_the_way = [one for one in planned if one.meeting_id != wish.meeting_id and one.span.overlaps(wish.span)]
    in_the_way.sort(key=lambda one: (one.span.starts_at, one.meeting_id))
    found = [
        Clash("chair_person_id", wish.chair_person_id, one)
        for one in in_the_way
        if one.chair_person_id == wish.chair_person_id
    ]
    for venue_id in [wish.main_venue_id, *sorted(wish.venue_ids - {wish.main_venue_id})]:
        field = "main_venue_id" if venue_id == wish.main_venue_id else "points"
        found += [Clash(field, venue_id, one) for one in in_the_way if venue_id in one.venue_ids]
    return found


def refusals(found: Sequence[Clash], names: dict[str, str], zone: ZoneInfo) -> list[Conflict]:
    """One sentence for each clash; `names` holds the names of people and venues by id."""
    return [_refusal(clash, names[clash.taken_id], zone) for clash in found]


def _refusal(clash: Clash, name: str, zone: ZoneInfo) -> Conflict:
    starts_at, ends_at = (at.astimezone(zone) for at in (clash.meeting.span.starts_at, clash.meeting.span.ends_at))
    params: dict[str, Any] = {
        "name": name,
        "title": clash.meeting.title,
        "from_time": starts_at.strftime("%H:%M"),
        "to_time": ends_at.strftime("%H:%M"),
        "day": starts_at.strftime("%d/%m"),
    }
    if clash.field == "chair_person_id":
        return Conflict(
            "{name} đã chủ trì “{title}” từ {from_time} đến {to_time} ngày {day}. Vui lòng chọn giờ khác hoặc người "
            "chủ trì khác.",
            field=clash.field,
            code="clash",
            **params,
        )
    return Conflict(
        "{name} đã có cuộc họp “{title}” từ {from_time} đến {to_time} ngày {day}. Vui lòng chọn phòng khác hoặc "
        "đổi giờ.",
        field=clash.field,
        code="clash",
        **params,
    )
