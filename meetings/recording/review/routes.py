"""The review page: recording and minutes side by side, and the verdict on every file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from meetings import events
from meetings.access import Action, Actor, allowed
from meetings.context import Context
from meetings.errors import Text, text
from meetings.events import Event
from meetings.recording import service as recordings
from meetings.recording.minutes import service as minutes_service
from meetings.recording.minutes.log import read_log
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import Content, Slot, State
from meetings.recording.minutes.sight import may_see, meeting_for
from meetings.recording.review.files import binding_fault, sealed_files, told
from meetings.recording.review.integrity import Checker, Report, Sealed
from meetings.recording.review.lanes import Lane, lanes
from meetings.recording.review.playback import Playback, playback_of
from meetings.register.folding import Query, mark
from meetings.register.history import whole_chain
from meetings.register.models import Document
from meetings.register.service import document_of_meeting
from meetings.scheduling.service import Plan, load_plan
from meetings.web import ActorDep, ContextDep

PATIENCE = 1.5  # seconds that opening the page may wait for the check of its files


router = APIRouter()


def checker_of(request: Request) -> Checker:
    """The application's checker: what it has read, it remembers for all who open a review."""
    if not hasattr(request.app.state, "integrity"):
        request.app.state.integrity = Checker()
        request.app.state.closing.append(request.app.state.integrity.close)
    checker: Checker = request.app.state.integrity
    return checker


CheckerDep = Annotated[Checker, Depends(checker_of)]


@dataclass(frozen=True)
class Review:
    plan: Plan
    playback: Playback
    files: list[Sealed]
    lanes: list[Lane]
    content: Content | None
    minutes: Minutes | None
    document: Document | None
    viewings: list[Event]
    unrecorded: list[Text]
    binding: Text | None


@router.get("/meetings/{meeting_id}/review")
async def review_page(
    request: Request, context: ContextDep, actor: ActorDep, checker: CheckerDep, meeting_id: str, q: str = ""
) -> Response:
    review = await _load(context, actor, meeting_id)
    report = await checker.report(meeting_id, review.files, wait=PATIENCE)
    query = Query.read(q[:200])
    return context.pages.render(
        request,
        "review/review.html",
        review=review,
        meeting=review.plan.meeting,
        plan=review.plan,
        playback=review.playback,
        report=report,
        sentences=[*sentences(report), *([review.binding] if review.binding else [])],
        typed=" ".join(q[:200].split()),
        query=query,
        hits=_hits(review.content, query),
        pieces=lambda text: mark(text, query),
        Slot=Slot,
        State=State,
    )


def sentences(report: Report | None) -> list[Text]:
    """What is wrong, each sentence naming its file."""
    return [told(fault) for fault in report.faults] if report else []


def unrecorded(log: Sequence[Event]) -> list[Text]:
    """Whose picture is missing in the recordings, each sentence once."""
    lost = [event.payload for event in log if event.kind == "recording.unrecorded"]
    known = {(one.get("name", "–"), one.get("codec", "?")): None for one in lost}
    return [text("Không ghi được hình của {name}: mã hóa {codec}", name=name, codec=codec) for name, codec in known]


def _hits(content: Content | None, query: Query) -> int:
    if content is None or not query:
        return 0
    texts = [text for p in content.paragraphs for text in (p.heading, p.text)]
    return sum(piece.hit for text in texts for piece in mark(text, query))


async def _load(context: Context, actor: Actor, meeting_id: str) -> Review:
    async with context.database.read() as session:
        meeting, facts = await meeting_for(session, actor, meeting_id, Action.VIEW_RECORDING)
        log = await whole_chain(session, events.meeting_chain(meeting.id))
        playback = await playback_of(session, meeting_id)
        minutes = await minutes_service.find_minutes(session, meeting_id)
        if minutes is not None and not may_see(actor, facts, State(minutes.state)):
            minutes = None
        filed = await document_of_meeting(session, meeting_id, "BB") if allowed(actor, Action.VIEW_DOCUMENT) else None
        return Review(
            plan=await load_plan(session, meeting_id),
            playback=playback,
            files=await _files(session, context, meeting_id),
            lanes=lanes(read_log(log).turns, playback.zero, playback.length_ms) if playback.zero else [],
            content=await minutes_service.content_of(session, minutes) if minutes else None,
            minutes=minutes,
            document=filed,
            binding=await binding_fault(session, filed) if filed else None,
            unrecorded=unrecorded(log),
            viewings=[event for event in log if event.kind == "recording.viewed"][::-1],
        )


async def _files(session: AsyncSession, context: Context, meeting_id: str) -> list[Sealed]:
    found = await recordings.recordings_of(session, meeting_id)
    return await sealed_files(session, context.settings, found)


@router.post("/meetings/{meeting_id}/review/check")
async def check_again(context: ContextDep, actor: ActorDep, checker: CheckerDep, meeting_id: str) -> Response:
    """Read every byte again, whatever is remembered; a large recording goes on being read behind the next page."""
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.VIEW_RECORDING)
        files = await _files(session, context, meeting_id)
    await checker.report(meeting_id, files, wait=PATIENCE, afresh=True)
    return RedirectResponse(f"/meetings/{meeting_id}/review#whole", status_code=303)


@router.get("/api/meetings/{meeting_id}/integrity")
async def integrity(
    request: Request, context: ContextDep, actor: ActorDep, checker: CheckerDep, meeting_id: str
) -> dict[str, object]:
    """The verdict for the page's script, which asks again while the files are being read."""
    async with context.database.read() as session:
        await meeting_for(session, actor, meeting_id, Action.VIEW_RECORDING)
        files = await _files(session, context, meeting_id)
    report = await checker.report(meeting_id, files, wait=PATIENCE)
    if report is None:
        return {"state": "reading", "faults": []}
    faults = [{"file": fault.name, "verdict": fault.verdict} for fault in report.faults]
    return {"state": "faulty" if faults else "whole", "faults": faults}
