"""Where the reference programs are: built by Go at pinned versions into a cache outside the checkout, or Debian's."""

from __future__ import annotations

import fcntl
import functools
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
    newer: str = ""  # a library to take in a newer version than it names


# The tool is built with the protocol library that the server names: the version it names itself is not served. Its
# sound card is the system's (portaudio19-dev), because the module comes without the sources it would build, and without
# the pictures it would send.
_PROTOCOL = "github.com/livekit/protocol@v1.50.5-0.20260728075222-28e604c046c6"
_MODULES = {
    "livekit-server": _Module("github.com/livekit/livekit-server", "cmd/server", "v1.13.5"),
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
    """Build a copy of the module: there libraries can be chosen, and media put where it is only pointed to."""
    _run([go, "mod", "download", f"{module.path}@{module.version}"], "/")
    source = Path(_run([go, "env", "GOMODCACHE"], "/").strip()) / f"{module.path}@{module.version}"
    with tempfile.TemporaryDirectory(prefix="meetings-go-") as folder:
        copy = Path(folder) / "module"
        shutil.copytree(source, copy, copy_function=shutil.copyfile)  # without the cache's write protection
        _complete(copy, module, Path(folder))
        if module.newer:
            _run([go, "mod", "edit", f"-require={module.newer}"], str(copy))
        flags = ["-mod=mod", "-buildvcs=false", f"-tags={module.tags}", "-o", f"{target}.new"]
        _run([go, "build", *flags, f"./{module.package}"], str(copy))
    Path(f"{target}.new").rename(target)


def _complete(copy: Path, module: _Module, folder: Path) -> None:
    for inner in (copy, *copy.rglob("*")):
        if inner.is_dir():
            inner.chmod(0o755)
    if module.media:
        for missing, made in media.replacements(copy / module.media, folder).items():
            shutil.copyfile(made, missing)


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
