"""Commands for whoever keeps the machine: is it well, is everything there, copies, the schema."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from meetings.commands.options import Data, or_refusal, settings_or_refusal, to_environment
from meetings.errors import N_
from meetings.terminal import _, complain, spoken

app = typer.Typer()
db = typer.Typer(no_args_is_help=True, help=N_("Cấu trúc của cơ sở dữ liệu."))
app.add_typer(db, name="db")


@app.command(help=N_("In những cổng mà tường lửa phải mở: của hệ thống đang chạy, nếu không thì theo thiết lập."))
def ports(data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.ports import ports as configured
    from meetings.running import running_now

    settings = settings_or_refusal(only_looking=True)
    now = running_now(settings)
    for port in now.ports if now else configured(settings):
        typer.echo(f"{port.number}/{port.protocol:3}  {port.host:12}  {_(port.purpose)}")
    complain(
        _("Hệ thống đang chạy, tiến trình {pid}.", pid=now.pid)
        if now
        else _("Hệ thống chưa chạy trên {folder}; các cổng trên là theo thiết lập.", folder=settings.data_dir)
    )


@app.command(help=N_("Xem hệ thống có gì chưa ổn và cách xử lý; mã kết thúc 1 nếu có lỗi."))
def doctor(data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings import doctor as examination
    from meetings.clock import SystemClock

    findings = asyncio.run(examination.examine(settings_or_refusal(only_looking=True), SystemClock()))
    for finding in findings:
        sign = {"ok": "✓", "warn": "!", "fail": "✗"}[finding.level]
        typer.echo(f"{sign} {_(finding.subject)}: {_(finding.saw, **finding.seen)}")
        if finding.remedy:
            typer.echo(f"    → {_(finding.remedy)}")
    if examination.worst(findings) == "fail":
        raise typer.Exit(1)


@app.command(help=N_("In mốc của mỗi nhật ký (“tên số băm”), để cất ngoài máy này và dùng cho verify --anchors."))
def anchor(data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.verify import anchors

    for one in asyncio.run(anchors(settings_or_refusal())):
        typer.echo(one)


@app.command(
    help=N_("Kiểm tra mọi nhật ký, tệp lưu và số văn bản; mã kết thúc 1 và một câu cho mỗi điều đã bị thay đổi.")
)
def verify(
    anchors: Annotated[
        Path | None,
        typer.Option(
            help=N_("Tệp các mốc do anchor đã in: cho thấy nhật ký bị cắt ở cuối."), exists=True, dir_okay=False
        ),
    ] = None,
    data: Data = None,
) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.verify import read_anchors
    from meetings.verify import verify as findings

    settings = settings_or_refusal()
    known = or_refusal(lambda: read_anchors(anchors.read_text("utf-8", "replace"))) if anchors else []

    async def tell() -> int:
        count = 0
        async for finding in findings(settings, known):
            typer.echo(spoken(finding))
            count += 1
        return count

    found = asyncio.run(tell())
    typer.echo(_("Số điều đã bị thay đổi: {found}.", found=found) if found else _("Hồ sơ còn nguyên vẹn."))
    if found:
        raise typer.Exit(1)


@app.command(help=N_("Ghi một tệp có cơ sở dữ liệu, mọi văn bản, bản ghi hình và khóa bí mật."))
def backup(target: Annotated[Path, typer.Argument(help=N_("Tệp sẽ được tạo."))], data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.backup import backup as write
    from meetings.clock import SystemClock

    or_refusal(lambda: asyncio.run(write(settings_or_refusal(), target, SystemClock().now(), _progress())))
    typer.echo(f"\r{target}: {target.stat().st_size / 1e6:.1f} MB")


@app.command(help=N_("Khôi phục một bản sao lưu vào nơi còn trống; mọi thứ được kiểm tra trước khi thay đổi."))
def restore(source: Annotated[Path, typer.Argument(help=N_("Tệp sao lưu."))], data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings.backup import restore as read

    or_refusal(lambda: asyncio.run(read(settings_or_refusal(), source, _progress())))
    typer.echo("\r" + _("Đã khôi phục xong."))


def _progress() -> Callable[[str], None]:
    """One line that counts, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda name: None
    counter = itertools.count(1)
    return lambda name: print(f"\r{next(counter)} ", end="", file=sys.stderr, flush=True)  # noqa: T201 a terminal


@db.command(help=N_("Đưa cấu trúc lên phiên bản này; tệp SQLite được sao chép trước."))
def upgrade(data: Data = None) -> None:
    to_environment(MEETINGS_DATA_DIR=data)
    from meetings import migrations

    asyncio.run(migrations.upgrade(settings_or_refusal()))
    typer.echo(migrations.head_revision())
