"""Owns what every request passes before a route sees it: headers of the answer, size of the body, the form's origin."""

import asyncio
import contextlib
import hmac
import re
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meetings.config import MIB, Settings
from meetings.errors import Forbidden, MeetingsError, TooLarge
from meetings.ids import new_token
from meetings.pages import form_token
from meetings.web import bug_response, context_of, error_response

log = structlog.get_logger(__name__)

FORM_COOKIE = "meetings_form"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# signed or secret-bearing calls of machines, which carry no cookie
MACHINE_PATHS = ("/hooks/", "/internal/")


_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]")


def content_security_policy(settings: Settings, host: str) -> str:
    relay = " ".join(relay_origins(settings, host))
    return (
        f"default-src 'self'; connect-src 'self' {relay}; img-src 'self' data: blob:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def relay_origins(settings: Settings, host: str) -> list[str]:
    """Where browsers may open media sessions: the configured relay, or our own on the host this page was asked by."""
    if settings.livekit_public_url is not None:
        parts = urlsplit(settings.livekit_public_url)
        s = "s" if parts.scheme in ("wss", "https") else ""
        return [f"ws{s}://{parts.netloc}", f"http{s}://{parts.netloc}"]
    name = _HOST.match(host)
    if name is None:
        return []
    secure, plain = f"{name[0]}:{settings.relay_tls_port}", f"{name[0]}:{settings.relay_port}"
    return [f"wss://{secure}", f"https://{secure}", f"ws://{plain}", f"http://{plain}"]


class SecurityHeaders:
    """Outermost: every answer, errors too, tells the browser what it must not do."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                host = Headers(scope=scope).get("host", "")
                headers.setdefault("Content-Security-Policy", content_security_policy(self._settings, host))
            await send(message)

        await self._app(scope, receive, with_headers)


class LastResort:
    """What nobody foresaw ends here: once in the log, as one sentence for the user, with the headers of any answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            log.info("request.left", path=scope["path"])
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await bug_response(Request(scope, receive), error)(scope, receive, send)


class BodyLimit:
    """Counts a body while it streams in, and gives the sender a fixed time for it."""

    def __init__(self, app: ASGIApp, settings: Settings, seconds: float = 60.0, upload_seconds: float = 600.0) -> None:
        self._app = app
        self._settings = settings
        self._seconds, self._upload_seconds = seconds, upload_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").startswith("multipart/form-data")
        limit = self._settings.max_upload_bytes + MIB if upload else self._settings.max_body_bytes
        length = headers.get("content-length", "0")
        meter = _Meter(receive, send, limit, seconds=self._upload_seconds if upload else self._seconds)
        if not length.isdecimal() or int(length) > limit:
            await self._refuse(scope, receive, send, limit)
            return
        with contextlib.suppress(_Exceeded):
            await self._app(scope, meter.receive, meter.send)
        if meter.exceeded and not meter.started:
            await self._refuse(scope, receive, send, limit)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        error = TooLarge("Dữ liệu gửi lên vượt quá {limit} MB.", limit=max(1, limit // MIB))
        await answer(scope, receive, send, error)


class _Exceeded(Exception):
    pass


class _Meter:
    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float) -> None:
        self._receive, self._send = receive, send
        self._left = limit
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._complete = False
        self.exceeded = False
        self.started = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # only the news that the client has gone: no deadline
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._left < 0:
            self.exceeded = True
            raise _Exceeded
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.started:
            return  # whatever the route makes of the broken body; ours is the answer
        self.started = True
        await self._send(message)


async def answer(scope: Scope, receive: Receive, send: Send, error: MeetingsError) -> None:
    await error_response(Request(scope, receive), error)(scope, receive, send)


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
    if not _same_origin(request, context.settings):
        raise _foreign()
    given = request.headers.get("x-csrf-token") or await _form_field(request)
    if not hmac.compare_digest(given.encode(), form_token(context.settings, request).encode()):
        raise _foreign()


def _foreign() -> Forbidden:
    return Forbidden(
        "Biểu mẫu đã cũ hoặc không được gửi từ trang của hệ thống. Vui lòng tải lại trang rồi gửi lại.",
        code="csrf",
    )


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
    value = (await request.form()).get("csrf_token", "")
    return value if isinstance(value, str) else ""
