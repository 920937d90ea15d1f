"""The participant in Python: what it makes of offers, and how it mends and reports what it receives."""

from __future__ import annotations

import random

import pytest

from meetings.signaling.client_receive import NACK_LIFE, NACK_MOST, IncomingStats, ntp_seconds
from meetings.signaling.client_sdp import LocalEnd, RemoteCandidate, Unusable, answer_offer, parse_candidate
from meetings.signaling.media.rtcp import SenderReport
from meetings.signaling.negotiation import grammar

LOCAL = LocalEnd("ours", "ourpassword", "AA:BB")

# As a LiveKit server writes it: fingerprint for the session, every codec it knows, RED first in line for nobody.
OFFER = """v=0
o=- 6994803799248592985 1795452824 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 CD:F7
a=group:BUNDLE 0 1 2
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:0
a=sendrecv
a=sctp-port:5000
a=ice-ufrag:theirs
a=ice-pwd:theirpassword
a=candidate:1 1 udp 2130706431 192.0.2.7 7882 typ host ufrag theirs
a=candidate:1 2 udp 2130706431 192.0.2.7 7882 typ host ufrag theirs
a=candidate:2 1 tcp 1671430143 192.0.2.7 7881 typ host tcptype passive
m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:1
a=ice-ufrag:theirs
a=ice-pwd:theirpassword
a=rtpmap:63 red/48000/2
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 nack
a=rtpmap:0 PCMU/8000
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=ssrc:3793746571 cname:x
a=msid:PA_a|TR_sound TR_sound
a=sendrecv
m=video 9 UDP/TLS/RTP/SAVPF 98 96 97
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:2
a=rtpmap:98 VP9/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=ssrc-group:FID 10 20
a=ssrc:10 cname:x
a=ssrc:20 cname:x
a=msid:PA_a|TR_picture TR_picture
a=sendonly
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:3
a=rtpmap:96 VP8/90000
a=inactive
"""


def test_an_offer_of_another_server_gives_its_tracks_and_addresses() -> None:
    answered = answer_offer(OFFER, LOCAL, 1, {})
    sound, picture = answered.tracks
    assert (sound.track_sid, sound.kind, sound.ssrcs) == ("TR_sound", "audio", (3793746571,))
    assert (sound.codecs, sound.rtx) == ({111: "opus"}, {})
    assert (picture.track_sid, picture.codecs, picture.rtx) == ("TR_picture", {98: "vp9", 96: "vp8"}, {97: 96})
    assert (picture.ssrcs, picture.rtx_ssrcs) == ((10,), (20,))
    assert answered.remote.candidates == (RemoteCandidate("192.0.2.7", 7882),)
    assert (answered.remote.ice_pwd, answered.remote.fingerprint) == ("theirpassword", "CD:F7")


def test_the_answer_accepts_what_a_recording_holds_and_begs_no_transport_feedback() -> None:
    text = answer_offer(OFFER, LOCAL, 7, {}).answer
    parsed = grammar.parse(text).sections
    assert [(one.kind, one.port, one.formats) for one in parsed] == [
        ("application", 9, ("webrtc-datachannel",)),
        ("audio", 9, ("111",)),
        ("video", 9, ("98", "96", "97")),
        ("video", 0, ("96",)),
    ]
    assert [one.direction for one in parsed[1:]] == ["recvonly", "recvonly", "inactive"]
    assert "transport" not in text
    assert "a=setup:active" in text
    assert "a=group:BUNDLE 0 1 2\r\n" in text


def test_a_picture_in_a_codec_no_recording_holds_is_declined_and_named() -> None:
    offer = OFFER.replace("98 VP9/90000", "98 H266/90000").replace("96 VP8/90000\na=rtcp", "96 H265/90000\na=rtcp")
    answered = answer_offer(offer, LOCAL, 1, {})
    assert [one.track_sid for one in answered.tracks] == ["TR_sound"]
    assert answered.unusable == (Unusable("TR_picture", "h266"),)


