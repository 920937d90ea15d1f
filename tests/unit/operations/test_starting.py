"""./run and ./test say in one sentence why they cannot go on, and leave nothing half installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from meetings import serve
from meetings.config import Settings
from meetings.running import hold

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a clone as the first steps read."""
    folder = tmp_path / "checkout"
    (folder / "tools").mkdir(parents=True)
    for name in (
        "run",
        "test",
        "requirements.lock",
        "requirements-dev.lock",
        "tools/environment.sh",
        "tools/system_packages.sh",
    ):
        shutil.copy(ROOT / name, folder / name)
    return folder


def terminal(**environment: str) -> dict[str, str]:
    """An English one, whatever the machine's own is."""
    return {**os.environ, "LC_ALL": "en_US.UTF-8", **environment}


def call(checkout: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", *command], cwd=checkout, env=terminal(**environment), capture_output=True, text=True, timeout=60
    )


def path_with_python(folder: Path, script: str) -> str:
    """A PATH on which every python3 is this script."""
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize("command", [("run",), ("test", "quick")])
def test_a_python_that_is_too_old_is_named_with_the_remedy(
    checkout: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    old = 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac'
    done = call(checkout, *command, PATH=path_with_python(tmp_path / "bin", old))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed; found: Python 3.9.2" in done.stderr
    assert "apt-get install" in done.stderr
    assert not (checkout / ".venvs").exists()


@pytest.mark.parametrize("asked", [{"LC_ALL": "vi_VN.UTF-8"}, {"LC_ALL": "C"}])
def test_before_there_is_python_it_speaks_vietnamese_first(
    checkout: Path, tmp_path: Path, asked: dict[str, str]
) -> None:
    path = path_with_python(tmp_path / "bin", "exit 1")
    assert "Cần Python 3.11 trở lên" in call(checkout, "run", PATH=path, **asked).stderr
    assert "Python 3.11 or newer" in call(checkout, "run", "--lang", "en", PATH=path, **asked).stderr
    assert "Python 3.11 or newer" in call(checkout, "run", "doctor", "--lang=en", PATH=path, **asked).stderr


def test_without_the_venv_module_the_line_that_installs_it_is_shown(checkout: Path, tmp_path: Path) -> None:
    bare = 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac'
    done = call(checkout, "run", PATH=path_with_python(tmp_path / "bin", bare))
    assert done.returncode == 2
    assert "apt-get install -y python3-venv" in done.stderr


def test_without_a_network_nothing_stays_half_installed(checkout: Path) -> None:
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_RETRIES": "0",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
    }
    done = call(checkout, "run", MEETINGS_PYTHON=sys.executable, **nowhere)
    assert done.returncode == 2
    assert "is there a network" in done.stderr
    assert {path.name for path in (checkout / ".venvs").iterdir()} == {".lock", "install.log"}


def test_a_taken_port_stops_the_start_with_the_option_that_moves_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "meetings", "serve", f"--port={port}", f"--data={tmp_path / 'data'}"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=terminal()
        )
    assert done.returncode == 2
    assert f"Port {port}/tcp" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_of_media_over_tcp_is_told_and_does_not_stop_the_start(settings: Settings) -> None:
    with socket.create_server(("0.0.0.0", 0)) as media:
        settings.media_tcp_port = media.getsockname()[1]
        moved = settings.model_copy(update=dict.fromkeys(("port", "https_port", "relay_port", "relay_tls_port"), 0))
        moved.media_port, moved.livekit_url = 0, "http://127.0.0.1:0"
        assert list(serve._refusals(moved)) == []
        [told] = serve.goes_without(moved)
    assert str(settings.media_tcp_port) in told
    assert "--media-tcp-port" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without sudo")
