"""The way out of a process in which the stock Python SDK ran.

Its native threads call into Python. One that is in the middle of such a call when the interpreter goes down is
unwound through Rust, which aborts the process: exit 134 after everything passed. So the SDK is stopped first, and
whoever is still inside is given time to return.

A stream of pictures or of sound hears of every event of every room until it is closed, also after its loop has ended:
"error putting to queue: Event loop is closed". So streams are read through `frames`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

RETURN_SECONDS = 1.0  # a call takes well under a millisecond; a busy machine may keep its thread waiting

CLOSE_SECONDS = 5.0  # the SDK says the end of a stream at once, or not at all when its room is gone


async def frames(stream: Any) -> AsyncIterator[Any]:
    """What comes out of a VideoStream or an AudioStream, which is closed when nobody reads it any more."""
    try:
        async for event in stream:
            yield event
    finally:
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stream.aclose(), CLOSE_SECONDS)
        finally:  # who leaves while it is being closed does not wait for that
            sys.modules["livekit.rtc._ffi_client"].FfiClient.instance.queue.unsubscribe(stream._ffi_queue)


def settle() -> None:
    """Stops the SDK if this process ever started it; after this, nothing of it may be used."""
    module = sys.modules.get("livekit.rtc._ffi_client")
    client = module.FfiClient._instance if module else None
    if client is not None:
        client._dispose()  # what the SDK itself calls at exit, too late for its threads
        time.sleep(RETURN_SECONDS)
