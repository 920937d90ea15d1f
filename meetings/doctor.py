"""Looks at an installation and says, finding by finding, what is not right and how to mend it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import av
from cryptography import x509
from sqlalchemy import make_url, text

from meetings import tls
from meetings.alive import running
from meetings.clock import Clock
from meetings.config import Settings
from meetings.database import Database
from meetings.errors import N_, MeetingsError
from meetings.findings import Finding, Level
from meetings.signaling import turn as turn_servers
from meetings.signaling import turn_probe
from meetings.signaling.media.addresses import NoUsableAddress, announced

ONE_GIB = 1024**3
# Addresses that no relay of ours has: a TURN server that would relay there lets anybody into the house's networks.
_STRANGERS = ("10.255.255.254", "172.31.255.254", "192.168.255.254")
CODECS = ("libvpx", "libopus", "opus", "vp8")


Check = Callable[[Settings, datetime], Iterable[Finding]]


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Every check, in the order in which faults should be mended. A check that cannot run is a finding."""
    now = clock.now()
    findings: list[Finding] = []
    for check in (python, data_folder, privacy, front_end, fonts, codecs, certificate, addresses, turn, mail, helpline):
        findings += await asyncio.to_thread(_guarded, check, settings, now)
    findings += await database(settings)
    findings += await asyncio.to_thread(_guarded, running, settings, now)
    return findings


def _guarded(check: Check, settings: Settings, now: datetime) -> list[Finding]:
    try:
        return list(check(settings, now))
    except Exception as error:  # a diagnosis must end with a list, whatever is broken
        return [
            Finding(
                "fail", check.__name__, f"{type(error).__name__}: {error}", N_("Gửi dòng này cho bộ phận kỹ thuật.")
            )
        ]


def worst(findings: Sequence[Finding]) -> Level:
    """The gravest level among the findings."""
    levels = {finding.level for finding in findings}
    return "fail" if "fail" in levels else "warn" if "warn" in levels else "ok"


def python(settings: Settings, now: datetime) -> Iterable[Finding]:
    """./run refuses what is too old; this says what it found."""
    yield Finding("ok", "Python", ".".join(map(str, sys.version_info[:3])))


