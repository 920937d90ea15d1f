"""Sizes and counts the relay accepts from outside: LiveKit's where it has one, so that nothing fails after a move."""

from __future__ import annotations

from collections.abc import Mapping

IDENTITY = 256
NAME = 256
ROOM_NAME = 256
METADATA = 512 * 1024
ATTRIBUTES = 64 * 1024  # keys and values together
CID = 256
STREAM = 128

MESSAGE = 64 * 1024  # one signalling message
DESCRIPTION_MESSAGE = 1024 * 1024  # but a description has up to two sections for each point of a meeting
REQUEST_LINE = 32 * 1024  # a browser's offer in it takes 4 KiB, packed
HEADERS = 48 * 1024  # request line and header lines
JOIN_REQUEST = 1024 * 1024  # unpacked
TWIRP_BODY = 1024 * 1024
DATA_PACKET = 64 * 1024

SDP = 64 * 1024
MEDIA_SECTIONS = 64
CANDIDATES = 50

TRACKS = 24  # published by one participant
QUEUED_TRACKS = 8  # announced under a name whose track is still published
AWAITED_TRACKS = 256  # that one participant asks for before they are here
VIEWS = 1024  # tracks of which it is remembered how one participant wants to see them
OUTBOX = 1024  # messages waiting for one slow client
MESSAGES_PER_SECOND = 200  # sustained, from one client
MESSAGE_BURST = 1000
MESSAGE_UNIT = 32 * 1024  # bytes: a message of so many times as much counts as so many more
JOINS = 5  # of one identity into one room
JOINS_SECONDS = 10.0
NONCES = 100  # of data messages, remembered to drop those that come twice
EARLY_DATA = 256 * 1024  # bytes of reliable messages kept for a joiner whose channel is not open yet
EARLY_MESSAGES = 1024


def attributes_size(attributes: Mapping[str, str]) -> int:
    """Bytes that count against ATTRIBUTES."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
