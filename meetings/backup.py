"""One file that holds an installation: every table as JSON lines, every kept file, and the hashes of both.

The database is read first, in one consistent view, and the files after it: files are only ever added, so every file
that a row names is in the copy. The form does not depend on the database: what was written from SQLite restores into
PostgreSQL. The manifest stands last, because only then are all hashes known; restoring checks them all before it
changes anything.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Table, insert, make_url, select

import meetings.models  # noqa: F401 every table must be known
from meetings import migrations
from meetings.config import Settings
from meetings.database import Base, Database
from meetings.errors import Conflict, Invalid

FORMAT = 1
MANIFEST = "manifest.json"
FOLDERS = ("files", "recordings", "outbox", "secrets", "tls")
_BATCH = 500
Progress = Callable[[str], None]


async def backup(settings: Settings, target: Path, now: datetime, progress: Progress) -> Path:
    """Write the copy beside `target` and rename it into place; raises Conflict if `target` exists."""
    if target.exists():
        raise Conflict("Tệp {path} đã có; hãy chọn tên khác.", path=target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds secrets
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w|gz") as tar:
            hashes = await _write_database(settings, tar, progress)
            hashes |= await asyncio.to_thread(_write_files, settings.data_dir, tar, progress)
            manifest = {
                "format": FORMAT,
                "made_at": now.astimezone(UTC).isoformat(),
                "schema": migrations.head_revision(),
                "sha256": hashes,
            }
            _add(tar, MANIFEST, json.dumps(manifest).encode())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


async def _write_database(settings: Settings, tar: tarfile.TarFile, progress: Progress) -> dict[str, str]:
    hashes: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with _frozen(settings, Path(folder)) as database, database.read() as session:
            for table in Base.metadata.sorted_tables:
                lines = io.BytesIO()
                rows = await session.stream(select(table))
                async for row in rows.mappings():
                    lines.write(json.dumps(dict(row), default=_plain).encode() + b"\n")
                name = f"database/{table.name}.jsonl"
                hashes[name] = _add(tar, name, lines.getvalue())
                progress(name)
    return hashes


@asynccontextmanager
async def _frozen(settings: Settings, folder: Path) -> AsyncIterator[Database]:
    """A door whose content stands still. SQLite: a copy, so that a long backup holds up no commit."""
    url = settings.database_url
    if settings.is_sqlite:
        source, copy = make_url(url).database or "", folder / "copy.db"
        await asyncio.to_thread(_copy_sqlite, source, copy)
        url = f"sqlite+aiosqlite:///{copy}"
    database = Database(url)
    try:
        yield database
    finally:
        await database.dispose()


def _copy_sqlite(source: str, target: Path) -> None:
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def _write_files(data_dir: Path, tar: tarfile.TarFile, progress: Progress) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for path in _kept_files(data_dir):
        name = f"data/{path.relative_to(data_dir)}"
        with path.open("rb") as file:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
            reader = _HashingReader(file, info.size)
            tar.addfile(info, cast(Any, reader))
            hashes[name] = reader.digest.hexdigest()
        progress(name)
    return hashes


def _kept_files(data_dir: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(path for path in (data_dir / folder).rglob("*") if path.is_file() and not path.is_symlink())


class _HashingReader:
    """Reads at most the size that was announced: a recording may grow while it is copied."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._left = file, size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        self.digest.update(chunk)
        return chunk


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> str:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))
    return hashlib.sha256(content).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {"$instant": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} has no form in a backup")


def _rich(value: dict[str, Any]) -> Any:
    if value.keys() == {"$instant"}:
        return datetime.fromisoformat(value["$instant"])
    if value.keys() == {"$date"}:
        return date.fromisoformat(value["$date"])
    if value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return value


async def restore(settings: Settings, source: Path, progress: Progress) -> None:
    """Put a copy into an empty installation. Everything is checked first; a fault changes nothing."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        manifest = await asyncio.to_thread(_unpack, source, Path(folder), progress)
        if manifest["schema"] != migrations.head_revision():
            raise Invalid(
                "Bản sao lưu thuộc phiên bản dữ liệu {found}, hệ thống này dùng {wanted}. "
                "Hãy dùng đúng phiên bản phần mềm.",
                found=manifest["schema"],
                wanted=migrations.head_revision(),
            )
        await _refuse_if_used(settings)
        await migrations.upgrade(settings)
        database = Database(settings.database_url)
        try:
            await _load(database, Path(folder), progress)
        finally:
            await database.dispose()
        await asyncio.to_thread(_move_files, Path(folder) / "data", settings.data_dir)


def _unpack(source: Path, folder: Path, progress: Progress) -> dict[str, Any]:
    try:
        with tarfile.open(source, mode="r:gz") as tar:
            tar.extractall(folder, filter="data")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise Invalid("{path} không phải bản sao lưu trọn vẹn của hệ thống này.", path=source) from error
    if manifest.get("format") != FORMAT:
        raise Invalid("{path} không phải bản sao lưu trọn vẹn của hệ thống này.", path=source)
    for name, sha256 in manifest["sha256"].items():
        path = folder / name
        if not path.is_file() or _sha256(path) != sha256:
            raise Invalid("Bản sao lưu bị hỏng ở {name}; chưa có gì thay đổi.", name=name)
        progress(name)
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _refuse_if_used(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        used = await migrations.current_revision(database) is not None
    finally:
        await database.dispose()
    if used or any(_kept_files_besides_secrets(settings.data_dir)):
        raise Conflict(
            "Nơi khôi phục đã có dữ liệu: {path}. Hãy khôi phục vào thư mục trống (--data) và cơ sở dữ liệu trống.",
            path=settings.data_dir,
        )


def _kept_files_besides_secrets(data_dir: Path) -> Iterator[Path]:
    return (path for path in _kept_files(data_dir) if path.relative_to(data_dir).parts[0] != "secrets")


async def _load(database: Database, folder: Path, progress: Progress) -> None:
    async with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            path = folder / "database" / f"{table.name}.jsonl"
            for batch in _batches(path, table):
                await session.execute(insert(table), batch)
            progress(f"database/{table.name}")


def _batches(path: Path, table: Table) -> Iterator[list[dict[str, Any]]]:
    known = {column.name for column in table.columns}
    batch: list[dict[str, Any]] = []
    with path.open("rb") as lines:
        for line in lines:
            row = json.loads(line, object_hook=_rich)
            batch.append({name: value for name, value in row.items() if name in known})
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _move_files(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.replace(path, place)
