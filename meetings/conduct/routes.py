"""Pages of the conference: a point's link, the room page, a guest's name, the console; and the relay's webhooks."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from meetings.access import Action, Actor
from meetings.conduct import api, attendance, guests, line_routes, livekit
from meetings.conduct.rules.seats import SeatKind
from meetings.conduct.stage import GUEST_COOKIE, Stage, WhoDep
from meetings.context import Context
from meetings.directory import points
from meetings.directory.identity import DEVICE_COOKIE, browser_of
from meetings.errors import Forbidden, MeetingsError
from meetings.guards import cookie_header
from meetings.pages import locale_of
from meetings.scheduling import service as scheduling
from meetings.web import ActorDep, ContextDep, PointDep

log = structlog.get_logger(__name__)
router = APIRouter()
router.include_router(api.router)
router.include_router(line_routes.router)

YEAR = 400 * 24 * 3600  # the longest that browsers keep a cookie; opening the room page renews it
WEBHOOK_LIMIT = 256 * 1024


@router.get("/p/{token}")
async def open_point(request: Request, context: ContextDep, token: str) -> Response:
    """A room's permanent link: this browser speaks for the room from now on, and the secret leaves the address bar."""
    device = request.cookies.get(DEVICE_COOKIE)
    async with context.database.transaction() as session:
        opened = await points.open_link(session, token, device, context.clock.now(), browser=browser_of(request))
    response = RedirectResponse("/room", status_code=303)
    response.headers.append("set-cookie", cookie_header(request.scope, DEVICE_COOKIE, opened.device, YEAR))
    return response


@router.get("/room")
async def point_page(request: Request, context: ContextDep, point: PointDep) -> Response:
    if point.venue_id is None:
        raise Forbidden(
            "Máy này chưa gắn với điểm cầu nào. Đề nghị mở đường liên kết trên thẻ của phòng họp, "
            "hoặc gọi cán bộ kỹ thuật: {helpline}.",
            code="no_point",
            helpline=context.settings.helpline,
        )
    response = _room(request, context, point, meeting_id=None)
    device = request.cookies[DEVICE_COOKIE]
    response.headers.append("set-cookie", cookie_header(request.scope, DEVICE_COOKIE, device, YEAR))
    return response


@router.get("/meetings/{meeting_id}/room")
async def meeting_page(request: Request, context: ContextDep, actor: WhoDep, meeting_id: str) -> Response:
    """For an account, and for a point or a guest whom nobody expected; somebody unknown is asked for a name."""
    async with context.database.read() as session:
        meeting = await scheduling.get_meeting(session, meeting_id)
    if actor.is_anonymous:
        return RedirectResponse(f"/meetings/{meeting.id}/guest", status_code=303)
    return _room(request, context, actor, meeting_id=meeting.id)


def _room(request: Request, context: Context, actor: Actor, *, meeting_id: str | None) -> Response:
    data = page_data(request, context, actor, page="room", meeting_id=meeting_id)
    return context.pages.render(request, "conduct/room.html", page_data=data)


@router.get("/meetings/{meeting_id}/console")
async def console(request: Request, context: ContextDep, actor: ActorDep, meeting_id: str) -> Response:
    async with context.database.read() as session:
        meeting, caller = await Stage(context, actor, meeting_id).look(session)
    caller.require(Action.VIEW_CONSOLE)
    data = page_data(request, context, actor, page="console", meeting_id=meeting.id)
    return context.pages.render(request, "conduct/console.html", page_data=data, meeting=meeting)


def page_data(request: Request, context: Context, actor: Actor, *, page: str, meeting_id: str | None) -> dict[str, Any]:
    settings = context.settings
    if actor.venue_id is not None:
        kind = SeatKind.POINT
    else:
        kind = SeatKind.ACCOUNT if actor.account_id is not None else SeatKind.GUEST
    return {
        "page": page,
        "locale": locale_of(request, settings),
        "time_zone": settings.time_zone,
        "office": settings.office_name,
        "helpline": settings.helpline,
        "meeting_id": meeting_id,
        "caller": {"kind": kind, "name": actor.name},
    }


@router.get("/meetings/{meeting_id}/guest")
async def guest_page(request: Request, context: ContextDep, meeting_id: str) -> Response:
    async with context.database.read() as session:
        meeting = await scheduling.get_meeting(session, meeting_id)
    return context.pages.render(request, "conduct/guest.html", meeting_id=meeting.id, name="", error=None)


@router.post("/meetings/{meeting_id}/guest")
async def name_guest(
    request: Request, context: ContextDep, meeting_id: str, name: Annotated[str, Form()] = ""
) -> Response:
    try:
        async with context.database.transaction() as session:
            meeting = await scheduling.get_meeting(session, meeting_id)
            token = await guests.welcome(session, meeting, name, context.clock.now())
    except MeetingsError as error:
        values = {"meeting_id": meeting_id, "name": name[:200], "error": error}
        return context.pages.render(request, "conduct/guest.html", status=error.status, **values)
    response = RedirectResponse(f"/meetings/{meeting_id}/room?as=guest", status_code=303)
    response.headers.append("set-cookie", cookie_header(request.scope, GUEST_COOKIE, token, guests.COOKIE_SECONDS))
    return response


@router.post("/hooks/livekit")
async def hook(request: Request, context: ContextDep) -> Response:
    """A webhook counts only with the relay's signature over exactly these bytes."""
    body = await request.body()
    if len(body) > WEBHOOK_LIMIT:
        return PlainTextResponse("too large\n", status_code=413)
    try:
        event = livekit.webhook(context.settings, body.decode(), request.headers.get("authorization", ""))
    except Exception as error:  # the stock receiver raises whatever its parsers raise
        log.warning("conduct.webhook_refused", reason=type(error).__name__)
        return PlainTextResponse("refused\n", status_code=401)
    await attendance.receive(context, event)
    return PlainTextResponse("OK\n")
