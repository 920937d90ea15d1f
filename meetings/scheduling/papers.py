"""Papers of a meeting: taken in, listed, handed out, taken away."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from meetings import events
from meetings.access import Actor
from meetings.errors import Invalid, NotFound, TooLarge
from meetings.ids import is_id
from meetings.store import Store

from .models import Meeting, Paper
from .rules import papers as rules

MIB = 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A file whose bytes are in the content store already, and which no meeting has yet."""

    filename: str
    title: str
    media_type: str
    size: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def take_in(store: Store, files: Sequence[UploadFile], limit: int) -> tuple[StoredFile, ...]:
    """Looks at all files before it keeps any. An input in which nothing was chosen is passed over."""
    try:
        chosen = [file for file in files if file.filename or file.size]
        if len(chosen) > rules.MOST_PAPERS:
            raise Invalid("Mỗi cuộc họp nhận tối đa {most} tài liệu.", field="papers", most=rules.MOST_PAPERS)
        looked_at = [await _look_at(file, limit) for file in chosen]
        return tuple([await _keep(store, accepted, content) for accepted, content in looked_at])
    finally:
        for file in files:
            await file.close()


async def _look_at(file: UploadFile, limit: int) -> tuple[rules.Accepted, bytes]:
    if (file.size or 0) > limit:
        raise TooLarge(
            "Tệp “{name}” lớn hơn {limit} MB. Vui lòng giảm dung lượng rồi tải lại.",
            field="papers",
            name=(file.filename or "")[:80],
            limit=limit // MIB,
        )
    content = await file.read()
    return await asyncio.to_thread(rules.accept, file.filename or "", content), content


async def _keep(store: Store, accepted: rules.Accepted, content: bytes) -> StoredFile:
    sha256 = await asyncio.to_thread(store.put_bytes, content)
    return StoredFile(accepted.filename, accepted.title, accepted.media_type, len(content), sha256)


async def add_papers(
    session: AsyncSession, meeting: Meeting, files: Sequence[StoredFile], actor: Actor, now: datetime
) -> list[Paper]:
    """The same bytes under the same name are one paper."""
    mine = (Paper.meeting_id == meeting.id, Paper.removed_at.is_(None))
    rows = await session.execute(select(Paper.filename, Paper.sha256).where(*mine))
    there = {(row[0], row[1]) for row in rows}
    new = [file for file in files if (file.filename, file.sha256) not in there]
    count = await session.scalar(select(func.count()).select_from(Paper).where(*mine)) or 0
    if count + len(new) > rules.MOST_PAPERS:
        raise Invalid("Mỗi cuộc họp nhận tối đa {most} tài liệu.", field="papers", most=rules.MOST_PAPERS)
    fresh = [Paper(meeting_id=meeting.id, added_at=now, added_by=actor.account_id, **file.to_json()) for file in new]
    session.add_all(fresh)
    await session.flush()
    return fresh


async def log_papers(
    session: AsyncSession, meeting: Meeting, kind: str, papers: Sequence[Paper], actor: Actor, now: datetime
) -> None:
    for paper in papers:
        await events.append(
            session,
            chain=events.meeting_chain(meeting.id),
            kind=kind,
            at=now,
            actor_id=actor.account_id,
            subject_id=paper.id,
            payload={"filename": paper.filename, "sha256": paper.sha256, "by": actor.name},
        )


async def get_paper(session: AsyncSession, meeting_id: str, paper_id: str) -> Paper:
    paper = await session.get(Paper, paper_id) if is_id(paper_id) else None
    if paper is None or paper.meeting_id != meeting_id or paper.removed_at is not None:
        raise NotFound("Không tìm thấy tài liệu này trong cuộc họp.", code="paper_unknown")
    return paper
