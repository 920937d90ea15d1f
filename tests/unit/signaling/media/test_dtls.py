"""DTLS between two ends of ours: keys, fingerprints, lost flights, junk, and goodbye."""

from __future__ import annotations

import random
import time

from meetings.signaling.media import srtp
from meetings.signaling.media.dtls import MTU, Certificate, Dtls
from tests.unit.signaling.media.mutations import mutations

OURS, THEIRS = Certificate(), Certificate()


def pair() -> tuple[Dtls, Dtls]:
    client, server = Dtls(OURS, "client"), Dtls(THEIRS, "server")
    client.expect("sha-256", THEIRS.fingerprint())
    server.expect("SHA-256", OURS.fingerprint().lower())
    return client, server


def exchange(client: Dtls, server: Dtls) -> None:
    """Carry datagrams both ways until nobody has any."""
    while True:
        forth, back = client.take_output(), server.take_output()
        if not forth and not back:
            return
        for datagram in forth:
            server.receive(datagram)
        for datagram in back:
            client.receive(datagram)


def connected() -> tuple[Dtls, Dtls]:
    client, server = pair()
    client.start()
    exchange(client, server)
    assert (client.state, server.state) == ("connected", "connected")
    return client, server


def test_both_ends_hold_the_same_keys_under_the_best_profile() -> None:
    client, server = connected()
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.profile is server.keys.profile is srtp.AEAD_AES_128_GCM
    assert (client.keys.local, client.keys.remote) == (server.keys.remote, server.keys.local)
    assert client.keys.local != client.keys.remote


def test_keys_of_both_ends_carry_media() -> None:
    client, server = connected()
    assert client.keys is not None
    assert server.keys is not None
    packet = bytes([0x80, 96, 0, 1]) + bytes(8) + b"payload"
    protected = srtp.Outbound(client.keys.profile, client.keys.local).protect(packet)
    assert protected is not None
    inbound = srtp.Inbound(server.keys.profile, server.keys.remote)
    assert inbound.unprotect(protected) == packet
    assert inbound.unprotect(protected) is None  # seen before


def test_another_certificate_is_refused() -> None:
    client, server = Dtls(OURS, "client"), Dtls(THEIRS, "server")
    client.expect("sha-256", THEIRS.fingerprint())
    server.expect("sha-256", Certificate().fingerprint())
    client.start()
    exchange(client, server)
    assert server.state == "failed"
    assert server.keys is None


def test_a_digest_we_do_not_accept_is_refused() -> None:
    client, server = pair()
    server.expect("md5", OURS.fingerprint())
    client.start()
    exchange(client, server)
    assert server.state == "failed"


def test_a_fingerprint_may_come_after_the_handshake() -> None:
    client, server = Dtls(OURS, "client"), Dtls(THEIRS, "server")
    client.expect("sha-256", THEIRS.fingerprint())
    client.start()
    exchange(client, server)
    assert (server.state, server.keys) == ("unverified", None)
    server.expect("sha-256", OURS.fingerprint())
    assert server.state == "connected"


def test_data_goes_both_ways_and_goodbye_is_understood() -> None:
    client, server = connected()
    client.send(b"question")
    (datagram,) = client.take_output()
    assert server.receive(datagram) == [b"question"]
    server.close()
    exchange(client, server)
    assert client.state == "closed"


def test_a_lost_flight_is_sent_again() -> None:
    client, server = pair()
    client.start()
    assert client.take_output()  # lost
    timeout = client.timeout()
    assert timeout is not None
    time.sleep(timeout + 0.01)  # OpenSSL reads the clock itself
    client.handle_timeout()
    exchange(client, server)
    assert (client.state, server.state) == ("connected", "connected")


def test_a_handshake_comes_through_though_most_datagrams_are_lost() -> None:
    """Within some repetitions, and without waiting for OpenSSL's second."""
    chance = random.Random(3)
    client, server = pair()
    client.start()
    began, now = time.monotonic(), 0.0
    while (client.state, server.state) != ("connected", "connected"):
        for sender, receiver in ((client, server), (server, client)):
            sender.repeat(now)
            for datagram in sender.take_output():
                if chance.random() > 0.4:
                    receiver.receive(datagram)
        now += 0.05
        assert now < 5
    assert time.monotonic() - began < 0.9


def test_what_arrived_is_not_sent_again() -> None:
    client, server = connected()
    client.send(b"I have it")
    (datagram,) = client.take_output()
    server.receive(datagram)
    for step in range(200):
        client.repeat(step * 0.1)
        server.repeat(step * 0.1)
    assert client.take_output() == server.take_output() == []


def test_flights_fit_the_path() -> None:
    client, server = pair()
    client.start()
    for datagram in client.take_output():
        server.receive(datagram)
    flight = server.take_output()
    assert flight
    assert all(len(datagram) <= MTU for datagram in flight)


def test_junk_during_and_after_the_handshake_does_no_harm() -> None:
    client, server = pair()
    client.start()
    hello = client.take_output()
    for damaged in mutations(hello, rounds=300):
        Dtls(THEIRS, "server").receive(damaged)
    for datagram in hello:
        server.receive(datagram)
    for datagram in server.take_output():
        client.receive(datagram)
    exchange(client, server)
    client.send(b"data")
    (record,) = client.take_output()
    for damaged in mutations([record], rounds=300):
        if damaged != record:
            assert server.receive(damaged) in ([], [b"data"])
    client.send(b"still here")
    (record,) = client.take_output()
    assert server.receive(record) == [b"still here"]
