"""Every message between control and worker survives the way through bytes, and nothing else does."""

from __future__ import annotations

import typing

import msgspec
import pytest

from meetings.signaling.media import schema
from meetings.signaling.media.framing import frame
from tests.unit.signaling.media.mutations import mutations

CODEC = schema.Codec(96, "video/vp8", 90_000, 97)
EXTENSIONS = schema.HeaderExtensions(mid=1, rid=2, repaired_rid=3, audio_level=4, transport_cc=5, abs_send_time=6)
T, P, C = schema.TransportId("t"), schema.ProducerId("p"), schema.ConsumerId("c")

COMMANDS: list[schema.Command] = [
    schema.CreateTransport(T, "ufrag", "password"),
    schema.SetRemote(T, "ufrag", "sha-256", "AB:CD", 5000, 65_536, [("_lossy", False, 0), ("_reliable", True, None)]),
    schema.RestartIce(T, "ufrag2", "password2"),
    schema.CloseTransport(T),
    schema.Produce(P, T, "video", "0", [CODEC], EXTENSIONS, [schema.Encoding(0, "q"), schema.Encoding(1, "h", 7, 8)]),
    schema.SetProducerMuted(P, True),
    schema.SetAlwaysHeard(P, True),
    schema.CloseProducer(P),
    schema.Consume(C, P, T, 1, 2, CODEC, "5", EXTENSIONS, 1, True),
    schema.SetLayer(C, -1),
    schema.SetImportance(C, 1, True),
    schema.SetSpeaking(P, True),
    schema.SetConsumerPaused(C, True),
    schema.CloseConsumer(C),
    schema.RequestKeyframe(P),
    schema.SendData(T, "_reliable", b"\x00\xff"),
    schema.Ping(1),
    schema.Shutdown(),
]
EVENTS: list[schema.Event] = [
    schema.Ready([("192.0.2.1", 7882)], "sha-256", "AB:CD"),
    schema.Failed("the port is taken"),
    schema.TransportConnected(T),
    schema.TransportLost(T, "nothing heard"),
    schema.DataChannelOpen(T, "_lossy"),
    schema.DataReceived(T, "_lossy", b"\x00\xff"),
    schema.ProducerStarted(P),
    schema.ProducerLayers(P, [0, 2]),
    schema.ConsumerLayer(C, -1),
    schema.AudioLevels([(P, 0.5, True)]),
    schema.ConsumerStarved(C, True),
    schema.ConsumerStats(T, 0.1, 2.5, 30.0, 500_000.0, 0.5, 1),
    schema.ProducerStats(T, 0.1, 2.5),
    schema.WorkerFigures(0.5, 3.0, 1.0, 1, 2, 3, 4, 5, 6, 7),
    schema.Pong(1, 0.25, 10, 20),
]


def test_the_samples_hold_every_message_there_is() -> None:
    assert {type(command) for command in COMMANDS} == set(typing.get_args(schema.Command))
    assert {type(event) for event in EVENTS} == set(typing.get_args(schema.Event))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda message: type(message).__name__)
def test_a_command_survives_the_way_through_bytes(command: schema.Command) -> None:
    assert schema.decode_command(schema.encode(command)) == command


@pytest.mark.parametrize("event", EVENTS, ids=lambda message: type(message).__name__)
def test_an_event_survives_the_way_through_bytes(event: schema.Event) -> None:
    assert schema.decode_event(schema.encode(event)) == event


def test_an_event_is_no_command() -> None:
    with pytest.raises(msgspec.ValidationError):
        schema.decode_command(schema.encode(schema.Failed("no")))


def test_damaged_messages_raise_nothing_but_value_errors() -> None:
    for data in mutations([schema.encode(command) for command in COMMANDS]):
        try:
            schema.decode_command(data)
        except ValueError:
            continue


def test_a_frame_begins_with_its_length() -> None:
    assert frame(b"abc") == b"\x00\x00\x00\x03abc"
