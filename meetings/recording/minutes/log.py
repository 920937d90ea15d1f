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


@dataclass(frozen=True)
class Stay:
    """One unbroken presence; `until` None: nothing says that it ended."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Attendance:
    """When somebody came into the meeting that was going on, and when they left it before its end, if they did."""

    came_at: datetime
    left_at: datetime | None = None


BY_ITSELF = ("empty", "overtime")  # reasons with which nobody ends a meeting but its room


@dataclass
class Log:
    """`opened_at` None: the meeting was never opened here; `ended_by_itself`: the room closed, nobody closed it."""

    opened_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by_itself: bool = False
    stays: dict[str, list[Stay]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def attendance(self, identity: str) -> Attendance | None:
        """Presence while the meeting went on. Who only tested the line before it, or came after it, was not there."""
        begun, ended = self.opened_at, self.ended_at
        if begun is None:
            return None
        stays = [
            stay
            for stay in self.stays.get(identity, ())
            if (ended is None or stay.since <= ended) and (stay.until is None or stay.until >= begun)
        ]
        if not stays:
            return None
        left = stays[-1].until
        return Attendance(max(stays[0].since, begun), left if left and (ended is None or left < ended) else None)

    def here_at(self, at: datetime) -> set[str]:
        """Who was there at an instant."""
        return {
            identity
            for identity, stays in self.stays.items()
            if any(stay.since <= at and (stay.until is None or at < stay.until) for stay in stays)
        }


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
                log.ended_by_itself = event.payload.get("reason") in BY_ITSELF
            case "participant.joined":
                log.names[identity] = name
                log.stays.setdefault(identity, []).append(Stay(event.at))
                if identity in away:
                    _close_absence(log, away.pop(identity), event.at)
            case "participant.left":
                _end_stay(log, identity, event.at)
                away[identity] = Absence(event.seq, identity, name, event.at)
                _end_turn(log, speaking, identity, event.at)
            case "floor.granted":
                _end_turn(log, speaking, identity, event.at)
                speaking[identity] = Turn(event.seq, identity, name, event.at)
            case "floor.released" | "floor.revoked":
                _end_turn(log, speaking, identity, event.at)
    for identity in list(speaking):
        _end_turn(log, speaking, identity, log.ended_at)
    return _settled(log, away.values())


def _settled(log: Log, away: Iterable[Absence]) -> Log:
    """What only the whole log can say: whether the meeting was held, and which absences fell into it."""
    log.opened_at = log.opened_at if _held(log) else None
    log.absences = [one for one in [*log.absences, *away] if _during(log, one)]
    log.turns.sort(key=lambda turn: turn.seq)
    log.absences.sort(key=lambda absence: absence.seq)
    return log


def _held(log: Log) -> bool:
    """Whoever ends a meeting out of its waiting room opens and ends it with one press: it was not held here."""
    return log.opened_at is not None and (log.ended_at is None or log.ended_at > log.opened_at)


def _name(event: Event, otherwise: str) -> str:
    seat = event.payload.get("seat")
    named = seat.get("name") if isinstance(seat, dict) else event.payload.get("name")
    return str(named or otherwise)


def _end_turn(log: Log, speaking: dict[str, Turn], identity: str, at: datetime | None) -> None:
    turn = speaking.pop(identity, None)
    if turn is not None:
        log.turns.append(Turn(turn.seq, turn.identity, turn.name, turn.began_at, at))


def _end_stay(log: Log, identity: str, at: datetime) -> None:
    stays = log.stays.get(identity)
    if stays and stays[-1].until is None:
        stays[-1] = Stay(stays[-1].since, at)


def _during(log: Log, absence: Absence) -> bool:
    """Everybody leaves at the end, and who tests the line before the beginning leaves as well: that is no absence."""
    if log.opened_at is None or absence.since < log.opened_at:
        return False
    return log.ended_at is None or absence.since < log.ended_at


def _close_absence(log: Log, absence: Absence, at: datetime) -> None:
    log.absences.append(Absence(absence.seq, absence.identity, absence.name, absence.since, at))
