"""One transport for both directions: what the client offers is answered with what it is to be sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import (
    Accepted,
    AnswerOptions,
    LocalTransport,
    Outgoing,
    Sections,
    SingleNegotiation,
    TooManySections,
    grammar,
)
from tests.fakes_relay import FINGERPRINT, audio, offer_sdp, video

WIRE = Path(__file__).parents[2] / "wire" / "sdp"
LOCAL = LocalTransport("oursufrg", "o" * 24, "sha-256", FINGERPRINT, (("192.0.2.1", 7882),))


def ear() -> str:
    """A section in which the client hears."""
    return audio("", "recvonly")


def eye() -> str:
    """A section in which the client sees."""
    return video("", "", "recvonly")


SIX = [ear(), ear(), ear(), eye(), eye(), eye()]  # what clients begin with; mids 1 to 6


def track(number: int, kind: Kind = Kind.AUDIO, **fields: object) -> Outgoing:
    rtx = 2000 + number if kind is Kind.VIDEO else 0
    mime_type = "video/vp8" if kind is Kind.VIDEO else "audio/opus"
    one = Outgoing(TrackSid(f"TR_{number}"), kind, f"PA_1|TR_{number}", 1000 + number, rtx, mime_type=mime_type)
    return replace(one, **fields)  # type: ignore[arg-type]  # fields by name


class Client:
    """Offers sections, adds those it is asked for, and reads the answers."""

    def __init__(self, sections: list[str] | None = None) -> None:
        self.negotiation = SingleNegotiation(LOCAL)
        self.sections = list(SIX if sections is None else sections)
        self.answer: tuple[grammar.Section, ...] = ()

    def offers(self, **options: AnswerOptions) -> list[Accepted]:
        self.negotiation.offer(offer_sdp(self.sections))
        self.negotiation.withdraw()
        placed = self.negotiation.place()
        self.answer = grammar.parse(self.negotiation.answer(options), scale=8).sections
        return placed

    def heeds(self) -> Sections | None:
        """Does what it is asked for, if anything."""
        due = self.negotiation.due()
        if due is not None:
            self.sections += [ear()] * due.audios + [eye()] * due.videos
            self.offers()
        return due

    def directions(self) -> list[str]:
        return [one.direction for one in self.answer[1:]]


# ------------------------------------------------------------------------------------------- binding


def test_what_waits_for_a_joiner_is_in_the_answer_to_its_first_offer() -> None:
    client = Client()
    client.negotiation.add(track(1))
    client.negotiation.add(track(2, Kind.VIDEO))
    assert client.negotiation.due() is None  # its offer is on its way
    placed = client.offers()
    assert [(one.track_sid, one.mid, one.codec.mime_type) for one in placed] == [
        ("TR_1", "1", "audio/opus"),
        ("TR_2", "4", "video/vp8"),
    ]
    assert client.directions() == ["sendonly", "inactive", "inactive", "sendonly", "inactive", "inactive"]
    assert client.negotiation.mids() == {"1": "TR_1", "4": "TR_2"}
    assert client.negotiation.due() is None


def test_the_answer_names_participant_track_and_ssrcs() -> None:
    client = Client()
    client.negotiation.add(track(2, Kind.VIDEO))
    client.offers()
    section = client.answer[4]
    assert section.value("msid") == "PA_1|TR_2 TR_2"
    assert section.value("ssrc-group") == "FID 1002 2002"
    assert [one.name for one in section.codecs()] == ["vp8", "rtx"]


def test_where_there_is_room_the_client_is_asked_to_offer_again() -> None:
    client = Client()
    client.offers()
    client.negotiation.add(track(1))
    assert client.heeds() == Sections(0, 0)
    assert client.negotiation.mids() == {"1": "TR_1"}
    assert client.heeds() is None


def test_where_there_is_none_it_is_asked_for_exactly_what_is_missing() -> None:
    client = Client()
    client.offers()
    for number in range(5):
        client.negotiation.add(track(number, Kind.VIDEO))
    client.negotiation.add(track(9))
    assert client.heeds() == Sections(0, 2)
    assert client.negotiation.mids() == {
        "1": "TR_9",
        "4": "TR_0",
        "5": "TR_1",
        "6": "TR_2",
        "7": "TR_3",
        "8": "TR_4",
    }
    assert client.heeds() is None


def test_a_client_that_begins_with_no_sections_is_asked_after_its_first_offer() -> None:
    client = Client([])
    client.negotiation.add(track(1))
    client.negotiation.add(track(2, Kind.VIDEO))
    assert client.offers() == []
    assert client.heeds() == Sections(1, 1)
    assert client.negotiation.mids() == {"1": "TR_1", "2": "TR_2"}


def test_what_was_asked_for_is_not_asked_for_again_while_it_may_be_on_its_way() -> None:
    client = Client([ear()])
    client.offers()
    client.negotiation.add(track(1))
    client.negotiation.add(track(2))
    assert client.negotiation.due() == Sections(1, 0)
    client.negotiation.add(track(3))
    assert client.negotiation.due() == Sections(1, 0)
    client.offers()  # under way before it knew
    assert client.negotiation.due() is None
    client.sections += [ear(), ear()]
    assert [one.track_sid for one in client.offers()] == ["TR_2", "TR_3"]
    assert client.negotiation.due() is None


def test_what_a_second_offer_did_not_bring_either_is_asked_for_again() -> None:
    client = Client([])
    client.offers()
    client.negotiation.add(track(1))
    assert client.negotiation.due() == Sections(1, 0)
    client.offers()
    assert client.negotiation.due() is None
    client.offers()
    assert client.negotiation.due() == Sections(1, 0)


def test_what_was_asked_for_over_a_lost_connection_is_asked_for_after_the_offer_that_follows() -> None:
    client = Client([])
    client.offers()
    client.negotiation.add(track(1))
    assert client.negotiation.due() == Sections(1, 0)
    client.negotiation.resumed()
    client.offers()
    assert client.heeds() == Sections(1, 0)
    assert client.negotiation.mids() == {"1": "TR_1"}


# --------------------------------------------------------------------------------------------- reuse


def test_a_section_is_used_again_once_the_client_knows_that_it_is_empty() -> None:
    client = Client([ear()])
    client.negotiation.add(track(1))
    client.offers()
    client.negotiation.remove(TrackSid("TR_1"))
    client.negotiation.add(track(2))
    assert client.heeds() == Sections(0, 0)
    assert client.directions() == ["inactive"]
    assert client.negotiation.mids() == {}
    assert client.heeds() == Sections(0, 0)
    assert client.directions() == ["sendonly"]
    assert client.negotiation.mids() == {"1": "TR_2"}
    assert client.heeds() is None


def test_a_track_that_goes_before_it_was_bound_asks_for_nothing() -> None:
    client = Client()
    client.offers()
    client.negotiation.add(track(1))
    client.negotiation.remove(TrackSid("TR_1"))
    assert client.negotiation.due() is None


def test_many_who_come_and_go_do_not_lengthen_the_offer() -> None:
    client = Client()
    client.offers()
    for number in range(30):
        client.negotiation.add(track(number))
        while client.heeds() is not None:
            pass
        assert list(client.negotiation.mids().values()) == [f"TR_{number}"]
        client.negotiation.remove(TrackSid(f"TR_{number}"))
    assert len(client.sections) == 6


def test_a_track_whose_section_the_client_gives_up_gets_another() -> None:
    client = Client([ear(), ear()])
    client.negotiation.add(track(1))
    client.offers()
    client.sections[0] = audio("", "inactive")
    client.negotiation.offer(offer_sdp(client.sections))
    assert client.negotiation.withdraw() == ["TR_1"]
    assert [(one.track_sid, one.mid) for one in client.negotiation.place()] == [("TR_1", "2")]


# -------------------------------------------------------------------------------- both ways, and codecs


def test_what_it_sends_is_received_beside_what_it_is_sent() -> None:
    client = Client([*SIX, audio("c-mic"), video("c-cam")])
    client.negotiation.add(track(1))
    client.offers()
    assert client.directions() == ["sendonly"] + ["inactive"] * 5 + ["recvonly"] * 2
    assert client.answer[8].value("simulcast") == "recv q;h;f"


def test_a_section_in_which_it_sends_too_carries_both() -> None:
    """Go's SDK publishes on the sections with which it began."""
    client = Client([audio("c-mic", "sendrecv")])
    client.negotiation.add(track(1))
    client.offers(**{"1": AnswerOptions(red=False)})
    section = client.answer[1]
    assert section.direction == "sendrecv"
    assert section.value("msid") == "PA_1|TR_1 TR_1"
    assert [one.name for one in section.codecs()] == ["opus"]


