"""Papers of a meeting: add, hand out, take away."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import FileResponse, RedirectResponse, Response

from meetings.access import Action
from meetings.errors import Invalid, NotFound, TooLarge
from meetings.scheduling.papers import add_papers, get_paper, log_papers, take_in
from meetings.scheduling.plans import get_meeting
from meetings.web import ActorDep, ContextDep

from .desk import held, refused
from .plan import render_plan

router = APIRouter(prefix="/meetings/{meeting_id}/papers")


@router.post("")
async def add(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    meeting_id: str,
    papers: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.EDIT_MEETING)
    try:
        files = await take_in(context.store, papers or [], context.settings.max_upload_bytes)
        if not files:
            raise Invalid("Vui lòng chọn ít nhất một tệp.", field="papers", code="missing")
        async with context.database.transaction() as session:
            await held(session, actor, meeting_id, Action.EDIT_MEETING)
            meeting = await get_meeting(session, meeting_id, lock=True)
            now = context.clock.now()
            added = await add_papers(session, meeting, files, actor, now)
            await log_papers(session, meeting, "paper.added", added, actor, now)
    except (Invalid, TooLarge) as error:
        refused("papers", error, meeting_id=meeting_id)
        return await render_plan(request, context, actor, meeting_id, error=error)
    return RedirectResponse(f"/meetings/{meeting_id}#tai-lieu", status_code=303)


@router.get("/{paper_id}")
async def hand_out(context: ContextDep, actor: ActorDep, meeting_id: str, paper_id: str) -> Response:
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.VIEW_MEETING)
        paper = await get_paper(session, meeting_id, paper_id)
    path = context.store.path_of(paper.sha256)
    if not await asyncio.to_thread(path.exists):
        raise NotFound("Tệp này không còn trong kho. Đề nghị báo bộ phận kỹ thuật.", code="file_lost")
    return FileResponse(path, media_type=paper.media_type, headers=_headers(paper.filename))


def _headers(filename: str) -> dict[str, str]:
    """Always a download: nothing that somebody sent is ever shown as a page of ours."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in filename)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


@router.post("/{paper_id}/remove")
async def remove(context: ContextDep, actor: ActorDep, meeting_id: str, paper_id: str) -> Response:
    """The paper leaves the meeting; its bytes stay, as the log says what was there."""
    now = context.clock.now()
    async with context.database.transaction() as session:
        found = await held(session, actor, meeting_id, Action.EDIT_MEETING)
        paper = await get_paper(session, meeting_id, paper_id)
        paper.removed_at = now
        await session.flush()
        await log_papers(session, found.meeting, "paper.removed", [paper], actor, now)
    return RedirectResponse(f"/meetings/{meeting_id}#tai-lieu", status_code=303)
