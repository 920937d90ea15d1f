"""Starts LiveKit's server, Janus and our relay on free loopback ports; see the package's docstring."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reference.programs import program

KEY, SECRET = "reference", "a-secret-only-for-comparing-servers-0123456789"
LOOPBACK = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    url: str
    key: str
    secret: str
    pid: int
    log: Path
    udp_port: int  # 0: it takes one for each client
    address: str  # where it takes media

    @property
    def socket_url(self) -> str:
        """The same address for WebSockets."""
        return self.url.replace("http", "ws", 1)

    def pids(self) -> list[int]:
        """Every process of the server now."""
        return [self.pid, *descendants(self.pid)]


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:  # it has just ended
        return []
    return [one for child in children for one in (child, *descendants(child))]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def livekit_server(
    *, webhooks: Sequence[str] = (), extra: Mapping[str, Any] | None = None, address: str = LOOPBACK
) -> Iterator[Server]:
    """LiveKit's own server. Raises Missing where it cannot be built."""
    binary = program("livekit-server")
    port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)
    config: dict[str, Any] = {
        "port": port,
        "bind_addresses": sorted({LOOPBACK, address}),
        "rtc": {
            "udp_port": udp_port,
            "tcp_port": 0,  # it would listen on every address
            "node_ip": address,
            "use_external_ip": False,
            "enable_loopback_candidate": address == LOOPBACK,
            "ips": {"includes": [f"{address}/32"]},
        },
        "keys": {KEY: SECRET},
        "logging": {"level": "warn", "pion_level": "error"},
        "webhook": {"api_key": KEY, "urls": list(webhooks)},
    }
    _merge(config, extra or {})
    with _folder("livekit") as folder:
        written = folder / "config.yaml"
        written.write_text(json.dumps(config))  # JSON is YAML
        url = f"http://127.0.0.1:{port}"
        with _running([str(binary), "--config", str(written)], folder, lambda: _says_ok(url)) as (pid, log):
            yield Server("livekit-server", url, KEY, SECRET, pid, log, udp_port, address)


@contextmanager
def relay(
    *,
    webhooks: Sequence[str] = (),
    arguments: Sequence[str] = (),
    address: str = LOOPBACK,
    compiled: bool = True,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Our relay, as an operator starts it, with its compiled fan-out (where that is built) or without.

    Without an address it announces those of this machine; Firefox takes no loopback address of a peer that is ICE-lite.
    """
    port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)
    command = [sys.executable, "-m", "meetings.signaling.commands", "relay", f"--port={port}", f"--udp-port={udp_port}"]
    command += [f"--announce={address}"] if address else []
    command += [*(f"--webhook={url}" for url in webhooks), *arguments]
    url = f"http://127.0.0.1:{port}"
    keys = {"LIVEKIT_KEYS": f"{KEY}: {SECRET}", **({} if compiled else {"MEETINGS_FANOUT": "python"})}
    keys |= variables or {}
    with _folder("relay") as folder, _running(command, folder, lambda: _says_ok(url), keys) as (pid, log):
        yield Server("relay", url, KEY, SECRET, pid, log, udp_port, address)


@contextmanager
def janus(address: str) -> Iterator[Server]:
    """Janus with the videoroom plugin over WebSockets, and nothing else. Raises Missing where it is not installed.

    It takes media at `address`, which may not be a loopback one: see `network.isolate`.
    """
    binary, port = program("janus"), free_port()
    with _folder("janus") as folder:
        _write_janus_configuration(folder, port, address)
        command = [str(binary), "-F", str(folder), "-C", str(folder / "janus.jcfg")]
        with _running(command, folder, lambda: _listens(port)) as (pid, log):
            yield Server("janus", f"http://127.0.0.1:{port}", "", "", pid, log, 0, address)


def _write_janus_configuration(folder: Path, port: int, address: str) -> None:
    # A peer that is ICE-lite, as the two others are; feedback once a second as they give it.
    (folder / "janus.jcfg").write_text(
        f"""
general: {{
  configs_folder = "{folder}"
  debug_level = 2
  admin_secret = "{secrets.token_hex(16)}"
}}
media: {{ rtp_port_range = "20000-29999" }}
nat: {{ ice_lite = true, ice_enforce_list = "{address}", full_trickle = false }}
plugins: {{ disable = "{_others("plugins", "libjanus_videoroom.so")}" }}
transports: {{ disable = "{_others("transports", "libjanus_websockets.so")}" }}
"""
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    (folder / "janus.transport.websockets.jcfg").write_text(
        f'general: {{ json = "compact", ws = true, ws_port = {port}, ws_ip = "127.0.0.1", wss = false }}\n'
        "admin: { admin_ws = false }\n"
    )


def _others(kind: str, kept: str) -> str:
    found = {path.name.split(".so")[0] + ".so" for path in Path("/usr/lib").glob(f"*/janus/{kind}/*.so*")}
    return ",".join(sorted(found - {kept}))


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"meetings-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: list[str], folder: Path, answers: Callable[[], bool], more: Mapping[str, str] | None = None
) -> Iterator[tuple[int, Path]]:
    """A process from its first answer to the end of the block."""
    log = folder / "log"
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LIVEKIT_", "MEETINGS_"))}
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            env={**plain, **(more or {})},
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
    try:
        _wait(process, answers, log)
        yield process.pid, log
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _says_ok(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.read() == b"OK")
    except (urllib.error.URLError, OSError):
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
