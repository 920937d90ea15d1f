"""Routes of the directory: log in and out, language, health."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import text
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from meetings.errors import MeetingsError
from meetings.guards import cookie_header
from meetings.i18n import LOCALES
from meetings.web import ActorDep, ContextDep

from . import accounts, sessions
from .identity import SESSION_COOKIE, address_of, browser_of

router = APIRouter()


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """This process answers."""
    return PlainTextResponse("OK\n")


@router.get("/readyz")
async def readyz(context: ContextDep) -> PlainTextResponse:
    """And the database answers it."""
    async with context.database.read() as session:
        await session.execute(text("SELECT 1"))
    return PlainTextResponse("OK\n")


@router.get("/login")
async def login_page(request: Request, context: ContextDep, actor: ActorDep, next: str = "/") -> Response:  # noqa: A002
    if actor.account_id is not None:
        return RedirectResponse(inner_path(next), status_code=303)
    return context.pages.render(request, "directory/login.html", error=None, login="", next=inner_path(next))


@router.post("/login")
async def log_in(
    request: Request,
    context: ContextDep,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    origin = accounts.Origin(address_of(request), browser_of(request))
    try:
        token = await accounts.log_in(context.database, context.clock, login, password, origin)
    except MeetingsError as error:
        values = {"error": error, "login": login[:100], "next": inner_path(next)}
        return context.pages.render(request, "directory/login.html", status=error.status, **values)
    response = RedirectResponse(inner_path(next), status_code=303)
    response.headers.append(
        "set-cookie", cookie_header(request.scope, SESSION_COOKIE, token, int(sessions.LONGEST.total_seconds()))
    )
    return response


def inner_path(path: str) -> str:
    """Only a place inside the house: an address elsewhere in `next` would lead the user away after logging in."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if inside and len(path) <= 500 else "/"


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
