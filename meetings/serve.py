"""`meetings serve`: one machine, all processes, and the sentence that tells where to go."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import segno
from rich.console import Console

from meetings import claim, running, tls
from meetings.clock import SystemClock
from meetings.config import Settings
from meetings.errors import N_
from meetings.i18n import SOURCE_LOCALE
from meetings.journal import Journal
from meetings.logs import configure
from meetings.origins import own_origins
from meetings.ports import ports, taken
from meetings.processes import Child, Supervisor
from meetings.signaling import turn
from meetings.terminal import _, complain, locale

READY_WITHIN = 60.0  # seconds; a first start creates the database and the demonstration


def children(settings: Settings, tls_files: tls.TlsFiles) -> list[Child]:
    """The processes of an installation on one machine; each gets the same settings through its environment."""
    me = [sys.executable, "-m", "meetings"]
    environment = settings.as_environment()
    keys = f"{settings.livekit_api_key}: {settings.livekit_api_secret}"
    shared = {"MEETINGS_TURN_SECRET": settings.turn_secret} if settings.turn_secret else {}
    relay = [
        *me,
        "relay",
        f"--port={settings.relay_port}",
        f"--tls-port={settings.relay_tls_port}",
        f"--tls-host={settings.https_host}",
        f"--cert={tls_files.certificate}",
        f"--key-file={tls_files.key}",
        f"--udp-port={settings.media_port}",
        f"--tcp-port={settings.media_tcp_port}",
        f"--loudest={settings.loudest}",
        *(f"--turn={url}" for url in settings.turn_urls),
        f"--turn-minutes={settings.turn_minutes}",
        f"--webhook=http://127.0.0.1:{settings.port}/hooks/livekit",
        *(f"--announce={address}" for address in media_addresses(settings)),
        *(f"--origin={origin}" for origin in own_origins(settings, tls_files)),
    ]
    secrets = {**environment, "LIVEKIT_KEYS": keys, **shared}
    return [
        Child("web", [*me, "web"], environment),
        # everybody's sound and picture wait for it when it must start anew
        *([Child("relay", relay, secrets, standby=True)] if settings.own_relay else []),
        Child("record", [*me, "record"], environment),
        *([Child("jobs", [*me, "jobs"], environment)] if not settings.is_sqlite else []),
    ]


def media_addresses(settings: Settings) -> list[str]:
    """What the relay announces. Empty: it finds the default route's address by itself.

    Chromium does not send media to loopback unless the page shows another address, too: loopback alone is joined by
    the machine's own addresses.
    """
    if not settings.announce or not all(_is_loopback(address) for address in settings.announce):
        return settings.announce
    others = [str(address) for address in tls.current_addresses() if not address.is_loopback and address.version == 4]
    return [*settings.announce, *others[:1]]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def run(settings: Settings) -> int:
    """Runs until stopped; the exit code is 2 when something outside must be mended first."""
    if refusals := list(_refusals(settings)):
        for sentence in refusals:
            complain(sentence)
        return 2
    for sentence in goes_without(settings):
        complain(sentence)
    now = SystemClock().now()
    try:
        lock = running.hold(settings.data_dir / "serve.lock")  # kept until this function ends
        if lock is None:
            complain(_(ANOTHER_RUNS, folder=settings.data_dir))
            return 2
        tls_files = tls.prepare(settings, now)
    except OSError as error:
        words = "Không ghi được vào thư mục dữ liệu {folder}: {reason}. Hãy cấp quyền ghi, hoặc giải phóng đĩa."
        complain(_(words, folder=settings.data_dir, reason=error.strerror))
        return 2
    try:
        return asyncio.run(_supervise(settings, tls_files, now))
    finally:
        running.forget(settings)


ANOTHER_RUNS = N_("Hệ thống khác đang chạy trên {folder}. Hãy dừng hệ thống đó, hoặc chọn thư mục khác bằng --data.")
ANOTHER_PROCESS_RUNS = N_(
    "Hệ thống khác (tiến trình {pid}) đang chạy trên {folder}. Hãy dừng hệ thống đó, "
    "hoặc chọn thư mục khác bằng --data."
)
GOES_ON_WITHOUT = N_(
    "Cổng {number}/{protocol} đang bị chương trình khác dùng: hệ thống vẫn chạy, nhưng điểm cầu không có UDP "
    "không vào họp được. Hãy dừng chương trình đó rồi chạy lại, hoặc chọn cổng khác bằng {option}."
)
PORT_TAKEN = N_(
    "Cổng {number}/{protocol} ({purpose}) đang bị chương trình khác dùng. "
    "Hãy dừng chương trình đó, hoặc chọn cổng khác bằng {option}."
)


def goes_without(settings: Settings) -> list[str]:
    """What is taken by another program and not needed to start; the relay's log and `doctor` say it, too."""
    missing = [port for port in ports(settings) if not port.needed and taken(port)]
    return [_(GOES_ON_WITHOUT, number=one.number, protocol=one.protocol, option=one.option) for one in missing]


