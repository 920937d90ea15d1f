"""Owns the size and the pace of what is sent to us: counted while it streams in."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meetings.config import MIB, Settings
from meetings.errors import MeetingsError, TooLarge
from meetings.web import error_response

WITHOUT_FILES = ("/hooks/", "/internal/", "/api/", "/login", "/logout", "/language", "/setup/", "/answer/")


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
        upload = _takes_files(scope["path"]) and headers.get("content-type", "").startswith("multipart/form-data")
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


def _takes_files(path: str) -> bool:
    """Nobody fills memory or disk, without an account, by calling something an upload that takes no files."""
    return not path.startswith(WITHOUT_FILES)


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
