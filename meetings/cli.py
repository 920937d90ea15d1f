"""The commands of `meetings`; each is a few lines that read the settings and call the module that does it.

What users read is Vietnamese in this file and translated when it is said: see meetings/terminal.py.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from meetings.errors import N_
from meetings.processes import die_with_parent, wait_for_turn
from meetings.terminal import _, complain, spoken, take_language

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from meetings.config import Settings

T = TypeVar("T")

ABOUT = N_("Hệ thống họp trực tuyến. Ngôn ngữ của các lệnh theo LANG, hoặc --lang vi|en.")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=ABOUT)
db = typer.Typer(no_args_is_help=True, help=N_("Cấu trúc của cơ sở dữ liệu."))
app.add_typer(db, name="db")


def main() -> None:
    """The entry point."""
    die_with_parent()
    sys.argv[1:] = take_language(sys.argv[1:])
    _mount()
    wait_for_turn()
    command = typer.main.get_command(app)
    _translate_titles()
    _translate_help(command)
    command()


def _translate_titles() -> None:
    from typer import rich_utils

    rich_utils.OPTIONS_PANEL_TITLE = _("Tùy chọn")
    rich_utils.ARGUMENTS_PANEL_TITLE = _("Tham số")
    rich_utils.COMMANDS_PANEL_TITLE = _("Lệnh")
    rich_utils.ERRORS_PANEL_TITLE = _("Lỗi")


def _translate_help(command: Any) -> None:  # of the library's own tree, whose classes are private to it
    """Help is written in the source's language and shown in the terminal's."""
    if command.help:
        command.help = _(command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _(parameter.help)
    command._help_option = None
    if (asking := command.get_help_option(typer.Context(command))) is not None:
        asking.help = _("Hiện phần trợ giúp này rồi dừng.")
    for inner in getattr(command, "commands", {}).values():
        _translate_help(inner)


def _mount() -> None:
    """Commands that live with their feature."""
    from meetings.recording.commands import record
    from meetings.signaling.commands import relay, token

    app.command("relay", help=N_("Chạy máy chủ báo hiệu và chuyển tiếp âm thanh, hình ảnh."))(relay)
    app.command("token", help=N_("In một mã vào phòng của máy chủ báo hiệu."))(token)
    app.command("record", help=N_("Ghi hình những cuộc họp mà hệ thống giao."))(record)


def _set(**values: object) -> None:
    """Options become the environment that Settings and every child read; only what was given is set."""
    for name, value in values.items():
        if value is not None:
            os.environ[name] = str(value)


Data = Annotated[Path | None, typer.Option("--data", help=N_("Thư mục giữ mọi dữ liệu."))]


@app.command(help=N_("Chạy toàn bộ hệ thống trên máy này."))
def serve(
    port: Annotated[int | None, typer.Option(help=N_("http, chỉ máy này (8000)."))] = None,
    https_port: Annotated[int | None, typer.Option(help=N_("https cho cả cơ quan (8443)."))] = None,
    https_host: Annotated[str | None, typer.Option(help=N_("Địa chỉ phục vụ https (0.0.0.0)."))] = None,
    data: Data = None,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help=N_("Một tỉnh minh họa với những người được đặt ra."))
    ] = True,
    announce: Annotated[
        list[str] | None, typer.Option(help=N_("Địa chỉ mà trình duyệt gửi âm thanh, hình ảnh tới."))
    ] = None,
    relay_port: Annotated[int | None, typer.Option(help=N_("Máy chủ báo hiệu, chỉ máy này (7880)."))] = None,
    relay_tls_port: Annotated[int | None, typer.Option(help=N_("Báo hiệu cuộc họp, wss (7443)."))] = None,
    media_port: Annotated[int | None, typer.Option(help=N_("Âm thanh và hình ảnh, UDP (7882)."))] = None,
    media_tcp_port: Annotated[
        int | None, typer.Option(help=N_("Âm thanh và hình ảnh qua TCP (7881); 0: không dùng."))
    ] = None,
) -> None:
    _set(
        MEETINGS_PORT=port,
        MEETINGS_HTTPS_PORT=https_port,
        MEETINGS_HTTPS_HOST=https_host,
        MEETINGS_DATA_DIR=data,
        MEETINGS_DEMO=int(demo),
        MEETINGS_ANNOUNCE=json.dumps(announce) if announce else None,
        MEETINGS_RELAY_PORT=relay_port,
        MEETINGS_RELAY_TLS_PORT=relay_tls_port,
        MEETINGS_MEDIA_PORT=media_port,
        MEETINGS_MEDIA_TCP_PORT=media_tcp_port,
        LIVEKIT_URL=f"http://127.0.0.1:{relay_port}" if relay_port and "LIVEKIT_URL" not in os.environ else None,
    )
    from meetings import serve as supervisor

    sys.exit(supervisor.run(_settings()))


def _settings() -> Settings:
    """A setting that cannot be used is a sentence and exit code 2, not a traceback."""
    from pydantic import ValidationError

    from meetings.config import Settings

    try:
        return Settings()
    except OSError as error:
        path = error.filename or os.environ.get("MEETINGS_DATA_DIR", "data")  # a full disk names no file
        complain(_("Không dùng được thư mục dữ liệu {path}: {reason}.", path=path, reason=error.strerror))
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            complain(_("Thiết lập {name} không dùng được: {reason}.", name=name, reason=fault["msg"]))
    raise typer.Exit(2)


@app.command(help=N_("Chạy riêng phần trang web, API và, trên SQLite, các việc nền."))
def web() -> None:
    from meetings.app import create_app
    from meetings.clock import SystemClock
    from meetings.edge import serve_web
    from meetings.first_run import prepare
    from meetings.logs import configure
    from meetings.running import hold
    from meetings.serve import house_address
    from meetings.tls import existing

    settings = _settings()
    configure()
    lock = hold(settings.data_dir / "coordinator.lock") if settings.is_sqlite else None
    if settings.is_sqlite and lock is None:  # jobs and events are shared within one process only
        words = "Một tiến trình web khác đang mở cơ sở dữ liệu trong {folder}. Hãy dừng tiến trình đó trước."
        complain(_(words, folder=settings.data_dir))
        raise typer.Exit(2)
    asyncio.run(prepare(settings, SystemClock()))
    if existing(settings) is not None:
        # links in letters and on cards lead to the house, not to loopback
        settings.public_url = house_address(settings)
    asyncio.run(serve_web(create_app(settings), settings, existing(settings)))


@app.command(help=N_("Chạy riêng các việc nền (PostgreSQL; bao nhiêu tiến trình cũng được)."))
def jobs() -> None:
    from meetings.app import run_jobs
    from meetings.logs import configure

    configure()
    asyncio.run(run_jobs(_settings()))


@app.command(help=N_("In những cổng mà tường lửa phải mở: của hệ thống đang chạy, nếu không thì theo thiết lập."))
def ports(data: Data = None) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings.ports import ports as configured
    from meetings.running import running_now

    settings = _settings()
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
    _set(MEETINGS_DATA_DIR=data)
    from meetings import doctor as examination
    from meetings.clock import SystemClock

    findings = asyncio.run(examination.examine(_settings(), SystemClock()))
    for finding in findings:
        sign = {"ok": "✓", "warn": "!", "fail": "✗"}[finding.level]
        typer.echo(f"{sign} {_(finding.subject)}: {_(finding.saw, **finding.seen)}")
        if finding.remedy:
            typer.echo(f"    → {_(finding.remedy)}")
    if examination.worst(findings) == "fail":
        raise typer.Exit(1)


@app.command(help=N_("In mốc của mỗi nhật ký (“tên số băm”), để cất ngoài máy này và dùng cho verify --anchors."))
def anchor(data: Data = None) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings.verify import anchors

    for one in asyncio.run(anchors(_settings())):
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
    _set(MEETINGS_DATA_DIR=data)
    from meetings.verify import read_anchors
    from meetings.verify import verify as findings

    settings = _settings()
    known = _say_refusals(lambda: read_anchors(anchors.read_text("utf-8", "replace"))) if anchors else []

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
    _set(MEETINGS_DATA_DIR=data)
    from meetings.backup import backup as write
    from meetings.clock import SystemClock

    _say_refusals(lambda: asyncio.run(write(_settings(), target, SystemClock().now(), _progress())))
    typer.echo(f"\r{target}: {target.stat().st_size / 1e6:.1f} MB")


@app.command(help=N_("Khôi phục một bản sao lưu vào nơi còn trống; mọi thứ được kiểm tra trước khi thay đổi."))
def restore(source: Annotated[Path, typer.Argument(help=N_("Tệp sao lưu."))], data: Data = None) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings.backup import restore as read

    _say_refusals(lambda: asyncio.run(read(_settings(), source, _progress())))
    typer.echo("\r" + _("Đã khôi phục xong."))


def _progress() -> Callable[[str], None]:
    """One line that counts, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda name: None
    counter = itertools.count(1)
    return lambda name: print(f"\r{next(counter)} ", end="", file=sys.stderr, flush=True)  # noqa: T201 a terminal


