"""The first page: what is next, what waits for me."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from meetings.access import Action, require
from meetings.scheduling.today import load_today
from meetings.web import ActorDep, ContextDep

from .desk import office_of

router = APIRouter()


@router.get("/")
async def today_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    if actor.venue_id is not None:
        return RedirectResponse("/room", status_code=303)
    require(actor, Action.VIEW_TODAY)
    office = office_of(request, context, actor)
    async with context.database.read() as session:
        today = await load_today(session, office, request.app.state.waiting)
    return context.pages.render(request, "scheduling/today.html", today=today)
