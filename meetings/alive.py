"""Whether what should run on a data folder runs, answers, and has its ports."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable
from datetime import datetime

from meetings.config import Settings
from meetings.errors import N_
from meetings.findings import Finding
from meetings.ports import ports, taken
from meetings.running import Running, born, running_now


def running(settings: Settings, now: datetime) -> Iterable[Finding]:
    """What runs on this data folder, by its supervisor's own note; not running is no fault of an installation."""
    found = running_now(settings)
    if found is None:
        yield from _not_running(settings)
        return
    yield Finding(
        "ok",
        N_("Hệ thống"),
        N_("đang chạy từ {since}, tiến trình {pid}"),
        seen={"since": f"{found.since.astimezone(settings.zone):%d/%m/%Y %H:%M}", "pid": found.pid},
    )
    for name, pid in found.children.items():
        yield _process(found, name, pid)
    yield from _media_over_tcp(settings, found)


def _process(found: Running, name: str, pid: int) -> Finding:
    """Alive, and where it serves something: answering."""
    address = {"web": f"{found.web}/readyz", "relay": found.relay}.get(name)
    seen = {"pid": pid, "address": address or ""}
    if born(pid) is None:
        remedy = N_("Tiến trình đang được chạy lại; nếu còn lặp lại, xem nhật ký trong thư mục logs.")
        return Finding("fail", name, N_("đã dừng"), remedy)
    if address is None:
        return Finding("ok", name, N_("tiến trình {pid}"), seen=seen)
    if _answers(address):
        return Finding("ok", name, N_("tiến trình {pid}, trả lời ở {address}"), seen=seen)
    remedy = N_("Tiến trình còn sống nhưng không trả lời: xem nhật ký trong thư mục logs, rồi khởi động lại hệ thống.")
    return Finding("fail", name, N_("tiến trình {pid}, không trả lời ở {address}"), remedy, seen)


def _media_over_tcp(settings: Settings, found: Running) -> Iterable[Finding]:
    """The relay goes on without it; who has no UDP stays out, and nobody else notices."""
    if found.relay is None or not settings.media_tcp_port:
        return
    seen = {"number": settings.media_tcp_port, "protocol": "tcp"}
    told = _fetched(f"{found.relay.rstrip('/')}/metrics") or ""
    if "meetings_relay_media_tcp 1" in told:
        yield Finding("ok", N_("Âm thanh, hình ảnh qua TCP"), N_("cổng {number}/{protocol}"), seen=seen)
    elif told:
        saw = N_("cổng {number}/{protocol} đang bị chương trình khác dùng")
        remedy = N_("Điểm cầu không có UDP không vào họp được: dừng chương trình đó, hoặc đặt --media-tcp-port.")
        yield Finding("warn", N_("Âm thanh, hình ảnh qua TCP"), saw, remedy, seen)


def _not_running(settings: Settings) -> Iterable[Finding]:
    yield Finding("warn", N_("Hệ thống"), N_("chưa chạy trên thư mục này"), N_("Chạy ./run với đúng thư mục --data."))
    for port in ports(settings):
        if taken(port):
            seen = {"number": port.number, "protocol": port.protocol}
            saw = N_("cổng {number}/{protocol} đang bị chương trình khác dùng")
            remedy = N_("Dừng chương trình đó, hoặc chọn cổng khác: ./run serve --help.")
            yield Finding("warn", N_("Cổng"), saw, remedy, seen)


def _answers(address: str) -> bool:
    return _fetched(address) is not None


def _fetched(address: str) -> str | None:
    """What is told there; None when nothing answers."""
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:  # noqa: S310 our own loopback address
            return str(answer.read(1 << 20).decode("utf-8", "replace")) if answer.status == 200 else None
    except (OSError, ValueError):
        return None
