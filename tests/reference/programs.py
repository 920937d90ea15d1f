"""Where the reference programs are: built by Go at pinned versions into a cache outside the checkout, or Debian's."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_MODULES = {
    "livekit-server": ("github.com/livekit/livekit-server/cmd/server", "v1.13.5", "server"),
    "lk": ("github.com/livekit/livekit-cli/v2/cmd/lk", "v2.18.2", "lk"),
}
NAMES = (*_MODULES, "janus")
_GO = (1, 26)
_BUILD_SECONDS = 1200
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meetings-reference"


class Missing(Exception):
    """A program that cannot be had here; the text is the sentence to print."""


@functools.cache
def program(name: str) -> Path:
    """The program, built first where that is needed. Raises Missing."""
    return _janus() if name == "janus" else _built(name)


def skip_without(*names: str) -> None:
    """Skip the test, and say so, where one of these programs cannot be had."""
    for name in names:
        try:
            program(name)
        except Missing as reason:
            print(f"SKIPPED: {reason}")
            pytest.skip(str(reason))


def lk() -> Path:
    """LiveKit's command line tool, for `lk load-test`. Raises Missing."""
    return program("lk")


def _built(name: str) -> Path:
    package, version, produced = _MODULES[name]
    folder = _CACHE / f"{name}-{version}"
    target = folder / produced
    if target.exists():
        return target
    go = _go()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once: the second finds it built
        if not target.exists():
            print(f"Building {name} {version}; this takes minutes, once.")
            _install(go, f"{package}@{version}", folder)
    return target


def _install(go: str, package: str, folder: Path) -> None:
    try:
        done = subprocess.run(
            [go, "install", package],
            env={**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local", "GOFLAGS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{package} was not built within {_BUILD_SECONDS} seconds.") from error
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["no output"]
        raise Missing(f"{package} could not be built: {last[0]}")


def _go() -> str:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise Missing("Go is not installed; the reference programs are built by it.")
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, cwd="/").stdout
    numbers = re.match(r"go(\d+)\.(\d+)", said)
    if numbers is None or tuple(map(int, numbers.groups())) < _GO:
        raise Missing(f"Go {_GO[0]}.{_GO[1]} or newer is needed; this is {said.strip() or 'unknown'}.")
    return go


def _janus() -> Path:
    found = shutil.which("janus")
    if found is None:
        raise Missing("Janus is not installed; on Debian: apt-get install --no-install-recommends janus.")
    return Path(found)
