"""Owns the database: its two doors, transaction() and read(), and the base that every feature's models stand on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, MetaData, event, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

from meetings.errors import MeetingsError, NoSpace, Unavailable

BUSY_SECONDS = 30


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on both sides of the database, stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is not an instant")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonDict = dict[str, Any]
T = TypeVar("T")
BigInt = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """`Mapped[datetime]` is an instant in UTC, `Mapped[dict[str, Any]]` is JSON; constraints have fixed names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON().with_variant(JSONB(), "postgresql"),
        list[Any]: JSON().with_variant(JSONB(), "postgresql"),
        list[str]: JSON().with_variant(JSONB(), "postgresql"),
    }


class Session(AsyncSession):
    """A session whose steps come to their end even when the task is cancelled meanwhile.

    Cut in the middle of a statement, the driver's connection is thrown away as it stands: on SQLite with the lock it
    holds, and nobody could write until it is collected.
    """


def _steady(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    step = getattr(AsyncSession, name)

    @wraps(step)
    async def steady(self: Session, *args: Any, **options: Any) -> Any:
        return await _finish(step(self, *args, **options))

    return steady


for _name in (
    *("close", "commit", "connection", "delete", "execute", "flush", "get", "get_one", "merge", "refresh"),
    *("rollback", "run_sync", "scalar", "scalars", "stream", "stream_scalars"),
):
    setattr(Session, _name, _steady(_name))


class Database:
    """Two engines over one database: one that writes, one that only reads.

    `session.info` of a transaction is handed to the `after_commit` listeners: that is how the event bus and the
    job runner learn that there is something new, and only when it is really there.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if make_url(url).get_backend_name() == "sqlite" else "postgresql"
        )
        self._writer, self._reader = _sqlite(url) if self.dialect == "sqlite" else _postgresql(url)
        self.after_commit: list[Callable[[dict[Any, Any]], None]] = []
        self._writing: set[asyncio.Task[Any] | None] = set()

    @property
    def engine(self) -> AsyncEngine:
        return self._writer

    @property
    def reading_engine(self) -> AsyncEngine:
        return self._reader

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back otherwise. A cancelled task never leaves it half done."""
        task = asyncio.current_task()
        if task in self._writing:  # on SQLite it would wait for itself
            raise RuntimeError("a transaction inside a transaction of the same task")
        self._writing.add(task)
        session, stored = Session(self._writer, expire_on_commit=False), False

        async def commit() -> None:
            nonlocal stored
            await session.commit()
            stored = True

        try:
            with _translated():
                # taking the lock first: a transaction that reads and then writes cannot be overtaken
                await session.connection()
                yield session
                await _finish(commit())
        except BaseException:
            await session.rollback()
            raise
        finally:
            self._writing.discard(task)
            if stored:  # also when the task was cancelled during the commit
                for listener in self.after_commit:
                    listener(session.info)
            await session.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One consistent view, nothing can be written. On SQLite it holds up commits: keep it short."""
        session = Session(self._reader, expire_on_commit=False)
        try:
            with _translated():
                yield session
        finally:
            await session.close()

    async def create_all(self) -> None:
        async with self._writer.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def dispose(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


async def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Lets a step on the connection come to its end even when the task is cancelled, then cancels.

    A commit cut in the middle would leave a connection that still holds its locks.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: S110 - raised again by result() below
            pass
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()


class _translated:
    """Turns what the driver says when the database cannot serve into the product's own refusals."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and _unserved(error)):
            raise _refusal(error) from error


def _unserved(error: DBAPIError) -> bool:
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


def _refusal(error: BaseException) -> MeetingsError:
    words = str(error).lower()
    if "disk is full" in words or "no space left" in words or "disk full" in words:
        return NoSpace("Máy chủ đã hết chỗ lưu. Đề nghị báo bộ phận kỹ thuật; dữ liệu vừa nhập chưa được lưu.")
    return Unavailable("Cơ sở dữ liệu tạm thời chưa phục vụ được. Vui lòng thử lại sau ít giây.", retry_after=5)


def _sqlite(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=BUSY_SECONDS)
    reader = create_async_engine(url, pool_size=4, max_overflow=4, pool_timeout=BUSY_SECONDS)
    _prepare_sqlite(writer, begin="BEGIN IMMEDIATE", query_only=False)
    _prepare_sqlite(reader, begin="BEGIN", query_only=True)
    return writer, reader


def _prepare_sqlite(engine: AsyncEngine, *, begin: str, query_only: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is deferred; ours is not
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        # WAL may corrupt before SQLite 3.51.3; the rollback journal measured as fast
        cursor.execute("PRAGMA journal_mode = TRUNCATE")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA query_only = {'ON' if query_only else 'OFF'}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _postgresql(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(url, pool_size=10, max_overflow=10, pool_timeout=BUSY_SECONDS, pool_pre_ping=True)
    reader = create_async_engine(url, pool_size=10, max_overflow=10, pool_timeout=BUSY_SECONDS, pool_pre_ping=True)
    reader = reader.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return writer, reader
