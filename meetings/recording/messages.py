"""What coordinator, recorder host and recording processes say to each other: JSON, one struct a message.

Host → coordinator over loopback HTTP: `Poll` answered by `Work`, and `Report`. Host → process on its standard input,
one line each: `Begin`, `Update`, `Stop`. Process → host on its standard output: `Report`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

ReportKind = Literal["started", "progress", "gap", "unrecorded", "full", "stopped", "failed"]
ENDS: frozenset[ReportKind] = frozenset({"stopped", "full"})  # they carry the manifest's hash and every file


class Assignment(msgspec.Struct, frozen=True):
    """A recording that this host shall keep going, or bring to its end (`stop`)."""

    recording_id: str
    meeting_id: str
    url: str
    token: str
    directory: str
    prominent: tuple[str, ...] = ()  # identities whose pictures are recorded at the layer the room sees
    min_free_bytes: int = 0
    stop: bool = False
    stop_at: datetime | None = None  # the stop mark


class Poll(msgspec.Struct, frozen=True):
    """This host is alive and has these recordings in hand; asking claims free ones and renews the leases."""

    worker: str
    in_hand: tuple[str, ...] = ()


class Work(msgspec.Struct, frozen=True):
    """Everything this host shall do; what is not listed is not its business (any more)."""

    assignments: tuple[Assignment, ...] = ()


class RecordedFile(msgspec.Struct, frozen=True):
    """One closed file. Times in milliseconds on the recording's clock."""

    name: str
    identity: str
    participant_name: str
    kind: str  # audio, video or screen
    segment: int
    starts_ms: int
    duration_ms: int
    size: int
    sha256: str
    media_type: str


class Report(msgspec.Struct, frozen=True):
    """What became of a recording. `t` in milliseconds on its clock; `origin` is the wall time of 0, RFC 3339."""

    recording_id: str
    kind: ReportKind
    worker: str = ""
    t: int = 0
    bytes: int = 0
    reason: str = ""
    origin: str = ""
    until: int = 0  # of a gap
    track: str = ""  # that cannot be recorded, and whose it is; `reason` is its codec
    media: str = ""
    identity: str = ""
    participant_name: str = ""
    manifest_sha256: str = ""
    files: tuple[RecordedFile, ...] = ()


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Record this."""

    assignment: Assignment


class Update(msgspec.Struct, frozen=True, tag=True):
    """The token for the next join, and whose pictures matter now."""

    token: str
    prominent: tuple[str, ...]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Leave the room, close everything, report `stopped`. The recording ends at `at`, or now."""

    at: datetime | None = None


Order = Begin | Update | Stop

order_decoder: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
report_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
poll_decoder: msgspec.json.Decoder[Poll] = msgspec.json.Decoder(Poll)
work_decoder: msgspec.json.Decoder[Work] = msgspec.json.Decoder(Work)


def encode(message: msgspec.Struct) -> bytes:
    """One message as one line of JSON, without the line's end."""
    return msgspec.json.encode(message)
