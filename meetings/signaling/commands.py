"""The commands `meetings relay` and `meetings token`."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from typing import Annotated

import typer

from meetings.clock import SystemClock
from meetings.signaling import loglines
from meetings.signaling import turn as turn_servers
from meetings.signaling.edge import CannotListen
from meetings.signaling.grants import Grants, write_token
from meetings.signaling.media.worker import WorkerError
from meetings.signaling.model import Identity, Permission, Source
from meetings.signaling.server import RelaySettings, serve_relay

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Keys = Annotated[str, typer.Option(envvar="LIVEKIT_KEYS", help='API keys as "key: secret", one a line.')]
SHORTEST_SECRET = 32  # bytes; RFC 7518 section 3.2 asks as much of HS256


def parse_keys(text: str) -> dict[str, str]:
    """`key: secret` lines, as LiveKit's server takes them. Raises ValueError with a sentence."""
    keys = {}
    for line in text.replace(",", "\n").splitlines():
        name, colon, secret = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not (name and colon and secret):
            raise ValueError('A key is written "name: secret", for example LIVEKIT_KEYS="house: <32 characters>".')
        if len(secret.encode()) < SHORTEST_SECRET:
            raise ValueError(f"The secret of key {name!r} is shorter than {SHORTEST_SECRET} characters.")
        keys[name] = secret
    if not keys:
        raise ValueError('No API key is given. Set LIVEKIT_KEYS="name: secret" or use --keys.')
    return keys


def _keys_or_exit(text: str) -> dict[str, str]:
    try:
        return parse_keys(text)
    except ValueError as error:
        raise _stop(str(error)) from error


def _stop(sentence: str) -> typer.Exit:
    sys.stderr.write(sentence + "\n")
    return typer.Exit(2)


def _turn_or_exit(urls: list[str], secret: str, minutes: int) -> turn_servers.Turn | None:
    try:
        return turn_servers.configured(urls, secret, timedelta(minutes=minutes))
    except turn_servers.BadTurn as error:
        raise _stop(str(error)) from error


@app.command()
def relay(
    keys: Keys = "",
    host: Annotated[str, typer.Option(help="Address of signalling and server API without TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 7880,
    tls_host: Annotated[
        str, typer.Option(help="Address of wss for browsers; needs --cert and --key-file.")
    ] = "0.0.0.0",  # noqa: S104 - every network of the house
    tls_port: Annotated[int, typer.Option(help="Its port.")] = 7443,
    cert: Annotated[str | None, typer.Option(help="Certificate file (PEM).")] = None,
    key_file: Annotated[str | None, typer.Option(help="Its private key (PEM).")] = None,
    udp_port: Annotated[int, typer.Option(help="Port of sound and pictures, UDP.")] = 7882,
    tcp_port: Annotated[
        int, typer.Option(help="The same over TCP, for networks without UDP; 0: not at all.", max=65_535)
    ] = 7881,
    announce: Annotated[
        list[str] | None,
        typer.Option(help="Address at which browsers reach it; INNER=OUTER behind address translation."),
    ] = None,
    webhook: Annotated[list[str] | None, typer.Option(help="Where to tell what happens in rooms.")] = None,
    twirp_allow: Annotated[list[str] | None, typer.Option(help="Network that may call the server API.")] = None,
    turn: Annotated[
        list[str] | None, typer.Option(help="TURN server for networks that let nothing else through: turn:HOST:3478.")
    ] = None,
    turn_secret: Annotated[
        str, typer.Option(envvar="MEETINGS_TURN_SECRET", help="The secret it shares with us (static-auth-secret).")
    ] = "",
    turn_minutes: Annotated[int, typer.Option(help="How long its credentials are valid.")] = 720,
    loudest: Annotated[
        int, typer.Option(help="Pass on only so many voices of a room, the loudest; 0: all.", min=0, max=32)
    ] = 0,
    origin: Annotated[list[str] | None, typer.Option(help="Only pages of this origin may connect.")] = None,
) -> None:
    """Run the relay: rooms that clients of LiveKit join. SIGUSR1 lets it stop once its rooms are empty."""
    if (cert is None) != (key_file is None):
        raise _stop("--cert and --key-file go together.")
    settings = RelaySettings(
        keys=_keys_or_exit(keys),
        host=host,
        port=port,
        tls_host=tls_host if cert else None,
        tls_port=tls_port,
        certfile=cert,
        keyfile=key_file,
        announce=announce or [],
        udp_port=udp_port,
        tcp_port=tcp_port or None,
        webhook_urls=webhook or [],
        twirp_allow=twirp_allow or [],
        turn=_turn_or_exit(turn or [], turn_secret, turn_minutes),
        loudest=loudest,
        origins=origin or [],
    )
    loglines.configure()
    try:
        asyncio.run(_until_stopped(settings))
    except (CannotListen, WorkerError) as error:
        raise _stop(str(error)) from error


async def _until_stopped(settings: RelaySettings) -> None:
    stop, drain = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, drain.set)
    await serve_relay(settings, stop, drain=drain)


@app.command()
def token(
    identity: Annotated[str, typer.Option(help="Who joins.")],
    room: Annotated[str, typer.Option(help="Which room.")] = "",
    keys: Keys = "",
    name: Annotated[str, typer.Option(help="The name that others see.")] = "",
    metadata: Annotated[str, typer.Option()] = "",
    publish: Annotated[bool, typer.Option("--publish/--no-publish")] = True,
    subscribe: Annotated[bool, typer.Option("--subscribe/--no-subscribe")] = True,
    publish_data: Annotated[bool, typer.Option("--data/--no-data")] = True,
    source: Annotated[list[Source] | None, typer.Option(help="Publish only this source.")] = None,
    update_own: Annotated[bool, typer.Option(help="May change its own name and attributes.")] = False,
    hidden: Annotated[bool, typer.Option(help="Not shown to others.")] = False,
    admin: Annotated[
        bool, typer.Option(help="May call the server API for this room, and list and make rooms.")
    ] = False,
    ttl: Annotated[int, typer.Option(help="Minutes it is valid.", min=1, max=60 * 24)] = 10,
) -> None:
    """Print an access token."""
    known = _keys_or_exit(keys)
    key = next(iter(known))
    grants = Grants(
        identity=Identity(identity),
        name=name,
        metadata=metadata,
        room=room,
        room_join=bool(room),
        room_admin=admin,
        room_create=admin,
        room_list=admin,
        api_key=key,
        permission=Permission(
            can_publish=publish,
            can_subscribe=subscribe,
            can_publish_data=publish_data,
            sources=frozenset(source or ()),
            can_update_metadata=update_own,
            hidden=hidden,
        ),
    )
    typer.echo(write_token(grants, secret=known[key], now=SystemClock().now(), ttl=timedelta(minutes=ttl)))


if __name__ == "__main__":
    app()
