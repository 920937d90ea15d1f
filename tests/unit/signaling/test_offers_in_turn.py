"""Offer after offer to one subscriber, some of them lost: browsers take each, whichever of them they have seen."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from meetings.signaling.negotiation import LocalTransport, SubscriberNegotiation, grammar
from tests.fakes_relay import FINGERPRINT, answer_to
from tests.unit.signaling.comings import Comings

LOCAL = LocalTransport("oursufrg", "o" * 24, "sha-256", FINGERPRINT, (("192.0.2.1", 7882),))
Sections = list[tuple[str, bool]]  # mid, stopped


class Browser:
    """The rule of libwebrtc: a section changes its mid only from a stopped one to one in use; none may go missing.

    What was offered to it and what it answered are compared each: stopped in one of them is enough.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.remote: Sections = []
        self.local: Sections = []

    def take(self, offer: str, *, refuses: bool = False) -> str:
        new = [(one.mid, one.stopped) for one in grammar.parse(offer, scale=8).sections]
        assert len(new) >= len(self.local), "a section is missing"
        for index, (mid, stopped) in enumerate(self.local):
            was_stopped = stopped or self.remote[index][1]
            newer, newer_stopped = new[index]
            assert newer == mid or (was_stopped and not newer_stopped), "the order of sections has changed"
        answer = _refusing(answer_to(offer), self.chance) if refuses else answer_to(offer)
        self.remote = new
        self.local = [(one.mid, one.stopped) for one in grammar.parse(answer, scale=8).sections]
        return answer

    @property
    def in_use(self) -> set[str]:
        return {mid for mid, stopped in self.remote if not stopped}


def _refusing(answer: str, chance: random.Random) -> str:
    """Without one section: the browser has no decoder for it."""
    head, *sections = answer.split("m=")
    at = chance.randrange(1, len(sections)) if len(sections) > 1 else None
    parts = [one.replace(" 9 ", " 0 ", 1) if index == at else one for index, one in enumerate(sections)]
    return "m=".join([head, *parts])


class Line(Comings):
    """A subscriber, its browser, and what is under way between them."""

    def __init__(self, seed: int) -> None:
        self.negotiation = SubscriberNegotiation(LOCAL)
        super().__init__(seed, self.negotiation)
        self.browser = Browser(self.chance)
        self.offered: tuple[int, str] | None = None
        self.answer: tuple[int, str] | None = None
        self.late: str | None = None  # an answer over a connection that was lost

    def offer(self) -> None:
        self.offered = self.negotiation.next_offer() or self.offered

    def arrive(self, *, refuses: bool = False) -> None:
        if self.offered is not None:
            number, offer = self.offered
            self.answer, self.offered = (number, self.browser.take(offer, refuses=refuses)), None

    def arrive_and_be_refused(self) -> None:
        self.arrive(refuses=True)

    def settle(self) -> None:
        """The answer comes back; some clients say 0 for its number. What was refused in it is no longer offered."""
        if self.answer is not None:
            number, answer = self.answer
            self.answer = None
            taken = self.negotiation.answered(self.chance.choice([number, 0]), answer)
            for sid in self.negotiation.refused if taken is not None else []:
                self.tracks.remove(sid)
                self.negotiation.remove(sid)

    def lose_connection(self) -> None:
        """An offer under way is lost; an answer too, or it comes over the next connection."""
        self.late = self.answer[1] if self.answer is not None else self.late
        self.offered = self.answer = None
        self.negotiation.restart(LOCAL)

    def come_late(self) -> None:
        """An answer to an offer before the last, without a number."""
        if self.late is not None and self.answer is None:
            self.negotiation.answered(0, self.late)
            self.late = None

    def round_trip(self) -> None:
        self.offer()
        self.arrive()
        self.settle()

    @property
    def happenings(self) -> Iterator[tuple[str, int]]:
        yield from (("come", 3), ("go", 3), ("offer", 2), ("arrive", 2), ("arrive_and_be_refused", 1), ("settle", 2))
        yield from (("round_trip", 2), ("lose_connection", 2), ("come_late", 1))


@pytest.mark.parametrize("seed", range(120))
def test_every_offer_can_be_taken_and_in_the_end_exactly_the_tracks_are_in_use(seed: int) -> None:
    line = Line(seed)
    names, weights = zip(*line.happenings, strict=True)
    for name in line.chance.choices(names, weights, k=150):
        getattr(line, name)()
    for _ in range(5):
        line.arrive()
        line.settle()
        line.round_trip()
    carried = line.negotiation.mids()
    assert sorted(carried.values()) == sorted(line.tracks)
    assert line.browser.in_use == {"0", *carried}
    assert line.negotiation.next_offer() is None


def test_a_section_whose_new_track_is_gone_before_it_was_offered_is_offered_as_idle_and_then_stopped() -> None:
    line = Line(1)
    for step in (line.come, line.round_trip, line.go, line.round_trip, line.come, line.go, line.offer):
        step()
    assert line.offered is not None
    assert "m=audio 9" in line.offered[1].replace("m=video", "m=audio")
    line.arrive()
    line.settle()
    line.round_trip()
    assert line.browser.in_use == {"0"}


def test_an_answer_without_a_number_to_an_offer_before_the_last_is_not_taken_for_one_to_the_last() -> None:
    line = Line(2)
    for step in (line.come, line.offer, line.arrive, line.lose_connection, line.come, line.offer):
        step()
    assert line.late is not None
    assert line.negotiation.answered(0, line.late) is None
    line.arrive()
    line.settle()
    assert len(line.negotiation.mids()) == 2
