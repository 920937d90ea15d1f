"""Booking and changing a meeting by one form, its drafts, and a copy of an earlier meeting."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, RedirectResponse, Response

from meetings.access import Action, Actor, require
from meetings.context import Context
from meetings.errors import Conflict, Invalid, MeetingsError, NoSpace, Text, TooLarge, text
from meetings.pages import locale_of
from meetings.scheduling import drafts
from meetings.scheduling.checks import house_faults, law_faults
from meetings.scheduling.choices import choices, typed_of
from meetings.scheduling.drafts import Draft, Place
from meetings.scheduling.office import Office
from meetings.scheduling.papers import StoredFile, take_in
from meetings.scheduling.plans import Plan, load_plan
from meetings.scheduling.progress import deadlines_of_meeting
from meetings.scheduling.rules.booking import Booking, Now, in_order, read_form
from meetings.scheduling.rules.times import read_day
from meetings.scheduling.rules.typed import Typed, TypedItem
from meetings.scheduling.rules.working_days import WorkingDays
from meetings.scheduling.service import book, change
from meetings.web import ActorDep, ContextDep

from .desk import held, log, office_of, refused

router = APIRouter(prefix="/meetings")
BLANK_ROWS = 4
DAYS_SHOWN = timedelta(days=400)  # of holidays that the form warns of while one types


@router.get("/new")
async def new_page(request: Request, context: ContextDep, actor: ActorDep, draft: str = "") -> Response:
    require(actor, Action.BOOK_MEETING)
    async with context.database.read() as session:
        found = await drafts.load(session, actor, draft) if draft else None
        others = [] if draft else await drafts.mine(session, actor)
    return await _form(request, context, actor, found.typed if found else Typed(), draft=found, others=others)


@router.post("/new")
async def book_meeting(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.BOOK_MEETING)
    form = await request.form()
    typed, place = Typed.from_form(form.multi_items()), _place(form, None)
    if form.get("act") == "row":
        return await _form(request, context, actor, _with_row(typed), place=place)
    office = office_of(request, context, actor)
    files: tuple[StoredFile, ...] = ()
    try:
        booking, files = await _read(context, office, typed, form)
        async with context.database.transaction() as session:
            kept = await _kept_files(session, actor, place)
            meeting = await book(
                session,
                office,
                booking,
                files=(*kept, *files),
                copied_from_id=await _copied_from(session, actor, typed),
            )
            await drafts.drop(session, actor, place.draft_id)
    except (Invalid, Conflict, TooLarge, NoSpace) as error:
        return await _again(request, context, actor, typed, place, files, error)
    log.info("meeting.booked", meeting_id=meeting.id)
    return RedirectResponse(f"/meetings/{meeting.id}", status_code=303)


@router.get("/{meeting_id}/edit")
async def edit_page(
    request: Request, context: ContextDep, actor: ActorDep, meeting_id: str, draft: str = ""
) -> Response:
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.EDIT_MEETING)
        plan = await load_plan(session, meeting_id)
        found = await drafts.load(session, actor, draft) if draft else None
        others = [] if draft else await drafts.mine(session, actor, meeting_id)
    typed = found.typed if found else typed_of(plan, context.settings.zone)
    return await _form(request, context, actor, typed, draft=found, others=others, plan=plan)


@router.post("/{meeting_id}/edit")
async def change_meeting(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.EDIT_MEETING)
        plan = await load_plan(session, meeting_id)
    form = await request.form()
    typed, place = Typed.from_form(form.multi_items()), _place(form, meeting_id)
    if form.get("act") == "row":
        return await _form(request, context, actor, _with_row(typed), place=place, plan=plan)
    office = office_of(request, context, actor)
    files: tuple[StoredFile, ...] = ()
    try:
        booking, files = await _read(context, office, typed, form, plan)
        async with context.database.transaction() as session:
            await held(session, actor, meeting_id, Action.EDIT_MEETING)
            kept = await _kept_files(session, actor, place)
            version = _number(form.get("version"))
            await change(session, office, meeting_id, version, booking, files=(*kept, *files))
            await drafts.drop(session, actor, place.draft_id)
    except (Invalid, Conflict, TooLarge, NoSpace) as error:
        return await _again(request, context, actor, typed, place, files, error, plan)
    return RedirectResponse(f"/meetings/{meeting_id}", status_code=303)


@router.get("/{meeting_id}/copy")
async def copy_page(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    """The form filled from an earlier meeting, without its day."""
    require(actor, Action.BOOK_MEETING)
    async with context.database.read() as session:
        await held(session, actor, meeting_id, Action.VIEW_MEETING)
        plan = await load_plan(session, meeting_id)
    blank = {"date": "", "late_reason": "", "urgent": False, "copied_from_id": meeting_id}
    typed = replace(typed_of(plan, context.settings.zone), **blank)  # type: ignore[arg-type]  # names of Typed
    return await _form(request, context, actor, typed, copied=plan)


@router.post("/drafts")
async def save_draft(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    """What the page sends while somebody types."""
    require(actor, Action.BOOK_MEETING)
    form = await request.form()
    typed = Typed.from_form(form.multi_items())
    meeting_id = form.get("meeting_id")
    place = _place(form, meeting_id if isinstance(meeting_id, str) and meeting_id else None)
    now = context.clock.now()
    async with context.database.transaction() as session:
        if place.meeting_id is not None:
            await held(session, actor, place.meeting_id, Action.EDIT_MEETING)
        draft = await drafts.save(session, actor, place, typed, (), now)
    saved = {"draft_id": draft.id, "draft_version": draft.version}
    return JSONResponse(saved | {"saved_at": f"{now.astimezone(context.settings.zone):%H:%M}"})


@router.post("/drafts/drop")
async def drop_draft(
    context: ContextDep, actor: ActorDep, draft_id: Annotated[str, Form()] = "", back: Annotated[str, Form()] = ""
) -> Response:
    require(actor, Action.BOOK_MEETING)
    async with context.database.transaction() as session:
        await drafts.drop(session, actor, draft_id)
    return RedirectResponse("/" if back == "today" else "/meetings/new", status_code=303)


async def _read(
    context: Context, office: Office, typed: Typed, form: FormData, plan: Plan | None = None
) -> tuple[Booking, tuple[StoredFile, ...]]:
    """All faults at once: of fields, of files, what the law says, who is not there and what is taken."""
    begun = plan.meeting.starts_at if plan else None
    read = read_form(typed, office.regulation, Now(office.now, office.settings.zone, begun))
    same_hour = plan is not None and read.known.span is not None and begun == read.known.span.starts_at
    faults = [*read.faults, *law_faults(office, read.known, plan.meeting.invited_at if plan and same_hour else None)]
    files: tuple[StoredFile, ...] = ()
    try:
        uploads = [file for file in form.getlist("papers") if isinstance(file, UploadFile)]
        files = await take_in(context.store, uploads, office.settings.max_upload_bytes)
    except (Invalid, TooLarge) as error:
        faults += error.faults
    if faults or read.booking is None:
        async with context.database.read() as session:
            faults += await house_faults(session, office, read.known, plan.meeting.id if plan else None)
        raise _Refused(in_order(faults), files)
    return read.booking, files


class _Refused(Invalid):
    """Faults of a form, with the files that were good: they are not lost with the rest."""

    def __init__(self, faults: list[MeetingsError], files: tuple[StoredFile, ...]) -> None:
        first = faults[0]
        super().__init__(first.text.msgid, field=first.field, code=first.code)
        self.text, self.faults, self.files = first.text, tuple(faults), files


async def _again(
    request: Request,
    context: Context,
    actor: Actor,
    typed: Typed,
    place: Place,
    files: tuple[StoredFile, ...],
    error: MeetingsError,
    plan: Plan | None = None,
) -> Response:
    """The form as it was typed with what is wrong; kept as a draft, so that nothing is lost, uploads neither."""
    refused("booking", error, **({"meeting_id": plan.meeting.id} if plan else {}))
    kept = error.files if isinstance(error, _Refused) else files
    draft: Draft | None = None
    try:
        async with context.database.transaction() as session:
            draft = await drafts.save(session, actor, place, typed, kept, context.clock.now())
    except (Conflict, NoSpace):
        draft = None  # another window has the draft, or the disk is full: what was typed here is still shown
    return await _form(request, context, actor, typed, draft=draft, place=place, plan=plan, error=error)


async def _form(
    request: Request,
    context: Context,
    actor: Actor,
    typed: Typed,
    *,
    draft: Draft | None = None,
    place: Place | None = None,
    others: list[Draft] | None = None,
    plan: Plan | None = None,
    copied: Plan | None = None,
    error: MeetingsError | None = None,
) -> Response:
    office = office_of(request, context, actor)
    async with context.database.read() as session:
        offered = await choices(session, office.regulation)
        files = draft.files if draft else await _kept_files(session, actor, place or Place())
    today, calendar = (
        office.now.astimezone(office.settings.zone).date(),
        WorkingDays(office.regulation.days, locale_of(request, context.settings)),
    )
    off = calendar.off_between(today, today + DAYS_SHOWN)
    shown: dict[str, Any] = {
        "days_off": {f"{day:%d/%m/%Y}": name for day, name in off.items()},
        "day_words": _day_words(typed.date, calendar),
        "typed": typed if any(item.blank for item in typed.agenda) else typed.with_rows(_rows(typed)),
        "choices": offered,
        "place": draft.place if draft else place or Place(meeting_id=plan.meeting.id if plan else None),
        "files": files,
        "others": others or [],
        "plan": plan,
        "copied": copied,
        "error": error,
        "deadlines": deadlines_of_meeting(plan.meeting, office) if plan else None,
        "limit": office.settings.max_upload_bytes,
    }
    return context.pages.render(request, "scheduling/form.html", status=error.status if error else 200, **shown)


def _day_words(typed: str, calendar: WorkingDays) -> Text | None:
    """Nobody is forbidden to meet on a holiday, but nobody should do so unawares."""
    try:
        day = read_day(typed)
    except Invalid:
        return None
    if calendar.is_worked(day):
        return None
    name, shown = calendar.name(day), f"{day:%d/%m/%Y}"
    return text("{day}: ngày nghỉ, {name}", day=shown, name=name) if name else text("{day}: ngày nghỉ", day=shown)


def _rows(typed: Typed) -> list[TypedItem]:
    """Some empty lines to write into, without a script."""
    missing = max(1, BLANK_ROWS - len(typed.agenda))
    return [*typed.agenda, *([TypedItem()] * missing)]


def _with_row(typed: Typed) -> Typed:
    return typed.with_rows([*typed.agenda, TypedItem(), TypedItem()])


def _place(form: FormData, meeting_id: str | None) -> Place:
    draft_id = form.get("draft_id")
    version = _number(form.get("draft_version"))
    return Place(draft_id[:40] if isinstance(draft_id, str) else "", version, meeting_id)


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else 0


async def _kept_files(session: AsyncSession, actor: Actor, place: Place) -> tuple[StoredFile, ...]:
    """Files that came with an earlier try of the same form."""
    if not place.draft_id:
        return ()
    try:
        return (await drafts.load(session, actor, place.draft_id)).files
    except MeetingsError:
        return ()


async def _copied_from(session: AsyncSession, actor: Actor, typed: Typed) -> str | None:
    if not typed.copied_from_id:
        return None
    try:
        return (await held(session, actor, typed.copied_from_id, Action.VIEW_MEETING)).meeting.id
    except MeetingsError:
        return None
