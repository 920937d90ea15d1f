"""The folder in which letters lie while there is no mail server: one .eml file each."""

import os
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from meetings.errors import NotFound

_NAME = re.compile(r"[0-9a-z]{16}\.eml")


class Outbox:
    """All calls block on the disk: call them in a thread from async code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{os.getpid()}"
        draft.write_bytes(content)
        draft.replace(self._folder / name)

    def read(self, name: str) -> bytes:
        if not _NAME.fullmatch(name):
            raise _unknown()
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            raise _unknown() from None

    def message(self, name: str) -> EmailMessage:
        return message_from_bytes(self.read(name), policy=default)

    def count(self) -> int:
        return sum(1 for path in self._folder.glob("*.eml"))


def _unknown() -> NotFound:
    return NotFound("Không có thư này trong hộp thư đi.", code="letter_unknown")
