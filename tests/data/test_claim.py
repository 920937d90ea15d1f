"""A PostgreSQL database has one data folder: another is refused with a sentence, and a crash takes nothing along."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meetings.claim import AnotherFolder, Claim, claimed, claimed_elsewhere
from meetings.config import Settings
from tests.fakes import eventually

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True),
]
HOLD = """
import sys, time
from meetings.claim import Claim
from meetings.config import Settings
claim = Claim(Settings())
print("held", flush=True)
time.sleep(120)
"""


def on(folder: Path, url: str) -> Settings:
    return Settings(data_dir=folder, database_url=url)


def test_any_number_share_the_folder_and_another_folder_is_refused(tmp_path: Path, database_url: str) -> None:
    ours, theirs = on(tmp_path / "ours", database_url), on(tmp_path / "theirs", database_url)
    first, second = Claim(ours), Claim(ours)
    with pytest.raises(AnotherFolder):
        Claim(theirs)
    assert claimed_elsewhere(theirs)
    assert not claimed_elsewhere(ours)
    first.close()
    assert claimed_elsewhere(theirs), "one of ours still works"
    second.close()
    assert not claimed_elsewhere(theirs)


def test_a_folder_that_was_moved_is_the_same_folder(tmp_path: Path, database_url: str) -> None:
    ours = on(tmp_path / "ours", database_url)
    claim = Claim(ours)
    (tmp_path / "ours").rename(tmp_path / "mounted")
    moved = Claim(on(tmp_path / "mounted", database_url))
    moved.close()
    claim.close()


async def test_what_a_killed_process_claimed_is_free_again(tmp_path: Path, database_url: str) -> None:
    ours, theirs = on(tmp_path / "ours", database_url), on(tmp_path / "theirs", database_url)
    environment = {"MEETINGS_DATA_DIR": str(ours.data_dir), "MEETINGS_DATABASE_URL": database_url, "PATH": "/usr/bin"}
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert claimed_elsewhere(theirs)
        finally:
            process.send_signal(signal.SIGKILL)
    await eventually(lambda: not claimed_elsewhere(theirs), within=20, what="the database is free")


def test_a_connection_that_the_server_ended_is_made_anew(tmp_path: Path, database_url: str) -> None:
    ours, theirs = on(tmp_path / "ours", database_url), on(tmp_path / "theirs", database_url)
    claim, killer = Claim(ours), Claim(ours)
    [[pid]] = claim._connection.execute("SELECT pg_backend_pid()").fetchall()
    killer._connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
    killer.close()
    claim.renew()
    assert claimed_elsewhere(theirs)
    claim.close()


def test_the_command_says_so_and_ends(tmp_path: Path, database_url: str) -> None:
    claim = claimed(on(tmp_path / "ours", database_url))
    assert claim is not None
    environment = {
        "MEETINGS_DATA_DIR": str(tmp_path / "theirs"),
        "MEETINGS_DATABASE_URL": database_url,
        "PATH": "/usr/bin",
        "MEETINGS_LANG": "vi",
        "PYTHONUTF8": "1",
    }
    for name in ("web", "jobs", "serve"):
        command = [sys.executable, "-m", "meetings", name]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2, (name, done.stderr)
        assert "đang được một hệ thống khác dùng với thư mục dữ liệu khác" in done.stderr
        assert "Traceback" not in done.stderr
    claim.close()
