"""The page of the minutes in each of its states, with all that stands beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.responses import Response

from meetings.access import Action, Actor, Facts, allowed
from meetings.context import Context
from meetings.errors import Conflict, MeetingsError
from meetings.pages import locale_of
from meetings.recording.minutes import rules, service
from meetings.recording.minutes.blanks import confirmable, is_open
from meetings.recording.minutes.checks import checks
from meetings.recording.minutes.differences import differences
from meetings.recording.minutes.happenings import Happening
from meetings.recording.minutes.models import Minutes
from meetings.recording.minutes.rules import LABELS, Content, Slot, State
from meetings.recording.minutes.sight import require_sight
from meetings.recording.minutes.sources import Sources, load_sources
from meetings.recording.review.playback import Playback, playback_of
from meetings.register.models import Document
from meetings.scheduling.models import MeetingState
from meetings.scheduling.service import facts_for


@dataclass(frozen=True)
class Retry:
    """What could not be done and what the user typed for it: shown again, never thrown away."""

    error: MeetingsError
    content: Content | None = None
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stored:
    sources: Sources
    facts: Facts
    minutes: Minutes | None
    content: Content | None
    document: Document | None
    playback: Playback


async def show(
    request: Request, context: Context, actor: Actor, meeting_id: str, retry: Retry | None = None
) -> Response:
    """The editor for those who may write now, the paper for those who may read, else why there is nothing yet."""
    stored = await _load(context, actor, meeting_id)
    minutes = stored.minutes
    edits = minutes is not None and rules.editable(State(minutes.state))
    edits = edits and allowed(actor, Action.EDIT_MINUTES, stored.facts)
    template = "minutes/edit.html" if edits else "minutes/read.html" if minutes else "minutes/none.html"
    values = _values(stored, retry) | _faults(request, context, retry)
    too_early = why_not_yet(stored.sources, context.clock.now())
    status = retry.error.status if retry else 200
    return context.pages.render(request, template, status=status, too_early=too_early, **values)


async def _load(context: Context, actor: Actor, meeting_id: str) -> _Stored:
    async with context.database.read() as session:
        sources = await load_sources(session, meeting_id)
        facts = await facts_for(session, actor, sources.plan.meeting)
        minutes = await service.find_minutes(session, meeting_id)
        require_sight(actor, facts, State(minutes.state) if minutes else None)
        return _Stored(
            sources=sources,
            facts=facts,
            minutes=minutes,
            content=await service.content_of(session, minutes) if minutes else None,
            document=await session.get(Document, minutes.document_id) if minutes and minutes.document_id else None,
            playback=await playback_of(session, meeting_id),
        )


def _values(stored: _Stored, retry: Retry | None) -> dict[str, Any]:
    content = retry.content if retry and retry.content else stored.content
    clash = retry is not None and retry.error.code == "changed_meanwhile"
    return {
        "meeting": stored.sources.plan.meeting,
        "plan": stored.sources.plan,
        "facts": stored.facts,
        "minutes": stored.minutes,
        "content": content,
        "document": stored.document,
        "happenings": stored.sources.happenings,
        "page_happenings": {h.seq: _for_script(h, stored.playback) for h in stored.sources.happenings},
        "used": {p.moment_at for p in content.paragraphs if p.moment_at} if content else set(),
        "checks": checks(content) if content else [],
        "is_open": is_open,
        "confirmable": confirmable,
        "record": stored.sources.record,
        "playback": stored.playback,
        "labels": LABELS,
        "Slot": Slot,
        "State": State,
        "gaps": differences(content, stored.content) if clash and content and stored.content else [],
    }


def _for_script(happening: Happening, playback: Playback) -> dict[str, object]:
    """What the editor's script puts into the minutes when a happening is taken."""
    return {
        "at": happening.at.isoformat(),
        "heading": happening.heading,
        "text": happening.proposal,
        "offset_ms": playback.offset_ms(happening.at),
    }


def _faults(request: Request, context: Context, retry: Retry | None) -> dict[str, Any]:
    if retry is None:
        return {"error": None, "faults": {}, "words": {}}
    locale = locale_of(request, context.settings)
    faults = {fault.field: context.pages.say(locale, fault) for fault in retry.error.faults}
    return {"error": retry.error, "faults": faults, "words": retry.words}


def why_not_yet(sources: Sources, now: datetime) -> Conflict | None:
    """Why a draft would come too early: it is made once, from the whole meeting."""
    meeting = sources.plan.meeting
    if meeting.state == MeetingState.CANCELLED:
        return Conflict("Cuộc họp đã hủy nên không lập biên bản.", code="cancelled")
    held = meeting.state == MeetingState.ENDED or sources.log.ended_at is not None
    if held or (meeting.state == MeetingState.SCHEDULED and meeting.ends_at < now):
        return None
    return Conflict("Cuộc họp chưa kết thúc; bản thảo được lập một lần, khi đã đủ diễn biến.", code="not_ended")