def _refusals(settings: Settings) -> Iterator[str]:
    """What must be mended first, found before anything is started or written."""
    if (other := running.running_now(settings)) is not None:
        yield _(ANOTHER_PROCESS_RUNS, pid=other.pid, folder=settings.data_dir)
        return
    if claim.claimed_elsewhere(settings):
        yield _(claim.ANOTHER_FOLDER, folder=settings.data_dir)
    for port in ports(settings):
        if taken(port) and port.needed:
            named = {"number": port.number, "protocol": port.protocol, "option": port.option}
            yield _(PORT_TAKEN, **named, purpose=_(port.purpose))
    try:
        turn.configured(settings.turn_urls, settings.turn_secret, timedelta(minutes=settings.turn_minutes))
    except turn.BadTurn as error:
        yield str(error)


async def _supervise(settings: Settings, tls_files: tls.TlsFiles, now: datetime) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    path = settings.logs_dir / "meetings.log"
    journal = Journal(path, most_bytes=settings.log_file_bytes, files=settings.log_files)
    configure(stream=journal)
    supervisor = Supervisor(children(settings, tls_files), journal, partial(_note, settings, now))
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run(stop))
        ready = await _wait_until_ready(settings, stop)
        if ready:
            announce(settings, tls_files)
        elif not stop.is_set():
            complain(_("Hệ thống chưa chạy được sau một phút; các dòng phía trên cho biết vì sao."))
            stop.set()
            return 1
    return 0


def _note(settings: Settings, since: datetime, children: dict[str, int]) -> None:
    relay = f"http://127.0.0.1:{settings.relay_port}/" if settings.own_relay else None
    web = f"http://127.0.0.1:{settings.port}"
    pid, born = running.own_process()
    running.note(settings, running.Running(pid, born, since, web, relay, ports(settings), children))


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
    console.print(f"[bold]{_('Hệ thống họp trực tuyến đã sẵn sàng.')}[/]")
    console.print("  " + _("Trong mạng nội bộ: {address}", address=f"{house}/"))
    console.print("  " + _("Trên máy này: {address}", address=f"http://localhost:{settings.port}/"))
    if settings.own_relay and media_addresses(settings) != settings.announce:
        added = media_addresses(settings)[len(settings.announce) :]
        console.print("  " + _("Trình duyệt không gửi hình qua riêng 127.0.0.1: báo thêm {address}.", address=added[0]))
    if tls_files.authority is not None:
        link = f"{house}/ca"
        console.print("  " + _("Chứng thư gốc để cài vào máy khác: {address}", address=link))
        segno.make(link, error="m").terminal(compact=True)
    console.print("  " + _("Nhật ký: {path}", path=settings.logs_dir / "meetings.log"))
    console.print("  " + _("Dừng: Ctrl-C"))
    if locale() == SOURCE_LOCALE:
        console.print("  English: --lang en")
