"""Where the reference programs are: built by Go at pinned versions into a cache outside the checkout, or Debian's."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reference import media


@dataclass(frozen=True)
class _Module:
    path: str
    package: str
    version: str
    tags: str = ""
    media: str = ""  # a folder within it whose files are only pointed to


# The tool's release names libraries that are older than the server's; both are built with the server's. Its sound card
# is the system's (portaudio19-dev), because the module comes without the sources it would build, and
# without the pictures it would send.
_SERVER = _Module("github.com/livekit/livekit-server", "cmd/server", "v1.13.5")
_MODULES = {
    "livekit-server": _SERVER,
    "lk": _Module(
        "github.com/livekit/livekit-cli/v2", "cmd/lk", "v2.18.2", "portaudio_system", "pkg/provider/resources"
    ),
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
    module = _MODULES[name]
    folder = _CACHE / f"{name}-{module.version}"
    target = folder / module.package.rpartition("/")[2]
    if target.exists():
        return target
    go = _go()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once: the second finds it built
        if not target.exists():
            print(f"Building {name} {module.version}; this takes minutes, once.")
            _build(go, module, target)
    return target


def _build(go: str, module: _Module, target: Path) -> None:
    """Build in a module of our own that requires both, so that they get the same libraries."""
    with tempfile.TemporaryDirectory(prefix="meetings-go-") as folder:
        required = [f"-require={one.path}@{one.version}" for one in {_SERVER, module}]
        (Path(folder) / "go.mod").write_text("module reference\n")
        _run([go, "mod", "edit", *required], folder)
        flags = ["-mod=mod", f"-tags={module.tags}", *_overlay(go, module, folder)]
        _run([go, "build", *flags, "-o", f"{target}.new", f"{module.path}/{module.package}"], folder)
    Path(f"{target}.new").rename(target)


def _overlay(go: str, module: _Module, folder: str) -> list[str]:
    """Put our pictures and sound in the place of those the module lacks."""
    if not module.media:
        return []
    source = Path(_run([go, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", module.path], folder).split()[-1])
    made = Path(folder) / "media"
    made.mkdir()
    written = Path(folder) / "overlay.json"
    written.write_text(json.dumps({"Replace": media.overlay(source / module.media, made)}))
    return [f"-overlay={written}"]


def _run(command: list[str], folder: str) -> str:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{command[-1]} was not built within {_BUILD_SECONDS} seconds.") from error
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["no output"]
        raise Missing(f"{command[-1]} could not be built: {last[0]}")
    return done.stdout


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
