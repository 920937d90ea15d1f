"""Only the loudest voices of a room, through the worker: no beginning cut off, a recorder gets all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meetings.signaling.media import schema
from meetings.signaling.media.schema import ConsumerId, ProducerId, TransportId
from meetings.signaling.media.worker import WorkerConfig
from tests.unit.signaling.media.rig import GOT, OPUS, SENT, Rig, eventually, media, opus, payloads


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """One voice of the room is passed on; a and b speak, c listens, d records."""
    made = Rig(WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"], loudest=1))
    await made.start()
    for name in "abcd":
        await made.peer(name)
    for number, name in enumerate("ab"):
        encodings = [schema.Encoding(0)]
        voice, owner = ProducerId(f"voice-{name}"), TransportId(name)
        made.link.send(schema.Produce(voice, owner, "audio", "0", [OPUS], SENT, encodings, room="hall"))
        made.consume(f"{name}c", voice, "c", 10 + number)
        made.link.send(
            schema.Consume(
                ConsumerId(f"{name}d"), voice, TransportId("d"), 10 + number, 0, OPUS, "7", GOT, unthinned=True
            )
        )
    yield made
    await made.stop()


async def test_a_voice_is_passed_on_from_the_packet_with_which_it_rises(rig: Rig) -> None:
    a, b, c, d = (rig.peers[name] for name in "abcd")
    for number in range(5):
        a.send_rtp(opus(number, level=127))
        b.send_rtp(opus(number, level=30))
    await eventually(lambda: len(media(c, 11)) == 5, "all of b's sound")
    a.send_rtp(opus(5, level=20))
    await eventually(lambda: len(media(d, 10)) == 6, "all of a's sound at the recorder")
    assert media(c, 10) == []  # b has just spoken
    rig.link.send(schema.SetProducerMuted(ProducerId("voice-b"), True))
    await rig.settle()
    a.send_rtp(opus(6, level=127))
    a.send_rtp(opus(7, level=30))
    a.send_rtp(opus(8, level=127))
    await eventually(lambda: len(media(c, 10)) == 2, "a's sound from its first word on")
    assert payloads(c, 10) == [b"opus 7", b"opus 8"]
    assert len(media(c, 11)) == 5


async def test_whoever_has_the_floor_is_heard_however_quiet(rig: Rig) -> None:
    a, b, c = (rig.peers[name] for name in "abc")
    b.send_rtp(opus(0, level=20))
    a.send_rtp(opus(0, level=60))
    await eventually(lambda: media(c, 11), "b's sound")
    rig.link.send(schema.SetAlwaysHeard(ProducerId("voice-a"), True))
    await rig.settle()
    a.send_rtp(opus(1, level=60))
    b.send_rtp(opus(1, level=20))
    await eventually(lambda: payloads(c, 10) == [b"opus 1"], "a's sound once it has the floor")
    await eventually(lambda: len(media(c, 11)) == 2, "b's sound all the same")
