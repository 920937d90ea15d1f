"""The loudest voices: who gets a place at once, who keeps it, who is always heard."""

from __future__ import annotations

import itertools

from meetings.signaling.media.voices import Gate, Voices

STEP = 0.02
QUIET, SPEECH, LOUD = 127, 35, 20


class Room:
    """Everybody sends a packet every 20 ms."""

    def __init__(self, *names: str, places: int = 2) -> None:
        self.voices = Voices(places)
        self.names = names
        self.now = 100.0

    def during(self, seconds: float, **levels: int) -> list[set[str]]:
        """Who is passed on at every step; who is not named is quiet."""
        passed = []
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            for name in self.names:
                self.voices.heard(name, levels.get(name, QUIET), self.now)
            passed.append(self.voices.placed)
        return passed


def test_a_voice_is_passed_from_its_first_packet() -> None:
    room = Room("a", "b", "c")
    room.during(5)
    assert room.during(STEP, c=SPEECH) == [{"c"}]
    room.during(3)
    assert room.during(STEP, a=SPEECH) == [{"a", "c"}]


def test_who_has_just_spoken_keeps_its_place_and_others_get_it_at_once_afterwards() -> None:
    room = Room("a", "b", "c")
    room.during(2, a=SPEECH, b=SPEECH)
    passed = room.during(1.4, c=SPEECH)
    assert all(one == {"a", "b"} for one in passed)
    passed = room.during(0.2, c=SPEECH)
    assert "c" in passed[-1]
    room.during(2)
    assert "b" in room.during(STEP, b=SPEECH)[0] or "a" in room.during(STEP, a=SPEECH)[0]


def test_among_those_who_speak_the_louder_comes_in_but_nobody_flickers() -> None:
    room = Room("a", "b", "c")
    room.during(2, a=SPEECH, b=LOUD)
    passed = room.during(2, a=SPEECH, b=LOUD, c=LOUD)
    assert passed[-1] == {"b", "c"}
    changes = sum(before != after for before, after in itertools.pairwise(passed))
    assert changes == 1
    equal = room.during(10, a=LOUD - 2, b=LOUD, c=LOUD)
    assert len({frozenset(one) for one in equal}) == 1


def test_never_more_than_there_are_places() -> None:
    room = Room(*"abcdefgh", places=3)
    for name in "abcdefgh" * 3:
        assert all(len(one) <= 3 for one in room.during(0.5, **{name: SPEECH, "a": LOUD}))


def test_a_place_is_free_when_its_track_ends() -> None:
    room = Room("a", "b", places=1)
    room.during(1, a=SPEECH)
    assert room.during(STEP, b=SPEECH) == [{"a"}]
    room.voices.left("a")
    assert Room.during(room, STEP, b=SPEECH) == [{"b"}]


def test_who_holds_the_floor_is_heard_and_takes_no_place() -> None:
    voices = Voices(1)
    chair, a = Gate("chair", voices, always=True), Gate("a", voices, always=False)
    assert chair.open
    assert not a.open
    assert not chair.heard(QUIET, 1.0)
    assert a.heard(SPEECH, 1.0)
    assert (chair.open, a.open) == (True, True)
    b = Gate("b", voices, always=False)
    assert not b.heard(SPEECH, 1.1)
    assert b.keep_open(True)
    assert b.open
    assert not b.keep_open(False)
    assert b.heard(QUIET, 1.2)  # now it is one of many again
    assert not b.open


def test_without_the_option_everybody_is_heard() -> None:
    gate = Gate("a", None, always=False)
    assert gate.open
    assert not gate.heard(QUIET, 1.0)
    assert gate.open
