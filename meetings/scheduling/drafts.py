"""Drafts of the booking form, kept on the server: saved while somebody types, never over what another window saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Actor
from meetings.errors import Conflict, NotFound
from meetings.ids import is_id

from .models import BookingDraft
from .papers import StoredFile
from .rules.typed import Typed

MOST_DRAFTS = 20


@dataclass(frozen=True)
class Place:
    """Which draft a form belongs to, as the form itself says; nothing yet for a fresh one."""

    draft_id: str = ""
    version: int = 0
    meeting_id: str | None = None


@dataclass(frozen=True)
class Draft:
    id: str
    version: int
    meeting_id: str | None
    typed: Typed
    files: tuple[StoredFile, ...]
    updated_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.id, self.version, self.meeting_id)


def _read(row: BookingDraft) -> Draft:
    files = tuple(StoredFile(**one) for one in row.fields.get("files", ()))
    return Draft(row.id, row.version, row.meeting_id, Typed.from_json(row.fields), files, row.updated_at)


async def load(session: AsyncSession, actor: Actor, draft_id: str) -> Draft:
    row = await session.get(BookingDraft, draft_id) if is_id(draft_id) else None
    if row is None or row.account_id != actor.account_id:
        raise NotFound("Bản nháp này không còn nữa. Có thể cuộc họp đã được đặt.", code="draft_unknown")
    return _read(row)


async def mine(session: AsyncSession, actor: Actor, meeting_id: str | None = None) -> list[Draft]:
    """Drafts of new meetings, or of changes to one, the latest first."""
    query = select(BookingDraft).where(BookingDraft.account_id == actor.account_id)
    of_one = BookingDraft.meeting_id.is_(None) if meeting_id is None else BookingDraft.meeting_id == meeting_id
    rows = await session.scalars(query.where(of_one).order_by(BookingDraft.updated_at.desc()).limit(MOST_DRAFTS))
    return [_read(row) for row in rows]


async def save(
    session: AsyncSession, actor: Actor, place: Place, typed: Typed, files: Sequence[StoredFile], now: datetime
) -> Draft:
    """Keeps what is typed. `files` are added to those the draft has."""
    row = await session.get(BookingDraft, place.draft_id, with_for_update=True) if is_id(place.draft_id) else None
    if row is None or row.account_id != actor.account_id:
        await _make_room(session, actor)
        row = BookingDraft(account_id=actor.account_id, meeting_id=place.meeting_id, version=0, fields={})
        session.add(row)
    elif row.version != place.version:
        raise Conflict(
            "Bản nháp này đang được sửa ở một cửa sổ khác. Vui lòng chỉ giữ một cửa sổ rồi tải lại trang.",
            code="draft_version",
        )
    kept = [*row.fields.get("files", ()), *(file.to_json() for file in files)]
    row.fields = typed.to_json() | {"files": list({(one["filename"], one["sha256"]): one for one in kept}.values())}
    row.version += 1
    row.updated_at = now
    await session.flush()
    return _read(row)


async def _make_room(session: AsyncSession, actor: Actor) -> None:
    """Somebody who never finishes a form keeps the latest drafts only."""
    mine_only = BookingDraft.account_id == actor.account_id
    newest = select(BookingDraft.id).where(mine_only).order_by(BookingDraft.updated_at.desc()).limit(MOST_DRAFTS - 1)
    kept = list(await session.scalars(newest))
    await session.execute(delete(BookingDraft).where(mine_only, BookingDraft.id.not_in(kept)))


async def drop(session: AsyncSession, actor: Actor, draft_id: str) -> None:
    if is_id(draft_id):
        mine_only = (BookingDraft.id == draft_id, BookingDraft.account_id == actor.account_id)
        await session.execute(delete(BookingDraft).where(*mine_only))
