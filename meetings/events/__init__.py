"""The event log and those who follow it: see log, bus and stream."""

from meetings.events.bus import EventBus
from meetings.events.log import (
    ERASED,
    GENESIS,
    HOUSE,
    ChainHead,
    Event,
    EventPayload,
    EventRow,
    Problem,
    append,
    erase_payload,
    meeting_chain,
    read_after,
    verify_chain,
)
from meetings.events.stream import frame, last_seen, sse_stream

__all__ = [
    "ERASED",
    "GENESIS",
    "HOUSE",
    "ChainHead",
    "Event",
    "EventBus",
    "EventPayload",
    "EventRow",
    "Problem",
    "append",
    "erase_payload",
    "frame",
    "last_seen",
    "meeting_chain",
    "read_after",
    "sse_stream",
    "verify_chain",
]
