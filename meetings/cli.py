"""The commands of `meetings`; each is a few lines that read the settings and call the module that does it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from meetings.processes import die_with_parent

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
db = typer.Typer(no_args_is_help=True, help="The database's schema.")
app.add_typer(db, name="db")


def main() -> None:
    """The entry point."""
    die_with_parent()
    _mount()
    app()


def _mount() -> None:
    """Commands that live with their feature."""
    from meetings.recording.commands import record
    from meetings.signaling.commands import relay, token

    app.command("relay")(relay)
    app.command("token")(token)
    app.command("record")(record)


def _set(**values: object) -> None:
    """Options become the environment that Settings and every child read; only what was given is set."""
    for name, value in values.items():
        if value is not None:
            os.environ[name] = str(value)


Data = Annotated[Path | None, typer.Option("--data", help="Where everything is kept.")]


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="http, this machine only (8000).")] = None,
    https_port: Annotated[int | None, typer.Option(help="https for the house (8443).")] = None,
    https_host: Annotated[str | None, typer.Option(help="Address to serve https on (0.0.0.0).")] = None,
    data: Data = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="A demonstration province of invented people.")] = True,
    announce: Annotated[list[str] | None, typer.Option(help="Where browsers reach sound and pictures.")] = None,
    relay_port: Annotated[int | None, typer.Option(help="Relay server API, this machine only (7880).")] = None,
    relay_tls_port: Annotated[int | None, typer.Option(help="Relay signalling, wss (7443).")] = None,
    media_port: Annotated[int | None, typer.Option(help="Sound and pictures, UDP (7882).")] = None,
) -> None:
    """Run the whole system on this machine."""
    import json

    _set(
        MEETINGS_PORT=port,
        MEETINGS_HTTPS_PORT=https_port,
        MEETINGS_HTTPS_HOST=https_host,
        MEETINGS_DATA_DIR=data,
        MEETINGS_DEMO=int(demo),
        MEETINGS_ANNOUNCE=json.dumps(announce) if announce else None,
        MEETINGS_RELAY_PORT=relay_port,
        MEETINGS_RELAY_TLS_PORT=relay_tls_port,
        MEETINGS_MEDIA_PORT=media_port,
        LIVEKIT_URL=f"http://127.0.0.1:{relay_port}" if relay_port and "LIVEKIT_URL" not in os.environ else None,
    )
    from meetings import serve as supervisor

    sys.exit(supervisor.run(_settings()))


def _settings():  # type: ignore[no-untyped-def]  # imported late: `--help` need not wait for it
    from meetings.config import Settings

    return Settings()


@app.command()
def web() -> None:
    """Run the coordinator: pages, API and, on SQLite, the jobs."""
    from meetings.app import create_app
    from meetings.edge import serve_web
    from meetings.logs import configure
    from meetings.tls import existing

    settings = _settings()
    configure()
    asyncio.run(serve_web(create_app(settings), settings, existing(settings)))


@app.command()
def ports() -> None:
    """Print what a firewall must open."""
    from meetings.serve import ports as all_ports

    for port in all_ports(_settings()):
        typer.echo(f"{port.number}/{port.protocol:3}  {port.host:12}  {port.purpose}")
