"""Hands, floor and mutes: who speaks and who is kept silent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meetings.conduct.refusals import NotInRoom
from meetings.conduct.rules import floor
from meetings.conduct.rules.seats import Change, SeatFacts, SeatKind, SeatRole, Source, Standing, publishable

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def point(name: str, **state: object) -> SeatFacts:
    seat = SeatFacts(f"point:{name}", name, SeatKind.POINT, SeatRole.MEMBER, present=True)
    return replace(seat, **state)  # type: ignore[arg-type]


def kinds(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.kind, change.seat.name) for change in changes]


def test_hands_are_called_in_the_order_they_were_raised() -> None:
    late = point("late", hand_at=NOW + timedelta(seconds=1))
    early = point("early", hand_at=NOW)
    silent = point("silent")
    assert [seat.name for seat in floor.queue([late, silent, early])] == ["early", "late"]


def test_a_hand_of_somebody_removed_is_not_in_the_queue() -> None:
    assert floor.queue([point("gone", hand_at=NOW, standing=Standing.REMOVED)]) == []


def test_raising_a_hand_twice_keeps_the_first_place() -> None:
    raised = floor.request(point("a"), NOW)[0].seat
    assert raised.hand_at == NOW
    assert floor.request(raised, NOW + timedelta(minutes=5)) == []


def test_who_has_the_floor_does_not_ask_for_it() -> None:
    assert floor.request(point("a", floor_since=NOW), NOW) == []


def test_lowering_a_hand_that_is_not_raised_says_nothing() -> None:
    assert floor.withdraw(point("a")) == []
    assert kinds(floor.withdraw(point("a", hand_at=NOW))) == [("floor.withdrawn", "a")]


def test_the_floor_passes_from_one_speaker_to_the_next() -> None:
    first, second = point("first", floor_since=NOW), point("second", hand_at=NOW)
    changes = floor.grant([first, second], second, NOW, keep_others=False, item_id="item")
    assert kinds(changes) == [("floor.revoked", "first"), ("floor.granted", "second")]
    assert changes[0].extra == {"next": "point:second"}
    assert changes[0].silence
    assert changes[1].extra == {"item_id": "item"}
    assert changes[1].seat.hand_at is None
    assert changes[1].seat.floor_since == NOW


def test_several_may_have_the_floor_when_the_chair_wants_it_so() -> None:
    first, second = point("first", floor_since=NOW), point("second")
    changes = floor.grant([first, second], second, NOW, keep_others=True, item_id=None)
    assert kinds(changes) == [("floor.granted", "second")]


def test_being_called_ends_a_mute_that_holds() -> None:
    muted = point("a", held_mute=True)
    granted = floor.grant([muted], muted, NOW, keep_others=False, item_id=None)[0].seat
    assert Source.MICROPHONE in publishable(granted)


def test_being_called_gives_the_screen_and_being_stopped_takes_it_back() -> None:
    seat = point("a")
    granted = floor.grant([seat], seat, NOW, keep_others=False, item_id=None)[0].seat
    assert Source.SCREEN in publishable(granted)
    assert Source.SCREEN not in publishable(floor.revoke(granted)[0].seat)


def test_calling_who_already_speaks_changes_nothing() -> None:
    seat = point("a", floor_since=NOW)
    assert floor.grant([seat], seat, NOW + timedelta(minutes=1), keep_others=False, item_id=None) == []


@pytest.mark.parametrize("state", [{"present": False}, {"standing": Standing.WAITING}])
def test_the_floor_is_not_given_to_somebody_who_is_not_in_the_room(state: dict[str, object]) -> None:
    seat = point("a", **state)
    with pytest.raises(NotInRoom):
        floor.grant([seat], seat, NOW, keep_others=False, item_id=None)


def test_a_speaker_who_is_done_is_not_silenced_but_one_who_is_stopped_is() -> None:
    seat = point("a", floor_since=NOW)
    assert [(change.kind, change.silence) for change in floor.release(seat)] == [("floor.released", False)]
    assert [(change.kind, change.silence) for change in floor.revoke(seat)] == [("floor.revoked", True)]
    assert floor.release(point("b")) == floor.revoke(point("b")) == []


def test_a_mute_that_holds_takes_the_microphone_out_and_a_plain_one_does_not() -> None:
    held = floor.mute(point("a"), hold=True)[0]
    plain = floor.mute(point("a"), hold=False)[0]
    assert Source.MICROPHONE not in publishable(held.seat)
    assert Source.MICROPHONE in publishable(plain.seat)
    assert held.silence
    assert plain.silence


def test_a_plain_mute_does_not_weaken_one_that_holds() -> None:
    assert floor.mute(point("a", held_mute=True), hold=False) == []


def test_muting_all_spares_the_speaker_and_who_asks() -> None:
    seats = [point("speaker", floor_since=NOW), point("chair"), point("other"), point("absent", present=False)]
    changes = floor.mute_all(seats, hold=False, asked_by="point:chair")
    assert kinds(changes) == [("mute.set", "other")]


def test_a_holding_mute_for_all_also_waits_for_those_who_lost_their_link() -> None:
    changes = floor.mute_all([point("absent", present=False)], hold=True, asked_by=None)
    assert kinds(changes) == [("mute.set", "absent")]


def test_releasing_all_mutes_names_only_those_who_were_held() -> None:
    changes = floor.unmute_all([point("a", held_mute=True), point("b")])
    assert kinds(changes) == [("mute.released", "a")]
    assert floor.unmute(point("b")) == []
