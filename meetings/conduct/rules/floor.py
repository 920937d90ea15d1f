"""Who speaks: raised hands in the order they came, the floor given and taken back, mutes that hold and that do not."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from meetings.conduct.refusals import NotInRoom
from meetings.conduct.rules.seats import Change, SeatFacts


def queue(seats: Iterable[SeatFacts]) -> list[SeatFacts]:
    """Raised hands, who asked first comes first."""
    raised = [(seat.hand_at, seat.identity, seat) for seat in seats if seat.admitted and seat.hand_at is not None]
    return [seat for _, _, seat in sorted(raised, key=lambda row: row[:2])]


def speakers(seats: Iterable[SeatFacts]) -> list[SeatFacts]:
    """Who has the floor, longest first."""
    having = [
        (seat.floor_since, seat.identity, seat) for seat in seats if seat.admitted and seat.floor_since is not None
    ]
    return [seat for _, _, seat in sorted(having, key=lambda row: row[:2])]


def request(seat: SeatFacts, now: datetime) -> list[Change]:
    """Raising a hand twice, or while speaking, keeps the place in the queue and says nothing new."""
    if seat.hand_at is not None or seat.has_floor:
        return []
    return [Change(replace(seat, hand_at=now), "floor.requested")]


def withdraw(seat: SeatFacts) -> list[Change]:
    if seat.hand_at is None:
        return []
    return [Change(replace(seat, hand_at=None), "floor.withdrawn")]


def grant(
    seats: Sequence[SeatFacts], seat: SeatFacts, now: datetime, *, keep_others: bool, item_id: str | None
) -> list[Change]:
    """The floor goes to one seat; unless others keep it, it leaves them first. It also ends a mute that holds."""
    if not (seat.admitted and seat.present):
        raise NotInRoom(seat.name)
    changes: list[Change] = []
    if not keep_others:
        for other in speakers(seats):
            if other.identity != seat.identity:
                changes += revoke(other, passed_to=seat.identity)
    if not seat.has_floor:
        after = replace(seat, floor_since=now, hand_at=None, held_mute=False)
        changes.append(Change(after, "floor.granted", {"item_id": item_id}))
    return changes


def release(seat: SeatFacts) -> list[Change]:
    """The speaker is done."""
    if not seat.has_floor:
        return []
    return [Change(replace(seat, floor_since=None), "floor.released")]


def revoke(seat: SeatFacts, *, passed_to: str | None = None) -> list[Change]:
    """Taking the floor back also switches the microphone off, once."""
    if not seat.has_floor:
        return []
    return [Change(replace(seat, floor_since=None), "floor.revoked", {"next": passed_to}, silence=True)]


def mute(seat: SeatFacts, *, hold: bool) -> list[Change]:
    """A mute that holds stays until it is released; a plain one the seat may undo, and does not weaken the other."""
    if not seat.admitted or seat.held_mute:
        return []
    return [Change(replace(seat, held_mute=hold), "mute.set", {"hold": hold}, silence=True)]


def mute_all(seats: Iterable[SeatFacts], *, hold: bool, asked_by: str | None) -> list[Change]:
    """Everybody in the room but who has the floor and who asks."""
    changes: list[Change] = []
    for seat in seats:
        if (hold or seat.present) and not seat.has_floor and seat.identity != asked_by:
            changes += mute(seat, hold=hold)
    return changes


def unmute(seat: SeatFacts) -> list[Change]:
    if not seat.held_mute:
        return []
    return [Change(replace(seat, held_mute=False), "mute.released")]


def unmute_all(seats: Iterable[SeatFacts]) -> list[Change]:
    return [change for seat in seats for change in unmute(seat)]
