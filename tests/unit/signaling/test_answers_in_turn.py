"""Answer after answer to a client with one connection, some lost: it takes each, and notices every track."""

from __future__ import annotations

import pytest

from meetings.signaling.model import Kind
from meetings.signaling.negotiation import LocalTransport, SingleNegotiation, grammar
from tests.fakes_relay import FINGERPRINT, audio, offer_sdp, video
from tests.unit.signaling.comings import Comings

LOCAL = LocalTransport("oursufrg", "o" * 24, "sha-256", FINGERPRINT, (("192.0.2.1", 7882),))


def _section(kind: Kind, cid: str, direction: str) -> str:
    return audio(cid, direction) if kind is Kind.AUDIO else video(cid, direction=direction)


class Browser:
    """The rules of libwebrtc: an answer has the offer's sections; a track is noticed where nothing came before it."""

    def __init__(self) -> None:
        self.sections: list[tuple[Kind, str]] = [
            (kind, "recvonly") for kind in (Kind.AUDIO, Kind.VIDEO) for _ in range(3)
        ]
        self.offered: list[tuple[Kind, str]] = []
        self.carried: dict[str, str] = {}  # by mid, as far as it has seen

    def offer(self) -> str:
        self.offered = list(self.sections)
        return offer_sdp([_section(kind, f"c-{at}", way) for at, (kind, way) in enumerate(self.offered)])

    def take(self, answer: str) -> None:
        data, *sections = grammar.parse(answer, scale=16).sections
        assert (data.kind, data.stopped) == ("application", False)
        assert [(one.mid, one.kind) for one in sections] == [
            (str(at), kind.value) for at, (kind, _) in enumerate(self.offered, start=1)
        ]
        for section, (_, offered) in zip(sections, self.offered, strict=True):
            assert not section.stopped, "what is offered in use is not stopped: the client could never use it again"
            assert not section.receives or offered in ("sendonly", "sendrecv")
            assert not section.sends or offered in ("recvonly", "sendrecv")
            self._carry(section)

    def _carry(self, section: grammar.Section) -> None:
        track = section.value("msid").split(" ")[-1] if section.sends else ""
        before = self.carried.get(section.mid, "")
        assert not (before and track) or before == track, "a track is not noticed where another came until now"
        self.carried[section.mid] = track

    @property
    def heard(self) -> list[str]:
        return sorted(track for track in self.carried.values() if track)


class Line(Comings):
    """A participant with one connection, and its browser."""

    def __init__(self, seed: int) -> None:
        self.negotiation = SingleNegotiation(LOCAL)
        super().__init__(seed, self.negotiation)
        self.browser = Browser()

    def answered(self) -> str:
        self.negotiation.offer(self.browser.offer())
        self.negotiation.withdraw()
        self.negotiation.place()
        return self.negotiation.answer({})

    def exchange(self) -> None:
        self.browser.take(self.answered())

    def heed(self) -> None:
        """Does what it is asked for, if anything."""
        if (due := self.negotiation.due()) is not None:
            self.browser.sections += [(Kind.AUDIO, "recvonly")] * due.audios + [(Kind.VIDEO, "recvonly")] * due.videos
            self.exchange()

    def publish(self) -> None:
        """Its own track: in a section of its own, or in one where it listens."""
        at = self.chance.randrange(2 * len(self.browser.sections))
        if at < len(self.browser.sections):
            kind, way = self.browser.sections[at]
            self.browser.sections[at] = kind, {"recvonly": "sendrecv", "inactive": "sendonly"}.get(way, way)
        else:
            self.browser.sections.append((self.chance.choice([Kind.AUDIO, Kind.VIDEO]), "sendonly"))
        self.exchange()

    def unpublish(self) -> None:
        at = self.chance.randrange(len(self.browser.sections))
        kind, way = self.browser.sections[at]
        self.browser.sections[at] = kind, {"sendrecv": "recvonly", "sendonly": "inactive"}.get(way, way)
        self.exchange()

    def lose_request(self) -> None:
        self.negotiation.due()
        self.resume()

    def lose_answer(self) -> None:
        self.answered()
        self.resume()

    def lose_offer(self) -> None:
        self.browser.offer()
        self.resume()

    def resume(self) -> None:
        """Its own offer comes first; rooms do not stand still meanwhile."""
        self.negotiation.resumed()
        for happening in self.chance.choices([self.come, self.go], k=self.chance.randrange(3)):
            happening()
        self.exchange()


@pytest.mark.parametrize("seed", range(40))
def test_every_answer_can_be_taken_and_in_the_end_exactly_the_tracks_are_heard(seed: int) -> None:
    line = Line(seed)
    line.exchange()
    often = [line.come, line.go, line.heed] * 3
    seldom = [line.exchange, line.publish, line.unpublish, line.lose_request, line.lose_answer, line.lose_offer]
    for _ in range(80):
        line.chance.choice(often + seldom)()
    for _ in range(4):
        line.heed()
    assert line.negotiation.due() is None
    assert line.browser.heard == sorted(line.tracks) == sorted(line.negotiation.mids().values())


def test_a_section_is_not_used_again_before_the_client_has_seen_it_empty() -> None:
    line = Line(1)
    line.come()
    line.exchange()
    line.go()
    line.answered()  # and lost
    line.negotiation.resumed()
    line.come()
    line.exchange()
    line.heed()
    assert line.browser.heard == line.tracks