def test_the_full_tests_print_the_exact_line_when_they_may_not_install(checkout: Path) -> None:
    script = (checkout / "tools/system_packages.sh").read_text()
    done = subprocess.run(
        ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-s"],
        input=script.replace("/usr/lib/postgresql/", "/nowhere/"),
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "sudo sh -c" in done.stderr
    assert "chromium" in done.stderr


def test_a_second_system_on_the_same_data_is_refused_with_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ports = {f"MEETINGS_{name}": str(free_port()) for name in ("PORT", "HTTPS_PORT", "RELAY_PORT", "RELAY_TLS_PORT")}
    environment = os.environ | ports | {"MEETINGS_MEDIA_PORT": str(free_port()), "MEETINGS_DATA_DIR": str(data)}
    for command, lock in (("serve", "serve.lock"), ("web", "coordinator.lock")):
        held = hold(data / lock)
        assert held is not None
        assert hold(data / lock) is None
        run = [sys.executable, "-m", "meetings", command]
        done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, str(data) in done.stderr) == (2, True), done.stderr
        held.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


SLOW_PYTHON = """case "$*" in
    *"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; touch "$3/../made.$$"; sleep 0.5 ;;
    *"-m pip"*) [ -z "$FULL" ] || { echo "OSError: [Errno 28] No space left on device"; exit 1; }; sleep "${SLOW:-0}" ;;
    "- "*) echo 0123456789ab ;;
    *) exit 0 ;;
esac"""


def test_a_full_disk_is_named_and_nothing_stays(checkout: Path, tmp_path: Path) -> None:
    done = call(checkout, "run", PATH=path_with_python(tmp_path / "bin", SLOW_PYTHON), FULL="1")
    assert done.returncode == 2
    assert "The disk is full" in done.stderr
    assert not list((checkout / ".venvs").glob("run-*"))


def test_what_a_killed_start_left_behind_is_thrown_away(checkout: Path, tmp_path: Path) -> None:
    path = path_with_python(tmp_path / "bin", SLOW_PYTHON)
    killed = subprocess.Popen(
        ["sh", "run"], cwd=checkout, env=terminal(PATH=path, SLOW="60"), stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list((checkout / ".venvs").glob("run-*/bin/python")):
        assert time.monotonic() < deadline, "it never began"
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    left = checkout / ".venvs" / "run-0123456789ab" / "left.behind"
    left.touch()
    done = call(checkout, "run", PATH=path)
    assert (done.returncode, left.exists()) == (0, False), done.stderr
    assert (checkout / ".venvs" / "run-0123456789ab" / "complete").exists()


def test_of_two_starts_at_once_one_installs_and_the_other_waits_for_it(checkout: Path, tmp_path: Path) -> None:
    path = path_with_python(tmp_path / "bin", SLOW_PYTHON)
    command = {"cwd": checkout, "env": terminal(PATH=path, SLOW="1")}
    both = [subprocess.Popen(["sh", "run"], stderr=subprocess.PIPE, text=True, **command) for _ in range(2)]  # type: ignore[call-overload]  # the same options twice
    told = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert len(list((checkout / ".venvs").glob("made.*"))) == 1, told


def test_a_taken_port_of_media_over_tcp_is_no_reason_not_to_start(tmp_path: Path) -> None:
    """The other taken port ends the start, so that nothing has to be waited for; the first one is only told."""
    with socket.create_server(("0.0.0.0", 0)) as media, socket.create_server(("127.0.0.1", 0)) as web:
        command = [sys.executable, "-m", "meetings", "serve", f"--data={tmp_path / 'data'}"]
        command += [f"--media-tcp-port={media.getsockname()[1]}", f"--port={web.getsockname()[1]}"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=terminal()
        )
    assert f"Port {web.getsockname()[1]}/tcp" in done.stderr if False else done.returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_folder_that_cannot_be_written_to_is_named(checkout: Path, tmp_path: Path) -> None:
    checkout.chmod(0o755)
    for parent in checkout.parents:
        if parent.is_relative_to(Path(tempfile.gettempdir())) and parent != Path(tempfile.gettempdir()):
            parent.chmod(0o755)
    done = subprocess.run(
        ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "sh", "run"],
        cwd=checkout,
        env=terminal(PATH=path_with_python(tmp_path / "bin", SLOW_PYTHON)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert f"The folder {checkout} cannot be written to" in done.stderr
    assert "Traceback" not in done.stderr
