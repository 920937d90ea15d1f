"""The whole system as ./run starts it, on ports and in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fakes import eventually

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN = 90.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class System:
    """A running installation. `links`: the permanent link of each demonstration point, by the name of its venue."""

    data: Path
    port: int
    relay_port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def links(self) -> dict[str, str]:
        """Path of the link by venue name, as printed at the start."""
        printed = re.findall(r"^ {2}(.+): https?://[^/]+(/p/\S+)$", self.log.read_text(), re.M)
        return dict(printed)

    def child(self, *words: str) -> psutil.Process:
        """The running process whose command line has these words, for tests that kill it. Of a child with a standby,
        which has the same words, the one that works."""
        working: dict[str, int] = json.loads((self.data / "running.json").read_bytes())["children"]
        if words[0] in working:
            return psutil.Process(working[words[0]])
        for process in psutil.Process(self.process.pid).children(recursive=True):
            line = process.cmdline()
            if all(word in line for word in words):
                return process
        raise LookupError(f"no child {words}")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of `meetings`' commands on this installation."""
        environment = {**os.environ, "MEETINGS_DATA_DIR": str(self.data), "LANG": "vi_VN.UTF-8"}
        return subprocess.run(
            [sys.executable, "-m", "meetings", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@asynccontextmanager
async def running_system(folder: Path) -> AsyncIterator[System]:
    """Started, waited for, and ended with all its children."""
    port, relay_port = free_port(), free_port()
    log = folder / "system.log"
    command = [
        sys.executable, "-m", "meetings", "serve", f"--data={folder / 'data'}", f"--port={port}",
        f"--https-port={free_port()}", "--https-host=127.0.0.1", f"--relay-port={relay_port}",
        f"--relay-tls-port={free_port()}", f"--media-port={free_port(socket.SOCK_DGRAM)}",
        f"--media-tcp-port={free_port()}",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MEETINGS_", "LIVEKIT_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    system = System(folder / "data", port, relay_port, process, log)
    try:
        await eventually(
            lambda: asyncio.to_thread(_ready, system),
            within=START_WITHIN,
            every=0.2,
            what=f"a system that is up ({log})",
        )
        yield system
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()


def _ready(system: System) -> bool:
    assert system.process.poll() is None, system.log.read_text()[-3000:]
    return _answers(f"{system.url}/healthz") and _answers(f"http://127.0.0.1:{system.relay_port}/")
