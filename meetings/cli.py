"""The entry point, and the commands that start processes; the others are in `commands/`.

Each is a few lines that read the settings and call the module that does it. What users read is Vietnamese here and
translated when it is said: see meetings/terminal.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Annotated

import typer

from meetings.commands import accounts, care, wording
from meetings.commands.options import Data, claim_or_refusal, settings_or_refusal, to_environment
from meetings.errors import N_
from meetings.processes import die_with_parent, wait_for_turn
from meetings.terminal import _, complain, take_language

ABOUT = N_("Hệ thống họp trực tuyến. Ngôn ngữ của các lệnh theo LANG, hoặc --lang vi|en.")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=ABOUT)


def main() -> None:
    """The entry point."""
    die_with_parent()
    sys.argv[1:] = take_language(sys.argv[1:])
    _mount()
    wait_for_turn()
    command = typer.main.get_command(app)
    wording.translate_titles(command.context_class)
    wording.translate_help(command)
    command()


def _mount() -> None:
    """Commands that live with their feature or in modules of their own."""
    from meetings.recording.commands import record
    from meetings.signaling.commands import relay, token

    app.command("relay", help=N_("Chạy máy chủ báo hiệu và chuyển tiếp âm thanh, hình ảnh."))(relay)
    app.command("token", help=N_("In một mã vào phòng của máy chủ báo hiệu."))(token)
    app.command("record", help=N_("Ghi hình những cuộc họp mà hệ thống giao."))(record)
    app.add_typer(care.app)
    app.add_typer(accounts.app)


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
    to_environment(
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

    sys.exit(supervisor.run(settings_or_refusal()))


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

    settings = settings_or_refusal()
    configure()
    lock = hold(settings.data_dir / "coordinator.lock") if settings.is_sqlite else None
    if settings.is_sqlite and lock is None:  # jobs and events are shared within one process only
        words = "Một tiến trình web khác đang mở cơ sở dữ liệu trong {folder}. Hãy dừng tiến trình đó trước."
        complain(_(words, folder=settings.data_dir))
        raise typer.Exit(2)
    claim = claim_or_refusal(settings)
    asyncio.run(prepare(settings, SystemClock()))
    if existing(settings) is not None:
        # links in letters and on cards lead to the house, not to loopback
        settings.public_url = house_address(settings)
    asyncio.run(serve_web(create_app(settings, claim=claim), settings, existing(settings)))


@app.command(help=N_("Chạy riêng các việc nền (PostgreSQL; bao nhiêu tiến trình cũng được)."))
def jobs() -> None:
    from meetings.app import run_jobs
    from meetings.logs import configure

    settings = settings_or_refusal()
    configure()
    asyncio.run(run_jobs(settings, claim_or_refusal(settings)))
