"""Descriptions: what clients offer is answered so that it arrives, and what we offer can be taken."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from meetings.signaling.media.schema import Encoding
from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import (
    AnswerOptions,
    LocalTransport,
    Outgoing,
    PublisherNegotiation,
    SdpError,
    SubscriberNegotiation,
    grammar,
)
from tests.fakes_relay import FINGERPRINT, answer_to, audio, offer_sdp, video

LOCAL = LocalTransport("oursufrg", "o" * 24, "sha-256", FINGERPRINT, (("192.0.2.1", 7882), ("127.0.0.1", 7882)))


def publisher() -> PublisherNegotiation:
    return PublisherNegotiation(LOCAL)


def answered(offer: str, **options: AnswerOptions) -> grammar.Description:
    negotiation = publisher()
    negotiation.offer(offer)
    return grammar.parse(negotiation.answer(options))


def outgoing(number: int, kind: Kind = Kind.AUDIO) -> Outgoing:
    rtx = 2000 + number if kind is Kind.VIDEO else 0
    return Outgoing(TrackSid(f"TR_{number}"), kind, f"PA_1|TR_{number}", 1000 + number, rtx)


# -------------------------------------------------------------------------------------------- answers


def test_an_offer_says_what_arrives_where() -> None:
    offered = publisher().offer(offer_sdp([audio("c-mic"), video("c-cam")]))
    mic, camera = offered.media
    assert (mic.mid, mic.kind, mic.cid, mic.mime_type) == ("1", Kind.AUDIO, "c-mic", "audio/opus")
    assert (camera.mid, camera.cid, camera.mime_type) == ("2", "c-cam", "video/vp8")
    assert camera.codec is not None
    assert (camera.codec.payload_type, camera.codec.rtx_payload_type) == (96, 97)
    assert (camera.extensions.mid, camera.extensions.rid, camera.extensions.repaired_rid) == (4, 10, 11)
    assert [(one.spatial, one.rid) for one in camera.encodings] == [(0, "q"), (1, "h"), (2, "f")]
    assert (offered.remote.ice_ufrag, offered.remote.sctp_port) == ("abcd", 5000)


def test_layers_are_ordered_by_their_names_whatever_the_order_of_the_offer() -> None:
    (camera,) = publisher().offer(offer_sdp([video("c", rids="f;h;q")])).media
    assert [(one.spatial, one.rid) for one in camera.encodings] == [(0, "q"), (1, "h"), (2, "f")]


def test_two_layers_count_from_the_lowest() -> None:
    (camera,) = publisher().offer(offer_sdp([video("c", rids="q;h")])).media
    assert [one.spatial for one in camera.encodings] == [0, 1]


def test_every_section_is_answered_in_order_under_its_mid() -> None:
    sections = answered(offer_sdp([audio("a"), video("b")])).sections
    assert [(one.kind, one.mid) for one in sections] == [("application", "0"), ("audio", "1"), ("video", "2")]


def test_the_answer_echoes_the_extensions_that_simulcast_needs() -> None:
    camera = answered(offer_sdp([video("c")])).sections[1]
    assert [one.uri.rsplit(":", 1)[-1] for one in camera.extensions()] == [
        "//www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "mid",
        "rtp-stream-id",
        "repaired-rtp-stream-id",
    ]
    assert camera.values("rid") == ["q recv", "h recv", "f recv"]
    assert camera.value("simulcast") == "recv q;h;f"


def test_even_an_idle_section_echoes_them_for_the_client_would_drop_them_for_good() -> None:
    idle = answered(offer_sdp([video("c", rids="", direction="inactive")])).sections[1]
    assert idle.direction == "inactive"
    assert 10 in {one.number for one in idle.extensions()}


def answered_codecs(section: str, **wishes: str | bool) -> list[grammar.Codec]:
    options = AnswerOptions(codec=str(wishes.get("codec", "")), red=bool(wishes.get("red", True)))
    return answered(offer_sdp([section]), **{"1": options}).sections[1].codecs()


def test_of_pictures_one_codec_is_taken_and_of_sound_opus_with_redundancy() -> None:
    sections = answered(offer_sdp([audio("a"), video("b")])).sections
    assert [codec.name for codec in sections[1].codecs()] == ["red", "opus"]
    assert sections[1].codecs()[0].fmtp == "111/111"
    assert [codec.name for codec in sections[2].codecs()] == ["vp8", "rtx"]
    assert sections[2].codecs()[0].feedback == ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")


def test_redundancy_is_refused_where_it_is_not_wanted_or_belongs_to_another_codec() -> None:
    assert [one.name for one in answered_codecs(audio("a"), red=False)] == ["opus"]
    of_others = audio("a").replace("111/111", "9/9")
    assert [one.name for one in answered_codecs(of_others)] == ["opus"]
    stereo = answered(offer_sdp([audio("a")]), **{"1": AnswerOptions(stereo=True)}).sections[1]
    assert [one.name for one in stereo.codecs()] == ["opus"]


H264 = """a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:106 H264/90000
a=rtcp-fb:106 nack
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:107 rtx/90000
a=fmtp:107 apt=106"""


def with_h264(cid: str) -> str:
    return video(cid).replace("98 96 97", "98 96 97 102 104 106 107") + "\n" + H264


def test_a_wished_codec_is_taken_in_the_variant_everybody_decodes() -> None:
    taken = answered_codecs(with_h264("b"), codec="h264")
    assert [(one.payload_type, one.name) for one in taken] == [(106, "h264"), (107, "rtx")]
    assert taken[0].parameters["profile-level-id"] == "42e01f"
    assert [one.name for one in answered_codecs(with_h264("b"), codec="vp9")] == ["vp9"]
    assert [one.name for one in answered_codecs(with_h264("b"), codec="av1")] == ["vp8", "rtx"]


@pytest.mark.parametrize(("client", "red"), [("chromium", 63), ("python", 63), ("firefox", None)])
def test_real_clients_that_know_redundancy_are_answered_with_it_first(client: str, red: int | None) -> None:
    negotiation = publisher()
    offered = negotiation.offer((WIRE / f"{client}_offer.sdp").read_text())
    mid = next(media.mid for media in offered.media if media.kind is Kind.AUDIO)
    settled = negotiation.settle(mid, AnswerOptions())
    assert settled is not None
    assert settled.red_payload_type == red
    section = next(one for one in grammar.parse(negotiation.answer({})).sections if one.mid == mid)
    assert section.formats == ((str(red),) if red else ()) + (str(settled.payload_type),)


def test_ten_bit_vp9_is_not_taken() -> None:
    deep = video("b").replace("a=rtpmap:98 VP9/90000", "a=rtpmap:98 VP9/90000\na=fmtp:98 profile-id=2")
    assert [one.name for one in answered_codecs(deep, codec="vp9")] == ["vp8", "rtx"]


def test_a_codec_stays_as_it_was_answered_while_its_section_sends() -> None:
    negotiation = publisher()
    offer = offer_sdp([with_h264("b")])
    negotiation.offer(offer)
    negotiation.answer({})  # before it was said which codec the track wants
    settled = negotiation.settle("1", AnswerOptions(codec="h264"))
    assert settled is not None
    assert settled.mime_type == "video/vp8"
    negotiation.offer(offer_sdp([with_h264("b").replace("a=sendonly", "a=inactive")]))
    negotiation.offer(offer)
    settled = negotiation.settle("1", AnswerOptions(codec="h264"))
    assert settled is not None
    assert (settled.mime_type, settled.payload_type, settled.rtx_payload_type) == ("video/h264", 106, 107)


def test_a_section_without_a_known_codec_is_rejected_and_the_others_are_not() -> None:
    unknown = video("c").replace("a=rtpmap:96 VP8/90000\n", "").replace("VP9/90000", "H265/90000")
    sections = answered(offer_sdp([audio("a"), unknown])).sections
    assert [one.port for one in sections] == [9, 9, 0]


def test_a_section_that_is_only_bundled_is_no_stopped_one() -> None:
    later = audio("a").replace("m=audio 9", "m=audio 0") + "\na=bundle-only"  # how Firefox offers every later track
    offer = offer_sdp([audio("b", direction="inactive"), later])
    assert [media.cid for media in publisher().offer(offer).media] == ["a"]
    assert [one.direction for one in answered(offer).sections[1:]] == ["inactive", "recvonly"]
    stopped = offer_sdp([later.replace("\na=bundle-only", "")])
    assert publisher().offer(stopped).media == ()
    assert answered(stopped).sections[1].port == 0


def test_sound_pauses_in_silence_unless_its_publisher_does_not_want_that() -> None:
    offer = offer_sdp([audio("a"), audio("b")])
    first, second = answered(offer, **{"2": AnswerOptions(dtx=False, stereo=True)}).sections[1:]
    first_opus, second_opus = (section.codecs()[-1] for section in (first, second))
    assert first_opus.parameters["usedtx"] == "1"
    assert "usedtx" not in second_opus.parameters
    assert second_opus.parameters["stereo"] == "1"
    assert {one.parameters["useinbandfec"] for one in (first_opus, second_opus)} == {"1"}


def test_we_are_found_at_our_candidates_and_wait_for_the_client() -> None:
    text = answered(offer_sdp([audio("a")]))
    section = text.sections[0]
    assert ("ice-lite", "") in text.session
    assert section.value("setup") == "passive"
    assert [one.split(" ")[4:6] for one in section.values("candidate")] == [
        ["192.0.2.1", "7882"],
        ["127.0.0.1", "7882"],
    ]


def test_credentials_given_once_for_the_session_count_for_each_section() -> None:
    lines = offer_sdp([audio("a")]).replace("\r", "").splitlines()
    named = [line for line in lines if line.startswith(("a=ice-", "a=fingerprint"))]
    rest = [line for line in lines if line not in named]
    text = "\r\n".join(rest[:4] + list(dict.fromkeys(named)) + rest[4:])
    assert publisher().offer(text).remote.fingerprint == FINGERPRINT


def test_new_credentials_are_an_ice_restart() -> None:
    negotiation = publisher()
    assert not negotiation.offer(offer_sdp([audio("a")], ufrag="one1")).restarted
    assert not negotiation.offer(offer_sdp([audio("a")], ufrag="one1")).restarted
    assert negotiation.offer(offer_sdp([audio("a")], ufrag="two2")).restarted


def test_ssrcs_that_are_listed_beside_rids_are_taken_in_their_order() -> None:
    listed = "\n".join(
        [f"a=ssrc:{number} cname:x" for number in (11, 21, 12, 22, 13, 23)]
        + ["a=ssrc-group:FID 11 21", "a=ssrc-group:FID 12 22", "a=ssrc-group:FID 13 23"]
    )
    offer = offer_sdp([video("{x}") + "\n" + listed], origin="mozilla...THIS_IS_SDPARTA-99.0 1 0 IN IP4 0.0.0.0")
    offered = publisher().offer(offer)
    assert offered.anonymous
    assert offered.media[0].encodings == (
        Encoding(0, "q", 11, 21),
        Encoding(1, "h", 12, 22),
        Encoding(2, "f", 13, 23),
    )


# ------------------------------------------------------------------------------- as real clients have sent it

WIRE = Path(__file__).parents[2] / "wire" / "sdp"
CLIENTS = ["chromium", "firefox", "python"]


@pytest.mark.parametrize("client", CLIENTS)
def test_what_real_clients_offer_is_understood_and_answered(client: str) -> None:
    offer = (WIRE / f"{client}_offer.sdp").read_text()
    negotiation = publisher()
    offered = negotiation.offer(offer)
    microphone, camera = offered.media
    assert (microphone.mime_type, camera.mime_type) == ("audio/opus", "video/vp8")
    assert [one.rid for one in camera.encodings][:2] == ["q", "h"]
    assert min(camera.extensions.mid, camera.extensions.rid, camera.extensions.transport_cc) > 0
    assert offered.anonymous == (client == "firefox")
    assert offered.remote.sctp_port == 5000
    sections = grammar.parse(negotiation.answer({})).sections
    assert [one.mid for one in sections] == [one.mid for one in grammar.parse(offer).sections]
    assert all(one.port != 0 for one in sections)
    by_mid = {one.mid: one for one in sections}
    assert by_mid[camera.mid].value("simulcast").startswith("recv ")


def test_firefox_lists_its_layers_and_only_sends_some_extensions() -> None:
    negotiation = publisher()
    (_, camera) = negotiation.offer((WIRE / "firefox_offer.sdp").read_text()).media
    assert [(one.spatial, one.ssrc, one.rtx_ssrc) for one in camera.encodings] == [
        (0, 1496166895, 3207843226),
        (1, 3341426574, 814508913),
    ]
    answer = grammar.parse(negotiation.answer({})).sections[2]
    directions = {one.number: one.direction for one in answer.extensions()}
    assert directions == {3: "", 4: "", 7: "", 8: "recvonly", 9: "recvonly", 10: "recvonly"}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_real_clients_answer_is_taken(client: str) -> None:
    answer = (WIRE / f"{client}_answer.sdp").read_text()
    negotiation = SubscriberNegotiation(LOCAL)
    for number, kind in enumerate([Kind.AUDIO, Kind.VIDEO], start=1):
        negotiation.add(outgoing(number, kind))
    assert negotiation.next_offer() is not None
    taken = negotiation.answered(1, answer)
    assert taken is not None
    sections = grammar.parse(answer).sections
    assert {one.mid for one in taken[1]} == {one.mid for one in sections if one.direction == "recvonly"}
    assert taken[0].sctp_port == 5000


# --------------------------------------------------------------------------------------------- offers


def test_the_first_offer_carries_the_data_channels_even_without_tracks() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    first = negotiation.next_offer()
    assert first is not None
    assert [one.kind for one in grammar.parse(first[1]).sections] == ["application"]


def test_only_one_offer_is_in_flight() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    first = negotiation.next_offer()
    assert first is not None
    negotiation.add(outgoing(1))
    assert negotiation.next_offer() is None
    assert negotiation.answered(first[0], answer_to(first[1])) is not None
    second = negotiation.next_offer()
    assert second is not None
    assert [one.mid for one in grammar.parse(second[1]).sections] == ["0", "1"]
    assert negotiation.next_offer() is None


def test_a_track_may_be_sent_once_its_section_is_accepted() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1))
    negotiation.add(outgoing(2, Kind.VIDEO))
    offer = negotiation.next_offer()
    assert offer is not None
    taken = negotiation.answered(offer[0], answer_to(offer[1]))
    assert taken is not None
    remote, accepted = taken
    assert remote.ice_ufrag == "wxyz"
    assert [(one.track_sid, one.mid, one.codec.mime_type) for one in accepted] == [
        ("TR_1", "1", "audio/opus"),
        ("TR_2", "2", "video/vp8"),
    ]


def test_a_subscriber_is_sent_redundancy_if_it_takes_it() -> None:
    for taken, red in ((True, 63), (False, None)):
        negotiation = SubscriberNegotiation(LOCAL)
        negotiation.add(replace(outgoing(1), red=True))
        offer = negotiation.next_offer()
        assert offer is not None
        answer = answer_to(offer[1])
        answer = answer if taken else answer.replace("SAVPF 111 63", "SAVPF 111").replace("a=rtpmap:63", "a=x:63")
        accepted = negotiation.answered(offer[0], answer)
        assert accepted is not None
        assert accepted[1][0].codec.red_payload_type == red


def test_a_subscriber_is_offered_the_codec_that_comes_and_may_refuse_it() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(replace(outgoing(1, Kind.VIDEO), mime_type="video/h264"))
    negotiation.add(replace(outgoing(2, Kind.VIDEO), mime_type="video/vp9"))
    offer = negotiation.next_offer()
    assert offer is not None
    sections = grammar.parse(offer[1]).sections
    assert [[one.name for one in section.codecs()] for section in sections[1:]] == [["h264", "rtx"], ["vp9", "rtx"]]
    assert sections[1].codecs()[0].parameters["packetization-mode"] == "1"
    taken = negotiation.answered(offer[0], answer_to(offer[1]).replace("a=rtpmap:102 H264", "a=rtpmap:1 X"))
    assert taken is not None
    assert [(one.track_sid, one.codec.payload_type, one.codec.rtx_payload_type) for one in taken[1]] == [
        ("TR_2", 98, 99)
    ]


def test_a_track_names_its_participant_and_its_ssrcs() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1, Kind.VIDEO))
    offer = negotiation.next_offer()
    assert offer is not None
    section = grammar.parse(offer[1]).sections[1]
    assert section.value("msid") == "PA_1|TR_1 TR_1"
    assert section.value("ssrc-group") == "FID 1001 2001"
    assert section.direction == "sendonly"
    assert negotiation.mids() == {"1": "TR_1"}


def test_stereo_is_announced_so_that_clients_decode_both_channels() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1))
    negotiation.add(replace(outgoing(2), stereo=True))
    announced = [section.codecs()[0].parameters.get("sprop-stereo") for section in exchange(negotiation)[1:]]
    assert announced == [None, "1"]


def test_a_removed_track_stops_its_section_which_is_used_again_under_a_new_mid() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1))
    exchange(negotiation)
    negotiation.remove(TrackSid("TR_1"))
    negotiation.add(outgoing(2))  # the old section is not yet known to be stopped: it cannot be taken over
    sections = exchange(negotiation)
    assert [(one.mid, one.port) for one in sections] == [("0", 9), ("1", 0), ("2", 9)]
    negotiation.add(outgoing(3))
    sections = exchange(negotiation)
    assert [(one.mid, one.port) for one in sections] == [("0", 9), ("3", 9), ("2", 9)]


def exchange(negotiation: SubscriberNegotiation) -> tuple[grammar.Section, ...]:
    offer = negotiation.next_offer()
    assert offer is not None
    assert negotiation.answered(offer[0], answer_to(offer[1])) is not None
    return grammar.parse(offer[1]).sections


def test_a_track_removed_while_its_offer_is_in_flight_is_not_sent() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1))
    offer = negotiation.next_offer()
    assert offer is not None
    negotiation.remove(TrackSid("TR_1"))
    taken = negotiation.answered(offer[0], answer_to(offer[1]))
    assert taken is not None
    assert taken[1] == []
    assert negotiation.next_offer() is not None


def test_an_answer_to_no_offer_is_ignored() -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    first = negotiation.next_offer()
    assert first is not None
    assert negotiation.answered(77, answer_to(first[1])) is None
    assert negotiation.answered(0, answer_to(first[1])) is not None
    assert negotiation.answered(first[0], answer_to(first[1])) is None


# -------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "m=audio",
        "m=audio x UDP/TLS/RTP/SAVPF 1",
        offer_sdp([audio("a")]).replace("a=mid:1", "a=mid:0"),
        offer_sdp([audio("a")]).replace("a=mid:1", "a=mid:\x00"),
        offer_sdp([audio("a")]).replace("a=fingerprint", "a=finger"),
        offer_sdp([audio("a")] * 64),
        offer_sdp([audio("a") + "\na=candidate:1 1 udp 1 192.0.2.1 1 typ host" * 51]),
        "x" * 70_000,
        offer_sdp([audio("a" * 5000)]),
    ],
)
def test_a_description_that_cannot_be_meant_is_refused_and_forgotten(text: str) -> None:
    negotiation = publisher()
    negotiation.offer(offer_sdp([audio("a")]))
    before = negotiation.answer({})
    with pytest.raises(SdpError):
        negotiation.offer(text)
    assert negotiation.answer({}).splitlines()[2:] == before.splitlines()[2:]


def test_mutated_descriptions_are_answered_or_refused() -> None:
    source = random.Random(7)
    whole = offer_sdp([audio("a"), video("b")])
    for _ in range(5000):
        text = list(whole)
        for _ in range(source.randint(1, 12)):
            where = source.randrange(len(text))
            text[where : where + source.randint(0, 4)] = source.choice(
                ["", "\n", " ", "9" * 30, "\u0663", "a=", "é", ":", "m=video 9 x 1\n"]
            )
        negotiation = publisher()
        try:
            negotiation.offer("".join(text))
        except SdpError:
            continue
        grammar.parse(negotiation.answer({}))


@pytest.mark.parametrize("taken", ["both", "no extension", "no feedback"])
def test_packets_are_numbered_for_subscribers_that_take_and_report_the_numbers(taken: str) -> None:
    negotiation = SubscriberNegotiation(LOCAL)
    negotiation.add(outgoing(1, Kind.VIDEO))
    offer = negotiation.next_offer()
    assert offer is not None
    left_out = {"no extension": "transport-wide-cc-extensions", "no feedback": "rtcp-fb:96 transport-cc"}.get(taken)
    said = [line for line in answer_to(offer[1]).splitlines() if left_out is None or left_out not in line]
    answer = negotiation.answered(offer[0], "\r\n".join([*said, ""]))
    assert answer is not None
    extensions = answer[1][0].extensions
    assert bool(extensions.transport_cc) == (taken == "both")
    assert extensions.abs_send_time
