"""The week: by leader, by room, or as a list."""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from meetings.access import Action, require
from meetings.directory.models import Person, Venue
from meetings.pages import locale_of
from meetings.scheduling.overview import Filter
from meetings.scheduling.rules.working_days import WorkingDays
from meetings.scheduling.week import View, load_week, monday_of
from meetings.web import ActorDep, ContextDep

from .desk import office_of

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
    office = office_of(request, context, actor)
    today = office.now.astimezone(context.settings.zone).date()
    monday = monday_of(week, today)
    calendar = WorkingDays(office.regulation.days, locale_of(request, context.settings))
    wanted = Filter(leader, venue, point)
    async with context.database.read() as session:
        found = await load_week(session, office, monday, wanted, calendar)
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
        this_week=monday_of("", today) == monday,
    )
