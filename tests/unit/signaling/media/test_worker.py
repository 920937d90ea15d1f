"""What the media worker does for true peers: sound, pictures, layers, repair, data, and keeping strangers out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import socket
from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import rtcp, rtp, schema, vp8
from meetings.signaling.media.layers import ALIVE_SECONDS
from meetings.signaling.media.schema import ConsumerId, ProducerId, TransportId
from tests.load.rtclient import RtClient
from tests.unit.signaling.media.rig import SIMULCAST, Camera, Rig, eventually, media, opus, payloads


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.start()
    yield made
    await made.stop()


async def sound(rig: Rig) -> None:
    """Peer a publishes sound, peer b gets it under SSRC 10."""
    await rig.peer("a")
    await rig.peer("b")
    rig.produce("audio", "a")
    rig.consume("ab", "audio", "b", 10)


async def picture(rig: Rig, *, top: int = 2) -> tuple[Camera, Camera, Camera]:
    """Peer a publishes three layers, peer b gets them under SSRC 20 (RTX 21)."""
    a = await rig.peer("a")
    await rig.peer("b")
    rig.produce("video", "a", "video", SIMULCAST)
    rig.consume("ab", "video", "b", 20, top=top)
    return (
        Camera(a, 1, rid="q"),
        Camera(a, 2, rid="h", sequence=60_000, picture=20_000),
        Camera(a, 3, rid="f", picture=32_760),
    )


# -------------------------------------------------------------------------------------------------- connecting


async def test_peers_connect_with_the_best_profile(rig: Rig) -> None:
    peer = await rig.peer("a")
    assert peer.keys == "SRTP_AEAD_AES_128_GCM"
    await eventually(lambda: rig.told(schema.TransportConnected), "TransportConnected")


async def test_strangers_get_no_answer_and_disturb_nobody(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    source = random.Random(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for first in [0, 1, 20, 22, 23, 63, 64, 128, 144, 191, 192, 255] * 40:
            junk = bytes([first]) + source.randbytes(source.randrange(200))
            stranger.sendto(junk, rig.ready.candidates[0])
            a.socket.sendto(junk, rig.ready.candidates[0])  # ... and from an address that was checked
        for length in (0, 1):
            stranger.sendto(bytes(length), rig.ready.candidates[0])
            a.socket.sendto(bytes(length), rig.ready.candidates[0])
        await rig.settle()
        a.send_rtp(opus(1))
        await eventually(lambda: media(b, 10), "sound after the junk")
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)
    assert payloads(b, 10) == [b"opus 1"]
    assert not rig.told(schema.TransportLost)


async def test_an_ice_restart_goes_over_to_the_new_pair_and_media_goes_on(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(opus(1))
    await eventually(lambda: media(b, 10), "sound before")
    rig.link.send(schema.RestartIce(TransportId("b"), "fresh", "fresh-password-of-b"))
    # b comes back from another address, as after a change of network
    moved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    moved.bind(("127.0.0.1", 0))
    moved.setblocking(False)
    with moved:
        old, b.socket = b.socket, moved
        b.aim_again("fresh", "fresh-password-of-b")
        b.check(nominate=True)
        await eventually(lambda: len(rig.told(schema.TransportConnected)) == 3, "TransportConnected after the restart")
        b.socket = old
        a.send_rtp(opus(2))
        received: list[bytes] = []

        def media_at_the_new_address() -> bool:
            with contextlib.suppress(BlockingIOError):
                received.append(moved.recv(2048))
            return any(packet[0] >= 128 and not rtp.is_rtcp(packet) for packet in received)

        await eventually(media_at_the_new_address, "media at the new address")


async def test_goodbye_of_a_peer_is_told_once(rig: Rig) -> None:
    await rig.peer("a")
    rig.peers["a"]._dtls.close()
    rig.peers["a"]._flush()
    await eventually(lambda: rig.told(schema.TransportLost), "TransportLost")
    assert rig.told(schema.TransportLost) == [schema.TransportLost(TransportId("a"), "the peer closed")]


async def test_closing_a_transport_says_goodbye(rig: Rig) -> None:
    peer = await rig.peer("a")
    rig.link.send(schema.CloseTransport(TransportId("a")))
    rig.link.send(schema.CloseTransport(TransportId("a")))
    await eventually(lambda: peer.closed_by_peer, "close_notify")


async def test_commands_about_what_is_gone_do_nothing(rig: Rig) -> None:
    gone: list[schema.Command] = [
        schema.SetRemote(TransportId("x"), "u", "sha-256", "AB"),
        schema.RestartIce(TransportId("x"), "u", "p"),
        schema.SetProducerMuted(ProducerId("x"), True),
        schema.CloseProducer(ProducerId("x")),
        schema.SetLayer(ConsumerId("x"), 1),
        schema.SetConsumerPaused(ConsumerId("x"), True),
        schema.CloseConsumer(ConsumerId("x")),
        schema.RequestKeyframe(ProducerId("x")),
        schema.SendData(TransportId("x"), "l", b""),
    ]
    for command in gone:
        rig.link.send(command)
    rig.consume("ab", "audio", "x", 10)
    rig.produce("audio", "x")
    rig.link.send(schema.Ping(3))
    await eventually(lambda: rig.told(schema.Pong), "the answer to a ping")


# -------------------------------------------------------------------------------------------------- sound


async def test_sound_arrives_under_the_subscribers_own_numbers(rig: Rig) -> None:
    await sound(rig)
    for number in range(65_530, 65_550):
        rig.peers["a"].send_rtp(opus(number))
    await eventually(lambda: len(media(rig.peers["b"], 10)) == 20, "20 packets of sound")
    headers = media(rig.peers["b"], 10)
    start = headers[0].sequence
    assert [header.sequence for header in headers] == [start + n & 0xFFFF for n in range(20)]
    assert {header.extensions[1] for header in headers} == {b"7"}
    assert payloads(rig.peers["b"], 10)[-1] == b"opus 65549"
    assert rig.told(schema.ProducerStarted) == [schema.ProducerStarted(ProducerId("audio"))]


async def test_a_muted_track_forwards_nothing_and_leaves_no_gap(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(opus(1))
    await eventually(lambda: media(b, 10), "sound before")
    rig.link.send(schema.SetProducerMuted(ProducerId("audio"), True))
    for number in range(2, 30):
        a.send_rtp(opus(number))
    await rig.settle()
    sent = media(b, 10)[0].sequence
    b.send_rtcp(rtcp.nack(1, 10, [sent, sent + 1 & 0xFFFF]))
    await rig.settle()
    assert (len(media(b, 10)), b.failed) == (1, 0)  # nor is anything sent again
    rig.link.send(schema.SetProducerMuted(ProducerId("audio"), False))
    a.send_rtp(opus(30))
    await eventually(lambda: len(media(b, 10)) == 2, "sound after")
    assert payloads(b, 10) == [b"opus 1", b"opus 30"]
    before, after = media(b, 10)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert after.timestamp - before.timestamp == 29 * 960


async def test_loudness_and_speech_are_told(rig: Rig) -> None:
    await sound(rig)
    for number in range(10):
        rig.peers["a"].send_rtp(opus(number, level=20))

    def loud() -> bool:
        return any(told.levels == [("audio", 0.1, True)] for told in rig.told(schema.AudioLevels))

    await eventually(loud, "a level of -20 dBov counted as speech")


async def test_a_lost_packet_of_sound_is_resent_with_identical_bytes(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    for number in range(5):
        a.send_rtp(opus(number))
    await eventually(lambda: len(media(b, 10)) == 5, "sound")
    b.send_rtcp(rtcp.nack(1, 10, [media(b, 10)[2].sequence]))
    await eventually(lambda: b.failed == 1, "a repeat, refused by our replay protection")
    packets = [data for data in b.wire if data[0] >= 128 and not rtp.is_rtcp(data)]
    assert packets[5] == packets[2]


async def test_holes_are_asked_for_upstream(rig: Rig) -> None:
    await sound(rig)
    a = rig.peers["a"]
    a.send_rtp(opus(1))
    a.send_rtp(opus(4))
    await eventually(lambda: rtcp.Nack(1, 500, (2, 3)) in a.reports, "a NACK for packets 2 and 3")


async def test_reports_and_transport_feedback_go_upstream_and_sender_reports_downstream(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    for number in range(5):
        packet = opus(number)
        header = rtp.parse(packet)
        extended = rtp.build(
            111, number, header.timestamp, 500, b"x", extensions={1: b"0", 5: (number + 7).to_bytes(2, "big")}
        )
        a.send_rtp(extended)
    a.send_rtcp(rtcp.sender_report(rtcp.SenderReport(500, 1 << 40, 960, 5, 50)))
    await eventually(lambda: any(isinstance(r, rtcp.Twcc) for r in a.reports), "transport-wide feedback")
    await eventually(lambda: any(isinstance(r, rtcp.ReceiverReport) for r in a.reports), "a receiver report")
    await eventually(lambda: any(isinstance(r, rtcp.SenderReport) for r in b.reports), "a sender report")
    told = next(report for report in b.reports if isinstance(report, rtcp.SenderReport))
    received = media(b, 10)
    assert (told.ssrc, told.packets) == (10, 5)
    elapsed = (told.ntp - (1 << 40)) / (1 << 32)
    assert 0 <= elapsed < 3
    offset = received[0].timestamp - 0
    assert told.timestamp - offset - 960 == pytest.approx(elapsed * 48_000, abs=2)


async def test_what_receivers_report_is_told(rig: Rig) -> None:
    await sound(rig)
    b = rig.peers["b"]
    b.send_rtcp(rtcp.receiver_report(rtcp.ReceiverReport(1, (rtcp.Report(10, 64, 1, 1, 480, 0, 0),))))
    await eventually(lambda: rig.told(schema.ConsumerStats), "statistics")
    assert rig.told(schema.ConsumerStats)[0] == schema.ConsumerStats(TransportId("b"), 0.25, 10.0, 0.0)


# -------------------------------------------------------------------------------------------------- pictures


async def test_a_subscriber_begins_with_a_keyframe_it_was_asked_for(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame()
    q.frame()
    await eventually(lambda: rtcp.KeyframeRequest(1, 1) in a.reports, "a keyframe request for the layer")
    q.frame(key=True, packets=3)
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 4, "a keyframe and a frame")
    assert payloads(b, 20)[0].endswith(b"1/102")
    assert schema.ConsumerLayer(ConsumerId("ab"), 0) in rig.told(schema.ConsumerLayer)


async def test_the_subscriber_rises_to_the_best_layer_and_falls_when_told_with_continuity(rig: Rig) -> None:
    q, h, f = await picture(rig)
    b = rig.peers["b"]
    q.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "the low layer")
    f.frame()  # arrives: it is chosen, but needs a keyframe
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 2, "the low layer while the high one is awaited")
    f.frame(key=True)
    q.frame()
    f.frame()
    h.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 4, "the high layer")
    rig.link.send(schema.SetLayer(ConsumerId("ab"), 1))
    h.frame(key=True)
    h.frame()
    f.frame()
    await eventually(lambda: len(media(b, 20)) == 6, "the middle layer")
    assert [text.rsplit(b"/")[0][-1:] for text in payloads(b, 20)] == [b"1", b"1", b"3", b"3", b"2", b"2"]
    headers = media(b, 20)
    assert [(header.sequence - headers[0].sequence) & 0xFFFF for header in headers] == list(range(6))
    steps = [(y.timestamp - x.timestamp) & 0xFFFFFFFF for x, y in itertools.pairwise(headers)]
    assert all(0 < step < 90_000 for step in steps)
    pictures = [vp8.parse(payload) for payload in payloads(b, 20)]
    ids = [picture.picture_id for picture in pictures if picture is not None]
    assert [(number - ids[0]) & 0x7FFF for number in ids] == list(range(6))
    layers = [told.spatial for told in rig.told(schema.ConsumerLayer)]
    assert layers == [0, 2, 1]


async def test_layers_that_stop_are_told_and_left(rig: Rig) -> None:
    q, _, f = await picture(rig)
    b = rig.peers["b"]
    f.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "the high layer")
    stopped = schema.ProducerLayers(ProducerId("video"), [0])

    def low_layer_alone() -> bool:
        q.frame(key=True)
        return stopped in rig.told(schema.ProducerLayers)

    await eventually(low_layer_alone, "the high layer counted as gone")
    q.frame(key=True)
    await eventually(lambda: rig.told(schema.ConsumerLayer)[-1].spatial == 0, "the low layer instead")


async def test_a_track_that_is_silent_altogether_goes_on_without_a_keyframe(rig: Rig) -> None:
    a, b = await rig.peer("a"), await rig.peer("b")
    rig.produce("video", "a", "video")
    rig.consume("ab", "video", "b", 20)
    screen = Camera(a, 1)
    screen.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "a picture")
    await asyncio.sleep(ALIVE_SECONDS + 0.3)  # the silence itself is what is tested
    screen.frame()
    await eventually(lambda: len(media(b, 20)) == 2, "the next picture, although it is no keyframe")


async def test_a_paused_subscriber_gets_nothing_and_begins_again_with_a_keyframe(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    b = rig.peers["b"]
    q.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "a picture")
    rig.link.send(schema.SetConsumerPaused(ConsumerId("ab"), True))
    q.frame(key=True)
    await rig.settle()
    rig.link.send(schema.SetConsumerPaused(ConsumerId("ab"), False))
    q.frame()
    q.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 2, "a picture after the pause")
    before, after = media(b, 20)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert payloads(b, 20)[1].endswith(b"1/103")


async def test_padding_leaves_no_gap(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame(key=True)
    a.send_rtp(q.padding())
    q.frame()
    held, follows = q.padding(), q.packet()
    a.send_rtp(follows)
    a.send_rtp(held)  # overtaken: now it must keep its place
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 5, "four packets and an empty one")
    headers = media(b, 20)
    assert sorted((header.sequence - headers[0].sequence) & 0xFFFF for header in headers) == [0, 1, 2, 3, 4]


async def test_a_lost_packet_is_resent_in_the_rtx_stream_also_after_a_switch(rig: Rig) -> None:
    q, _, f = await picture(rig)
    b = rig.peers["b"]
    q.frame(key=True)
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 2, "the low layer")
    f.frame(key=True)
    f.frame(key=True)
    f.frame()
    await eventually(lambda: len(media(b, 20)) >= 3, "the high layer")
    wanted = media(b, 20)
    b.send_rtcp(rtcp.nack(1, 20, [header.sequence for header in wanted[1:]]))
    await eventually(lambda: len(media(b, 21)) == len(wanted) - 1, "the packets again")
    again = [rtp.restore_from_rtx(p, rtp.parse(p), 20, 96) for p in b.packets if rtp.parse(p).ssrc == 21]
    first = [p for p in b.packets if rtp.parse(p).ssrc == 20][1:]
    assert [without_send_time(p) for p in again if p] == [without_send_time(p) for p in first]


def without_send_time(packet: bytes) -> bytes:
    return packet[:17] + packet[20:]


async def test_lost_padding_leaves_no_gap_either(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame(key=True)
    for lost in (False, True, True, False, True, False):
        padding = q.padding()
        if not lost:
            a.send_rtp(padding)
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 2, "both frames")
    before, after = media(b, 20)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    await rig.settle()
    assert not any(isinstance(report, rtcp.Nack) for report in a.reports)


async def test_a_picture_lost_before_padding_is_still_asked_for(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame(key=True)
    q.timestamp += 3000
    lost = q.packet()
    a.send_rtp(q.padding())
    await eventually(lambda: rtcp.Nack(1, 1, (101,)) in a.reports, "a NACK for the lost frame")
    a.send_rtp(lost)
    q.frame()
    await eventually(lambda: len(media(b, 20)) == 3, "all three frames")
    headers = media(b, 20)
    assert [(header.sequence - headers[0].sequence) & 0xFFFF for header in headers] == [0, 1, 2]


async def test_nothing_is_resent_that_was_never_sent(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    b = rig.peers["b"]
    q.frame()
    q.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "a keyframe")
    first = media(b, 20)[0].sequence
    b.send_rtcp(rtcp.nack(1, 20, [first - 1 & 0xFFFF, first + 1 & 0xFFFF, first + 1000 & 0xFFFF]))
    await rig.settle()
    assert not media(b, 21)


async def test_a_retransmission_upstream_fills_the_hole_downstream(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame(key=True)
    lost = q.packet()
    q.frame()
    await eventually(lambda: rtcp.Nack(1, 1, (101,)) in a.reports, "a NACK upstream")
    header = rtp.parse(lost)
    payload = header.sequence.to_bytes(2, "big") + lost[header.payload_start :]
    rtx = rtp.build(97, 1, header.timestamp, 51, payload, marker=True, extensions={1: b"0", 3: b"q"})
    a.send_rtp(rtx)
    await eventually(lambda: len(media(b, 20)) == 3, "the lost packet")
    headers = media(b, 20)
    assert [(header.sequence - headers[0].sequence) & 0xFFFF for header in headers] == [0, 2, 1]


async def test_keyframe_requests_are_throttled(rig: Rig) -> None:
    q, _, _ = await picture(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    q.frame(key=True)
    await eventually(lambda: len(media(b, 20)) == 1, "a picture")
    a.reports.clear()
    for _ in range(50):
        b.send_rtcp(rtcp.pli(1, 20))
        rig.link.send(schema.RequestKeyframe(ProducerId("video")))
    await rig.settle()
    assert a.reports.count(rtcp.KeyframeRequest(1, 1)) <= 1
    await eventually(lambda: rtcp.KeyframeRequest(1, 1) in a.reports, "one request in the end")


async def test_ssrcs_given_by_the_offer_need_no_extensions(rig: Rig) -> None:
    a = await rig.peer("a")
    b = await rig.peer("b")
    rig.produce("video", "a", "video", [schema.Encoding(0, "q", 1, 2), schema.Encoding(1, "h", 3, 4)])
    rig.consume("ab", "video", "b", 20)
    high = Camera(a, 3)
    high._extensions = {}
    high.frame(key=True)
    await eventually(lambda: media(b, 20), "the layer known by its SSRC")
    assert rig.told(schema.ConsumerLayer)[-1].spatial == 1


async def test_more_ssrcs_than_a_peer_may_have_are_ignored(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(opus(1))
    for ssrc in range(1_000, 1_100):
        a.send_rtp(opus(1, ssrc=ssrc, mid=b"9"))
        a.send_rtp(rtp.build(99, 1, 1, ssrc, b"x"))
    a.send_rtp(opus(2))
    await eventually(lambda: len(media(b, 10)) == 2, "the known track")


async def test_a_new_ssrc_of_the_same_track_continues_its_numbers(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(opus(1))
    a.send_rtp(opus(40_000, ssrc=501))
    a.send_rtp(opus(2))  # of the stream that was replaced
    a.send_rtp(opus(40_001, ssrc=501))
    await eventually(lambda: len(media(b, 10)) == 3, "both streams")
    headers = media(b, 10)
    assert [(header.sequence - headers[0].sequence) & 0xFFFF for header in headers] == [0, 1, 2]
    assert payloads(b, 10) == [b"opus 1", b"opus 40000", b"opus 40001"]


async def test_a_subscription_under_a_used_ssrc_goes_on_with_its_numbers(rig: Rig) -> None:
    await sound(rig)
    a, b = rig.peers["a"], rig.peers["b"]
    a.send_rtp(opus(1))
    await eventually(lambda: media(b, 10), "sound")
    rig.link.send(schema.CloseConsumer(ConsumerId("ab")))
    a.send_rtp(opus(2))
    await rig.settle()
    rig.consume("again", "audio", "b", 10)
    a.send_rtp(opus(3))
    await eventually(lambda: len(media(b, 10)) == 2, "sound again")
    before, after = media(b, 10)
    assert (after.sequence - before.sequence) & 0xFFFF == 1


# -------------------------------------------------------------------------------------------------- data


async def test_data_may_come_with_a_later_description(rig: Rig) -> None:
    peer = await rig.peer("a")
    remote = schema.SetRemote(TransportId("a"), "client", "sha-256", peer.certificate.fingerprint(), sctp_port=5000)
    rig.link.send(remote)
    peer.start_data().open("_reliable", ordered=True, max_retransmits=None)
    await eventually(lambda: rig.told(schema.DataChannelOpen), "the channel")


async def test_a_peer_that_waits_for_our_handshake_is_greeted(rig: Rig) -> None:
    """Clients in Go answer `actpass` with `passive`."""
    waiting = RtClient(role="server")
    peer = await rig.peer("b", sctp_port=5000, channels=["_reliable"], client=waiting)
    await eventually(lambda: "_reliable" in peer.open_channels, "the channel we open")
    rig.link.send(schema.SendData(TransportId("b"), "_reliable", b"hello"))
    await eventually(lambda: peer.messages == [("_reliable", b"hello")], "the message")


async def test_data_goes_both_ways_on_channels_opened_by_either_side(rig: Rig) -> None:
    publisher = await rig.peer("a", sctp_port=5000)
    subscriber = await rig.peer("b", sctp_port=5000, channels=["_reliable"])
    await eventually(lambda: "_reliable" in subscriber.open_channels, "the channel we open")
    channels = publisher.start_data()
    channels.open("_lossy", ordered=False, max_retransmits=0)
    opened = [schema.DataChannelOpen(TransportId("a"), "_lossy"), schema.DataChannelOpen(TransportId("b"), "_reliable")]
    await eventually(lambda: all(event in rig.events for event in opened), "both channels open")
    payload = os.urandom(30_000)
    channels.send("_lossy", payload)
    rig.link.send(schema.SendData(TransportId("b"), "_reliable", payload))
    rig.link.send(schema.SendData(TransportId("b"), "no such channel", payload))
    await eventually(lambda: subscriber.messages == [("_reliable", payload)], "the message to the subscriber")
    received = schema.DataReceived(TransportId("a"), "_lossy", payload)
    await eventually(lambda: received in rig.events, "the message of the publisher")
