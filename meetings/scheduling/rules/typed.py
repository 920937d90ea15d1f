"""The booking form as it was typed: kept in drafts, shown again with its faults, never trusted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from typing import Any, Self

LONGEST_FIELD = 30_000  # more than any field may hold, so that too much is told and not cut
MOST_VALUES = 1_000


@dataclass(frozen=True)
class TypedItem:
    title: str = ""
    presenter: str = ""
    minutes: str = ""

    @property
    def blank(self) -> bool:
        return not (self.title.strip() or self.presenter.strip() or self.minutes.strip())


@dataclass(frozen=True)
class Typed:
    title: str = ""
    kind: str = ""
    regime: str = "qd45"
    classification: str = "thuong"
    urgent: bool = False
    chair_person_id: str = ""
    date: str = ""
    start: str = ""
    length: str = "120"
    main_venue_id: str = ""
    points: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    guests: str = ""
    agenda: tuple[TypedItem, ...] = ()
    note: str = ""
    contact: str = ""
    late_reason: str = ""
    recording_planned: bool = True
    copied_from_id: str = ""

    @classmethod
    def from_form(cls, pairs: Iterable[tuple[str, object]]) -> Self:
        """From a posted form. Files and unknown names are passed over; a name that comes twice counts the last time."""
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if isinstance(value, str):
                values.setdefault(name, []).append(value[:LONGEST_FIELD])
        one = {name: got[-1] for name, got in values.items()}
        rows = zip_longest(
            *(values.get(f"agenda_{part}", [])[:MOST_VALUES] for part in ("title", "presenter", "minutes")),
            fillvalue="",
        )
        texts: dict[str, Any] = {name: one[name] for name in _TEXTS if name in one}
        flags: dict[str, Any] = {name: name in one for name in _FLAGS}
        lists: dict[str, Any] = {name: tuple(dict.fromkeys(values.get(name, [])[:MOST_VALUES])) for name in _LISTS}
        return cls(**texts, **flags, **lists, agenda=tuple(TypedItem(*row) for row in rows))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        known = {name: stored[name] for name in (*_TEXTS, *_FLAGS) if name in stored}
        lists: dict[str, Any] = {name: tuple(stored.get(name, ())) for name in _LISTS}
        return cls(**known, **lists, agenda=tuple(TypedItem(**row) for row in stored.get("agenda", ())))

    def to_json(self) -> dict[str, Any]:
        """What a database can keep: a zero byte, which PostgreSQL cannot, becomes the sign for a lost character."""
        agenda = [
            {part: _kept(getattr(item, part)) for part in ("title", "presenter", "minutes")} for item in self.agenda
        ]
        return {
            **{name: _kept(getattr(self, name)) for name in _TEXTS},
            **{name: getattr(self, name) for name in _FLAGS},
            **{name: [_kept(one) for one in getattr(self, name)] for name in _LISTS},
            "agenda": agenda,
        }

    @property
    def is_empty(self) -> bool:
        """Nothing in it that anybody would miss."""
        return not (self.title.strip() or self.points or self.people or any(not item.blank for item in self.agenda))

    def with_rows(self, agenda: Sequence[TypedItem]) -> Self:
        return replace(self, agenda=tuple(agenda))


def _kept(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


_LISTS = ("points", "people")
_FLAGS = ("urgent", "recording_planned")
_TEXTS = tuple(field.name for field in fields(Typed) if field.name not in (*_LISTS, *_FLAGS, "agenda"))
