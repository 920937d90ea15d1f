"""The commands of `meetings`; each is a few lines that read the settings and call the module that does it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from meetings.processes import die_with_parent

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from meetings.config import Settings

T = TypeVar("T")

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
    from meetings.logs import configure

    configure()
    sys.exit(supervisor.run(_settings()))


def _settings() -> Settings:
    """Imported late: `--help` need not wait for it."""
    from meetings.config import Settings

    return Settings()


@app.command()
def web() -> None:
    """Run the coordinator: pages, API and, on SQLite, the jobs."""
    from meetings.app import create_app
    from meetings.clock import SystemClock
    from meetings.edge import serve_web
    from meetings.first_run import prepare
    from meetings.logs import configure
    from meetings.serve import hold, house_address
    from meetings.tls import existing

    settings = _settings()
    configure()
    lock = hold(settings.data_dir / "coordinator.lock") if settings.is_sqlite else None
    if settings.is_sqlite and lock is None:  # jobs and events are shared within one process only
        sys.stderr.write(f"Another coordinator has the database in {settings.data_dir} open. Stop it first.\n")
        sys.exit(2)
    asyncio.run(prepare(settings, SystemClock()))
    if existing(settings) is not None:
        settings.public_url = house_address(
            settings
        )  # links in letters and on cards lead to the house, not to loopback
    asyncio.run(serve_web(create_app(settings), settings, existing(settings)))


@app.command()
def jobs() -> None:
    """Run the jobs alone (PostgreSQL; any number of these)."""
    from meetings.app import run_jobs
    from meetings.logs import configure

    configure()
    asyncio.run(run_jobs(_settings()))


@app.command()
def ports() -> None:
    """Print what a firewall must open."""
    from meetings.serve import ports as all_ports

    for port in all_ports(_settings()):
        typer.echo(f"{port.number}/{port.protocol:3}  {port.host:12}  {port.purpose}")


@app.command()
def doctor(data: Data = None) -> None:
    """Look at the installation and say how to mend what is not right; exit code 1 if something is."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings import doctor as examination
    from meetings.clock import SystemClock
    from meetings.i18n import Translations

    settings = _settings()
    words, locale = Translations(settings.locale_dir), _terminal_locale(settings.default_locale)
    findings = asyncio.run(examination.examine(settings, SystemClock()))
    for finding in findings:
        sign = {"ok": "✓", "warn": "!", "fail": "✗"}[finding.level]
        typer.echo(f"{sign} {words.gettext(locale, finding.subject)}: {words.gettext(locale, finding.saw)}")
        if finding.remedy:
            typer.echo(f"    → {words.gettext(locale, finding.remedy)}")
    if examination.worst(findings) == "fail":
        raise typer.Exit(1)


def _terminal_locale(default: str) -> str:
    """English for a terminal that says so, else the house's language."""
    language = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if language.startswith("en") else default


@app.command()
def anchor(data: Data = None) -> None:
    """Print how far each event chain is: "chain seq hash", to keep off this machine for `verify --anchors`."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.verify import anchors

    for one in asyncio.run(anchors(_settings())):
        typer.echo(one)


@app.command()
def verify(
    anchors: Annotated[
        Path | None,
        typer.Option(help="What `anchor` printed earlier; shows logs cut off at the end.", exists=True, dir_okay=False),
    ] = None,
    data: Data = None,
) -> None:
    """Check every event chain, kept file and number; exit code 1 and a sentence for each thing that was changed."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.i18n import Translations
    from meetings.verify import read_anchors
    from meetings.verify import verify as findings

    settings = _settings()
    known = _say_refusals(lambda: read_anchors(anchors.read_text("utf-8", "replace"))) if anchors else []
    words, locale = Translations(settings.locale_dir), _terminal_locale(settings.default_locale)

    async def tell() -> int:
        count = 0
        async for finding in findings(settings, known):
            typer.echo(words.text(locale, finding))
            count += 1
        return count

    found = asyncio.run(tell())
    typer.echo(f"{found} findings" if found else "The record is whole.")
    if found:
        raise typer.Exit(1)


@app.command()
def backup(target: Path, data: Data = None) -> None:
    """Write one file with the database, every document, every recording and the secrets."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.backup import backup as write
    from meetings.clock import SystemClock

    _say_refusals(lambda: asyncio.run(write(_settings(), target, SystemClock().now(), _progress())))
    typer.echo(f"\r{target}: {target.stat().st_size / 1e6:.1f} MB")


@app.command()
def restore(source: Path, data: Data = None) -> None:
    """Put a backup into an empty installation; everything is checked before anything is changed."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.backup import restore as read

    _say_refusals(lambda: asyncio.run(read(_settings(), source, _progress())))
    typer.echo("\rRestored.")


def _progress() -> Callable[[str], None]:
    """One line that counts, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda name: None
    counter = itertools.count(1)
    return lambda name: print(f"\r{next(counter)} ", end="", file=sys.stderr, flush=True)  # noqa: T201 a terminal


def _say_refusals(act: Callable[[], T]) -> T:
    """A refusal is a sentence and exit code 2, not a traceback."""
    from meetings.errors import MeetingsError

    try:
        return act()
    except MeetingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command("create-admin")
def create_admin(
    login: str, name: Annotated[str, typer.Option(help="Display name.")] = "Quản trị", data: Data = None
) -> None:
    """Make an account with the administrator's role; asks for the password."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.access import Role
    from meetings.directory import accounts

    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def create(session: AsyncSession, now: datetime) -> None:
        await accounts.create_account(
            session, login=login, display_name=name, password=password, roles=[Role.ADMIN], now=now
        )

    _say_refusals(lambda: asyncio.run(_in_transaction(create)))


@app.command("reset-password")
def reset_password(login: str, data: Data = None) -> None:
    """Give an account a new password and end its sessions; asks for the password."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings.directory import accounts

    password = typer.prompt("New password", hide_input=True, confirmation_prompt=True)

    async def reset(session: AsyncSession, now: datetime) -> None:
        await accounts.set_password(session, login, password, now)

    _say_refusals(lambda: asyncio.run(_in_transaction(reset)))


async def _in_transaction(act: Callable[[AsyncSession, datetime], Awaitable[None]]) -> None:
    from meetings.clock import SystemClock
    from meetings.database import Database

    database = Database(_settings().database_url)
    try:
        async with database.transaction() as session:
            await act(session, SystemClock().now())
    finally:
        await database.dispose()


@db.command()
def upgrade(data: Data = None) -> None:
    """Bring the schema to this version; an SQLite file is copied first."""
    _set(MEETINGS_DATA_DIR=data)
    from meetings import migrations

    asyncio.run(migrations.upgrade(_settings()))
    typer.echo(migrations.head_revision())
