"""What this process holds on to: its memory, descriptors and tasks. Whatever of it only grows, leaks."""

from __future__ import annotations

import asyncio
import os

from meetings.signaling.media import memory
from meetings.signaling.media.schema import Upkeep


def measure() -> Upkeep:
    """As it is now; on the event loop."""
    try:
        descriptors = len(os.listdir("/proc/self/fd")) - 1  # less the one that reads the list
    except OSError:
        descriptors = 0
    return Upkeep(len(asyncio.all_tasks()), descriptors, memory.resident())
