"""The course of a conference: when it begins, when it ends by itself, and why."""

from datetime import datetime, timedelta
from enum import StrEnum

from meetings.conduct.rules.seats import SeatRole

EMPTY_FOR = timedelta(minutes=15)
PAST_ITS_END = timedelta(hours=2)


class ConferenceState(StrEnum):
    WAITING = "waiting"  # people are in, to test and to wait; the meeting has not begun
    OPEN = "open"
    ENDED = "ended"


class EndReason(StrEnum):
    CHAIR = "chair"
    SECRETARY = "secretary"
    OPERATOR = "operator"
    EMPTY = "empty"
    OVERTIME = "overtime"
    CANCELLED = "cancelled"


def params_of(reason: EndReason) -> dict[str, int]:
    """The numbers in the sentence that says why a meeting ended; the log keeps these, not the sentence."""
    match reason:
        case EndReason.EMPTY:
            return {"minutes": EMPTY_FOR // timedelta(minutes=1)}
        case EndReason.OVERTIME:
            return {"hours": PAST_ITS_END // timedelta(hours=1)}
        case _:
            return {}


def begins(state: ConferenceState, *, starts_at: datetime, now: datetime, present: int) -> bool:
    """By the clock: the planned hour has come and somebody is in the room."""
    return state is ConferenceState.WAITING and now >= starts_at and present > 0


def ends_by_itself(
    state: ConferenceState, *, starts_at: datetime, ends_at: datetime, now: datetime, empty_since: datetime | None
) -> EndReason | None:
    """15 minutes with nobody there, but never before the planned start; or 2 hours past the planned end."""
    if state is ConferenceState.ENDED:
        return None
    if now >= ends_at + PAST_ITS_END:
        return EndReason.OVERTIME
    if state is ConferenceState.OPEN and empty_since is not None and now >= max(empty_since, starts_at) + EMPTY_FOR:
        return EndReason.EMPTY
    return None


def over_for_good(*, ends_at: datetime, now: datetime) -> bool:
    """Nobody joins a meeting that long after its planned end."""
    return now >= ends_at + PAST_ITS_END


def reason_of(role: SeatRole) -> EndReason:
    """Who ended it, by the role they have in this meeting."""
    by_role = {SeatRole.CHAIR: EndReason.CHAIR, SeatRole.SECRETARY: EndReason.SECRETARY}
    return by_role.get(role, EndReason.OPERATOR)
