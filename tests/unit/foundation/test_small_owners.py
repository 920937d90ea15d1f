"""Settings and their secrets, ids, the content store, the log's silence about secrets, what counts as words."""

import asyncio
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

from meetings import logs
from meetings.config import Settings, kept_secret
from meetings.errors import Conflict, Invalid, NoSpace
from meetings.ids import new_id, new_token, token_hash
from meetings.store import Store
from meetings.texts import clean_line, clean_text


def test_secrets_are_made_once_and_for_the_owner_only(settings: Settings) -> None:
    again = Settings(data_dir=settings.data_dir)
    names = ("livekit_api_secret", "internal_secret", "link_secret", "form_secret")
    found = [getattr(settings, name) for name in names]
    assert found == [getattr(again, name) for name in names]
    assert len(set(found)) == 4
    assert all(len(secret) >= 48 for secret in found)
    for path in settings.secrets_dir.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    for folder in (settings.secrets_dir, settings.data_dir):  # the database and all papers lie in the latter
        assert folder.stat().st_mode & 0o077 == 0


async def test_processes_that_start_together_agree_on_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    found = await asyncio.gather(*(asyncio.to_thread(kept_secret, path) for _ in range(16)))
    assert set(found) == {path.read_text()}
    assert list(tmp_path.iterdir()) == [path]


def test_settings_do_not_print_their_secrets(tmp_path: Path, settings: Settings) -> None:
    url = "postgresql+psycopg://u:geheim@h/d"
    shown = repr(Settings(data_dir=tmp_path, database_url=url, smtp_password="geheim"))
    assert "geheim" not in shown
    assert settings.livekit_api_secret not in repr(settings)


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEETINGS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEETINGS_OFFICE_NAME", "Văn phòng Ví Dụ")
    monkeypatch.setenv("LIVEKIT_URL", "https://livekit.example.invalid")
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    found = Settings()
    assert (found.office_name, found.livekit_url) == ("Văn phòng Ví Dụ", "https://livekit.example.invalid")
    assert (found.livekit_api_key, found.own_relay) == ("key", False)
    monkeypatch.setenv("MEETINGS_TIME_ZONE", "Asia/Nowhere")
    with pytest.raises(Exception, match="Asia/Nowhere"):
        Settings()


def test_ids_are_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{16}", one) for one in ids)
    assert [one[:9] for one in ids] == sorted(one[:9] for one in ids)


def test_a_token_is_not_its_hash() -> None:
    token = new_token()
    assert len(token) >= 43
    assert token_hash(token) == token_hash(token) != token


def test_the_store_keeps_each_content_once_under_its_hash(tmp_path: Path) -> None:
    store, source = Store(tmp_path / "files"), tmp_path / "a.pdf"
    source.write_bytes(b"x" * 3_000_000)
    first = store.put_file(source)
    assert store.put_bytes(source.read_bytes()) == first
    assert store.path_of(first).read_bytes() == source.read_bytes()
    assert store.all_hashes() == [first]
    assert store.verify(first)
    assert list((tmp_path / "files" / "drafts").iterdir()) == []


def test_one_flipped_byte_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sha256 = store.put_bytes(b"abc")
    store.path_of(sha256).chmod(0o600)
    store.path_of(sha256).write_bytes(b"abd")
    assert not store.verify(sha256)
    assert not store.verify("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/", "g" * 64])
def test_only_a_hash_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Store(tmp_path).path_of(name)


def test_a_full_disk_is_a_sentence() -> None:
    with pytest.raises(NoSpace, match="hết chỗ lưu"), Path("/dev/full").open("wb", buffering=0) as full:
        _write(full.write)


def _write(write: object) -> None:
    from meetings.store import _refusal

    try:
        write(b"x")  # type: ignore[operator] # a file's write
    except OSError as error:
        raise _refusal(error) from error


@pytest.mark.parametrize(
    "line",
    [
        "/p/EqP294DMykqGLy0Q-mOfSbTf55yVP_3B",
        "GET https://hop.example.invalid/answer/EqP294DMykqGLy0Q-mOfSbTf55yVP_3B?x=1",
        "/setup/EqP294DMykqGLy0Q-mOfSbTf55yVP_3B",
        "/rtc?access_token=EqP294DMykqGLy0Q-mOfSbTf55yVP_3B&sdk=js",
        "Bearer eyJhbGciOiJIUzI1NiJ9.EqP294DMykqGLy0Q-mOfSbTf55yVP_3B.EqP294DMykqGLy0Q-mOfSbTf55yVP_3B",
    ],
)
def test_no_secret_stands_in_the_log(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, level, configured = logging.getLogger().handlers[:], logging.getLogger().level, structlog.get_config()
    try:
        logs.configure()
        with structlog.contextvars.bound_contextvars(meeting_id="m1"):
            structlog.get_logger("meetings.x").info("request", path=line, token=line, reason={"a": 1})
            logging.getLogger("uvicorn.error").warning("cannot answer %s", line, extra={"room": "r1"})
            logging.getLogger("alembic").info("not worth a line")
    finally:
        logging.getLogger().handlers[:] = before
        logging.getLogger().setLevel(level)
        structlog.configure(**configured)
    written = capsys.readouterr().err
    assert "EqP294DMykqGLy0Q" not in written
    lines = [json.loads(one) for one in written.splitlines()]
    assert [one["meeting_id"] for one in lines] == ["m1", "m1"]
    assert lines[1]["room"] == "r1"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ủy ban   nhân dân ", "Ủy ban nhân dân"),
        ("U\u0309y ban", "Ủy ban"),
        ("Ban Cơ yếu\u00a0🙂", "Ban Cơ yếu 🙂"),
        ("Đ/c Y Ví Dụ Êban\t(xã)", "Đ/c Y Ví Dụ Êban (xã)"),
    ],
)
def test_a_line_is_kept_in_one_spelling(typed: str, kept: str) -> None:
    assert clean_line(typed, field="name", limit=100) == kept


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\u202e", "\u2066", "\u200f", "\ud800", "\ue000", "\x7f"])
def test_letters_that_cannot_be_seen_are_refused(letter: str) -> None:
    with pytest.raises(Invalid, match="không hiển thị được"):
        clean_text(f"a{letter}b", field="name", limit=100)


def test_length_is_counted_in_composed_letters() -> None:
    assert clean_text("e\u0302\u0301" * 10, field="x", limit=10) == "ế" * 10
    with pytest.raises(Invalid, match="dài quá 10 ký tự; hiện có 11"):
        clean_text("x" * 11, field="x", limit=10)


def test_an_error_of_many_tells_each() -> None:
    error = Invalid.many([Invalid("a {n}", field="x", n=1), Conflict("b", field="y")])
    assert [(fault.field, str(fault)) for fault in error.faults] == [("x", "a 1"), ("y", "b")]
    assert str(error.text) == "a 1"
    with pytest.raises(ValueError, match="at least one"):
        Invalid.many([])


def test_braces_in_what_somebody_typed_are_only_words() -> None:
    assert str(Invalid("Phòng “{venue}”", venue="{0} {x.__class__}").text) == "Phòng “{0} {x.__class__}”"
