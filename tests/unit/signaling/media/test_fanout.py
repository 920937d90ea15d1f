"""The compiled fan-out makes the same bytes as the Python one, in the same order for each receiver; nothing is lost."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meetings.signaling.media import history, native, srtp, vp8
from meetings.signaling.media.forward import MOST_HELD, Entry, Plan, Plans, Sender, make_plan
from tools import build_fanout

PROFILES = [srtp.AEAD_AES_128_GCM, srtp.AES128_CM_SHA1_80]
ROUNDS = 40


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Built afresh from the source."""
    target = tmp_path_factory.mktemp("fanout") / "fanout.so"
    if build_fanout.compiler() is None:
        pytest.skip("there is no C compiler: the Python fan-out serves")
    assert build_fanout.build(target)
    loaded = native.load(target)
    assert loaded is not None
    return loaded


@pytest.fixture
def receivers() -> Iterator[list[socket.socket]]:
    """Some of IPv4, one of IPv6 where the machine has it."""
    made = []
    for family, host in [(socket.AF_INET, "127.0.0.1")] * 4 + [(socket.AF_INET6, "::1")]:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.bind((host, 0))
        except OSError:
            sock.close()
            continue
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.append(sock)
    yield made
    for sock in made:
        sock.close()


class Ways:
    """One socket of each family, as the worker's port has them; other addresses go nowhere but are kept."""

    def __init__(self) -> None:
        self.sockets = {2: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)}
        self.sockets[4] = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.elsewhere: list[bytes] = []

    def sendto(self, data: Any, address: Any) -> None:
        if len(address) == 3:
            self.elsewhere.append(bytes(data))
        else:
            self.sockets[len(address)].sendto(data, address)

    def send_segments(self, data: memoryview, size: int, address: Any) -> list[int]:
        lost = []
        for at in range(0, len(data), size):
            try:
                self.sendto(data[at : at + size], address)
            except OSError:
                lost.append(len(data[at : at + size]))
        return lost

    def descriptor(self, address: Any) -> int:
        return self.sockets[len(address)].fileno() if len(address) in self.sockets else -1

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()


def read(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(4096))
        except BlockingIOError:
            return found


def random_payload(chance: random.Random) -> bytes:
    """Mostly VP8 with a descriptor of some form; of a frame's full size or less."""
    size = chance.choice([0, 1, 20, 80, 1000, 1000, 1000, 1200])
    head = bytes([chance.choice([0x90, 0x80, 0x10]), chance.choice([0x80, 0xE0, 0xF0, 0x40, 0x00])])
    return (head + chance.randbytes(max(0, size - 2)))[:size]


def random_entries(chance: random.Random, count: int) -> list[Entry]:
    sequence, timestamp = chance.randrange(1 << 40), chance.randrange(1 << 32)
    entries = []
    for number in range(count):
        payload = random_payload(chance)
        picture = vp8.parse(payload) if chance.random() < 0.8 else None
        marker = chance.choice([0, 0x80])
        entries.append(Entry(sequence + number, timestamp + 3000 * number, marker, payload, number * 99, picture))
    return entries


def plans_for(chance: random.Random, keys: list[bytes], addresses: list[Any], profile: srtp.Profile) -> Plans:
    """Several subscribers, some behind one address; each run of this with the same chance gives equal plans."""
    plans: list[Plan] = []
    for index, key in enumerate(keys):
        offsets = vp8.Offsets(chance.randrange(1 << 15), chance.randrange(256), chance.randrange(32))
        plans.append(
            make_plan(
                payload_type=chance.randrange(96, 128),
                ssrc=index + 1,
                mid=chance.randbytes(chance.randrange(17)),
                mid_id=chance.choice([0, 1, 14]),
                send_time_id=chance.choice([0, 3]),
                sequence_offset=chance.randrange(-(1 << 40), 1 << 20),
                timestamp_offset=chance.randrange(1 << 32),
                outbound=_session(profile, key),
                address=addresses[index % len(addresses)],
                offsets=chance.choice([vp8.UNCHANGED, offsets]),
                transport_cc_id=chance.choice([0, 5]),
                history=chance.choice([None, history.new_history()]),
            )
        )
    return Plans(plans)


_SESSIONS: list[srtp.Outbound] = []  # a plan does not keep its session alive


def _session(profile: srtp.Profile, key: bytes) -> srtp.Outbound:
    _SESSIONS.append(srtp.Outbound(profile, key))
    return _SESSIONS[-1]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.openssl_name.decode())
