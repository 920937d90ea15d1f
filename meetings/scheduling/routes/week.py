"""The week: by leader, by room, or as a list."""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from meetings.access import Action, require
from meetings.directory.models import Person, Venue
from meetings.scheduling.overview import Filter
from meetings.scheduling.week import View, load_week, monday_of
from meetings.web import ActorDep, ContextDep

router = APIRouter()


@router.get("/week")
async def week_page(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    week: str = "",
    view: str = "",
    leader: str = "",
    venue: str = "",
    point: str = "",
) -> Response:
    require(actor, Action.VIEW_TODAY)
    zone, now = context.settings.zone, context.clock.now()
    monday = monday_of(week, now.astimezone(zone).date())
    wanted = Filter(leader, venue, point)
    async with context.database.read() as session:
        found = await load_week(session, monday, now, zone, wanted)
        people = list(await session.scalars(select(Person).order_by(Person.sort_rank, Person.full_name)))
        venues = list(await session.scalars(select(Venue).where(Venue.active).order_by(Venue.name)))
    shown = View(view) if view in tuple(View) else View.LIST if point else View.ROOM if venue else View.LEADER
    return context.pages.render(
        request,
        "scheduling/week.html",
        week=found,
        view=shown,
        wanted=wanted,
        people=people,
        venues=venues,
        this_week=monday_of("", now.astimezone(zone).date()) == monday,
    )
