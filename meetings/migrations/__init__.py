"""Owns the schema's history: where a database stands, and how it is brought to this version."""

import asyncio
import sqlite3
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text

from meetings.config import Settings
from meetings.database import Database

FOLDER = Path(__file__).parent
_LOCK = 7_236_114  # any number of our own: two processes must not migrate one PostgreSQL database together


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


@cache
def head_revision() -> str:
    """The revision this version of the software writes."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise LookupError("there is no migration")
    return head


async def current_revision(database: Database) -> str | None:
    """The revision a database stands at; None when it is empty."""
    async with database.read() as session:
        connection = await session.connection()
        return await connection.run_sync(_current)


def stamp(connection: Connection) -> None:
    """Writes down that tables made otherwise (by a test, from the models) are of this version's revision."""
    command.stamp(_config(connection), "head")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(settings: Settings) -> None:
    """Brings the database to this version's revision. An SQLite file that holds data is copied first."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url)
    try:
        found, wanted = await current_revision(database), head_revision()
        if found == wanted:
            return
        if found is not None and database.dialect == "sqlite":
            path = Path(make_url(settings.database_url).database or "")
            await asyncio.to_thread(_copy, path, path.with_name(f"{path.name}.{found}-before-{wanted}"))
        async with database.engine.begin() as connection:
            if database.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(lambda inner: command.upgrade(_config(inner), "head"))
    finally:
        await database.dispose()


def _copy(source: Path, target: Path) -> None:
    """SQLite's own copying: whole even while somebody writes. An older copy of the same step is replaced."""
    target.unlink(missing_ok=True)
    old, new = sqlite3.connect(source), sqlite3.connect(target)
    try:
        old.backup(new)
    finally:
        old.close()
        new.close()
