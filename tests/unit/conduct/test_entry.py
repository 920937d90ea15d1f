"""Who comes in: hour, lock, waiting list, and one browser a seat."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meetings.conduct import refusals
from meetings.conduct.rules import entry
from meetings.conduct.rules.entry import Visitor
from meetings.conduct.rules.seats import SeatFacts, SeatKind, SeatRole, Source, Standing, abilities, publishable

START = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
INVITED = Visitor("point:a", "A", SeatKind.POINT, SeatRole.MEMBER, expected=True, conducts=False)
STRANGER = Visitor("guest:g", "G", SeatKind.GUEST, SeatRole.GUEST, expected=False, conducts=False)
SECRETARY = Visitor("account:s", "S", SeatKind.ACCOUNT, SeatRole.SECRETARY, expected=True, conducts=True)


def seated(visitor: Visitor = INVITED, **state: object) -> SeatFacts:
    seat = entry.enter(visitor, None, locked=False, waiting=0)
    return replace(seat, **state)  # type: ignore[arg-type]


def test_the_room_opens_sixty_minutes_before() -> None:
    entry.check_hour(INVITED, starts_at=START, now=START - timedelta(minutes=60))
    with pytest.raises(refusals.TooEarly):
        entry.check_hour(INVITED, starts_at=START, now=START - timedelta(minutes=60, seconds=1))


def test_who_conducts_may_rehearse_the_day_before() -> None:
    entry.check_hour(SECRETARY, starts_at=START, now=START - timedelta(days=1))


def test_an_invited_point_is_let_in_and_a_stranger_waits() -> None:
    assert seated(INVITED).standing is Standing.ADMITTED
    assert seated(STRANGER).standing is Standing.WAITING
    assert publishable(seated(STRANGER)) == ()


def test_a_locked_room_refuses_newcomers_but_not_who_conducts_or_has_a_seat() -> None:
    with pytest.raises(refusals.Locked):
        entry.enter(INVITED, None, locked=True, waiting=0)
    assert entry.enter(SECRETARY, None, locked=True, waiting=0).admitted
    assert entry.enter(INVITED, seated(), locked=True, waiting=0).admitted


def test_a_removed_or_refused_seat_does_not_come_back_by_itself() -> None:
    with pytest.raises(refusals.Removed):
        entry.enter(INVITED, seated(standing=Standing.REMOVED), locked=False, waiting=0)
    with pytest.raises(refusals.Refused):
        entry.enter(STRANGER, seated(STRANGER, standing=Standing.REFUSED), locked=False, waiting=0)


def test_the_waiting_list_has_an_end_but_not_for_the_invited() -> None:
    with pytest.raises(refusals.WaitingListFull):
        entry.enter(STRANGER, None, locked=False, waiting=entry.WAITING_LIMIT)
    assert entry.enter(INVITED, None, locked=False, waiting=entry.WAITING_LIMIT).admitted


def test_who_is_invited_while_waiting_is_let_in_at_the_next_try() -> None:
    waiting = seated(STRANGER)
    invited_now = replace(STRANGER, expected=True)
    assert entry.enter(invited_now, waiting, locked=False, waiting=1).admitted


def test_the_screen_belongs_to_the_main_point_and_who_conducts() -> None:
    main = replace(INVITED, role=SeatRole.MAIN)
    assert Source.SCREEN in publishable(seated(main))
    assert Source.SCREEN in publishable(seated(SECRETARY))
    assert Source.SCREEN not in publishable(seated(INVITED))


def test_a_reload_returns_to_the_seat() -> None:
    seat, taken = entry.sit(seated(), "tab-1", take_over=False)
    again, taken_again = entry.sit(replace(seat, present=True), "tab-1", take_over=False)
    assert (taken, taken_again) == (False, False)
    assert again.generation == seat.generation == 1


def test_another_tab_is_told_and_takes_the_seat_only_when_asked_to() -> None:
    seat, _ = entry.sit(seated(), "tab-1", take_over=False)
    present = replace(seat, present=True)
    with pytest.raises(refusals.OpenedElsewhere):
        entry.sit(present, "tab-2", take_over=False)
    taken, from_other = entry.sit(present, "tab-2", take_over=True)
    assert from_other
    assert (taken.device_id, taken.generation) == ("tab-2", 2)


def test_the_older_browser_stays_until_the_newer_ones_connection_came_and_may_not_come_back() -> None:
    older, _ = entry.sit(seated(), "tab-1", take_over=False)
    newer, _ = entry.sit(replace(older, present=True), "tab-2", take_over=True)
    assert not entry.unwelcome(newer, generation=older.generation, ended=False)
    came = entry.connected(newer, generation=newer.generation)
    assert entry.unwelcome(came, generation=older.generation, ended=False)
    assert not entry.unwelcome(came, generation=newer.generation, ended=False)
    assert entry.connected(came, generation=older.generation) == came


def test_who_has_a_key_that_was_taken_back_goes_even_before_the_new_one_comes() -> None:
    seat, _ = entry.sit(seated(), "tab-1", take_over=False)
    revoked = entry.revoke(replace(seat, present=True), START)[-1].seat
    anew, _ = entry.sit(revoked, "tab-2", take_over=False)
    assert entry.unwelcome(anew, generation=seat.generation, ended=False)
    assert not entry.unwelcome(anew, generation=anew.generation, ended=False)


def test_a_seat_whose_browser_is_gone_is_free_for_another() -> None:
    seat, _ = entry.sit(seated(), "tab-1", take_over=False)
    taken, from_other = entry.sit(replace(seat, present=False), "tab-2", take_over=False)
    assert (taken.device_id, from_other) == ("tab-2", False)


def test_admitting_and_refusing() -> None:
    waiting = seated(STRANGER)
    assert [change.kind for change in entry.admit(waiting, yes=True)] == ["seat.admitted"]
    assert [change.kind for change in entry.admit(waiting, yes=False)] == ["seat.refused"]
    assert entry.admit(seated(), yes=True) == entry.admit(seated(), yes=False) == []
    assert entry.admit(seated(standing=Standing.REMOVED), yes=True)[0].seat.admitted


def test_removing_takes_floor_hand_and_browser_away() -> None:
    seat = seated(floor_since=START, hand_at=START, device_id="tab-1", present=True)
    (change,) = entry.remove(seat)
    assert (change.kind, change.seat.standing) == ("seat.removed", Standing.REMOVED)
    assert (change.seat.floor_since, change.seat.hand_at, change.seat.device_id) == (None, None, None)
    assert publishable(change.seat) == ()
    assert entry.remove(change.seat) == []


@pytest.mark.parametrize("role", [SeatRole.CHAIR, SeatRole.SECRETARY])
def test_nobody_removes_chair_or_secretary(role: SeatRole) -> None:
    with pytest.raises(refusals.CannotRemove):
        entry.remove(seated(SECRETARY, role=role))


def test_a_lost_link_keeps_hand_floor_and_mute() -> None:
    seat = seated(present=True, floor_since=START, hand_at=START, held_mute=True)
    (change,) = entry.depart(seat, START)
    assert (change.seat.has_floor, change.seat.hand_at, change.seat.held_mute) == (True, START, True)
    (back,) = entry.arrive(change.seat, START + timedelta(seconds=4))
    assert back.kind == "participant.joined"
    assert back.seat.left_at is None


def test_attendance_keeps_the_first_arrival() -> None:
    (first,) = entry.arrive(seated(), START)
    (lost,) = entry.depart(first.seat, START + timedelta(minutes=1))
    (again,) = entry.arrive(lost.seat, START + timedelta(minutes=2))
    assert again.seat.joined_at == START
    assert entry.arrive(again.seat, START) == entry.depart(lost.seat, START) == []


def test_leaving_on_purpose_gives_floor_and_hand_back_but_a_held_mute_stays() -> None:
    seat = seated(present=True, floor_since=START, hand_at=START, held_mute=True, device_id="tab-1")
    changes = entry.leave(seat, START)
    assert [change.kind for change in changes] == ["floor.released", "floor.withdrawn", "participant.left"]
    after = changes[-1].seat
    assert (after.has_floor, after.hand_at, after.device_id, after.held_mute) == (False, None, None, True)


def test_the_page_offers_what_the_seat_may() -> None:
    assert abilities(seated(STRANGER), conducts=False, records=False) == []
    assert abilities(seated(held_mute=True), conducts=False, records=False) == ["chat", "hand", "publish_camera"]
    assert abilities(None, conducts=True, records=True) == ["chat", "conduct", "end", "record"]
