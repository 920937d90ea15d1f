"""The command `meetings record`: the recorder host, under whoever supervises it."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from meetings.config import Settings
from meetings.logs import configure

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def _commands() -> None:
    """Keeps `record` a named command while it is the only one."""


@app.command()
def record(
    coordinator: Annotated[str, typer.Option(help="The coordinator's address; default: on this machine.")] = "",
) -> None:
    """Record the meetings that the coordinator names."""
    configure()
    settings = Settings()
    asyncio.run(_run(coordinator or f"http://{settings.host}:{settings.port}", settings.internal_secret))


async def _run(url: str, secret: str) -> None:
    from meetings.recording.host import serve

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(url, secret, stop)


if __name__ == "__main__":
    app()
