"""Owns how much may be sent to us, and in which time."""

import contextlib
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from meetings.config import MIB, Settings
from meetings.errors import TooLarge
from meetings.guards.bodies import Exceeded, Meter, answer
from meetings.guards.uploads import Upload, upload_of


class BodyLimit:
    """Counts a body while it streams in, and gives the sender a fixed time for it.

    Only a place that takes files takes a large body: nobody fills memory or disk by calling something an upload.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        uploads: Sequence[Upload] = (),
        seconds: float = 60.0,
        upload_seconds: float = 600.0,
    ) -> None:
        self._app = app
        self._settings = settings
        self._uploads = uploads
        self._seconds, self._upload_seconds = seconds, upload_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = upload_of(scope, self._uploads)
        limit = found[0].limit(self._settings) if found else self._settings.max_body_bytes
        length = Headers(scope=scope).get("content-length", "0")
        meter = Meter(receive, send, limit, seconds=self._upload_seconds if found else self._seconds)
        if not length.isdecimal() or int(length) > limit:
            await self._refuse(scope, receive, send, limit)
            return
        with contextlib.suppress(Exceeded):
            await self._app(scope, meter.receive, meter.send)
        if meter.exceeded and not meter.started:
            await self._refuse(scope, receive, send, limit)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        error = TooLarge("Dữ liệu gửi lên vượt quá {limit} MB.", limit=max(1, limit // MIB))
        await answer(scope, receive, send, error)
