"""Who is let in: the hour, the lock, the waiting list, and one browser a seat."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meetings.conduct import refusals
from meetings.conduct.rules.seats import SHARES_SCREEN_ALWAYS, Change, SeatFacts, SeatKind, SeatRole, Standing

OPENS_BEFORE = timedelta(minutes=60)
WAITING_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks to come in. `expected`: invited, or who conducts; `conducts`: chair, secretary or operator."""

    identity: str
    name: str
    kind: SeatKind
    role: SeatRole
    expected: bool
    conducts: bool
    venue_id: str | None = None
    account_id: str | None = None


def opens_at(starts_at: datetime) -> datetime:
    return starts_at - OPENS_BEFORE


def check_hour(visitor: Visitor, *, starts_at: datetime, now: datetime) -> None:
    """Who conducts may come at any time, to rehearse; everybody else from 60 minutes before."""
    if not visitor.conducts and now < opens_at(starts_at):
        raise refusals.TooEarly(opens_at(starts_at))


def enter(visitor: Visitor, seat: SeatFacts | None, *, locked: bool, waiting: int) -> SeatFacts:
    """The seat as it becomes when the visitor asks to come in."""
    if seat is None:
        return _new_seat(visitor, locked=locked, waiting=waiting)
    if seat.standing is Standing.REMOVED:
        raise refusals.Removed()
    if seat.standing is Standing.REFUSED:
        raise refusals.Refused()
    if seat.standing is Standing.WAITING and visitor.expected:
        seat = replace(seat, standing=Standing.ADMITTED)  # invited meanwhile
    may_screen = seat.may_screen or visitor.role in SHARES_SCREEN_ALWAYS
    return replace(seat, name=visitor.name, role=visitor.role, may_screen=may_screen)


def _new_seat(visitor: Visitor, *, locked: bool, waiting: int) -> SeatFacts:
    if locked and not visitor.conducts:
        raise refusals.Locked()
    if not visitor.expected and waiting >= WAITING_LIMIT:
        raise refusals.WaitingListFull()
    return SeatFacts(
        identity=visitor.identity,
        name=visitor.name,
        kind=visitor.kind,
        role=visitor.role,
        standing=Standing.ADMITTED if visitor.expected else Standing.WAITING,
        may_screen=visitor.role in SHARES_SCREEN_ALWAYS,
    )


def sit(seat: SeatFacts, device_id: str, *, take_over: bool) -> tuple[SeatFacts, bool]:
    """Give the seat to this browser. True when it was taken from another one that is in the room."""
    if seat.device_id == device_id:
        return seat, False
    occupied = seat.present and seat.device_id is not None
    if occupied and not take_over:
        raise refusals.OpenedElsewhere()
    return replace(seat, device_id=device_id, generation=seat.generation + 1), occupied


def taken(seat: SeatFacts) -> Change:
    """The seat went to another browser; the relay closes the older connection by itself."""
    return Change(seat, "seat.taken", {"generation": seat.generation})


def waits(seat: SeatFacts) -> Change:
    return Change(seat, "seat.waiting")


def admit(seat: SeatFacts, *, yes: bool) -> list[Change]:
    """Yes also brings a removed or refused one back; no answers one who waits."""
    if yes:
        if seat.admitted:
            return []
        return [Change(replace(seat, standing=Standing.ADMITTED), "seat.admitted")]
    if seat.standing is not Standing.WAITING:
        return []
    return [Change(replace(seat, standing=Standing.REFUSED), "seat.refused")]


def remove(seat: SeatFacts) -> list[Change]:
    """Out of the room; floor and hand go with it. Nobody removes who conducts."""
    if seat.role in (SeatRole.CHAIR, SeatRole.SECRETARY):
        raise refusals.CannotRemove(seat.name)
    if seat.standing in (Standing.REMOVED, Standing.REFUSED):
        return []
    after = replace(seat, standing=Standing.REMOVED, floor_since=None, hand_at=None, device_id=None)
    return [Change(after, "seat.removed")]


def unwelcome(seat: SeatFacts | None, *, generation: int | None, ended: bool) -> bool:
    """Whether a connection that the relay holds must go: no admitted seat, an ended conference, a key taken back, or a
    browser that lost the seat to another one and came back after that one's connection. Until then the older one keeps
    being heard, and the relay tells it why it ends."""
    if seat is None or not seat.admitted or ended:
        return True
    return generation is not None and generation < seat.oldest_generation


def connected(seat: SeatFacts, *, generation: int | None) -> SeatFacts:
    """A connection of this generation came: those of older ones are over."""
    return replace(seat, oldest_generation=max(seat.oldest_generation, generation or 0))


def arrive(seat: SeatFacts, now: datetime) -> list[Change]:
    """The relay says that the seat's connection is there."""
    if seat.present or not seat.admitted:
        return []
    after = replace(seat, present=True, joined_at=seat.joined_at or now, left_at=None)
    return [Change(after, "participant.joined")]


def depart(seat: SeatFacts, now: datetime) -> list[Change]:
    """A lost connection keeps hand, floor and mute: it usually comes back within seconds."""
    if not seat.present:
        return []
    return [Change(replace(seat, present=False, left_at=now), "participant.left")]


def leave(seat: SeatFacts, now: datetime) -> list[Change]:
    """Leaving on purpose gives hand, floor and browser back; a mute that holds stays."""
    left = replace(vacated(seat), hand_at=None, floor_since=None, present=False, left_at=now)
    changes = [Change(left, "floor.released")] if seat.has_floor else []
    if seat.hand_at is not None:
        changes.append(Change(left, "floor.withdrawn"))
    if seat.present:
        changes.append(Change(left, "participant.left"))
    return changes


def revoke(seat: SeatFacts, now: datetime) -> list[Change]:
    """Its key was taken back: whoever sits here goes with all they hold, and a token in hand is worth nothing. Who has
    the new key may come in."""
    after = replace(
        vacated(seat),
        generation=seat.generation + 1,
        oldest_generation=seat.generation + 1,
        hand_at=None,
        floor_since=None,
        present=False,
        left_at=now,
    )
    changes = [change for change in leave(seat, now) if change.kind != "participant.left"]
    left = [Change(after, "participant.left")] if seat.present else []
    return [*(replace(change, seat=after) for change in changes), *left, Change(after, "seat.revoked")]


def vacated(seat: SeatFacts) -> SeatFacts:
    """Free for any browser."""
    return replace(seat, device_id=None)


def waiting_count(seats: Iterable[SeatFacts]) -> int:
    return sum(seat.standing is Standing.WAITING for seat in seats)
