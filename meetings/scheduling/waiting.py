"""What waits for one person: the lines of *Hôm nay*, and the sources that tell of them.

A feature above scheduling (minutes, recording) offers a `Source` and is put into `app.WAITING`, the list that the
application is assembled with; the page asks each source with the actor of this request in `office`. A source answers
only for that actor, checks access itself, and asks for few rows (`LIMIT`): the page is opened all day long.

    async def waiting(session: AsyncSession, office: Office) -> Sequence[Wait]:
        ...  # submitted minutes → their approver; returned or not begun → the secretary; approved → the clerk

Two lines with the same `href` are one thing: what a source says of it replaces what scheduling itself would say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import Text

from .office import Office

LIMIT = 20


@dataclass(frozen=True)
class Wait:
    """Something that waits for this person: what, of which meeting, until when, and the button."""

    what: Text  # "Duyệt biên bản"
    title: str  # the meeting's
    detail: Text  # one short line: who sent it, when
    href: str
    button: Text  # "Xem và duyệt"
    by: date | None = None  # the last lawful day, if there is one
    late: bool = False


class Source(Protocol):
    """Called once for each showing of the page, within one read of the database."""

    async def __call__(self, session: AsyncSession, office: Office) -> Sequence[Wait]: ...


async def gather(session: AsyncSession, office: Office, own: Sequence[Wait], sources: Sequence[Source]) -> list[Wait]:
    """The most urgent first; what has no day comes last."""
    told = [wait for source in sources for wait in await source(session, office)]
    known = {wait.href for wait in told}
    found = [*told, *(wait for wait in own if wait.href not in known)]
    return sorted(found, key=lambda wait: (wait.by is None and not wait.late, wait.by or date.min))