def test_both_make_the_same_bytes(library: Any, receivers: list[socket.socket], profile: srtp.Profile) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    for number in range(ROUNDS):
        chance = random.Random(seed + number)
        addresses = [sock.getsockname() for sock in receivers] + [("192.0.2.1", 9, "a TCP connection")]
        keys = [os.urandom(profile.key_length + profile.salt_length) for _ in range(chance.randrange(2, 12))]
        plan_seed, entries = chance.randrange(1 << 30), random_entries(chance, chance.randrange(1, 30))
        outcomes = []
        for compiled in (False, True):
            ways = Ways()
            plans = plans_for(random.Random(plan_seed), keys, addresses, profile)
            sender = Sender(ways, native.Fanout(library, ways.descriptor) if compiled else None)
            sender.hold()
            for entry in entries:
                sender.fan_out(entry, plans)
            sender.release()
            got = [read(sock) for sock in receivers]
            remembered = [(plan.history.newest, plan.history.sizes) for plan in plans if plan.history is not None]
            outcomes.append((got, ways.elsewhere, sender.packets, sender.octets, sender.blocked, remembered))
            ways.close()
        by_python, by_library = outcomes
        assert by_python[1:] == by_library[1:]
        for index, (one, other) in enumerate(zip(by_python[0], by_library[0], strict=True)):
            assert one == other, f"receiver {index}"


def test_more_than_is_held_arrives_too(library: Any, receivers: list[socket.socket]) -> None:
    ways, address = Ways(), receivers[0].getsockname()
    keys = [os.urandom(28) for _ in range(40)]
    plans = plans_for(random.Random(1), keys, [address], srtp.AEAD_AES_128_GCM)
    sender = Sender(ways, native.Fanout(library, ways.descriptor))
    sender.hold()
    for number in range(MOST_HELD + 8):
        sender.fan_out(Entry(number, 0, 0, b"\x10" + bytes(99), 0, None), plans)
    sender.release()
    assert sender.packets == 40 * (MOST_HELD + 8)
    assert len(read(receivers[0])) == 40 * (MOST_HELD + 8)
    ways.close()


def test_a_plan_that_changes_is_seen_with_the_next_packet(library: Any, receivers: list[socket.socket]) -> None:
    ways = Ways()
    first, second = receivers[0].getsockname(), receivers[1].getsockname()
    plans = plans_for(random.Random(2), [os.urandom(28), os.urandom(28)], [first], srtp.AEAD_AES_128_GCM)
    sender = Sender(ways, native.Fanout(library, ways.descriptor))
    sender.fan_out(Entry(1, 0, 0, b"\x10\x00", 0, None), plans)
    plans = Plans((plans[0], plans[1]._replace(address=second)))
    sender.fan_out(Entry(2, 0, 0, b"\x10\x00", 0, None), plans)
    assert (len(read(receivers[0])), len(read(receivers[1]))) == (3, 1)
    ways.close()


def test_what_cannot_leave_is_counted_by_both(library: Any) -> None:
    """Nobody can be reached at port 0."""
    counted = []
    for compiled in (False, True):
        ways = Ways()
        keys = [bytes([number]) * 28 for number in range(3)]
        plans = plans_for(random.Random(3), keys, [("127.0.0.1", 0)], srtp.AEAD_AES_128_GCM)
        sender = Sender(ways, native.Fanout(library, ways.descriptor) if compiled else None)
        sender.hold()
        for number in range(4):
            sender.fan_out(Entry(number, 0, 0, b"\x10\x00", 0, None), plans)
        sender.release()
        counted.append((sender.packets, sender.octets, sender.blocked))
        ways.close()
    assert counted == [(0, 0, 12), (0, 0, 12)]


def test_a_library_of_another_source_is_not_used(tmp_path: Path) -> None:
    other = tmp_path / "other.so"
    other.write_bytes(b"no library")
    assert native.load(other) is None
    assert native.load(tmp_path / "missing.so") is None


@pytest.mark.parametrize("compiled", [True, False])
def test_the_beginning_of_a_frame_waits_for_its_end(
    library: Any, receivers: list[socket.socket], compiled: bool
) -> None:
    ways, address = Ways(), receivers[0].getsockname()
    plans = plans_for(random.Random(4), [os.urandom(28), os.urandom(28)], [address], srtp.AEAD_AES_128_GCM)
    sender = Sender(ways, native.Fanout(library, ways.descriptor) if compiled else None)
    payload = b"\x90\x80\x00\x00" + bytes(9)

    def take(number: int, marker: int) -> tuple[bool, int]:
        sender.fan_out(Entry(number, 0, marker, payload, 0, vp8.parse(payload)), plans)
        return sender.flush_frames(), len(read(receivers[0]))

    sender.hold()
    assert [take(1, 0), take(2, 0), take(3, 0x80)] == [(True, 0), (True, 0), (False, 6)]
    assert take(4, 0) == (True, 0)
    sender.release()
    assert len(read(receivers[0])) == 2
    ways.close()
