"""Autosave of the editor: the content as JSON against the version the editor saw; a conflict answers with both."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from meetings.access import Action
from meetings.errors import Conflict
from meetings.pages import locale_of
from meetings.recording.minutes import form, service
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import Content, Paragraph
from meetings.recording.minutes.sight import meeting_for
from meetings.web import ActorDep, ContextDep

router = APIRouter()


class ParagraphIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    slot: str
    heading: str = ""
    text: str = ""
    moment: str = ""


class ContentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1, lt=10**9)
    title: str
    secretary: str
    chair: str
    paragraphs: list[ParagraphIn]

    def content(self) -> Content:
        paragraphs = tuple(
            Paragraph(form.slot(p.slot), p.text, p.heading, form.moment(p.moment)) for p in self.paragraphs
        )
        return Content(self.title, self.secretary, self.chair, paragraphs)


@router.post("/api/meetings/{meeting_id}/minutes")
async def autosave(
    request: Request, context: ContextDep, actor: ActorDep, meeting_id: str, body: ContentIn
) -> Response:
    now, content = context.clock.now(), body.content()
    try:
        async with context.database.transaction() as session:
            await meeting_for(session, actor, meeting_id, Action.EDIT_MINUTES)
            minutes = await service.save_minutes(session, meeting_id, body.version, content, actor, now)
    except Conflict as conflict:
        if conflict.code != "changed_meanwhile":
            raise
        async with context.database.read() as session:
            stored = await service.find_minutes(session, meeting_id)
            assert stored is not None
            current = await service.content_of(session, stored)
        message = context.pages.say(locale_of(request, context.settings), conflict)
        error = {"code": conflict.code, "message": message, "field": None}
        return JSONResponse({"error": error, "current": told(stored, current)}, status_code=409)
    return JSONResponse({"version": minutes.version, "saved_at": minutes.saved_at.isoformat()})


def told(minutes: Minutes, content: Content) -> dict[str, Any]:
    """The stored minutes as the editor's script reads them."""
    return {
        "version": minutes.version,
        "by": minutes.saved_by,
        "title": content.title,
        "secretary": content.secretary,
        "chair": content.chair,
        "paragraphs": [
            {
                "slot": p.slot,
                "heading": p.heading,
                "text": p.text,
                "moment": p.moment_at.isoformat() if p.moment_at else "",
            }
            for p in content.paragraphs
        ],
    }
