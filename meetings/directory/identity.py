"""Owns the question who is asking: puts the actor of every request into its state."""

import re

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from meetings.access import ANONYMOUS, Actor
from meetings.context import Context
from meetings.directory import points, sessions
from meetings.errors import MeetingsError
from meetings.guards import answer

SESSION_COOKIE = "meetings_session"
DEVICE_COOKIE = "meetings_device"
_MEETING = re.compile(r"(?:/api)?/meetings/([0-9a-z]{16})(?:/|$)")
# these never ask who is there, and must answer while the database is away
OPEN_PATHS = ("/static/", "/healthz", "/readyz", "/hooks/", "/internal/")


class Identity:
    """`state.actor` is the account logged in, else the room's device, else ANONYMOUS.
    `state.point_actor` is the room's device even while somebody is logged in on it."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["actor"] = state["point_actor"] = ANONYMOUS
        if not scope["path"].startswith(OPEN_PATHS):
            try:
                await self._identify(HTTPConnection(scope))
            except MeetingsError as error:
                await answer(scope, receive, send, error)
                return
        with structlog.contextvars.bound_contextvars(**_ids(scope["path"], state["actor"])):
            await self._app(scope, receive, send)

    async def _identify(self, connection: HTTPConnection) -> None:
        token, device = connection.cookies.get(SESSION_COOKIE), connection.cookies.get(DEVICE_COOKIE)
        if not token and not device:
            return
        now = self._context.clock.now()
        stale = False
        async with self._context.database.read() as session:
            actor = point = None
            if token:
                actor, stale = await sessions.actor_of_session(session, token, now)
            if device:
                point = await points.actor_of_point(session, device)
        connection.state.point_actor = point or ANONYMOUS
        connection.state.actor = actor or point or ANONYMOUS
        if stale:
            async with self._context.database.transaction() as session:
                await sessions.touch(session, token or "", now)


def _ids(path: str, actor: Actor) -> dict[str, str]:
    """What every line of the log about this request carries."""
    ids = {}
    if actor.account_id or actor.venue_id:
        ids["actor"] = f"account:{actor.account_id}" if actor.account_id else f"point:{actor.venue_id}"
    found = _MEETING.match(path)
    if found:
        ids["meeting_id"] = found[1]
    return ids


def browser_of(connection: HTTPConnection) -> str:
    return Headers(scope=connection.scope).get("user-agent", "")[:200]


def address_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""
