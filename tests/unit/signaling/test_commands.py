"""The commands say plainly what is wrong, and make tokens that mean what was asked for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from livekit.protocol import rtc
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from meetings.signaling.commands import app, parse_keys
from meetings.signaling.grants import read_token
from meetings.signaling.model import Source
from meetings.signaling.server import RelaySettings, serve_relay
from tests.unit.signaling.test_server import KEY, SECRET, token

KEYS = f"{KEY}: {SECRET}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No API key is given"),
        ("nothing", 'written "name: secret"'),
        ("name:", 'written "name: secret"'),
        ("name: short", "'name' is shorter than 32"),
    ],
)
def test_keys_that_cannot_be_used_are_explained(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_keys(text)


def test_several_keys_are_read() -> None:
    assert parse_keys(f"a: {SECRET}\n\nb: {SECRET}x") == {"a": SECRET, "b": f"{SECRET}x"}


def test_a_token_means_what_was_asked_for() -> None:
    words = ["token", "--keys", KEYS, "--identity", "hue", "--room", "m1", "--no-subscribe", "--hidden"]
    result = CliRunner().invoke(app, [*words, "--source", "microphone", "--name", "Huế"])
    grants = read_token(result.output.strip(), {KEY: SECRET})
    assert (grants.identity, grants.room, grants.name, grants.room_join) == ("hue", "m1", "Huế", True)
    assert (grants.permission.can_subscribe, grants.permission.hidden) == (False, True)
    assert grants.permission.sources == {Source.MICROPHONE}
    assert not grants.room_admin


def test_an_admins_token_needs_no_room() -> None:
    result = CliRunner().invoke(app, ["token", "--keys", KEYS, "--identity", "house", "--admin"])
    grants = read_token(result.output.strip(), {KEY: SECRET})
    assert (grants.room_join, grants.room_list, grants.room_create) == (False, True, True)


def test_a_taken_port_stops_the_relay_with_a_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = CliRunner().invoke(app, ["relay", "--keys", KEYS, "--port", str(port)])
    assert result.exit_code == 2
    assert f"TCP port {port} on 127.0.0.1 cannot be used" in result.output


def test_a_taken_media_port_stops_it_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        udp = other.getsockname()[1]
        result = CliRunner().invoke(app, ["relay", "--keys", KEYS, "--port", "0", "--udp-port", str(udp)])
    assert result.exit_code == 2
    assert f"UDP port {udp}" in result.output


def test_a_certificate_that_is_none_stops_it_too(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    files = ["--cert", str(tmp_path / "x.pem"), "--key-file", str(tmp_path / "x.pem")]
    words = ["relay", "--keys", KEYS, "--port", "0", "--tls-port", "0", "--udp-port", "0", *files]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "cannot be used" in result.output


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_browsers_reach_the_same_rooms_over_wss(certificate: tuple[Path, Path]) -> None:
    plain, tls = free_port(), free_port()
    cert, key = (str(one) for one in certificate)
    settings = RelaySettings(
        {KEY: SECRET}, port=plain, tls_host="127.0.0.1", tls_port=tls, certfile=cert, keyfile=key, udp_port=0
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_relay(settings, stop))
    trust = ssl.create_default_context(cafile=cert)
    over_tls = await _until_open(f"wss://localhost:{tls}/rtc?access_token={token('a')}", trust)
    over_plain = await _until_open(f"ws://127.0.0.1:{plain}/rtc?access_token={token('b')}", None)
    assert [one.identity for one in over_plain.other_participants] == ["a"]
    assert over_tls.room.sid == over_plain.room.sid
    stop.set()
    await asyncio.wait_for(serving, 10)


async def _until_open(url: str, trust: ssl.SSLContext | None) -> rtc.JoinResponse:
    async with asyncio.timeout(15):
        while True:
            try:
                client = await connect(url, ssl=trust)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            frame = await client.recv()
            assert isinstance(frame, bytes)
            return rtc.SignalResponse.FromString(frame).join
