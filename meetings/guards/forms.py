"""Owns the trust in forms: a cookie for each browser, a token made from it, and where a form was sent from."""

import hmac
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meetings.config import Settings
from meetings.errors import Forbidden
from meetings.ids import new_token
from meetings.pages import form_token
from meetings.web import context_of

FORM_COOKIE = "meetings_form"
FORM_FIELDS = 2000  # three hundred paragraphs of minutes, four fields each
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# signed or secret-bearing calls of machines, which carry no cookie
MACHINE_PATHS = ("/hooks/", "/internal/")


class FormCookie:
    """Gives every browser a random cookie, from which the tokens of its forms are made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = HTTPConnection(scope).cookies.get(FORM_COOKIE, "")
        known = 20 <= len(cookie) <= 64
        scope.setdefault("state", {})["form_cookie"] = cookie if known else (cookie := new_token())

        async def with_cookie(message: Message) -> None:
            if not known and _is_page(message):
                MutableHeaders(scope=message).append("set-cookie", cookie_header(scope, FORM_COOKIE, cookie))
            await send(message)

        await self._app(scope, receive, with_cookie)


def _is_page(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return "html" in Headers(raw=message["headers"]).get("content-type", "")


def cookie_header(scope: Scope, name: str, value: str, max_age: int | None = None) -> str:
    """HttpOnly, SameSite=Lax, and Secure wherever the page itself came over TLS."""
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    morsel = jar[name]
    morsel["path"], morsel["samesite"] = "/", "Lax"
    morsel["httponly"] = True
    if scope.get("scheme") == "https":
        morsel["secure"] = True
    if max_age is not None:
        morsel["max-age"] = str(max_age)
    return morsel.OutputString()


async def check_origin(connection: HTTPConnection) -> None:
    """A form or a call that changes something must come from one of our own pages, and bring its token."""
    if connection.scope["type"] != "http" or connection.scope["method"] not in UNSAFE:
        return
    request = connection if isinstance(connection, Request) else Request(connection.scope)
    if request.url.path.startswith(MACHINE_PATHS):
        return
    context = context_of(request)
    require_own_page(request, context.settings)
    given = request.headers.get("x-csrf-token") or await _form_field(request)
    if not hmac.compare_digest(given.encode(), form_token(context.settings, request).encode()):
        raise _foreign()


def _foreign() -> Forbidden:
    return Forbidden(
        "Biểu mẫu đã cũ hoặc không được gửi từ trang của hệ thống. Vui lòng tải lại trang rồi gửi lại.",
        code="csrf",
    )


def require_own_page(request: Request, settings: Settings) -> None:
    """What the browser itself says of where a form was sent from; raises Forbidden."""
    if not _same_origin(request, settings):
        raise _foreign()


def _same_origin(request: Request, settings: Settings) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    if origin == "null":  # what `Referrer-Policy: no-referrer` makes of a form's origin; the token decides
        return True
    hosts = {request.headers.get("host", ""), urlsplit(settings.public_url or "").netloc}
    return urlsplit(origin).netloc in hosts - {""}


async def _form_field(request: Request) -> str:
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return ""
    # the form is kept for the route, so its limit is set here; the body has its own
    value = (await request.form(max_fields=FORM_FIELDS)).get("csrf_token", "")
    return value if isinstance(value, str) else ""
