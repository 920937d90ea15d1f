"""A backup holds everything, restores into either database, and a damaged one changes nothing."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from meetings import events, migrations
from meetings.access import Role
from meetings.backup import MANIFEST, backup, restore
from meetings.config import Settings
from meetings.database import Database
from meetings.directory.accounts import create_account
from meetings.directory.models import Account
from meetings.directory.passwords import chosen
from meetings.errors import Conflict, Invalid
from meetings.register.models import Document, Series
from meetings.store import Store
from meetings.verify import verify
from tests.fakes import MORNING

TEXTS = ("VARC", "TEXT")


def quiet(name: str) -> None:
    """Progress that nobody watches."""


async def lived_in(settings: Settings) -> str:
    """An installation with an account, an event chain and a kept file; the file's hash."""
    await migrations.upgrade(settings)
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await create_account(
            session,
            login="thu-ky",
            display_name="Thư ký",
            password=await chosen("Mot-mat-khau-dai-9", "thu-ky"),
            roles=[Role.SECRETARY],
            now=MORNING,
        )
        await events.append(session, chain="meeting:a", kind="chat.message", at=MORNING, payload={"text": "Chào"})
    await database.dispose()
    return Store(settings.files_dir).put_bytes("Biên bản".encode())


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "elsewhere")


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue("postgres_server")
    server.execute("DROP DATABASE IF EXISTS restored")
    server.execute("CREATE DATABASE restored")
    return str(server.url("restored"))


async def test_what_is_restored_is_what_was_copied(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    sha256 = await lived_in(settings)
    await restore(elsewhere, await backup(settings, tmp_path / "copy.tgz", MORNING, quiet), quiet)
    await holds_the_same(elsewhere, sha256)
    assert elsewhere.livekit_api_secret  # kept secrets came along for the next start
    assert Settings(data_dir=elsewhere.data_dir).livekit_api_secret == settings.livekit_api_secret


@pytest.mark.postgres
async def test_a_copy_made_on_sqlite_restores_into_postgresql(
    settings: Settings, elsewhere: Settings, empty_postgres: str, tmp_path: Path
) -> None:
    sha256 = await lived_in(settings)
    copy = await backup(settings, tmp_path / "copy.tgz", MORNING, quiet)
    target = elsewhere.model_copy(update={"database_url": empty_postgres})
    await restore(target, copy, quiet)
    await holds_the_same(target, sha256)


async def test_the_days_of_a_filed_document_come_back(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    await lived_in(settings)
    await _file_on(settings, MORNING.date())
    await restore(elsewhere, await backup(settings, tmp_path / "copy.tgz", MORNING, quiet), quiet)
    database = Database(elsewhere.database_url)
    async with database.read() as session:
        document = (await session.scalars(select(Document))).one()
    await database.dispose()
    assert (document.issued_on, document.sent_on, document.filed_at) == (MORNING.date(), None, MORNING)


async def _file_on(settings: Settings, day: date) -> None:
    series = {"id": "series", "organisation": "X", "code": "X", "name": "Sổ", "types": [], "number_format": "{n}"}
    text = dict.fromkeys((column.name for column in Document.__table__.columns if str(column.type)[:4] in TEXTS), "a")
    numbers = {"year": day.year, "number": 1, "copies": 1}
    days = {"issued_on": day, "sent_on": None, "filed_at": MORNING}
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await session.execute(insert(Series).values(**series, position=9))
        await session.execute(insert(Document).values(**text | numbers | days | {"series_id": "series"}))
    await database.dispose()


async def test_a_changed_log_whose_head_was_taken_away_is_still_found(settings: Settings) -> None:
    await lived_in(settings)
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await session.execute(delete(events.ChainHead).where(events.ChainHead.chain == "meeting:a"))
    await database.dispose()
    findings = [str(finding) async for finding in verify(settings)]
    assert [one for one in findings if "meeting:a" in one]


async def holds_the_same(settings: Settings, sha256: str) -> None:
    assert [str(finding) async for finding in verify(settings)] == []
    assert Store(settings.files_dir).verify(sha256)
    database = Database(settings.database_url)
    async with database.read() as session:
        account = (await session.scalars(select(Account))).one()
        (event,) = await events.read_after(session, "meeting:a", 0)
    await database.dispose()
    assert (account.login, account.created_at) == ("thu-ky", MORNING)
    assert (event.payload, event.at) == ({"text": "Chào"}, MORNING)


async def test_a_flipped_byte_is_found_before_anything_is_changed(
    settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    sha256 = await lived_in(settings)
    copy = await backup(settings, tmp_path / "copy.tgz", MORNING, quiet)
    damaged = with_a_flipped_byte(copy, f"data/files/{sha256[:2]}/{sha256[2:]}")
    with pytest.raises(Invalid, match=sha256[2:]):
        await restore(elsewhere, damaged, quiet)
    assert not (elsewhere.data_dir / "meetings.db").exists()


def with_a_flipped_byte(copy: Path, name: str) -> Path:
    """The archive again, one byte of one member changed, its checksum of gzip right."""
    plain = bytearray(gzip.decompress(copy.read_bytes()))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        plain[tar.getmember(name).offset_data] ^= 1
    damaged = copy.with_name("damaged.tgz")
    damaged.write_bytes(gzip.compress(bytes(plain)))
    return damaged


@pytest.mark.parametrize(
    "content", [b"", b"not an archive", gzip.compress(b"not a tar")], ids=["empty", "text", "gzip"]
)
async def test_what_is_no_backup_is_refused(elsewhere: Settings, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.tgz").write_bytes(content)
    with pytest.raises(Invalid, match="không phải bản sao lưu"):
        await restore(elsewhere, tmp_path / "copy.tgz", quiet)


async def test_a_copy_of_another_schema_is_refused(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    await lived_in(settings)
    copy = await backup(settings, tmp_path / "copy.tgz", MORNING, quiet)
    with tarfile.open(copy) as tar:
        manifest = json.loads((tar.extractfile(MANIFEST) or io.BytesIO()).read())
    older = tmp_path / "older.tgz"
    with tarfile.open(older, "w:gz") as tar:
        body = json.dumps(manifest | {"schema": "0000", "sha256": {}}).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(body)
        tar.addfile(info, io.BytesIO(body))
    with pytest.raises(Invalid, match="0000"):
        await restore(elsewhere, older, quiet)


async def test_a_place_in_use_is_never_overwritten(settings: Settings, tmp_path: Path) -> None:
    await lived_in(settings)
    copy = await backup(settings, tmp_path / "copy.tgz", MORNING, quiet)
    with pytest.raises(Conflict, match="đã có dữ liệu"):
        await restore(settings, copy, quiet)
    with pytest.raises(Conflict, match="đã có"):
        await backup(settings, copy, MORNING, quiet)


async def test_the_copy_is_readable_by_its_owner_only(settings: Settings, tmp_path: Path) -> None:
    await lived_in(settings)
    copy = await backup(settings, tmp_path / "copy.tgz", MORNING, quiet)
    assert copy.stat().st_mode & 0o077 == 0
