"""What tests of all features start from: settings in a fresh folder, both databases, the application, people."""

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from meetings import migrations, models
from meetings.access import Role
from meetings.app import create_app
from meetings.config import Settings
from meetings.context import Context
from meetings.database import Database
from meetings.directory import accounts, sessions
from meetings.directory.models import Account
from tests import postgres, sdk_exit
from tests.fakes import Browser, ManualClock
from tests.postgres import PostgresServer


def pytest_unconfigure() -> None:
    sdk_exit.settle()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A new installation in a folder of its own, whatever the environment says."""
    for name in list(os.environ):
        if name.startswith(("MEETINGS_", "LIVEKIT_")):
            monkeypatch.delenv(name)
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied: faster than making the tables for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_create_tables(f"sqlite+aiosqlite:///{path}"))
    return path


async def _create_tables(url: str) -> None:
    assert models.metadata.tables
    database = Database(url)
    await database.create_all()
    async with database.engine.begin() as connection:
        await connection.run_sync(migrations.stamp)
    await database.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole session, with a database of all tables to be copied."""
    if not postgres.PROGRAMS:
        pytest.skip("PostgreSQL's server programs are not installed")
    with postgres.running() as server:
        server.execute("CREATE DATABASE template_tables")
        asyncio.run(_create_tables(server.url("template_tables")))
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """The address of a fresh database with all tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_database(settings, request.getfixturevalue("sqlite_template"))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"test_{uuid.uuid4().hex[:16]}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template_tables")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def sqlite_database(settings: Settings, template: Path) -> str:
    shutil.copy(template, settings.data_dir / "meetings.db")
    return f"sqlite+aiosqlite:///{settings.data_dir / 'meetings.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Both databases, one after the other: every test of data says the same of both."""
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
async def app(settings: Settings, sqlite_template: Path, clock: ManualClock) -> AsyncIterator[FastAPI]:
    """The application over SQLite. Its jobs and background work do not run; `running(app)` starts them."""
    sqlite_database(settings, sqlite_template)
    app = create_app(settings, clock)
    yield app
    await app.state.context.database.dispose()


@pytest.fixture
async def any_app(settings: Settings, database_url: str, clock: ManualClock) -> AsyncIterator[FastAPI]:
    """The application, once over SQLite and once over PostgreSQL."""
    app = create_app(settings.model_copy(update={"database_url": database_url}), clock)
    yield app
    await app.state.context.database.dispose()


@pytest.fixture
def context(app: FastAPI) -> Context:
    found: Context = app.state.context
    return found


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Browser]:
    """A browser in which nobody is logged in."""
    async with Browser(app) as browser:
        yield browser


LogIn = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def log_in(app: FastAPI) -> AsyncIterator[LogIn]:
    """`await log_in(Role.SECRETARY)`: a browser of its own, in which an account with these roles is logged in."""
    browsers: list[Browser] = []

    async def enter(*roles: Role, person_id: str | None = None, login: str | None = None) -> Browser:
        browser = await logged_in(app, *roles, person_id=person_id, login=login)
        browsers.append(browser)
        return browser

    yield enter
    for browser in browsers:
        await browser.aclose()


async def logged_in(app: FastAPI, *roles: Role, person_id: str | None = None, login: str | None = None) -> Browser:
    """Makes an account (without the cost of a real password) and a browser that holds its session."""
    context: Context = app.state.context
    login = login or f"{roles[0].value}.{uuid.uuid4().hex[:6]}"
    async with context.database.transaction() as session:
        account = Account(
            login=login, display_name=login, person_id=person_id, password_hash="", created_at=context.clock.now()
        )
        session.add(account)
        await session.flush()
        await accounts.set_roles(session, account.id, roles)
        token = await sessions.start_session(session, account.id, context.clock.now())
    return Browser(app, session_token=token, account_id=account.id)