def test_sections_in_which_it_only_receives_are_used_first() -> None:
    client = Client([audio("c-mic", "sendrecv"), ear()])
    client.negotiation.add(track(1))
    client.offers()
    assert client.negotiation.mids() == {"2": "TR_1"}


def test_payload_types_are_those_of_the_offer() -> None:
    ours = ear().replace("111", "109").replace("\na=rtpmap:63 red/48000/2", "")  # as Firefox, which has no redundancy
    client = Client([ours, eye().replace(" 96 97", " 120 124").replace(":96", ":120").replace(":97", ":124")])
    client.sections[1] = client.sections[1].replace("apt=96", "apt=120")
    client.negotiation.add(track(1, red=True))
    client.negotiation.add(track(2, Kind.VIDEO))
    sound, picture = client.offers()
    assert (sound.codec.payload_type, sound.codec.red_payload_type) == (109, None)
    assert (picture.codec.payload_type, picture.codec.rtx_payload_type) == (120, 124)
    assert client.answer[1].formats == ("109",)
    assert client.answer[2].formats == ("120", "124")


@pytest.mark.parametrize("red", [True, False])
def test_sound_is_sent_with_redundancy_where_both_want_it(red: bool) -> None:
    client = Client()
    client.negotiation.add(track(1, red=red))
    (sound,) = client.offers()
    assert sound.codec.red_payload_type == (63 if red else None)


