"""Offer after offer to one subscriber, some of them lost: browsers take each, whichever of them they have seen."""

from __future__ import annotations

import random

import pytest

from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import LocalTransport, Outgoing, SubscriberNegotiation, grammar
from tests.fakes_relay import FINGERPRINT, answer_to

LOCAL = LocalTransport("oursufrg", "o" * 24, "sha-256", FINGERPRINT, (("192.0.2.1", 7882),))


class Browser:
    """The rule of libwebrtc: a section changes its mid only from a stopped one to one in use; none may go missing."""

    def __init__(self) -> None:
        self.sections: list[tuple[str, bool]] = []  # mid, stopped

    def take(self, offer: str) -> str:
        new = [(one.mid, one.stopped) for one in grammar.parse(offer, scale=8).sections]
        assert len(new) >= len(self.sections), "a section is missing"
        for (mid, stopped), (newer, newer_stopped) in zip(self.sections, new, strict=False):
            assert newer == mid or (stopped and not newer_stopped), "the order of sections has changed"
        self.sections = new
        return answer_to(offer)

    @property
    def in_use(self) -> list[str]:
        return [mid for mid, stopped in self.sections if not stopped]


class Line:
    """A subscriber, its browser, and what is under way between them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.negotiation = SubscriberNegotiation(LOCAL)
        self.browser = Browser()
        self.tracks: list[str] = []
        self.count = 0
        self.answer: tuple[int, str] | None = None

    def come(self) -> None:
        self.count += 1
        kind = self.chance.choice([Kind.AUDIO, Kind.VIDEO])
        sid = TrackSid(f"TR_{self.count}")
        self.tracks.append(sid)
        rtx = 90_000 + self.count if kind is Kind.VIDEO else 0
        self.negotiation.add(Outgoing(sid, kind, f"PA_1|{sid}", 1000 + self.count, rtx))

    def go(self) -> None:
        if self.tracks:
            self.negotiation.remove(TrackSid(self.tracks.pop(self.chance.randrange(len(self.tracks)))))

    def offer(self) -> None:
        due = self.negotiation.next_offer()
        if due is not None:
            self.answer = due[0], self.browser.take(due[1])

    def settle(self) -> None:
        if self.answer is not None:
            self.negotiation.answered(*self.answer)
            self.answer = None

    def lose_offer(self) -> None:
        self.settle()
        self.negotiation.next_offer()
        self.negotiation.restart(LOCAL)

    def lose_answer(self) -> None:
        self.offer()
        self.answer = None
        self.negotiation.restart(LOCAL)


@pytest.mark.parametrize("seed", range(200))
def test_every_offer_can_be_taken_and_in_the_end_exactly_the_tracks_are_in_use(seed: int) -> None:
    line = Line(seed)
    happenings = [line.come, line.come, line.go, line.go, line.offer, line.settle, line.lose_offer, line.lose_answer]
    for _ in range(120):
        line.chance.choice(happenings)()
    for _ in range(4):
        line.settle()
        line.offer()
    carried = line.negotiation.mids()
    assert sorted(carried.values()) == sorted(line.tracks)
    assert set(line.browser.in_use) == {"0", *carried}
    assert line.negotiation.next_offer() is None


def test_a_section_whose_new_track_is_gone_before_it_was_offered_is_offered_as_idle_and_then_stopped() -> None:
    line = Line(1)
    line.come()
    for step in (line.offer, line.settle, line.go, line.offer, line.settle, line.come, line.go):
        step()
    first = line.negotiation.next_offer()
    assert first is not None
    assert "m=audio 9" in first[1].replace("m=video", "m=audio")
    line.browser.take(first[1])
    line.negotiation.answered(first[0], answer_to(first[1]))
    line.offer()
    assert line.browser.in_use == ["0"]
