"""A network namespace with one cable to this machine that a test may pull: browsers run in it, servers outside."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Cable:
    """`host` is this machine's address at the cable; nothing else can be reached from inside."""

    name: str
    host: str
    inside: str

    def pull(self) -> None:
        _run("ip", "link", "set", self.name, "down")

    def plug(self) -> None:
        _run("ip", "link", "set", self.name, "up")

    def program(self, path: Path, command: str) -> Path:
        """A file that runs this program inside."""
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} {command} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


@contextmanager
def namespace() -> Iterator[Cable]:
    """Skips the test, loudly, where namespaces cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    number = secrets.randbelow(16_000) * 4
    net = f"10.213.{number >> 8}."
    host, inside = f"{net}{number % 256 + 1}", f"{net}{number % 256 + 2}"
    name = f"cut{secrets.token_hex(3)}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "cable", "netns", name)
        _run("ip", "address", "add", f"{host}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        for words in (f"address add {inside}/30 dev cable", "link set cable up", "link set lo up"):
            _run("ip", "-n", name, *words.split())
        _run("ip", "-n", name, "route", "add", "default", "via", host)
        yield Cable(name, host, inside)
    finally:
        _run("ip", "netns", "delete", name)  # the cable goes with it


def _run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=20)
