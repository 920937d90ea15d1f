"""Routes of the organisation: units and the people in them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, Actor, require
from meetings.context import Context
from meetings.directory import importing, people, units
from meetings.directory.people import PersonForm
from meetings.directory.units import LEVELS, UnitForm
from meetings.errors import Conflict, Invalid, MeetingsError
from meetings.guards import Upload
from meetings.web import ActorDep, ContextDep, note_refusal

router = APIRouter()
Field = Annotated[str, Form()]


def _today(context: Context) -> date:
    return context.clock.now().astimezone(context.settings.zone).date()


def _unit_typed(
    name: Field = "",
    short_name: Field = "",
    level: Field = "",
    parent_id: Field = "",
    code: Field = "",
    since: Field = "",
) -> UnitForm:
    return UnitForm(name, short_name, level, parent_id, code, since)


def _person_typed(
    full_name: Field = "",
    honorific: Field = "",
    post: Field = "",
    unit_id: Field = "",
    email: Field = "",
    sort_rank: Field = "",
    active: Field = "",
) -> PersonForm:
    return PersonForm(full_name, honorific, post, unit_id, email, sort_rank.strip(), active == "1")


UnitTyped = Annotated[UnitForm, Depends(_unit_typed)]
PersonTyped = Annotated[PersonForm, Depends(_person_typed)]


@router.get("/units")
async def units_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_UNITS)
    return await _units(request, context, UnitForm(since=f"{_today(context):%d/%m/%Y}"))


async def _units(request: Request, context: Context, form: UnitForm, error: MeetingsError | None = None) -> Response:
    if error is not None:
        note_refusal(request, error)
    async with context.database.read() as session:
        present = await units.units_on(session, _today(context))
        closed = await units.closed_units(session, _today(context))
    values = {"units": present, "closed": closed, "levels": LEVELS, "form": form, "error": error}
    return context.pages.render(request, "directory/units.html", status=error.status if error else 200, **values)


@router.post("/units")
async def add_unit(request: Request, context: ContextDep, actor: ActorDep, form: UnitTyped) -> Response:
    require(actor, Action.MANAGE_UNITS)
    try:
        async with context.database.transaction() as session:
            await units.add_unit(session, form, context.clock.now(), actor.account_id or "")
    except (Conflict, Invalid) as error:
        return await _units(request, context, form, error)
    return RedirectResponse("/units", status_code=303)


@router.get("/units/import")
async def import_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_UNITS)
    return context.pages.render(request, "directory/import.html", added=None, error=None, kind="units")


async def _may_import(context: Context, actor: Actor, named: Mapping[str, str]) -> None:
    require(actor, Action.MANAGE_UNITS)


UPLOADS = (Upload(re.compile("/units/import"), _may_import, most_bytes=importing.LARGEST),)


@router.post("/units/import")
async def import_list(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    kind: Field = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """A whole list at once: all of it, or nothing and the lines at fault."""
    require(actor, Action.MANAGE_UNITS)
    added, refusal = None, None
    desk = importing.Desk(context.settings, context.clock.now(), actor.account_id or "")
    try:
        content = await file.read(importing.LARGEST + 1) if file is not None else b""
        async with context.database.transaction() as session:
            added = await importing.import_list(session, desk, kind, content)
    except (Conflict, Invalid) as error:
        note_refusal(request, error)
        refusal = error
    values = {"added": added, "error": refusal, "kind": kind}
    status = refusal.status if refusal else 200
    return context.pages.render(request, "directory/import.html", status=status, **values)


@router.get("/units/{unit_id}")
async def unit_page(request: Request, context: ContextDep, actor: ActorDep, unit_id: str) -> Response:
    require(actor, Action.MANAGE_UNITS)
    async with context.database.read() as session:
        unit = await units.get_unit(session, unit_id)
    form = UnitForm(unit.name, unit.short_name, unit.level, unit.parent_id or "", unit.code or "")
    return await _unit(request, context, unit_id, form)


async def _unit(
    request: Request, context: Context, unit_id: str, form: UnitForm, error: MeetingsError | None = None
) -> Response:
    if error is not None:
        note_refusal(request, error)
    async with context.database.read() as session:
        unit = await units.get_unit(session, unit_id)
        successor = await units.get_unit(session, unit.successor_id) if unit.successor_id else None
    values = {"unit": unit, "successor": successor, "levels": LEVELS, "form": form, "error": error}
    return context.pages.render(request, "directory/unit.html", status=error.status if error else 200, **values)


@router.post("/units/{unit_id}/succeed")
async def succeed(request: Request, context: ContextDep, actor: ActorDep, unit_id: str, form: UnitTyped) -> Response:
    """Renamed or merged: the old unit ends, the new one takes over its rooms and people."""
    require(actor, Action.MANAGE_UNITS)
    try:
        async with context.database.transaction() as session:
            new = await units.succeed(session, unit_id, form, context.clock.now(), actor.account_id)
    except (Conflict, Invalid) as error:
        return await _unit(request, context, unit_id, form, error)
    return RedirectResponse(f"/units/{new.id}", status_code=303)


@router.get("/people")
async def people_page(request: Request, context: ContextDep, actor: ActorDep, q: str = "", left: str = "") -> Response:
    require(actor, Action.MANAGE_PEOPLE)
    async with context.database.read() as session:
        rows = await people.list_people(session, words=q[:100], everybody=left == "1")
    return context.pages.render(request, "directory/people.html", rows=rows, q=q[:100], left=left == "1")


@router.get("/people/new")
async def new_person(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_PEOPLE)
    return await _person(request, context, PersonForm(), None)


async def _person(
    request: Request, context: Context, form: PersonForm, person_id: str | None, error: MeetingsError | None = None
) -> Response:
    if error is not None:
        note_refusal(request, error)
    async with context.database.read() as session:
        choices = await units.units_on(session, _today(context))
        person = await people.get_person(session, person_id) if person_id else None
    values = {"person": person, "units": choices, "form": form, "error": error}
    return context.pages.render(request, "directory/person.html", status=error.status if error else 200, **values)


@router.post("/people")
async def add_person(request: Request, context: ContextDep, actor: ActorDep, form: PersonTyped) -> Response:
    require(actor, Action.MANAGE_PEOPLE)
    return await _save(request, context, form, None, actor.account_id or "")


@router.get("/people/{person_id}")
async def person_page(request: Request, context: ContextDep, actor: ActorDep, person_id: str) -> Response:
    require(actor, Action.MANAGE_PEOPLE)
    async with context.database.read() as session:
        person = await people.get_person(session, person_id)
    form = PersonForm(
        person.full_name,
        person.honorific,
        person.post,
        person.unit_id or "",
        person.email or "",
        str(person.sort_rank),
        person.active,
    )
    return await _person(request, context, form, person_id)


@router.post("/people/{person_id}")
async def change_person(
    request: Request, context: ContextDep, actor: ActorDep, person_id: str, form: PersonTyped
) -> Response:
    require(actor, Action.MANAGE_PEOPLE)
    return await _save(request, context, form, person_id, actor.account_id or "")


async def _save(request: Request, context: Context, form: PersonForm, person_id: str | None, actor_id: str) -> Response:
    now = context.clock.now()
    try:
        async with context.database.transaction() as session:
            await people.save_person(session, form, person_id=person_id, now=now, actor_id=actor_id)
    except (Conflict, Invalid) as error:
        return await _person(request, context, form, person_id, error)
    return RedirectResponse("/people", status_code=303)
