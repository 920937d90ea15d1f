"""What the commands share: options that become settings, and refusals that become sentences."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from meetings.errors import N_
from meetings.terminal import _, complain, spoken

if TYPE_CHECKING:
    from meetings.claim import Claim
    from meetings.config import Settings

T = TypeVar("T")
Data = Annotated[Path | None, typer.Option("--data", help=N_("Thư mục giữ mọi dữ liệu."))]


def to_environment(**values: object) -> None:
    """Options become the environment that Settings and every child read; only what was given is set."""
    for name, value in values.items():
        if value is not None:
            os.environ[name] = str(value)


def settings_or_refusal(*, only_looking: bool = False) -> Settings:
    """A setting that cannot be used is a sentence and exit code 2, not a traceback."""
    from pydantic import ValidationError

    from meetings.config import Settings

    try:
        return Settings(only_looking=True) if only_looking else Settings()
    except OSError as error:
        path = error.filename or os.environ.get("MEETINGS_DATA_DIR", "data")  # a full disk names no file
        complain(_("Không dùng được thư mục dữ liệu {path}: {reason}.", path=path, reason=error.strerror))
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            complain(_("Thiết lập {name} không dùng được: {reason}.", name=name, reason=fault["msg"]))
    raise typer.Exit(2)


def or_refusal(act: Callable[[], T]) -> T:
    """A refusal is a sentence and exit code 2, not a traceback."""
    from meetings.errors import MeetingsError

    try:
        return act()
    except MeetingsError as error:
        complain(spoken(error))
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}")
    raise typer.Exit(2)


def claim_or_refusal(settings: Settings) -> Claim | None:
    """Our word that the database belongs to this data folder; another's is a sentence and exit code 2."""
    from meetings.claim import ANOTHER_FOLDER, AnotherFolder, claimed

    try:
        return claimed(settings)
    except AnotherFolder:
        complain(_(ANOTHER_FOLDER, folder=settings.data_dir))
        raise typer.Exit(2) from None