@pytest.mark.parametrize(
    ("line", "taken"),
    [("packetization-mode=1", True), ("profile-level-id=42e01f", True), ("packetization-mode=2", False)],
)
def test_h264_is_taken_unless_its_packets_come_out_of_order(line: str, taken: bool) -> None:
    offer = OFFER.replace("98 VP9/90000", f"98 H264/90000\na=fmtp:98 {line}")
    picture = answer_offer(offer, LOCAL, 1, {}).tracks[1]
    assert (98 in picture.codecs) is taken


def test_the_servers_own_word_on_which_section_is_which_track_goes_first() -> None:
    assert answer_offer(OFFER, LOCAL, 1, {"1": "TR_other"}).tracks[0].track_sid == "TR_other"


@pytest.mark.parametrize("text", ["", "v=0\r\n", "m=audio x\r\n", OFFER.replace("a=ice-pwd:theirpassword\n", "")])
def test_an_offer_that_cannot_be_answered_is_refused(text: str) -> None:
    with pytest.raises(grammar.SdpError):
        answer_offer(text, LOCAL, 1, {})


def test_no_mutation_of_an_offer_raises_anything_else() -> None:
    choose = random.Random(5)
    for _ in range(2000):
        at = choose.randrange(len(OFFER))
        mutated = OFFER[:at] + chr(choose.randrange(1, 300)) + OFFER[at + choose.randrange(4) :]
        try:
            answer_offer(mutated, LOCAL, 1, {})
        except grammar.SdpError:
            continue


@pytest.mark.parametrize(
    "text",
    ["", "candidate:1 1 udp", "candidate:1 1 udp 1 192.0.2.7 99999 typ host", "candidate:1 1 tcp 1 h 1 typ host"],
)
def test_addresses_we_cannot_use_are_passed_over(text: str) -> None:
    assert parse_candidate(text) is None


def received(*sequences: int, start: float = 0.0) -> IncomingStats:
    stats = IncomingStats(1, 90_000)
    for index, sequence in enumerate(sequences):
        stats.arrived(sequence & 0xFFFF, index * 3000, start + index * 0.01)
    return stats


def test_what_is_missing_is_asked_for_again_and_again_but_not_for_ever() -> None:
    stats = received(65533, 65535, 3)
    assert stats.to_ask(0.05) == [65534, 0, 1, 2]
    assert stats.to_ask(0.06) == []
    assert stats.to_ask(0.11) == [65534, 0, 1, 2]
    stats.repaired(0)
    assert stats.to_ask(0.17) == [65534, 1, 2]
    assert stats.to_ask(NACK_LIFE + 0.1) == []


def test_a_packet_that_only_came_late_is_not_asked_for() -> None:
    stats = received(1, 3, 2)
    assert stats.to_ask(1.0) == []


def test_more_holes_than_resending_can_mend_call_for_a_keyframe() -> None:
    stats = received(1, 3 + NACK_MOST)
    assert stats.overrun
    assert stats.to_ask(0.1) == []


def test_a_report_tells_loss_since_the_last_one() -> None:
    stats = received(*range(10), *range(15, 20))
    block = stats.block(1.0)
    assert block is not None
    assert (block.cumulative_lost, block.fraction_lost, block.highest_sequence) == (5, 256 * 5 // 20, 19)
    again = stats.block(2.0)
    assert again is not None
    assert again.fraction_lost == 0


def test_a_report_answers_the_senders_last_one() -> None:
    stats = received(1, 2)
    report = SenderReport(1, (3_900_000_000 << 32) + (1 << 31), 0, 0, 0)
    stats.reported(report, 1.0)
    block = stats.block(1.5)
    assert block is not None
    assert block.last_sr == (3_900_000_000 & 0xFFFF) << 16 | 0x8000
    assert block.delay_since_sr == 32_768
    assert ntp_seconds(report) == 3_900_000_000 - 2_208_988_800 + 0.5
