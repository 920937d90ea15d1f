"""What law and house rule settle, read from data: kinds, deadlines, days off, grades of secrecy."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

OVERRIDE = "scheduling.toml"  # in the data folder of an installation


@dataclass(frozen=True)
class Named:
    code: str
    name: str


@dataclass(frozen=True)
class Kind(Named):
    max_minutes: int


@dataclass(frozen=True)
class DeadlineRule:
    """Holds for the meetings that match each of regime, kind and periodic that it gives."""

    source: str
    invite_min_wd: int
    papers_min_wd: int
    notice_max_wd: int
    regime: str | None = None
    kind: str | None = None
    periodic: bool | None = None

    def weight(self, regime: str, kind: str, periodic: bool) -> int:
        """How closely it fits: the number of words it matches by, -1 when it does not hold."""
        wanted = ((self.regime, regime), (self.kind, kind), (self.periodic, periodic))
        given = [(mine, theirs) for mine, theirs in wanted if mine is not None]
        return len(given) if all(mine == theirs for mine, theirs in given) else -1


@dataclass(frozen=True)
class Secrecy:
    open: tuple[str, ...]
    marks: tuple[str, ...]
    laws: tuple[tuple[date, str], ...]  # in force from, name; oldest first

    def law_on(self, day: date) -> str:
        in_force = [name for start, name in self.laws if start <= day]
        return in_force[-1] if in_force else self.laws[0][1]


@dataclass(frozen=True)
class Regulation:
    kinds: tuple[Kind, ...]
    regimes: tuple[Named, ...]
    classifications: tuple[Named, ...]
    deadlines: tuple[DeadlineRule, ...]
    days: Mapping[date, tuple[bool, str]]  # day -> whether it is worked, and what it is called
    secrecy: Secrecy
    started_minutes_ago: int
    longest_minutes: int

    def kind(self, code: str) -> Kind:
        return next((kind for kind in self.kinds if kind.code == code), Kind(code, code, 480))

    def deadline(self, regime: str, kind: str, periodic: bool) -> DeadlineRule:
        return max(self.deadlines, key=lambda rule: rule.weight(regime, kind, periodic))


def regulation_in(data_dir: Path) -> Regulation:
    """The shipped rules with what the installation lays over them; read again when its file changes."""
    path = data_dir / OVERRIDE
    return _read(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Regulation:
    shipped = tomllib.loads(files("meetings.scheduling").joinpath("data/rules.toml").read_text("utf-8"))
    return read_regulation(shipped | (tomllib.loads(path.read_text("utf-8")) if changed else {}))


def read_regulation(table: Mapping[str, Any]) -> Regulation:
    secrecy = table["secrecy"]
    return Regulation(
        kinds=tuple(Kind(**row) for row in table["kinds"]),
        regimes=tuple(Named(**row) for row in table["regimes"]),
        classifications=tuple(Named(**row) for row in table["classifications"]),
        deadlines=tuple(DeadlineRule(**row) for row in table["deadlines"]),
        days={row["date"]: (row["kind"] == "work", row.get("name", "")) for row in table.get("days", ())},
        secrecy=Secrecy(
            open=tuple(secrecy["open"]),
            marks=tuple(secrecy["marks"]),
            laws=tuple(sorted((law["from"], law["name"]) for law in secrecy["laws"])),
        ),
        **table["limits"],
    )
