"""Makes the first draft of minutes from what is known: attendance, agenda, floor, chat, times, and the plan; pure.

What the log shows is stated. What only the plan says is marked as such (see blanks), and the writer confirms it, writes
something else or strikes it out. The draft is in Vietnamese whatever the reader's language: it becomes an official
document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from meetings.recording.minutes.blanks import ANSWERS, CLOSED_BY_ITSELF, PLAN, marked
from meetings.recording.minutes.happenings import Happening
from meetings.recording.minutes.log import Log
from meetings.recording.minutes.rules import Paragraph, Slot
from meetings.register import rules
from meetings.register.texts import printable

LATE = timedelta(minutes=5)  # who comes later, or leaves longer before the end, is said to
DRAFTED = 200  # paragraphs of content
ONE_LINE_FROM = 13  # more points than this are told in one line


@dataclass(frozen=True)
class Invited:
    """A person of the plan: `name` with the form of address, and what they answered."""

    name: str
    answer: str = "none"
    reason: str = ""


@dataclass(frozen=True)
class Point:
    identity: str
    name: str
    main: bool = False


@dataclass(frozen=True)
class Facts:
    """What the plan says of a meeting, in words as they shall stand in the document. Who chairs and who writes is
    `seen` when the log (or the writing itself) shows them at it."""

    starts_at: datetime
    ends_at: datetime
    place: str
    chair: str
    secretary: str
    chair_seen: bool = False
    secretary_seen: bool = False
    points: tuple[Point, ...] = ()
    invited: tuple[Invited, ...] = ()
    zone: tzinfo | None = None


def draft(facts: Facts, log: Log, happenings: Iterable[Happening]) -> list[Paragraph]:
    """The paragraphs of a first draft, in the order of form 1.9."""
    zone = facts.zone or facts.starts_at.tzinfo
    assert zone is not None
    opening = [
        Paragraph(Slot.TIME, f"{_begun(facts, log, zone)}.", moment_at=log.opened_at),
        Paragraph(Slot.PLACE, printable(_sentence(_place(facts, log)))),
        Paragraph(Slot.ATTENDANCE, printable(_attendance(facts, log, zone))),
        Paragraph(Slot.CHAIR, printable(_sentence(_person(facts.chair, facts.chair_seen)))),
        Paragraph(Slot.SECRETARY, printable(_sentence(_person(facts.secretary, facts.secretary_seen)))),
    ]
    content = [Paragraph(Slot.CONTENT, printable(h.proposal), printable(h.heading), h.at) for h in _chosen(happenings)]
    closing = rules.end_mark(f"Cuộc họp kết thúc vào {_ended(facts, log, zone)}")
    return [*opening, *content, Paragraph(Slot.CLOSING, closing, moment_at=log.ended_at if log.opened_at else None)]


def _begun(facts: Facts, log: Log, zone: tzinfo) -> str:
    if log.opened_at is None:
        return marked(PLAN, rules.moment_text(facts.starts_at, zone))
    return rules.moment_text(log.opened_at, zone)


def _ended(facts: Facts, log: Log, zone: tzinfo) -> str:
    """A room that closed because it was empty, or long past its time, does not say when the meeting ended."""
    if log.opened_at is None or log.ended_at is None:
        return marked(PLAN, rules.moment_text(facts.ends_at, zone))
    words = rules.moment_text(log.ended_at, zone)
    return marked(CLOSED_BY_ITSELF, words) if log.ended_by_itself else words


def _person(words: str, seen: bool) -> str:
    return words if seen else marked(PLAN, words)


def _chosen(happenings: Iterable[Happening]) -> list[Happening]:
    """What goes into a first draft. A long chat gives way to agenda and floor; what is left out stays on the list."""
    usual = [h for h in happenings if h.by_default]
    if len(usual) > DRAFTED:
        usual = [h for h in usual if h.kind != "chat.message"]
    return usual[:DRAFTED]


def _sentence(words: str) -> str:
    return f"{words.rstrip('.')}." if words else ""


def _place(facts: Facts, log: Log) -> str:
    """Where the meeting was held: the main point and those members that were connected."""
    mains = [point for point in facts.points if point.main]
    held = any(log.attendance(point.identity) for point in mains)
    members = sum(log.attendance(point.identity) is not None for point in facts.points if not point.main)
    main = facts.place if held else marked(PLAN, facts.place)
    if not members:
        return main
    return f"{main} (điểm cầu chính) và {rules.two_digits(members)} điểm cầu thành phần"


def _attendance(facts: Facts, log: Log, zone: tzinfo) -> str:
    lines = [*_points_lines(facts.points, log, zone), *_people_lines(facts, log)]
    return "\n".join(lines)


def _points_lines(points: Sequence[Point], log: Log, zone: tzinfo) -> list[str]:
    if not points:
        return []
    if log.opened_at is None:
        return [f"Các điểm cầu: {marked(PLAN, '; '.join(point.name for point in points))}."]
    here = [point for point in points if log.attendance(point.identity)]
    away = [point for point in points if not log.attendance(point.identity)]
    count = f"{rules.two_digits(len(here))}/{rules.two_digits(len(points))}"
    told = [_point_words(point, log, zone) for point in here]
    if len(told) >= ONE_LINE_FROM:
        lines = [f"Có mặt {count} điểm cầu: {'; '.join(told)}."]
    else:
        lines = [f"Có mặt {count} điểm cầu{':' if told else '.'}", *_listed(told)]
    if away:
        lines.append(f"Vắng (không kết nối): {'; '.join(point.name for point in away)}.")
    return lines


def _point_words(point: Point, log: Log, zone: tzinfo) -> str:
    was = log.attendance(point.identity)
    assert was is not None
    assert log.opened_at is not None
    words = f"{point.name} (điểm cầu chính)" if point.main else point.name
    if was.came_at > log.opened_at + LATE:
        words += f", vào họp lúc {rules.time_text(was.came_at.astimezone(zone))}"
    if was.left_at is not None and (log.ended_at is None or was.left_at < log.ended_at - LATE):
        words += f", rời họp lúc {rules.time_text(was.left_at.astimezone(zone))}"
    return words


def _listed(items: Sequence[str]) -> list[str]:
    ends = [";"] * (len(items) - 1) + ["."]
    return [f"- {item}{end}" for item, end in zip(items, ends, strict=True)] if items else []


def _people_lines(facts: Facts, log: Log) -> list[str]:
    coming = [person.name for person in facts.invited if person.answer == "accepted"]
    excused = [
        f"{person.name}{f' (lý do: {person.reason})' if person.reason else ''}"
        for person in facts.invited
        if person.answer == "declined"
    ]
    known = {point.identity for point in facts.points}
    others = [name for identity, name in log.names.items() if identity not in known and log.attendance(identity)]
    lines = []
    if coming:
        lines.append(f"Đại biểu dự họp: {marked(ANSWERS, '; '.join(coming))}.")
    if excused:
        lines.append(f"Báo vắng: {'; '.join(excused)}.")
    if others:
        lines.append(f"Cùng dự trên hệ thống: {'; '.join(others)}.")
    return lines
