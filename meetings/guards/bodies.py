"""Owns the measuring of a body: its size and its pace, counted while it streams in."""

import asyncio

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from meetings.errors import MeetingsError
from meetings.web import error_response


class Exceeded(Exception):
    """The body is larger than allowed."""


class Meter:
    """Stands between a body and its reader."""

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
            raise Exceeded
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.started:
            return  # whatever the route makes of the broken body; ours is the answer
        self.started = True
        await self._send(message)


async def answer(scope: Scope, receive: Receive, send: Send, error: MeetingsError) -> None:
    await error_response(Request(scope, receive), error)(scope, receive, send)
