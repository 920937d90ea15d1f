"""Signed webhooks: what happened in a room, told to configured addresses in order and repeated until it is taken."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
import jwt
from google.protobuf import json_format
from livekit.protocol import webhook

from meetings.clock import Clock
from meetings.signaling import messages
from meetings.signaling.effects import Happened
from meetings.signaling.grants import ALGORITHM
from meetings.signaling.ids import new_sid
from meetings.signaling.model import RoomFacts

logger = logging.getLogger(__name__)

QUEUE = 1000  # events of one room waiting for one address; the oldest are dropped, and counted in the next
ATTEMPTS = 12
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
REQUEST_SECONDS = 5.0
TOKEN_TTL = timedelta(minutes=5)

Post = Callable[[str, bytes, dict[str, str]], Awaitable[int]]


@dataclass
class _Line:
    """Events of one room on their way to one address: only the first is being told, so the order holds."""

    url: str
    waiting: deque[webhook.WebhookEvent] = field(default_factory=deque)
    dropped: int = 0
    task: asyncio.Task[None] | None = None


class Webhooks:
    """Owns the sending tasks; `close` gives up what has not been told."""

    def __init__(self, urls: list[str], *, key: str, secret: str, clock: Clock, post: Post | None = None) -> None:
        self._urls = urls
        self._key = key
        self._secret = secret
        self._clock = clock
        # Only configured addresses are contacted, never through a proxy of the environment.
        self._client = httpx2.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False, follow_redirects=False)
        self._post = post or self._post_over_http
        self._lines: dict[tuple[str, str], _Line] = {}
        self._away: set[str] = set()  # addresses that did not take the last event

    def happened(self, room: RoomFacts, what: Happened) -> None:
        """Queue an event for every address. Does not wait."""
        event = self._event(room, what)
        for url in self._urls:
            line = self._lines.setdefault((url, room.name), _Line(url))
            if len(line.waiting) >= QUEUE:
                line.waiting.popleft()
                line.dropped += 1
            line.waiting.append(event)
            if line.task is None:
                line.task = asyncio.get_running_loop().create_task(self._tell((url, room.name), line))

    async def close(self) -> None:
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def _event(self, room: RoomFacts, what: Happened) -> webhook.WebhookEvent:
        event = webhook.WebhookEvent(
            event=what.happening.value,
            id=new_sid("EV"),
            created_at=int(self._clock.now().timestamp()),
            room=messages.room_info(room),
        )
        if what.participant is not None:
            event.participant.CopyFrom(messages.participant_info(what.participant))
        if what.track is not None:
            event.track.CopyFrom(messages.track_info(what.track))
        return event

    async def _tell(self, name: tuple[str, str], line: _Line) -> None:
        while line.waiting:
            event = line.waiting.popleft()
            event.num_dropped, line.dropped = line.dropped, 0
            if not await self._delivered(line.url, event):
                line.dropped += 1
                logger.error("webhook %s of room %s given up", event.event, name[1])
        del self._lines[name]

    async def _delivered(self, url: str, event: webhook.WebhookEvent) -> bool:
        body = json_format.MessageToJson(event, indent=None).encode()
        for delay in _delays():
            try:
                status = await self._post(url, body, self._headers(body))
            except httpx2.HTTPError as error:
                self._note_away(url, type(error).__name__)
            else:
                if 200 <= status < 300:
                    self._note_back(url)
                    return True
                self._note_away(url, f"status {status}")
                if 400 <= status < 500 and status not in (408, 429):
                    return False  # it was understood and refused: asking again changes nothing
            await asyncio.sleep(delay)
        return False

    def _note_away(self, url: str, reason: str) -> None:
        """Once, not for every event and attempt: an address may be away for hours."""
        if url not in self._away:
            logger.warning("webhooks to %s wait: %s", url, reason)
            self._away.add(url)

    def _note_back(self, url: str) -> None:
        if url in self._away:
            logger.info("webhooks to %s are taken again", url)
            self._away.discard(url)

    def _headers(self, body: bytes) -> dict[str, str]:
        """Signed anew for each attempt: the signature is short-lived. No `Bearer`, as LiveKit's receivers expect."""
        now = self._clock.now()
        claims = {
            "iss": self._key,
            "nbf": int(now.timestamp()),
            "exp": int((now + TOKEN_TTL).timestamp()),
            "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        }
        token = jwt.encode(claims, self._secret, algorithm=ALGORITHM)
        return {"Content-Type": "application/webhook+json", "Authorization": token}

    async def _post_over_http(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        response = await self._client.post(url, content=body, headers=headers)
        return response.status_code


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY_SECONDS
    for _ in range(ATTEMPTS):
        yield delay
        delay = min(delay * 2, LONGEST_DELAY_SECONDS)
