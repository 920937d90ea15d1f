"""Owns the question who may send files where: asked before the first byte of the body is read."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from meetings.access import Actor
from meetings.config import MIB, Settings
from meetings.context import Context
from meetings.errors import MeetingsError
from meetings.guards.bodies import answer
from meetings.guards.forms import require_own_page
from meetings.pages import actor_of

Right = Callable[[Context, Actor, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True)
class Upload:
    """A place that takes files. `right` raises Forbidden or NotFound; it is given what the path names.

    `most_bytes`: less than the house's limit, where nothing sensible is that large.
    """

    path: re.Pattern[str]
    right: Right
    most_bytes: int | None = None

    def limit(self, settings: Settings) -> int:
        return min(self.most_bytes or settings.max_upload_bytes, settings.max_upload_bytes) + MIB


def upload_of(scope: Scope, uploads: Sequence[Upload]) -> tuple[Upload, Mapping[str, str]] | None:
    """The place this request sends files to; None: it sends none, or there is no such place."""
    if scope["method"] != "POST" or not Headers(scope=scope).get("content-type", "").startswith("multipart/form-data"):
        return None
    for upload in uploads:
        if found := upload.path.fullmatch(scope["path"]):
            return upload, found.groupdict()
    return None


class UploadRight:
    """Stands where the actor is known. A body that must not be sent is refused unread."""

    def __init__(self, app: ASGIApp, context: Context, uploads: Sequence[Upload]) -> None:
        self._app, self._context, self._uploads = app, context, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = upload_of(scope, self._uploads) if scope["type"] == "http" else None
        if found is not None:
            request = Request(scope)
            try:
                require_own_page(request, self._context.settings)
                await found[0].right(self._context, actor_of(request), found[1])
            except MeetingsError as error:
                await answer(scope, receive, send, error)
                return
        await self._app(scope, receive, send)
