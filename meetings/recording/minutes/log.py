"""Reads a meeting's event log into what minutes and review ask of it: who was there, who spoke when; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from meetings.events import Event


@dataclass(frozen=True)
class Turn:
    """One time that somebody had the floor; `ended_at` None: until the end, whenever that was."""

    seq: int
    identity: str
    name: str
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Absence:
    """A point left and came back (or did not: `until` None)."""

    seq: int
    identity: str
    name: str
    since: datetime
    until: datetime | None = None


@dataclass
class Log:
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    first_joined: dict[str, datetime] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def read_log(events: Iterable[Event]) -> Log:
    """One pass over a meeting's events in their order."""
    log = Log()
    speaking: dict[str, Turn] = {}
    away: dict[str, Absence] = {}
    for event in events:
        log.events.append(event)
        identity = event.subject_id or ""
        name = _name(event, log.names.get(identity, identity))
        match event.kind:
            case "conference.opened":
                log.opened_at = log.opened_at or event.at
            case "conference.ended":
                log.ended_at = event.at
            case "participant.joined":
                log.names[identity] = name
                log.first_joined.setdefault(identity, event.at)
                if identity in away:
                    _close_absence(log, away.pop(identity), event.at)
            case "participant.left" if log.ended_at is None:
                away[identity] = Absence(event.seq, identity, name, event.at)
                _end_turn(log, speaking, identity, event.at)
            case "floor.granted":
                _end_turn(log, speaking, identity, event.at)
                speaking[identity] = Turn(event.seq, identity, name, event.at)
            case "floor.released" | "floor.revoked":
                _end_turn(log, speaking, identity, event.at)
    for identity in list(speaking):
        _end_turn(log, speaking, identity, log.ended_at)
    log.absences += away.values()
    log.turns.sort(key=lambda turn: turn.seq)
    log.absences.sort(key=lambda absence: absence.seq)
    return log


def _name(event: Event, otherwise: str) -> str:
    seat = event.payload.get("seat")
    named = seat.get("name") if isinstance(seat, dict) else event.payload.get("name")
    return str(named or otherwise)


def _end_turn(log: Log, speaking: dict[str, Turn], identity: str, at: datetime | None) -> None:
    turn = speaking.pop(identity, None)
    if turn is not None:
        log.turns.append(Turn(turn.seq, turn.identity, turn.name, turn.began_at, at))


def _close_absence(log: Log, absence: Absence, at: datetime) -> None:
    log.absences.append(Absence(absence.seq, absence.identity, absence.name, absence.since, at))
