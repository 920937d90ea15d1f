"""`meetings serve`: one machine, all processes, and the sentence that tells where to go."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import signal
import socket
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import segno
from rich.console import Console

from meetings import tls
from meetings.clock import SystemClock
from meetings.config import Settings
from meetings.processes import Child, Supervisor

READY_WITHIN = 60.0  # seconds; a first start creates the database and the demonstration


@dataclass(frozen=True)
class Port:
    """A port this installation wants for itself, and what for."""

    number: int
    protocol: str  # "tcp" | "udp"
    host: str
    purpose: str
    option: str


def ports(settings: Settings) -> list[Port]:
    """Every port that is bound, in the order a firewall's rules would name them."""
    return [
        Port(settings.https_port, "tcp", settings.https_host, "pages, https", "--https-port"),
        Port(settings.relay_tls_port, "tcp", settings.https_host, "relay signalling, wss", "--relay-tls-port"),
        Port(settings.media_port, "udp", "0.0.0.0", "sound and pictures", "--media-port"),  # noqa: S104 media is for all
        Port(settings.port, "tcp", settings.host, "pages, http, this machine only", "--port"),
        Port(settings.relay_port, "tcp", "127.0.0.1", "relay server API, this machine only", "--relay-port"),
    ]


def taken(port: Port) -> bool:
    """Whether another program holds the port now."""
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if port.protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def hold(path: Path) -> IO[str] | None:
    """The lock of this file for as long as the process lives; None while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def children(settings: Settings, tls_files: tls.TlsFiles) -> list[Child]:
    """The processes of an installation on one machine; each gets the same settings through its environment."""
    me = [sys.executable, "-m", "meetings"]
    environment = settings.as_environment()
    keys = f"{settings.livekit_api_key}: {settings.livekit_api_secret}"
    relay = [
        *me,
        "relay",
        f"--port={settings.relay_port}",
        f"--tls-port={settings.relay_tls_port}",
        f"--tls-host={settings.https_host}",
        f"--cert={tls_files.certificate}",
        f"--key-file={tls_files.key}",
        f"--udp-port={settings.media_port}",
        f"--webhook=http://127.0.0.1:{settings.port}/hooks/livekit",
        *(f"--announce={address}" for address in settings.announce),
    ]
    return [
        Child("web", [*me, "web"], environment),
        *([Child("relay", relay, {**environment, "LIVEKIT_KEYS": keys})] if settings.own_relay else []),
        Child("record", [*me, "record"], environment),
        *([Child("jobs", [*me, "jobs"], environment)] if not settings.is_sqlite else []),
    ]


def run(settings: Settings) -> int:
    """Runs until stopped; the exit code is 2 when something outside must be mended first."""
    occupied = [port for port in ports(settings) if taken(port)]
    for port in occupied:
        sys.stderr.write(
            f"Port {port.number}/{port.protocol} ({port.purpose}) is taken by another program. "
            f"Stop it, or choose another with {port.option}.\n"
        )
    if occupied:
        return 2
    lock = hold(settings.data_dir / "serve.lock")
    if lock is None:
        sys.stderr.write(
            f"Another system is running on {settings.data_dir}. Stop it, or choose another folder with --data.\n"
        )
        return 2
    tls_files = tls.prepare(settings, SystemClock().now())
    return asyncio.run(_supervise(settings, tls_files))


async def _supervise(settings: Settings, tls_files: tls.TlsFiles) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    supervisor = Supervisor(children(settings, tls_files))
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run(stop))
        ready = await _wait_until_ready(settings, stop)
        if ready:
            announce(settings, tls_files)
        elif not stop.is_set():
            sys.stderr.write("The system did not come up within a minute; the lines above say why.\n")
            stop.set()
    return 0 if ready or stop.is_set() else 1


async def _wait_until_ready(settings: Settings, stop: asyncio.Event) -> bool:
    addresses = [f"http://127.0.0.1:{settings.port}/healthz"]
    if settings.own_relay:
        addresses.append(f"http://127.0.0.1:{settings.relay_port}/")
    deadline = asyncio.get_running_loop().time() + READY_WITHIN
    while addresses and not stop.is_set() and asyncio.get_running_loop().time() < deadline:
        if await asyncio.to_thread(_answers, addresses[0]):
            addresses.pop(0)
        else:
            await asyncio.sleep(0.1)
    return not addresses


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 our own loopback address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def house_address(settings: Settings) -> str:
    """The https address to tell people: configured, or the machine's first address that is not loopback."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = "localhost"
    if settings.https_host in ("0.0.0.0", "::"):  # noqa: S104 compared, not bound
        outward = [str(address) for address in tls.current_addresses() if not address.is_loopback]
        host = outward[0] if outward else host
    else:
        host = settings.https_host
    host = f"[{host}]" if ":" in host else host
    return f"https://{host}:{settings.https_port}"


def announce(settings: Settings, tls_files: tls.TlsFiles) -> None:
    """Say where the system is, and how a browser comes to trust it."""
    console = Console(highlight=False, soft_wrap=True)
    house = house_address(settings)
    console.print()
    console.print("[bold]Hệ thống họp trực tuyến đã sẵn sàng.[/] The system is ready.")
    console.print(f"  Trong mạng nội bộ · on the network   {house}/")
    console.print(f"  Trên máy này · on this machine       http://localhost:{settings.port}/")
    if tls_files.authority is not None:
        link = f"{house}/ca"
        console.print(f"  Chứng thư gốc để cài vào máy khác · certificate to install on other machines   {link}")
        segno.make(link, error="m").terminal(compact=True)
    console.print("  Dừng: Ctrl-C · Stop: Ctrl-C")
