"""Who gets which track: wishes, some of them early, admissions by the publisher, and rights."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from meetings.signaling import limits
from meetings.signaling.effects import (
    Effect,
    NotSubscribable,
    Subscribed,
    SubscriptionAllowed,
    SubscriptionFailed,
    Unsubscribed,
)
from meetings.signaling.model import ParticipantSid, Permission, Reason, TrackSid
from meetings.signaling.subscriptions import AWAITED_MS, Admitted, Guest
from tests.unit.signaling.test_room import CAMERA, House, of

HUE, VINH, DALAT = (ParticipantSid(name) for name in ("hue", "vinh", "dalat"))
EVERYTHING = Admitted(all_tracks=True)


@pytest.fixture
def house() -> House:
    house = House()
    for name in (HUE, VINH, DALAT):
        house.enters(name)
    return house


def told(effects: Iterable[Effect]) -> list[tuple[str, bool]]:
    return [(one.to, one.allowed) for one in of(SubscriptionAllowed, effects)]


def got(effects: Iterable[Effect]) -> list[str]:
    return [one.subscriber for one in of(Subscribed, effects)]


def lost(effects: Iterable[Effect]) -> list[str]:
    return [one.subscriber for one in of(Unsubscribed, effects)]


# ------------------------------------------------------------------------------------------- early wishes


def test_a_track_may_be_asked_for_before_it_is_here() -> None:
    house = House()
    house.enters("hue")
    house.enters("vinh", auto=False)
    assert house.chooses("vinh", [TrackSid("TR_1")], True) == []
    track, effects = house.publishes("hue")
    assert (track, got(effects)) == ("TR_1", ["vinh"])
    assert house.room.overdue(house.now + 10 * AWAITED_MS) == []


def test_a_track_that_does_not_come_is_given_up_and_said(house: House) -> None:
    house.chooses("vinh", [TrackSid("TR_no")], True)
    assert house.room.overdue(house.now + AWAITED_MS - 1) == []
    failed = SubscriptionFailed(VINH, TrackSid("TR_no"), NotSubscribable.NOT_FOUND)
    assert house.room.overdue(house.now + AWAITED_MS) == [failed]
    assert house.room.overdue(house.now + 2 * AWAITED_MS) == []


def test_one_who_no_longer_wants_it_or_has_left_is_not_told(house: House) -> None:
    for name in ("vinh", "dalat"):
        house.chooses(name, [TrackSid("TR_no")], True)
    house.chooses("vinh", [TrackSid("TR_no")], False)
    house.room.leave(DALAT, Reason.CLIENT_INITIATED, house.now)
    assert house.room.overdue(house.now + AWAITED_MS) == []


def test_nobody_waits_for_tracks_without_end(house: House) -> None:
    wishes = [TrackSid(f"TR_x{number}") for number in range(limits.AWAITED_TRACKS + 2)]
    refused = house.chooses("vinh", wishes, True)
    assert [one.track_sid for one in of(SubscriptionFailed, refused)] == wishes[-2:]
    assert of(SubscriptionFailed, house.chooses("vinh", wishes[:1], True)) == []


def test_what_a_client_cannot_decode_is_no_longer_sent_to_it(house: House) -> None:
    camera, _ = house.publishes("hue", CAMERA)
    effects = house.room.cannot_receive(VINH, [camera, TrackSid("TR_no")])
    assert of(SubscriptionFailed, effects) == [SubscriptionFailed(VINH, camera, NotSubscribable.CODEC_UNSUPPORTED)]
    assert lost(effects) == ["vinh"]
    assert got(house.chooses("vinh", [camera], True)) == ["vinh"]


# --------------------------------------------------------------------------------------------- admissions


def test_a_publisher_takes_a_track_away_and_gives_it_back(house: House) -> None:
    track, _ = house.publishes("hue")
    shut = house.room.admit(HUE, False, [Guest("vinh", "", EVERYTHING)])
    assert (told(shut), lost(shut)) == ([("dalat", False)], ["dalat"])
    assert house.room.admit(HUE, False, [Guest("vinh", "", EVERYTHING)]) == []
    single = [Guest("vinh", "", EVERYTHING), Guest("dalat", "", Admitted(tracks=frozenset({track})))]
    opened = house.room.admit(HUE, False, single)
    assert (told(opened), got(opened)) == ([("dalat", True)], ["dalat"])
    assert isinstance(opened[0], SubscriptionAllowed)  # said before it comes


def test_a_new_track_is_not_for_those_who_were_admitted_to_another(house: House) -> None:
    mic, _ = house.publishes("hue")
    house.room.admit(HUE, False, [Guest("vinh", "", EVERYTHING), Guest("dalat", "", Admitted(tracks=frozenset({mic})))])
    _, effects = house.publishes("hue", CAMERA)
    assert (told(effects), got(effects)) == ([("dalat", False)], ["vinh"])


def test_a_late_joiner_is_told_at_once_what_it_may_not_have(house: House) -> None:
    house.publishes("hue")
    house.room.admit(HUE, False, [Guest("vinh", "", EVERYTHING)])
    assert told(house.enters("buonho")) == [("buonho", False)]
    assert got(house.room.admit(HUE, True, [])) == ["dalat", "buonho"]


def test_one_named_by_sid_is_meant_under_its_next_sid_too(house: House) -> None:
    house.publishes("hue")
    house.room.admit(HUE, False, [Guest("", "vinh", EVERYTHING), Guest("", "PA_gone", EVERYTHING)])
    effects = house.enters("vinh", sid="PA_2")
    assert (told(effects), got(effects)) == ([], ["PA_2"])


def test_the_last_line_about_somebody_counts(house: House) -> None:
    house.publishes("hue")
    twice = [Guest("vinh", "", EVERYTHING), Guest("vinh", "", Admitted()), Guest("dalat", "", EVERYTHING)]
    assert lost(house.room.admit(HUE, False, twice)) == ["vinh"]


def test_a_recorder_is_admitted_everywhere(house: House) -> None:
    house.publishes("hue")
    house.room.admit(HUE, False, [])
    assert got(house.enters("recorder", Permission(recorder=True, hidden=True))) == ["recorder"]


def test_one_who_does_not_want_a_track_is_not_told_about_it() -> None:
    house = House()
    house.enters("hue")
    house.enters("vinh", auto=False)
    track, _ = house.publishes("hue")
    assert told(house.room.admit(HUE, False, [])) == []
    assert told(house.chooses("vinh", [track], True)) == [("vinh", False)]
    assert got(house.room.admit(HUE, True, [])) == ["vinh"]


def test_admissions_end_with_the_publisher(house: House) -> None:
    house.publishes("hue")
    house.room.admit(HUE, False, [])
    house.room.leave(HUE, Reason.CLIENT_INITIATED, house.now)
    house.enters("hue")
    assert got(house.publishes("hue")[1]) == ["vinh", "dalat"]


# ------------------------------------------------------------------------------------------------- rights


def test_a_right_that_is_given_back_brings_back_what_was_chosen(house: House) -> None:
    mic, _ = house.publishes("hue")
    camera, _ = house.publishes("hue", CAMERA)
    house.chooses("vinh", [camera], False)
    assert lost(house.allow("vinh", Permission(can_subscribe=False))) == ["vinh"]
    house.room.admit(HUE, False, [Guest("dalat", "", EVERYTHING)])
    back = house.allow("vinh", Permission())
    assert (told(back), got(back)) == ([("vinh", False)], [])
    assert [one.track.sid for one in of(Subscribed, house.room.admit(HUE, True, []))] == [mic]