def _say_refusals(act: Callable[[], T]) -> T:
    """A refusal is a sentence and exit code 2, not a traceback."""
    from meetings.errors import MeetingsError

    try:
        return act()
    except MeetingsError as error:
        complain(spoken(error))
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}")
    raise typer.Exit(2)


@app.command("create-admin", help=N_("Tạo một tài khoản quản trị hệ thống; hỏi mật khẩu."))
def create_admin(
    login: Annotated[str, typer.Argument(help=N_("Tên đăng nhập."))],
    name: Annotated[str, typer.Option(help=N_("Tên hiển thị."))] = "Quản trị",
    data: Data = None,
) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings.access import Role
    from meetings.directory import accounts, passwords

    password = asyncio.run(passwords.chosen(_new_password(), login))  # before the transaction: a system may be running

    async def create(session: AsyncSession, now: datetime) -> None:
        await accounts.create_account(
            session, login=login, display_name=name, password=password, roles=[Role.ADMIN], now=now
        )

    _say_refusals(lambda: asyncio.run(_in_transaction(create)))
    typer.echo(_("Đã tạo tài khoản {login}.", login=login))


@app.command("reset-password", help=N_("Đặt mật khẩu mới cho một tài khoản và kết thúc các phiên của nó."))
def reset_password(login: Annotated[str, typer.Argument(help=N_("Tên đăng nhập."))], data: Data = None) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings.directory import accounts, passwords

    password = asyncio.run(passwords.chosen(_new_password(), login))

    async def reset(session: AsyncSession, now: datetime) -> None:
        await accounts.set_password(session, login, password, now)

    _say_refusals(lambda: asyncio.run(_in_transaction(reset)))
    typer.echo(_("Đã đổi mật khẩu của {login}.", login=login))


def _new_password() -> str:
    """Asked for twice, never shown."""
    while True:
        first = typer.prompt(_("Mật khẩu mới"), hide_input=True)
        if first == typer.prompt(_("Nhập lại mật khẩu"), hide_input=True):
            return str(first)
        complain(_("Hai lần nhập không giống nhau."))


async def _in_transaction(act: Callable[[AsyncSession, datetime], Awaitable[None]]) -> None:
    from meetings.clock import SystemClock
    from meetings.database import Database

    database = Database(_settings().database_url)
    try:
        async with database.transaction() as session:
            await act(session, SystemClock().now())
    finally:
        await database.dispose()


@db.command(help=N_("Đưa cấu trúc lên phiên bản này; tệp SQLite được sao chép trước."))
def upgrade(data: Data = None) -> None:
    _set(MEETINGS_DATA_DIR=data)
    from meetings import migrations

    asyncio.run(migrations.upgrade(_settings()))
    typer.echo(migrations.head_revision())
