"""Junk at the media port, as fast as this machine can send it, takes nobody's sound."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from meetings.signaling.media import stun
from meetings.signaling.media.process import ProcessWorker
from meetings.signaling.media.schema import (
    Codec,
    Consume,
    ConsumerId,
    Encoding,
    HeaderExtensions,
    Produce,
    ProducerId,
    TransportId,
)
from meetings.signaling.media.worker import WorkerConfig
from tests.load.rtclient import join
from tests.unit.signaling.media.rig import eventually, opus, payloads

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]
OPUS = Codec(111, "audio/opus", 48_000)
SECONDS = 6.0

# A process of its own, so that it takes no time from the peers that listen. Junk of every kind that the port tells
# apart, among it checks that are well formed and name nobody; at most 100,000 datagrams a second.
SPRAY = textwrap.dedent("""
    import random, socket, sys, time
    port, seconds, kinds = int(sys.argv[1]), float(sys.argv[2]), [bytes.fromhex(one) for one in sys.argv[3:]]
    sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(8)]
    for sock in sockets:
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        if sent > elapsed * 100_000:
            time.sleep(0.0005)
            continue
        for sock in sockets:
            try:
                sock.send(kinds[sent % len(kinds)])
            except OSError:
                pass
            sent += 1
    print(sent)
""")


def kinds() -> list[str]:
    chance = random.Random(3)
    check = stun.binding_request(os.urandom(12), "nobody:x", "wrong", priority=1, tie_breaker=1, nominate=True)
    starts = [0x00, 0x01, 0x14, 0x16, 0x80, 0x90, 0xC8, 0xFF]
    return [check.hex(), *((bytes([first]) + chance.randbytes(200)).hex() for first in starts)]


async def test_a_flood_of_junk_takes_nobodys_sound() -> None:
    link = ProcessWorker(WorkerConfig(udp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"]))
    ready = await link.start(lambda event: None, lambda reason: None)
    remote = ready.candidates[0]
    speaker = await join(link, "speaker", remote, ready.fingerprint)
    listener = await join(link, "listener", remote, ready.fingerprint)
    extensions = HeaderExtensions(mid=1, audio_level=4)
    link.send(Produce(ProducerId("a"), TransportId("speaker"), "audio", "0", [OPUS], extensions, [Encoding(0)]))
    link.send(
        Consume(ConsumerId("c"), ProducerId("a"), TransportId("listener"), 100, 0, OPUS, "7", HeaderExtensions(mid=1))
    )
    spray = subprocess.Popen(
        [sys.executable, "-c", SPRAY, str(remote[1]), str(SECONDS), *kinds()], stdout=subprocess.PIPE, text=True
    )
    sent = await speak(speaker.send_rtp, SECONDS)
    newcomer = await join(link, "newcomer", remote, ready.fingerprint)
    junk = int((await asyncio.to_thread(spray.communicate))[0])
    await eventually(lambda: newcomer.connected.is_set(), "a newcomer")
    heard = len(payloads(listener, 100))
    print(f"{junk / SECONDS:.0f} junk datagrams a second; {heard} of {sent} packets of sound arrived")
    assert junk / SECONDS > 10_000, "this was no flood"
    assert heard >= 0.97 * sent
    for peer in (speaker, listener, newcomer):
        peer.close()
    await link.close()


async def speak(send: object, seconds: float) -> int:
    """50 packets a second."""
    assert callable(send)
    began, number = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        send(opus(number))
        number += 1
        await asyncio.sleep(max(0.0, began + number * 0.02 - time.monotonic()))
    return number


async def test_nobody_unknown_gets_a_single_byte_in_answer() -> None:
    link = ProcessWorker(WorkerConfig(udp_port=0, tcp_port=0, udp_host="127.0.0.1", announce=["127.0.0.1"]))
    ready = await link.start(lambda event: None, lambda reason: None)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for one in kinds():
            sock.sendto(bytes.fromhex(one), ready.candidates[0])
        known = await join(link, "known", ready.candidates[0], ready.fingerprint)  # by then all of it was read
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        known.close()
    await link.close()
