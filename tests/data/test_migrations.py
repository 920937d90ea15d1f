"""The migrations build exactly the tables that the models describe."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from meetings import migrations
from meetings.config import PROJECT_ROOT, Settings
from meetings.database import Database
from meetings.models import metadata
from tests.postgres import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """An installation whose database holds nothing yet."""
    if request.param == "sqlite":
        return settings
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"empty_{settings.data_dir.parent.name.replace('-', '_')[:40].lower()}"
    server.execute(f"DROP DATABASE IF EXISTS {name}")
    server.execute(f"CREATE DATABASE {name}")
    return settings.model_copy(update={"database_url": server.url(name)})


async def test_upgrading_an_empty_database_gives_the_tables_of_the_models(empty: Settings) -> None:
    await migrations.upgrade(empty)
    database = Database(empty.database_url)
    async with database.engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    assert differences == []
    assert await migrations.current_revision(database) == migrations.head_revision()
    await database.dispose()


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": False})
    return list(compare_metadata(context, metadata))


async def test_upgrading_twice_at_once_is_harmless(empty: Settings) -> None:
    await asyncio.gather(*(migrations.upgrade(empty) for _ in range(2)))
    database = Database(empty.database_url)
    assert await migrations.current_revision(database) == migrations.head_revision()
    await database.dispose()


async def test_a_file_with_data_is_copied_before_it_is_changed(settings: Settings) -> None:
    await migrations.upgrade(settings)
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO chain_heads VALUES ('house', 0, '')"))
        await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    await database.dispose()
    with pytest.raises(Exception, match="older"):  # nobody knows the way from there; but the copy is made first
        await migrations.upgrade(settings)
    copies = list(Path(settings.data_dir).glob("meetings.db.older-before-*"))
    assert len(copies) == 1
    copy = Database(f"sqlite+aiosqlite:///{copies[0]}")
    async with copy.read() as session:
        assert (await session.execute(text("SELECT chain FROM chain_heads"))).scalars().all() == ["house"]
    await copy.dispose()


def test_the_first_migration_is_what_the_models_say() -> None:
    tool = PROJECT_ROOT / "tools" / "make_initial_migration.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