def test_a_track_that_the_client_cannot_decode_is_not_asked_for_again_and_again() -> None:
    client = Client()
    client.offers()
    client.negotiation.add(track(1, Kind.VIDEO, mime_type="video/h264"))
    assert client.negotiation.due() is None
    client.negotiation.add(track(2, Kind.VIDEO))
    assert client.heeds() == Sections(0, 0)
    assert list(client.negotiation.mids().values()) == ["TR_2"]


# ---------------------------------------------------------------------------------------- header extensions


def test_extensions_are_answered_in_every_section_from_the_first_answer_on() -> None:
    client = Client()
    client.offers()
    for section in client.answer[1:]:
        offered = {3, 4, 10, 11} if section.kind == "video" else {1, 3, 4}
        assert {one.number for one in section.extensions()} == offered


def test_each_direction_has_the_extensions_that_were_offered_for_it() -> None:
    mid = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"
    client = Client(
        [eye().replace(mid, mid.replace(":4", ":4/recvonly")).replace("a=extmap:3 ", "a=extmap:3/sendonly ")]
    )
    client.negotiation.add(track(1, Kind.VIDEO))
    (picture,) = client.offers()
    assert (picture.extensions.mid, picture.extensions.transport_cc) == (4, 0)
    directions = {one.number: one.direction for one in client.answer[1].extensions()}
    assert (directions[4], directions[3], directions[10]) == ("sendonly", "recvonly", "")


@pytest.mark.parametrize("reports", [True, False])
def test_pictures_are_numbered_for_those_who_report_the_numbers(reports: bool) -> None:
    client = Client([eye() if reports else eye().replace("a=rtcp-fb:96 transport-cc\n", "")])
    client.negotiation.add(track(1, Kind.VIDEO))
    (picture,) = client.offers()
    assert picture.extensions.transport_cc == (3 if reports else 0)


def test_sound_carries_no_numbers() -> None:
    client = Client()
    client.negotiation.add(track(1))
    (sound,) = client.offers()
    assert (sound.extensions.mid, sound.extensions.transport_cc, sound.extensions.audio_level) == (4, 0, 0)


# ------------------------------------------------------------------------------------------------ bounds


def test_an_offer_may_be_as_long_as_what_was_asked_for_and_no_longer() -> None:
    client = Client([])
    client.offers()
    with pytest.raises(TooManySections):
        client.negotiation.offer(offer_sdp([ear()] * 400))
    for number in range(400):
        client.negotiation.add(track(number))
    assert client.heeds() == Sections(400, 0)
    assert len(client.negotiation.mids()) == 400


# ------------------------------------------------------------------------------- as real clients have sent it


@pytest.mark.parametrize(
    ("client", "opus", "red", "vp8"), [("chromium", 111, 63, 96), ("firefox", 109, None, 120), ("python", 111, 63, 96)]
)
def test_what_real_clients_offer_is_answered_in_their_own_numbers(
    client: str, opus: int, red: int | None, vp8: int
) -> None:
    text = (WIRE / f"single_{client}_offer.sdp").read_text()
    negotiation = SingleNegotiation(LOCAL)
    negotiation.add(track(1, red=True))
    negotiation.add(track(2, Kind.VIDEO))
    offered = negotiation.offer(text)
    sound, picture = negotiation.place()
    assert (sound.codec.payload_type, sound.codec.red_payload_type, picture.codec.payload_type) == (opus, red, vp8)
    assert min(picture.extensions.mid, picture.extensions.transport_cc, picture.codec.rtx_payload_type or 0) > 0
    microphone, camera = offered.media
    assert [one.spatial for one in camera.encodings] == list(range(len(camera.encodings)))
    before = grammar.parse(text, scale=4).sections
    sections = grammar.parse(negotiation.answer({})).sections
    assert [(one.kind, one.mid) for one in sections] == [(one.kind, one.mid) for one in before]
    directions = {one.mid: one.direction for one in sections if one.kind != "application"}
    assert (directions.pop(sound.mid), directions.pop(picture.mid)) == ("sendonly", "sendonly")
    assert (directions.pop(microphone.mid), directions.pop(camera.mid)) == ("recvonly", "recvonly")
    assert set(directions.values()) == {"inactive"}
    for one, offer in zip(sections, before, strict=True):
        assert {each.number for each in one.extensions()} <= {each.number for each in offer.extensions()}
    assert sum(len(one.values("candidate")) for one in sections) == len(LOCAL.candidates)  # a bundle shares them
