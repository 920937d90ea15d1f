"""Owns server-sent events: a chain as a browser follows it, with its place kept in Last-Event-ID `meeting:seq`."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC

from starlette.requests import Request
from starlette.responses import StreamingResponse

from meetings.events.log import Event

HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 15 * 60.0  # the browser opens the next one; so a withdrawn right ends within this time


def last_seen(request: Request, chain: str, default: int = 0) -> int:
    """Where the browser's stream broke off: Last-Event-ID `meeting:seq`, or ?after=, or the default."""
    header = request.headers.get("last-event-id", "")
    name, _, number = header.rpartition(":")
    if name == chain.removeprefix("meeting:") and number.isdecimal() and len(number) < 18:
        return int(number)
    after = request.query_params.get("after", "")
    return int(after) if after.isdecimal() and len(after) < 18 else default


def sse_stream(
    events: AsyncGenerator[Event], *, heartbeat: float = HEARTBEAT_SECONDS, lifetime: float = STREAM_SECONDS
) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    body = _frames(events, heartbeat, lifetime)
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _frames(events: AsyncGenerator[Event], heartbeat: float, lifetime: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end = loop.time() + lifetime
    following: asyncio.Future[Event] | None = None
    try:
        yield b"retry: 1000\n\n"
        while loop.time() < end:
            following = following or asyncio.ensure_future(anext(events))
            await asyncio.wait([following], timeout=heartbeat)
            if not following.done():
                yield b": still here\n\n"
                continue
            try:
                event = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield frame(event)
    finally:
        if following is not None:
            following.cancel()
            await asyncio.wait([following])
        await events.aclose()


def frame(event: Event) -> bytes:
    data = {
        "seq": event.seq,
        "kind": event.kind,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor_id,
        "subject": event.subject_id,
        "payload": event.payload,
    }
    name = event.chain.removeprefix("meeting:")
    return b"id: %s:%d\ndata: %s\n\n" % (name.encode(), event.seq, json.dumps(data, ensure_ascii=False).encode())