def data_folder(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Writable, and with room for recordings: an hour of ten points takes about 5 GiB."""
    folder = settings.data_dir
    if not folder.exists():
        yield _no_folder(folder)
        return
    probe = folder / ".doctor"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Finding(
            "fail", N_("Thư mục dữ liệu"), f"{folder}: {error.strerror}", N_("Cấp quyền ghi cho thư mục này.")
        )
        return
    free = shutil.disk_usage(folder).free
    saw = f"{folder}, {free / ONE_GIB:.1f} GiB"
    if free < settings.recording_min_free_bytes:
        yield Finding("fail", N_("Thư mục dữ liệu"), saw, N_("Giải phóng đĩa: hiện không thể ghi hình."))
    elif free < 5 * settings.recording_min_free_bytes:
        yield Finding("warn", N_("Thư mục dữ liệu"), saw, N_("Sắp hết chỗ: giải phóng đĩa trước cuộc họp tới."))
    else:
        yield Finding("ok", N_("Thư mục dữ liệu"), saw)


def _no_folder(folder: Path) -> Finding:
    """Looking makes nothing: whether the first start can make it."""
    parent = next(one for one in folder.parents if one.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        remedy = N_("Chạy ./run một lần: hệ thống tự tạo thư mục.")
        return Finding("warn", N_("Thư mục dữ liệu"), N_("{folder} chưa có"), remedy, {"folder": folder})
    remedy = N_("Cấp quyền ghi cho thư mục này.")
    return Finding("fail", N_("Thư mục dữ liệu"), N_("{folder} chưa có và không tạo được"), remedy, {"folder": folder})


def privacy(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Recordings, papers and secrets lie there: nobody else on this machine has business in it."""
    if not settings.data_dir.exists():
        return
    mode = settings.data_dir.stat().st_mode & 0o777
    saw = f"{settings.data_dir}, {mode:04o}"
    if mode & 0o077:
        remedy = N_("Người dùng khác trên máy này mở được thư mục: chạy chmod 700 cho thư mục này.")
        yield Finding("warn", N_("Quyền của thư mục dữ liệu"), saw, remedy)
    else:
        yield Finding("ok", N_("Quyền của thư mục dữ liệu"), saw)


def front_end(settings: Settings, now: datetime) -> Iterable[Finding]:
    """The browser side is built by ./run."""
    manifest = settings.static_dir / "manifest.json"
    if manifest.exists():
        yield Finding("ok", N_("Giao diện"), str(settings.static_dir))
    else:
        yield Finding("fail", N_("Giao diện"), N_("chưa được dựng"), N_("Chạy lại ./run: lệnh này dựng giao diện."))


def fonts(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Documents and name labels need Tinos, complete for Vietnamese."""
    found = sorted(path.name for path in settings.fonts_dir.rglob("*.ttf") if "Tinos" in path.name)
    if len(found) >= 4:
        yield Finding("ok", N_("Phông chữ văn bản"), ", ".join(found[:4]))
    else:
        yield Finding("fail", N_("Phông chữ văn bản"), "Tinos: 0", N_("Chạy lại ./run: lệnh này dựng giao diện."))


def codecs(settings: Settings, now: datetime) -> Iterable[Finding]:
    """What recording and composition need from the av package."""
    missing = [name for name in CODECS if name not in av.codecs_available]
    if missing:
        yield Finding("fail", N_("Bộ mã hóa"), ", ".join(missing), N_("Cài lại gói av: xóa .venvs rồi chạy ./run."))
    else:
        yield Finding("ok", N_("Bộ mã hóa"), ", ".join(CODECS))


def certificate(settings: Settings, now: datetime) -> Iterable[Finding]:
    """A browser gives a camera only to https it trusts."""
    files = tls.existing(settings)
    if files is None:
        yield Finding("warn", N_("Chứng thư"), N_("chưa có"), N_("Chạy ./run một lần: hệ thống tự tạo chứng thư."))
        return
    leaf = x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]
    left = leaf.not_valid_after_utc - now
    saw = leaf.not_valid_after_utc.date().isoformat()
    if left < timedelta(days=0):
        yield Finding("fail", N_("Chứng thư"), saw, N_("Chứng thư đã hết hạn: khởi động lại hệ thống hoặc thay tệp."))
    elif left < timedelta(days=30):
        yield Finding("warn", N_("Chứng thư"), saw, N_("Chứng thư sắp hết hạn: khởi động lại hệ thống hoặc thay tệp."))
    else:
        yield Finding("ok", N_("Chứng thư"), saw)


def addresses(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Rooms must reach this machine under some address that is not loopback."""
    own = [str(address) for address in tls.current_addresses() if not address.is_loopback]
    outward = [address for address in settings.announce if not address.startswith("127.")] or own
    if outward:
        yield Finding("ok", N_("Địa chỉ"), ", ".join(outward[:4]))
    else:
        yield Finding(
            "warn", N_("Địa chỉ"), "127.0.0.1", N_("Chỉ máy này vào được phòng họp: nối mạng hoặc đặt --announce.")
        )


def turn(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Optional. A server that is named must take our credentials, reach the relay, and nothing else of the house."""
    try:
        servers = turn_servers.configured(settings.turn_urls, settings.turn_secret)
    except turn_servers.BadTurn as error:
        yield Finding("fail", "TURN", str(error), N_("Sửa MEETINGS_TURN_URLS hoặc MEETINGS_TURN_SECRET."))
        return
    for url in servers.urls if servers else ():
        credentials = servers.ice_server("doctor", now) if servers else None
        assert credentials is not None
        try:
            with turn_probe.allocation(turn_servers.parse_url(url), credentials) as held:
                reached = [address for address in media_addresses(settings) if held.may_reach(address)]
                strays = [address for address in _STRANGERS if held.may_reach(address)]
        except turn_probe.NoTurn as error:
            yield Finding(
                "fail", "TURN", f"{url}: {error}", N_("Kiểm tra máy chủ TURN, khóa chung, đồng hồ, tường lửa.")
            )
            continue
        if not reached:
            remedy = N_("TURN không chuyển tới máy chủ này: thêm địa chỉ của nó vào allowed-peer-ip.")
            yield Finding("fail", "TURN", url, remedy)
        elif strays:
            remedy = N_("TURN chuyển tiếp cả vào mạng nội bộ: đặt denied-peer-ip cho mọi địa chỉ trừ máy chủ này.")
            yield Finding("warn", "TURN", f"{url} → {', '.join(strays)}", remedy)
        else:
            yield Finding("ok", "TURN", f"{url} → {', '.join(reached)}")


def media_addresses(settings: Settings) -> list[str]:
    """Where the relay announces media."""
    with contextlib.suppress(NoUsableAddress):
        return announced(settings.announce)
    return []


def mail(settings: Settings, now: datetime) -> Iterable[Finding]:
    """Without SMTP invitations lie in the outbox; nobody receives them."""
    if not settings.smtp_host:
        remedy = N_("Giấy mời chỉ nằm ở trang Hộp thư đi. Đặt MEETINGS_SMTP_HOST để gửi thật.")
        yield Finding("fail", "SMTP", N_("chưa cấu hình"), remedy)
        return
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with socket.create_connection((settings.smtp_host, settings.smtp_port), timeout=5) as connection:
            greeting = connection.recv(200).decode("ascii", "replace").strip() if settings.smtp_tls != "tls" else "TLS"
    except OSError as error:
        yield Finding("fail", "SMTP", f"{where}: {error}", N_("Kiểm tra máy chủ thư, cổng và tường lửa."))
        return
    yield Finding("ok", "SMTP", f"{where}: {greeting[:60]}")


def helpline(settings: Settings, now: datetime) -> Iterable[Finding]:
    """The number every trouble page shows."""
    if set(settings.helpline) & set("123456789") and not settings.helpline.endswith("000 0000"):
        yield Finding("ok", N_("Số điện thoại hỗ trợ"), settings.helpline)
    else:
        remedy = N_("Đặt MEETINGS_HELPLINE: số này hiện trên mọi trang báo lỗi của điểm cầu.")
        yield Finding("warn", N_("Số điện thoại hỗ trợ"), settings.helpline, remedy)


async def database(settings: Settings) -> list[Finding]:
    """Reached, and of the schema this version writes."""
    from meetings.migrations import current_revision, head_revision

    empty = Finding("warn", N_("Cơ sở dữ liệu"), N_("còn trống"), N_("Chạy ./run một lần, hoặc ./run db upgrade."))
    if settings.is_sqlite and not _sqlite_file(settings).exists():
        return [empty]  # to open it would make it
    door = Database(settings.database_url)
    try:
        async with door.read() as session:
            await session.execute(text("SELECT 1"))
        current, head = await current_revision(door), head_revision()
    except MeetingsError as error:
        remedy = N_("Kiểm tra MEETINGS_DATABASE_URL và máy chủ cơ sở dữ liệu.")
        return [Finding("fail", N_("Cơ sở dữ liệu"), error.text.msgid, remedy, error.text.params)]
    finally:
        await door.dispose()
    if current is None:
        return [empty]
    if current != head:
        return [
            Finding("fail", N_("Cơ sở dữ liệu"), f"{current} ≠ {head}", N_("Chạy ./run db upgrade sau khi sao lưu."))
        ]
    return [Finding("ok", N_("Cơ sở dữ liệu"), f"{door.dialect}, {current}")]


def _sqlite_file(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "")
