"""Owns what every answer carries: the browser's orders, also when nobody foresaw what happened."""

import re
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meetings.config import Settings
from meetings.web import bug_response

log = structlog.get_logger(__name__)
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
