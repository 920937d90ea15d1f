"""Routes of venues: the list, one venue, its link and the card to print."""

from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, require
from meetings.context import Context
from meetings.directory import units, venues
from meetings.directory.venues import VenueForm
from meetings.errors import Conflict, Invalid, MeetingsError
from meetings.web import ActorDep, ContextDep, house_of, note_refusal

router = APIRouter(prefix="/venues")


@router.get("")
async def list_page(request: Request, context: ContextDep, actor: ActorDep, q: str = "") -> Response:
    require(actor, Action.MANAGE_VENUES)
    async with context.database.read() as session:
        rows = await venues.list_venues(session, words=q[:100])
    return context.pages.render(request, "directory/venues.html", rows=rows, q=q[:100])


@router.get("/new")
async def new_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_VENUES)
    return await _form_page(request, context, VenueForm(), None)


async def _form_page(
    request: Request, context: Context, form: VenueForm, venue_id: str | None, error: MeetingsError | None = None
) -> Response:
    if error is not None:
        note_refusal(request, error)
    day = context.clock.now().astimezone(context.settings.zone).date()
    async with context.database.read() as session:
        choices = await units.units_on(session, day)
        row = await venues.get_venue(session, venue_id) if venue_id else None
    link = venues.link_of(context.settings, row, house_of(request, context.settings)) if row else None
    return context.pages.render(
        request,
        "directory/venue.html",
        status=error.status if error else 200,
        form=form,
        row=row,
        units=choices,
        link=link,
        error=error,
    )


def _typed(
    name: Annotated[str, Form()] = "",
    unit_id: Annotated[str, Form()] = "",
    location: Annotated[str, Form()] = "",
    phone: Annotated[str, Form()] = "",
    equipment: Annotated[str, Form()] = "",
    active: Annotated[str, Form()] = "",
) -> VenueForm:
    return VenueForm(name, unit_id, location, phone, equipment, active == "1")


TypedForm = Annotated[VenueForm, Depends(_typed)]


@router.post("")
async def create(request: Request, context: ContextDep, actor: ActorDep, form: TypedForm) -> Response:
    require(actor, Action.MANAGE_VENUES)
    return await _save(request, context, actor.account_id or "", form, None)


@router.get("/{venue_id}")
async def venue_page(request: Request, context: ContextDep, actor: ActorDep, venue_id: str) -> Response:
    require(actor, Action.MANAGE_VENUES)
    async with context.database.read() as session:
        venue = (await venues.get_venue(session, venue_id)).venue
    form = VenueForm(venue.name, venue.unit_id, venue.location, venue.phone, venue.equipment, venue.active)
    return await _form_page(request, context, form, venue_id)


@router.post("/{venue_id}")
async def change(request: Request, context: ContextDep, actor: ActorDep, venue_id: str, form: TypedForm) -> Response:
    require(actor, Action.MANAGE_VENUES)
    return await _save(request, context, actor.account_id or "", form, venue_id)


async def _save(request: Request, context: Context, actor_id: str, form: VenueForm, venue_id: str | None) -> Response:
    now, settings = context.clock.now(), context.settings
    try:
        async with context.database.transaction() as session:
            venue = await venues.save_venue(
                session, form, venue_id=venue_id, settings=settings, now=now, actor_id=actor_id
            )
    except (Conflict, Invalid) as error:
        return await _form_page(request, context, form, venue_id, error)
    return RedirectResponse(f"/venues/{venue.id}", status_code=303)


@router.post("/{venue_id}/renew")
async def renew(context: ContextDep, actor: ActorDep, venue_id: str) -> Response:
    """The old link and the old card open nothing from now on."""
    require(actor, Action.MANAGE_VENUES)
    async with context.database.transaction() as session:
        await venues.renew(session, context.settings, venue_id, context.clock.now(), actor.account_id or "")
    return RedirectResponse(f"/venues/{venue_id}", status_code=303)


@router.post("/{venue_id}/unbind")
async def unbind(context: ContextDep, actor: ActorDep, venue_id: str) -> Response:
    """The next browser that opens the link is the venue's."""
    require(actor, Action.MANAGE_VENUES)
    async with context.database.transaction() as session:
        await venues.unbind(session, venue_id, context.clock.now(), actor.account_id or "")
    return RedirectResponse(f"/venues/{venue_id}", status_code=303)


@router.get("/{venue_id}/card")
async def card(request: Request, context: ContextDep, actor: ActorDep, venue_id: str) -> Response:
    """A sheet to print and leave in the room: the link as a QR code and in letters."""
    require(actor, Action.MANAGE_VENUES)
    async with context.database.read() as session:
        row = await venues.get_venue(session, venue_id)
    link = venues.link_of(context.settings, row, house_of(request, context.settings)) or ""
    return context.pages.render(request, "directory/venue_card.html", row=row, link=link, code=_qr(link))


def _qr(words: str) -> str:
    """An image in a data: address; the page's policy allows no inline drawing from elsewhere."""
    return str(segno.make(words, error="m", micro=False).svg_data_uri(scale=8, border=2))
