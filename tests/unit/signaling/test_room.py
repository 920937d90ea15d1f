"""The rules of a room, said as sentences: who may do what, who is told, what follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from meetings.signaling.effects import (
    Asked,
    Dismissed,
    Effect,
    Happened,
    Happening,
    ParticipantChanged,
    Refusal,
    RequestAnswered,
    Subscribed,
    SubscriptionAllowed,
    TokenStale,
    TrackAccepted,
    TrackMuted,
    TrackStopped,
    Unsubscribed,
)
from meetings.signaling.grants import Grants
from meetings.signaling.model import (
    Client,
    Identity,
    Kind,
    ParticipantSid,
    Permission,
    Reason,
    RoomSettings,
    RoomSid,
    Source,
    State,
    TrackRequest,
    TrackSid,
)
from meetings.signaling.publishing import Refused
from meetings.signaling.room import Profile, Room, RoomFull
from meetings.signaling.subscriptions import Admitted, Guest

T = TypeVar("T")
MIC = TrackRequest("c-mic", Kind.AUDIO, Source.MICROPHONE)
CAMERA = TrackRequest("c-cam", Kind.VIDEO, Source.CAMERA)


def of(kind: type[T], effects: Iterable[Effect]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def happenings(effects: Iterable[Effect]) -> list[Happening]:
    return [one.happening for one in of(Happened, effects)]


class House:
    """A room and the few words tests need to speak about it."""

    def __init__(self, **settings: float) -> None:
        self.now = 1_000_000
        self.room = Room(RoomSid("RM_1"), "m1", now_ms=self.now, settings=replace(RoomSettings(), **settings))  # type: ignore[arg-type]  # fields by name
        self.count = 0

    def enters(
        self,
        identity: str,
        permission: Permission | None = None,
        *,
        sid: str = "",
        auto: bool = True,
        active: bool = True,
    ) -> list[Effect]:
        grants = Grants(Identity(identity), room="m1", room_join=True, permission=permission or Permission())
        name = ParticipantSid(sid or identity)
        effects = self.room.join(name, grants, Client(auto_subscribe=auto), self.now)
        return effects + (self.room.connected(name) if active else [])

    def publishes(self, who: str, request: TrackRequest = MIC) -> tuple[TrackSid, list[Effect]]:
        self.count += 1
        sid = TrackSid(f"TR_{self.count}")
        effects = self.room.publishing.announce(ParticipantSid(who), request, sid)
        return sid, effects + self.room.publishing.negotiated(ParticipantSid(who), sid, "0", "audio/opus")

    def chooses(self, who: str, tracks: Iterable[TrackSid], wanted: bool) -> list[Effect]:
        return self.room.choose(ParticipantSid(who), tracks, wanted, self.now)

    def allow(self, identity: str, permission: Permission) -> list[Effect]:
        return self.room.update_participant(identity, permission=permission)


@pytest.fixture
def house() -> House:
    return House()


def told(effects: Iterable[Effect], about: str) -> set[str]:
    return {sid for one in of(ParticipantChanged, effects) if one.participant.identity == about for sid in one.to}


# --------------------------------------------------------------------------------------- coming and going


def test_those_present_hear_of_a_newcomer_who_does_not_hear_of_himself_before_joining(house: House) -> None:
    house.enters("hue")
    effects = house.enters("vinh", active=False)
    assert told(effects, "vinh") == {"hue"}


def test_a_participant_counts_as_joined_only_when_its_media_works(house: House) -> None:
    assert happenings(house.enters("hue", active=False)) == []
    assert happenings(house.room.connected(ParticipantSid("hue"))) == [Happening.PARTICIPANT_JOINED]
    assert house.room.connected(ParticipantSid("hue")) == []


def test_a_second_connection_of_an_identity_puts_the_first_one_out(house: House) -> None:
    house.enters("hue", sid="old")
    house.enters("vinh")
    effects = house.enters("hue", sid="new", active=False)
    assert of(Dismissed, effects) == [Dismissed(ParticipantSid("old"), Reason.DUPLICATE_IDENTITY, said=True)]
    gone, come = of(ParticipantChanged, effects)
    assert (gone.participant.sid, gone.participant.state, gone.to) == ("old", State.DISCONNECTED, ("vinh",))
    assert come.participant.sid == "new"
    assert [one.sid for one in house.room.roster] == ["vinh", "new"]


def test_who_leaves_takes_its_tracks_along_and_others_are_told_last(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    track, _ = house.publishes("hue")
    effects = house.room.leave(ParticipantSid("hue"), Reason.CLIENT_INITIATED, house.now)
    assert of(TrackStopped, effects) == [TrackStopped(ParticipantSid("hue"), track, told=False)]
    assert of(Unsubscribed, effects) == [Unsubscribed(ParticipantSid("vinh"), track)]
    assert told(effects, "hue") == {"vinh"}
    assert happenings(effects) == [Happening.TRACK_UNPUBLISHED, Happening.PARTICIPANT_LEFT]
    assert of(Dismissed, effects)[0].said is False


def test_one_who_never_got_connected_is_reported_as_aborted(house: House) -> None:
    house.enters("hue", active=False)
    effects = house.room.leave(ParticipantSid("hue"), Reason.CONNECTION_TIMEOUT, house.now)
    assert happenings(effects) == [Happening.PARTICIPANT_CONNECTION_ABORTED]


def test_removal_tells_the_removed_one_why(house: House) -> None:
    house.enters("hue")
    effects = house.room.remove("hue", house.now)
    assert of(Dismissed, effects) == [Dismissed(ParticipantSid("hue"), Reason.PARTICIPANT_REMOVED, said=True)]
    with pytest.raises(KeyError):
        house.room.remove("hue", house.now)


def test_leaving_twice_changes_nothing(house: House) -> None:
    house.enters("hue")
    house.room.leave(ParticipantSid("hue"), Reason.CLIENT_INITIATED, house.now)
    assert house.room.leave(ParticipantSid("hue"), Reason.CLIENT_INITIATED, house.now) == []


def test_closing_dismisses_everybody(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    effects = house.room.close(Reason.ROOM_DELETED, house.now)
    assert {one.participant for one in of(Dismissed, effects)} == {"hue", "vinh"}
    assert len(house.room.roster) == 0


def test_a_full_room_admits_nobody_but_one_who_returns() -> None:
    house = House(max_participants=1)
    house.enters("hue", sid="first")
    with pytest.raises(RoomFull):
        house.enters("vinh")
    assert of(Dismissed, house.enters("hue", sid="second"))


def test_a_room_waits_long_for_the_first_and_shortly_after_the_last() -> None:
    house = House(empty_timeout=300, departure_timeout=20)
    assert not house.room.expired(house.now + 299_000)
    assert house.room.expired(house.now + 300_000)
    house.enters("hue")
    assert not house.room.expired(house.now + 9_000_000)
    house.room.leave(ParticipantSid("hue"), Reason.CLIENT_INITIATED, house.now)
    assert not house.room.expired(house.now + 19_000)
    assert house.room.expired(house.now + 20_000)


def test_every_change_of_a_participant_has_a_higher_version(house: House) -> None:
    effects = house.enters("hue")
    track, more = house.publishes("hue")
    effects += more + house.room.publishing.set_muted(ParticipantSid("hue"), track, True)
    effects += house.room.publishing.end(ParticipantSid("hue"), track)
    house.enters("vinh")
    effects += house.room.leave(ParticipantSid("hue"), Reason.CLIENT_INITIATED, house.now)
    versions = [one.participant.version for one in of(ParticipantChanged, effects)]
    assert versions == sorted(set(versions))


# ------------------------------------------------------------------------------------------------- hiding


def test_nobody_is_told_of_a_hidden_participant(house: House) -> None:
    house.enters("hue")
    effects = house.enters("recorder", Permission(hidden=True))
    assert told(effects, "recorder") <= {"recorder"}
    assert [one.identity for one in house.room.roster.shown_to(ParticipantSid("hue"))] == []
    assert [one.identity for one in house.room.roster.shown_to(ParticipantSid("recorder"))] == ["hue"]
    assert house.room.facts().participants == 1
    assert told(house.room.leave(ParticipantSid("recorder"), Reason.CLIENT_INITIATED, house.now), "recorder") == set()


def test_one_who_is_hidden_later_vanishes_for_others(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    effects = house.allow("hue", Permission(hidden=True))
    states = {sid: one.participant.state for one in of(ParticipantChanged, effects) for sid in one.to}
    assert states == {"hue": State.ACTIVE, "vinh": State.DISCONNECTED}


def test_a_hidden_recorder_shows_that_the_room_is_recorded(house: House) -> None:
    house.enters("recorder", Permission(hidden=True, recorder=True))
    assert house.room.facts().recording


# ------------------------------------------------------------------------------------------------- tracks


def test_a_track_is_known_to_others_once_it_is_negotiated(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    sid = TrackSid("TR_x")
    accepted = house.room.publishing.announce(ParticipantSid("hue"), MIC, sid)
    assert [one.track.sid for one in of(TrackAccepted, accepted)] == [sid]
    assert told(accepted, "hue") == set()
    effects = house.room.publishing.negotiated(ParticipantSid("hue"), sid, "3", "audio/opus")
    assert told(effects, "hue") == {"hue", "vinh"}
    assert [one.track.sid for one in of(Subscribed, effects)] == [sid]
    assert happenings(effects) == [Happening.TRACK_PUBLISHED]


def test_the_news_of_a_track_go_out_before_its_media(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    _, effects = house.publishes("hue")
    kinds = [type(one) for one in effects]
    assert kinds.index(ParticipantChanged) < kinds.index(Subscribed)


@pytest.mark.parametrize(
    ("permission", "source", "allowed"),
    [
        (Permission(), Source.CAMERA, True),
        (Permission(can_publish=False), Source.CAMERA, False),
        (Permission(sources=frozenset({Source.MICROPHONE})), Source.MICROPHONE, True),
        (Permission(sources=frozenset({Source.MICROPHONE})), Source.CAMERA, False),
        (Permission(can_publish=False, sources=frozenset({Source.CAMERA})), Source.CAMERA, False),
    ],
)
def test_only_permitted_sources_are_published(
    house: House, permission: Permission, source: Source, allowed: bool
) -> None:
    house.enters("hue", permission)
    request = TrackRequest("c", Kind.VIDEO, source)
    effects = house.room.publishing.announce(ParticipantSid("hue"), request, TrackSid("TR_1"))
    assert bool(of(TrackAccepted, effects)) is allowed
    assert [one.outcome for one in of(RequestAnswered, effects)] == ([] if allowed else [Refusal.NOT_ALLOWED])


def test_announcing_the_same_track_twice_gives_the_same_answer(house: House) -> None:
    house.enters("hue")
    first = house.room.publishing.announce(ParticipantSid("hue"), MIC, TrackSid("TR_1"))
    again = house.room.publishing.announce(ParticipantSid("hue"), MIC, TrackSid("TR_2"))
    assert first == again


def test_nobody_publishes_without_end(house: House) -> None:
    house.enters("hue")
    for number in range(100):
        request = replace(MIC, cid=f"c{number}")
        effects = house.room.publishing.announce(ParticipantSid("hue"), request, TrackSid(f"TR_{number}"))
        if of(RequestAnswered, effects):
            break
    assert of(RequestAnswered, effects)[0].outcome is Refusal.LIMIT_EXCEEDED
    assert number < 50


def test_a_mute_of_ones_own_is_not_told_back_to_oneself(house: House) -> None:
    house.enters("hue")
    track, _ = house.publishes("hue")
    effects = house.room.publishing.set_muted(ParticipantSid("hue"), track, True)
    assert of(TrackMuted, effects) == [TrackMuted(ParticipantSid("hue"), track, muted=True, told=False)]
    assert house.room.publishing.set_muted(ParticipantSid("hue"), track, True) == []


def test_the_server_mutes_but_only_the_publisher_unmutes(house: House) -> None:
    house.enters("hue")
    track, _ = house.publishes("hue")
    assert of(TrackMuted, house.room.publishing.mute_for("hue", track, True))[0].told
    with pytest.raises(Refused):
        house.room.publishing.mute_for("hue", track, False)
    assert of(TrackMuted, house.room.publishing.set_muted(ParticipantSid("hue"), track, False))


def test_nobody_mutes_the_track_of_another_as_his_own(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    track, _ = house.publishes("hue")
    (answer,) = house.room.publishing.set_muted(ParticipantSid("vinh"), track, True)
    assert isinstance(answer, RequestAnswered)
    assert (answer.outcome, answer.asked, answer.name) == (Refusal.NOT_FOUND, Asked.MUTE, track)
    with pytest.raises(KeyError):
        house.room.publishing.mute_for("vinh", track, True)


# ------------------------------------------------------------------------------------------ subscriptions


def test_a_newcomer_gets_what_is_already_published(house: House) -> None:
    house.enters("hue")
    track, _ = house.publishes("hue")
    (subscribed,) = of(Subscribed, house.enters("vinh"))
    assert (subscribed.subscriber, subscribed.track.sid, subscribed.first) == ("vinh", track, True)


def test_only_the_first_subscriber_is_news_to_the_publisher(house: House) -> None:
    house.enters("hue")
    house.publishes("hue")
    assert [one.first for one in of(Subscribed, house.enters("vinh") + house.enters("dalat"))] == [True, False]


def test_without_auto_subscribe_only_chosen_tracks_come(house: House) -> None:
    house.enters("hue")
    house.enters("vinh", auto=False)
    mic, _ = house.publishes("hue")
    camera, effects = house.publishes("hue", CAMERA)
    assert of(Subscribed, effects) == []
    chosen = house.chooses("vinh", [camera, TrackSid("TR_unknown")], True)
    assert [one.track.sid for one in of(Subscribed, chosen)] == [camera]
    assert house.chooses("vinh", [camera], True) == []
    dropped = house.chooses("vinh", [camera, mic], False)
    assert of(Unsubscribed, dropped) == [Unsubscribed(ParticipantSid("vinh"), camera)]


def test_one_who_may_not_subscribe_gets_nothing_until_he_may(house: House) -> None:
    house.enters("hue")
    house.publishes("hue")
    assert of(Subscribed, house.enters("vinh", Permission(can_subscribe=False))) == []
    assert of(Subscribed, house.allow("vinh", Permission()))
    assert of(Unsubscribed, house.allow("vinh", Permission(can_subscribe=False)))


def test_nobody_receives_himself(house: House) -> None:
    house.enters("hue")
    _, effects = house.publishes("hue")
    assert of(Subscribed, effects) == []


def test_a_publisher_may_name_who_receives_it(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    house.enters("dalat")
    track, _ = house.publishes("hue")
    only_vinh = [Guest("vinh", "", Admitted(tracks=frozenset({track})))]
    effects = house.room.admit(ParticipantSid("hue"), False, only_vinh)
    assert of(Unsubscribed, effects) == [Unsubscribed(ParticipantSid("dalat"), track)]
    assert of(SubscriptionAllowed, effects) == [
        SubscriptionAllowed(ParticipantSid("dalat"), ParticipantSid("hue"), track, allowed=False)
    ]
    assert of(Subscribed, house.room.admit(ParticipantSid("hue"), True, []))


# --------------------------------------------------------------------------------- permission and metadata


def test_revoking_a_source_unpublishes_it_and_leaves_the_rest(house: House) -> None:
    house.enters("hue")
    house.enters("vinh")
    mic, _ = house.publishes("hue")
    camera, _ = house.publishes("hue", CAMERA)
    effects = house.allow("hue", Permission(sources=frozenset({Source.CAMERA})))
    assert of(TrackStopped, effects) == [TrackStopped(ParticipantSid("hue"), mic, told=True)]
    assert of(Unsubscribed, effects) == [Unsubscribed(ParticipantSid("vinh"), mic)]
    present = house.room.roster.by_identity("hue")
    assert present is not None
    assert [track.sid for track in present.tracks] == [camera]


def test_a_changed_permission_brings_a_new_token_and_an_unchanged_one_nothing(house: House) -> None:
    house.enters("hue")
    held = Permission(sources=frozenset({Source.CAMERA}))
    assert of(TokenStale, house.allow("hue", held)) == [TokenStale(ParticipantSid("hue"))]
    assert house.allow("hue", held) == []


def test_a_participant_changes_its_attributes_only_if_it_may(house: House) -> None:
    house.enters("hue")
    refused = house.room.update_own(ParticipantSid("hue"), Profile(attributes={"hand": "up"}), 7)
    assert [(one.request_id, one.outcome) for one in of(RequestAnswered, refused)] == [(7, Refusal.NOT_ALLOWED)]
    house.allow("hue", Permission(can_update_metadata=True))
    done = house.room.update_own(ParticipantSid("hue"), Profile(attributes={"hand": "up"}), 8)
    assert of(ParticipantChanged, done)[0].participant.attributes == {"hand": "up"}
    assert of(RequestAnswered, done)[0].outcome is Refusal.OK


def test_an_empty_attribute_is_deleted_and_the_others_stay(house: House) -> None:
    house.enters("hue")
    house.room.update_participant("hue", Profile(attributes={"a": "1", "b": "2"}))
    house.room.update_participant("hue", Profile("Huế", attributes={"a": ""}))
    present = house.room.roster.by_identity("hue")
    assert present is not None
    assert (present.attributes, present.name) == ({"b": "2"}, "Huế")


def test_too_large_attributes_are_refused_and_nothing_changes(house: House) -> None:
    house.enters("hue", Permission(can_update_metadata=True))
    effects = house.room.update_own(ParticipantSid("hue"), Profile("x", attributes={"a": "x" * 70_000}), 1)
    assert of(RequestAnswered, effects)[0].outcome is Refusal.LIMIT_EXCEEDED
    assert of(ParticipantChanged, effects) == []
    with pytest.raises(Refused):
        house.room.set_metadata("x" * 600_000)


# --------------------------------------------------------------------------------------------------- data


def test_data_goes_to_all_others_or_to_those_named(house: House) -> None:
    for name in ("hue", "vinh", "dalat"):
        house.enters(name)
    assert house.room.receivers(ParticipantSid("hue")) == ("vinh", "dalat")
    assert house.room.receivers(ParticipantSid("hue"), ["dalat", "nobody"]) == ("dalat",)


def test_one_who_may_not_send_data_reaches_nobody(house: House) -> None:
    house.enters("hue", Permission(can_publish_data=False))
    house.enters("vinh")
    assert house.room.receivers(ParticipantSid("hue")) == ()
