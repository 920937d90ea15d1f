"""The way out of a process in which the stock Python SDK ran.

Its native threads call into Python. One that is in the middle of such a call when the interpreter goes down is
unwound through Rust, which aborts the process: exit 134 after everything passed. So the SDK is stopped first, and
whoever is still inside is given time to return.
"""

from __future__ import annotations

import sys
import time

RETURN_SECONDS = 1.0  # a call takes well under a millisecond; a busy machine may keep its thread waiting


def settle() -> None:
    """Stops the SDK if this process ever started it; after this, nothing of it may be used."""
    module = sys.modules.get("livekit.rtc._ffi_client")
    client = module.FfiClient._instance if module else None
    if client is not None:
        client._dispose()  # what the SDK itself calls at exit, too late for its threads
        time.sleep(RETURN_SECONDS)
