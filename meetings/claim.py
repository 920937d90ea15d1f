"""A PostgreSQL database belongs to one data folder: whoever works on it says which, and another folder is refused.

Papers, recordings and secrets lie in the folder, their rows in the database; of two folders on one database each would
have half a house. Any number of coordinators may share both. The word is an advisory lock, held by a connection of its
own, so that a crash takes it back; SQLite's database lies in the folder itself, and has the folder's lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import make_url

from meetings.config import Settings
from meetings.errors import N_
from meetings.ids import new_token

if TYPE_CHECKING:
    import psycopg

log = structlog.get_logger(__name__)

NAME = "folder.id"  # as the folder may be mounted elsewhere under another path
RENEW_SECONDS = 5.0
_CLASS = 0x6D656574  # of our advisory locks: "meet"
_DOOR = 0  # held while looking and taking, so that of two who come at once one is first
_OTHERS = """
    SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = %s AND objsubid = 2 AND objid NOT IN (0, %s)
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    LIMIT 1
"""


ANOTHER_FOLDER = N_(
    "Cơ sở dữ liệu này đang được một hệ thống khác dùng với thư mục dữ liệu khác {folder}. "
    "Hãy dừng hệ thống đó, hoặc dùng chung thư mục của nó (--data)."
)


class AnotherFolder(Exception):
    """Somebody works on this database with another folder."""


class Claim:
    """Our word that this folder belongs to the database, for as long as the process lives or until `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._number = _number(settings)
        self._connection = self._take()

    def close(self) -> None:
        """Take it back."""
        self._connection.close()

    def renew(self) -> None:
        """After a restart of the server our word is given anew. Raises AnotherFolder; blocking."""
        import psycopg

        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            with contextlib.suppress(psycopg.OperationalError):  # the server is still away: the next look
                self._connection = self._take()

    async def keep(self, stop: asyncio.Event) -> None:
        """Until `stop`; a process whose database was given to another folder ends."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RENEW_SECONDS)
            try:
                await asyncio.to_thread(self.renew)
            except AnotherFolder:
                log.error("claim.lost", folder=str(self._settings.data_dir))
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _take(self) -> psycopg.Connection[Any]:
        connection = _connect(self._settings)
        try:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, _DOOR))
            if connection.execute(_OTHERS, (_CLASS, self._number)).fetchone() is not None:
                raise AnotherFolder
            connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", (_CLASS, self._number))
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_CLASS, _DOOR))
        except BaseException:
            connection.close()
            raise
        return connection


def claimed(settings: Settings) -> Claim | None:
    """The claim of a coordinator on PostgreSQL; None on SQLite. Raises AnotherFolder."""
    return None if settings.is_sqlite else Claim(settings)


def claimed_elsewhere(settings: Settings) -> bool:
    """Whether somebody works on this database with another folder; a server that does not answer says nothing."""
    import psycopg

    try:
        claim = claimed(settings)
    except AnotherFolder:
        return True
    except psycopg.OperationalError:
        return False
    if claim is not None:
        claim.close()
    return False


def _connect(settings: Settings) -> psycopg.Connection[Any]:
    import psycopg

    url = make_url(settings.database_url)
    where: dict[str, Any] = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    # A machine that vanished is noticed by its silence; one that crashed, at once.
    patience = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    return psycopg.connect(**(patience | where), autocommit=True, application_name="meetings: data folder")


def _number(settings: Settings) -> int:
    """The folder's own number, made at its first use; above 0, below 2³¹."""
    path = settings.data_dir / NAME
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{NAME}.{os.getpid()}")
    if not path.exists():
        draft.write_text(new_token())
        with contextlib.suppress(FileExistsError):  # of two that start at once, one names the folder
            path.hardlink_to(draft)
        draft.unlink()
    return int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:4], "big") % (2**31 - 1) + 1
