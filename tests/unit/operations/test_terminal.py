"""The commands speak one language at a time: the terminal's or the one asked for, Vietnamese where neither is ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meetings import terminal

ROOT = Path(__file__).resolve().parents[3]
LETTERS_OF_VIETNAMESE = re.compile(r"[ăâđêôơưáàảãạéèẻẽẹíìỉĩịóòỏõọúùủũụýỳỷỹỵ]", re.IGNORECASE)
COMMANDS = (
    *("serve", "web", "jobs", "ports", "doctor", "anchor", "verify", "backup", "restore"),
    *("create-admin", "reset-password", "db", "relay", "token", "record"),
)


def meetings(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "MEETINGS_"))}
    return subprocess.run(
        [sys.executable, "-m", "meetings", *arguments],
        cwd=ROOT,
        env={**plain, "COLUMNS": "200", "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "vi"),
        ({"LANG": "C.UTF-8"}, "vi"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "vi_VN.UTF-8"}, "vi"),
        ({"LC_ALL": "vi_VN.UTF-8", "MEETINGS_LANG": "en"}, "en"),
        ({"LANG": "tlh"}, "vi"),
    ],
)
def test_the_terminal_says_which(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str) -> None:
    for name in ("MEETINGS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.locale() == language


def test_the_language_may_be_asked_for_anywhere_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEETINGS_LANG", "")
    assert terminal.take_language(["--lang", "en", "doctor"]) == ["doctor"]
    assert terminal.locale() == "en"
    assert terminal.take_language(["doctor", "--lang=vi", "--data", "x"]) == ["doctor", "--data", "x"]
    assert terminal.locale() == "vi"
    assert terminal.take_language(["backup", "--", "--lang"]) == ["backup", "--", "--lang"]


def test_help_names_every_command_and_is_of_one_language() -> None:
    english, vietnamese = meetings("--help", "--lang", "en"), meetings("--help")
    assert all(f" {name} " in english.stdout and f" {name} " in vietnamese.stdout for name in COMMANDS)
    assert not LETTERS_OF_VIETNAMESE.search(english.stdout), english.stdout
    lines = [line for line in vietnamese.stdout.splitlines() if any(f" {name} " in line for name in COMMANDS)]
    assert all(LETTERS_OF_VIETNAMESE.search(line) for line in lines), vietnamese.stdout


@pytest.mark.parametrize("name", ["serve", "verify"])
def test_the_help_of_a_command_is_of_the_same_language(name: str) -> None:
    assert not LETTERS_OF_VIETNAMESE.search(meetings(name, "--help", LANG="en_US.UTF-8").stdout)
    assert LETTERS_OF_VIETNAMESE.search(meetings(name, "--help").stdout)


def test_every_option_s_help_has_its_vietnamese_also_where_the_source_is_english() -> None:
    program = (
        "import typer; from meetings import cli; from meetings.commands import wording\n"
        "cli._mount(); top = typer.main.get_command(cli.app); wording.translate_help(top)\n"
        "for name, command in top.commands.items():\n"
        "    for one in command.params: print(name, one.name, getattr(one, 'help', None) or '-', sep='\\t')"
    )
    environment = {**os.environ, "MEETINGS_LANG": "vi", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=True)
    options = [line.split("\t") for line in told.stdout.splitlines()]
    assert {name for name, *_ in options} >= {"serve", "relay", "token", "record"}
    english = [words for words in options if words[2] != "-" and not LETTERS_OF_VIETNAMESE.search(words[2])]
    assert english == []


def test_what_a_command_found_is_told_in_it(tmp_path: Path) -> None:
    data = f"--data={tmp_path / 'data'}"
    assert meetings("db", "upgrade", data).returncode == 0
    assert meetings("verify", data).stdout == "Hồ sơ còn nguyên vẹn.\n"
    assert meetings("verify", data, "--lang", "en").stdout == "The record is intact.\n"
    assert "No system is running" in meetings("ports", data, "--lang=en").stderr


def test_a_setting_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    done = meetings("doctor", f"--data={tmp_path}", MEETINGS_PORT="many", LANG="en")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert done.stderr.startswith("The setting port cannot be used")
    done = meetings("verify", "--data=/proc/none", LANG="en")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert done.stderr.startswith("The data folder /proc/none cannot be used")
