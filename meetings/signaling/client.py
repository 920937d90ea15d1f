"""A participant in Python: joins a room by LiveKit's protocol and hands out what it receives, undecoded.

`Client.run` stays in the room until told to stop: when the socket, the transport or the server goes away it joins anew,
under the same identity. Listeners are called on the event loop and must not block.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from meetings.signaling.client_session import (
    JOIN_TIMEOUT,
    ClientListener,
    Quality,
    Refused,
    RemoteTrack,
    Session,
    Speaker,
)

__all__ = ["HIGH", "LOW", "MEDIUM", "Client", "ClientListener", "Quality", "RemoteTrack", "Speaker"]

PROTOCOL = 16
RETRY_FIRST, RETRY_MOST = 0.2, 3.0
RETRY_DISMISSED = 5.0  # after the room was closed or we were put out: long enough to be told that it is over
LOW, MEDIUM, HIGH = Quality.LOW, Quality.MEDIUM, Quality.HIGH


class Client:
    """One participant. `token` is asked for before every join; `url` is the server's http(s) or ws(s) address."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        listener: ClientListener,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._token = token
        self._listener = listener
        self._tls = tls
        self._clock = clock
        self._session: Session | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Be in the room until `stop`; returns early when the server says that we may not come back."""
        delay = RETRY_FIRST
        while not stop.is_set():
            self._session = session = Session(self._listener, self._clock)
            try:
                reason = await self._one_session(session, stop)
            except Refused as refusal:
                self._listener.refused(str(refusal))
                if refusal.final:
                    return
            else:
                self._session = None
                await session.close()
                self._listener.left(reason)
            finally:
                self._session = None
                await session.close()
            delay = RETRY_FIRST if session.was_connected else min(delay * 2, RETRY_MOST)
            delay = RETRY_DISMISSED if session.dismissed else delay
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)

    def want_quality(self, track_sid: str, quality: Quality) -> None:
        """Which simulcast layer of a picture we would like (LOW, MEDIUM, HIGH)."""
        if self._session is not None:
            self._session.want_quality(track_sid, quality)

    def request_keyframe(self, track_sid: str) -> None:
        """Ask the sender of a picture to begin anew; throttled."""
        if self._session is not None:
            self._session.media.request_keyframe(track_sid)

    async def _one_session(self, session: Session, stop: asyncio.Event) -> str:
        try:
            async with self._open() as socket:
                return await session.live(socket, stop)
        except InvalidStatus as error:
            status = error.response.status_code
            raise Refused(f"the server answered {status}", final=False) from error
        except TimeoutError as error:
            raise Refused("the server did not answer in time", final=False) from error
        except (OSError, WebSocketException) as error:
            if session.was_connected:
                return f"connection lost: {error}"
            raise Refused(f"no connection: {error}", final=False) from error

    def _open(self) -> connect:
        parts = urlsplit(self._url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        query = urlencode({"auto_subscribe": 1, "sdk": "python", "version": "1.0", "protocol": PROTOCOL})
        address = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + "/rtc", query, ""))
        return connect(
            address,
            additional_headers={"Authorization": f"Bearer {self._token()}"},
            ssl=self._tls if scheme == "wss" else None,
            open_timeout=JOIN_TIMEOUT,
            max_size=4 * 1024 * 1024,
            compression=None,
            proxy=None,
        )
