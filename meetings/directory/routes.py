"""Routes of the directory: log in and out, the first administrator, language; venues and accounts."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from meetings.context import Context
from meetings.directory import account_routes, organisation_routes, sessions, setup, venue_routes
from meetings.directory.identity import SESSION_COOKIE, address_of, browser_of
from meetings.directory.login import Origin, log_in
from meetings.directory.passwords import DEMO_PASSWORD, chosen
from meetings.errors import Conflict, Invalid, MeetingsError
from meetings.guards import cookie_header
from meetings.i18n import LOCALES
from meetings.web import ActorDep, ContextDep, note_refusal

router = APIRouter()
UPLOADS = organisation_routes.UPLOADS
router.include_router(venue_routes.router)
router.include_router(account_routes.router)
router.include_router(organisation_routes.router)


@router.get("/login")
async def login_page(request: Request, context: ContextDep, actor: ActorDep, next: str = "/") -> Response:  # noqa: A002
    if actor.account_id is not None:
        return RedirectResponse(inner_path(next), status_code=303)
    return _login_page(request, context, next)


def _login_page(
    request: Request, context: Context, after: str, login: str = "", error: MeetingsError | None = None
) -> Response:
    if error is not None:
        note_refusal(request, error)
    demo = DEMO_PASSWORD if context.settings.demo else None
    values = {"login": login[:100], "next": inner_path(after), "error": error, "demo_password": demo}
    return context.pages.render(request, "directory/login.html", status=error.status if error else 200, **values)


@router.post("/login")
async def log_in_here(
    request: Request,
    context: ContextDep,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    origin = Origin(address_of(request), browser_of(request))
    try:
        token = await log_in(context.database, context.clock, login, password, origin)
    except MeetingsError as error:
        response = _login_page(request, context, next, login, error)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(int(error.retry_after))
        return response
    return _entered(request, token, inner_path(next))


def _entered(request: Request, token: str, where: str) -> Response:
    response = RedirectResponse(where, status_code=303)
    lasts = int(sessions.LONGEST.total_seconds())
    response.headers.append("set-cookie", cookie_header(request.scope, SESSION_COOKIE, token, lasts))
    return response


def inner_path(path: str) -> str:
    """Only a place inside the house: an address elsewhere in `next` would lead the user away after logging in."""
    inside = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if inside and len(path) <= 500 and not urlsplit(path).netloc else "/"


@router.post("/logout")
async def log_out(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    if actor.account_id and actor.session_id:
        async with context.database.transaction() as session:
            await sessions.end_session(session, actor.account_id, actor.session_id, context.clock.now())
    response = RedirectResponse("/login", status_code=303)
    response.headers.append("set-cookie", cookie_header(request.scope, SESSION_COOKIE, "", 0))
    return response


@router.post("/language")
async def choose_language(
    request: Request, locale: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/"
) -> Response:
    response = RedirectResponse(inner_path(back), status_code=303)
    if locale in LOCALES:
        response.headers.append("set-cookie", cookie_header(request.scope, "locale", locale, 365 * 86400))
    return response


@router.get("/setup/{token}")
async def setup_page(request: Request, context: ContextDep, token: str) -> Response:
    async with context.database.read() as session:
        await setup.check_setup_link(session, token, context.clock.now())
    return context.pages.render(request, "directory/setup.html", token=token, login="", display_name="", error=None)


@router.post("/setup/{token}")
async def set_up(
    request: Request,
    context: ContextDep,
    token: str,
    login: Annotated[str, Form()] = "",
    display_name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    now = context.clock.now()
    async with context.database.read() as session:
        await setup.check_setup_link(session, token, now)  # nobody else has us compute
    ready = await chosen(password, login)
    try:
        async with context.database.transaction() as session:
            account = await setup.use_setup_link(
                session, token, login=login, display_name=display_name, password=ready, now=now
            )
            entered = await sessions.start_session(
                session, account.id, now, address=address_of(request), browser=browser_of(request)
            )
    except (Conflict, Invalid) as error:
        note_refusal(request, error)
        values = {"token": token, "login": login[:100], "display_name": display_name[:200], "error": error}
        return context.pages.render(request, "directory/setup.html", status=error.status, **values)
    return _entered(request, entered, "/")
