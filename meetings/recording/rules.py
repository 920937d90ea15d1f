"""Rules of recording: when it may begin, what the room is told, who is recorded large, what becomes a chapter. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from meetings.errors import NoSpace, Text, text
from meetings.events import Event

FULLEST = 0.95  # of the disk; beyond that nothing new is begun
LEASE = timedelta(seconds=15)
RENEW_BEFORE = timedelta(seconds=8)
VIEWING = timedelta(minutes=30)  # one viewing: requests of a player within this time are not logged again


class Desired(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"


class State(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


ACTIVE = (State.REQUESTED, State.RUNNING)


class Composed(StrEnum):
    NONE = "none"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Disk:
    """Bytes of the disk that recordings lie on."""

    total: int
    free: int


def require_room(disk: Disk, min_free: int) -> None:
    """Refuse to begin on a disk that is nearly full."""
    if disk.free < min_free or disk.free < disk.total * (1 - FULLEST):
        raise NoSpace(
            "Ổ đĩa gần đầy (còn {free} GB), chưa thể ghi. Đề nghị gọi cán bộ kỹ thuật để lấy thêm chỗ trống.",
            free=round(disk.free / 1e9, 1),
        )


def told(desired: str, state: str) -> str:
    """The word for the room page: "recording" only once bytes are on disk."""
    match state:
        case State.REQUESTED:
            return "requested" if desired == Desired.RUNNING else "stopping"
        case State.RUNNING:
            return "recording" if desired == Desired.RUNNING else "stopping"
        case State.FAILED:
            return "failed"
        case _:
            return "idle"


@dataclass(frozen=True)
class Chapter:
    """A place in a recording: milliseconds on its clock, its name in the reader's language, and what begins there."""

    at_ms: int
    title: Text
    kind: str = "start"


def offset_ms(started_at: datetime, at: datetime) -> int:
    """A moment of the event log on the recording's clock."""
    return round((at - started_at).total_seconds() * 1000)


def chapters_of(events: Iterable[Event], started_at: datetime, duration_ms: int) -> list[Chapter]:
    """Agenda items and speakers in the order they came; what began before the recording stands at its beginning."""
    running: Chapter | None = None
    found: list[Chapter] = []
    for event in events:
        chapter = _chapter(event, offset_ms(started_at, event.at))
        if event.kind == "agenda.ended" and event.at <= started_at:
            running = None
        if chapter is None or chapter.at_ms > duration_ms:
            continue
        if chapter.at_ms > 0:
            found.append(chapter)
        elif chapter.kind == "agenda":
            running = chapter
    first = Chapter(0, running.title, running.kind) if running else Chapter(0, text("Bắt đầu ghi"))
    return [first, *found]


def _chapter(event: Event, at_ms: int) -> Chapter | None:
    match event.kind:
        case "agenda.started":
            return Chapter(at_ms, Text("{title}", {"title": event.payload.get("title", "")}), "agenda")
        case "floor.granted":
            return Chapter(at_ms, text("Phát biểu: {name}", name=event.payload.get("name", "")), "floor")
        case _:
            return None


def floor_of(events: Iterable[Event], started_at: datetime) -> list[tuple[int, tuple[str, ...]]]:
    """Who has the floor from when on: (milliseconds on the recording's clock, identities), at each change."""
    holders: list[str] = []
    changes: list[tuple[int, tuple[str, ...]]] = []
    for event in events:
        if event.kind == "floor.granted" and event.subject_id is not None:
            holders = [event.subject_id, *(one for one in holders if one != event.subject_id)]
        elif event.kind in _FLOOR_ENDS and event.subject_id in holders:
            holders = [one for one in holders if one != event.subject_id]
        else:
            continue
        changes.append((max(0, offset_ms(started_at, event.at)), tuple(holders)))
    return changes


_FLOOR_ENDS = ("floor.released", "floor.revoked", "participant.left", "seat.removed")
