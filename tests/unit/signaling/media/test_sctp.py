"""Data channels: messages go both ways within limits, and no packet of a peer can hang or break the association."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable

import pytest
from aiortc import RTCSctpTransport
from google_crc32c import value as crc32c

from meetings.signaling.media import sctp
from meetings.signaling.media.dtls import Role
from meetings.signaling.media.sctp import MAX_MESSAGE, DataChannels, check_packet
from meetings.signaling.media.wire import Malformed
from tests.unit.signaling.media.mutations import mutations


class End:
    """One end of an association, joined to the other by hand."""

    def __init__(self, role: Role) -> None:
        self.sent: list[bytes] = []
        self.opened: list[str] = []
        self.messages: list[tuple[str, bytes]] = []
        self.outbox: list[bytes] = []
        self.channels = DataChannels(role, self._send, self, clock=lambda: 1.0)  # no time passes: limits never refill

    def channel_open(self, label: str) -> None:
        self.opened.append(label)

    def message(self, label: str, payload: bytes) -> None:
        self.messages.append((label, payload))

    def _send(self, packet: bytes) -> None:
        self.sent.append(packet)
        self.outbox.append(packet)


async def carry(a: End, b: End, until: Callable[[], bool]) -> None:
    """Carry packets both ways until a condition holds."""
    async with asyncio.timeout(20):
        while not until():
            for sender, receiver in ((a, b), (b, a)):
                packets, sender.outbox = sender.outbox, []
                for packet in packets:
                    receiver.channels.receive(packet)
            await asyncio.sleep(0)


async def joined(*labels: str) -> tuple[End, End]:
    client, server = End("client"), End("server")
    client.channels.start(5000, MAX_MESSAGE)
    server.channels.start(5000, MAX_MESSAGE)
    for label in labels:
        server.channels.open(label, ordered=True, max_retransmits=None)
    await carry(client, server, lambda: set(labels) <= set(client.opened) and set(labels) <= set(server.opened))
    return client, server


def test_the_private_names_of_aiortc_are_where_they_were() -> None:
    names = ("_handle_data", "_data_channel_open", "_send_chunk", "_set_state", "start", "stop")
    assert all(callable(getattr(RTCSctpTransport, name)) for name in names)


async def test_the_state_we_watch_is_where_it_was() -> None:
    association = End("server").channels._association
    assert association._advertised_rwnd == 1 << 20
    assert association._sack_misordered == set()
    assert association._data_channels == {}
    assert association.transport._role == "server"


async def test_messages_go_both_ways_in_order() -> None:
    client, server = await joined("_reliable")
    for n in range(20):
        assert server.channels.send("_reliable", b"to client %d" % n)
        assert client.channels.send("_reliable", b"to server %d" % n)
    await carry(client, server, lambda: len(client.messages) == len(server.messages) == 20)
    assert [payload for _, payload in client.messages] == [b"to client %d" % n for n in range(20)]
    assert server.messages[7] == ("_reliable", b"to server 7")


async def test_the_largest_message_arrives_whole_and_a_larger_one_is_not_sent() -> None:
    client, server = await joined("_reliable")
    payload = bytes(range(256)) * 256
    assert len(payload) == MAX_MESSAGE
    assert client.channels.send("_reliable", payload)
    await carry(client, server, lambda: bool(server.messages))
    assert server.messages == [("_reliable", payload)]
    assert not client.channels.send("_reliable", payload + b"x")


async def test_a_peer_that_does_not_keep_up_loses_messages_instead_of_our_memory() -> None:
    _, server = await joined("_reliable")
    sent = sum(server.channels.send("_reliable", bytes(MAX_MESSAGE)) for _ in range(100))
    assert 0 < sent <= 20


async def test_a_peer_over_the_message_rate_is_cut_short() -> None:
    client, server = await joined("_reliable")
    for n in range(3_000):
        client.channels.send("_reliable", b"%d" % n)
    association = client.channels._association
    await carry(client, server, lambda: not association._data_channel_queue and not association._sent_queue)
    assert len(server.messages) == 2_000


async def test_nothing_is_sent_on_a_channel_that_is_not_there() -> None:
    _, server = await joined("_reliable")
    assert not server.channels.send("_lossy", b"x")
    server.channels.close()
    assert not server.channels.send("_reliable", b"x")


async def test_a_peer_may_open_only_so_many_channels() -> None:
    client, server = await joined()
    for n in range(40):
        client.channels.open(f"channel-{n}", ordered=True, max_retransmits=None)
    await carry(client, server, lambda: len(client.opened) >= sctp.MAX_CHANNELS)
    assert len(server.opened) == sctp.MAX_CHANNELS


def packet(*chunks: bytes) -> bytes:
    body = struct.pack("!HHLL", 5000, 5000, 0, 0) + b"".join(chunks)
    return body[:8] + struct.pack("<L", crc32c(body)) + body[12:]


def chunk(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", kind, 0, len(body) + 4) + body + bytes(-len(body) % 4)


INIT = struct.pack("!LLHHL", 1, 65_536, 10, 10, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packet(),
        packet(b"\x00\x00\x00\x03"),  # chunk shorter than its header
        packet(b"\x00\x00\xff\xff"),  # chunk longer than the packet
        packet(chunk(1, INIT + b"\x80\x08\x00\x00")),  # parameter of length 0: aiortc would read it for ever
        packet(chunk(1, INIT + b"\x80\x08\x00\x03")),
        packet(chunk(4, b"\x00\x01\x00\x02")),
        packet(chunk(130, b"\x00\x0d\x00\x04")),  # reset request without its numbers
        packet(chunk(1, INIT), chunk(1, INIT)),  # INIT must be alone: aiortc asserts it
        packet(chunk(3, struct.pack("!LLHH", 1, 1, 1, 0))),  # SACK without its gap
        packet(chunk(3, struct.pack("!LLHHHH", 1, 1, 1, 0, 9, 3))),  # gap that ends before it begins
        packet(chunk(3, struct.pack("!LLHH", 1, 1, 200, 0) + struct.pack("!HH", 1, 65_535) * 200)),  # ten million TSNs
        packet(chunk(0, bytes(12))),  # DATA without data
        packet(chunk(192, bytes(6))),
    ],
)
def test_packets_that_would_hang_or_break_are_stopped_before(data: bytes) -> None:
    with pytest.raises(Malformed):
        check_packet(data)


async def test_everything_an_honest_peer_sends_passes() -> None:
    client, server = await joined("_reliable")
    client.channels.send("_reliable", bytes(20_000))
    await carry(client, server, lambda: bool(server.messages))
    for sent in client.sent + server.sent:
        check_packet(sent)


async def busy() -> tuple[End, list[bytes]]:
    """A server in use, and every packet its client has sent so far."""
    client, server = await joined("_reliable")
    client.channels.send("_reliable", bytes(3_000))
    await carry(client, server, lambda: bool(server.messages))
    return server, client.sent


def with_checksum(data: bytes) -> bytes:
    """Past the first gate."""
    if len(data) < 12:
        return data
    return data[:8] + struct.pack("<L", crc32c(data[:8] + bytes(4) + data[12:])) + data[12:]


async def test_damaged_packets_raise_nothing_and_take_no_time() -> None:
    target, samples = await busy()
    slowest = 0.0
    for number, damaged in enumerate(mutations(samples)):
        # without the right tag nobody looks at the rest
        tagged = damaged[:4] + samples[-1][4:8] + damaged[8:] if number % 2 else damaged
        started = time.perf_counter()
        target.channels.receive(with_checksum(tagged))
        slowest = max(slowest, time.perf_counter() - started)
        if target.channels.closed:
            target, samples = await busy()
    assert slowest < 1.0
