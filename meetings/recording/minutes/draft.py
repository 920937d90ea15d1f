"""Makes the first draft of minutes from what is known: plan, attendance, agenda, floor, chat and times; pure.

The draft is in Vietnamese whatever the reader's language: it becomes an official document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from meetings.recording.minutes.happenings import Happening
from meetings.recording.minutes.log import Log
from meetings.recording.minutes.rules import Paragraph, Slot
from meetings.register import rules
from meetings.register.texts import printable

LATE = timedelta(minutes=5)
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
    """What the plan says of a meeting, in words as they shall stand in the document."""

    starts_at: datetime
    ends_at: datetime
    place: str
    chair: str
    secretary: str
    points: tuple[Point, ...] = ()
    invited: tuple[Invited, ...] = ()
    zone: tzinfo | None = None


def draft(facts: Facts, log: Log, happenings: Iterable[Happening]) -> list[Paragraph]:
    """The paragraphs of a first draft, in the order of form 1.9."""
    zone = facts.zone or facts.starts_at.tzinfo
    assert zone is not None
    begun = log.opened_at or facts.starts_at
    ended = log.ended_at or facts.ends_at
    closing = f"Cuộc họp kết thúc vào {rules.moment_text(ended, zone)}"
    opening = [
        Paragraph(Slot.TIME, f"{rules.moment_text(begun, zone)}.", moment_at=log.opened_at),
        Paragraph(Slot.PLACE, printable(_sentence(_place(facts)))),
        Paragraph(Slot.ATTENDANCE, printable(_attendance(facts, log, begun, zone))),
        Paragraph(Slot.CHAIR, printable(_sentence(facts.chair))),
        Paragraph(Slot.SECRETARY, printable(_sentence(facts.secretary))),
    ]
    content = [Paragraph(Slot.CONTENT, printable(h.proposal), printable(h.heading), h.at) for h in _chosen(happenings)]
    return [*opening, *content, Paragraph(Slot.CLOSING, rules.end_mark(closing), moment_at=log.ended_at)]


def _chosen(happenings: Iterable[Happening]) -> list[Happening]:
    """What goes into a first draft. A long chat gives way to agenda and floor; what is left out stays on the list."""
    usual = [h for h in happenings if h.by_default]
    if len(usual) > DRAFTED:
        usual = [h for h in usual if h.kind != "chat.message"]
    return usual[:DRAFTED]


def _sentence(words: str) -> str:
    return f"{words.rstrip('.')}." if words else ""


def _place(facts: Facts) -> str:
    members = sum(not point.main for point in facts.points)
    if not members:
        return facts.place
    return f"{facts.place} (điểm cầu chính) và {rules.two_digits(members)} điểm cầu thành phần"


def _attendance(facts: Facts, log: Log, begun: datetime, zone: tzinfo) -> str:
    lines = [*_points_lines(facts.points, log, begun, zone), *_people_lines(facts, log)]
    return "\n".join(lines)


def _points_lines(points: Sequence[Point], log: Log, begun: datetime, zone: tzinfo) -> list[str]:
    if not points:
        return []
    here = [point for point in points if point.identity in log.first_joined]
    away = [point for point in points if point.identity not in log.first_joined]
    count = f"{rules.two_digits(len(here))}/{rules.two_digits(len(points))}"
    told = [_point_words(point, log, begun, zone) for point in here]
    if len(told) >= ONE_LINE_FROM:
        lines = [f"Có mặt {count} điểm cầu: {'; '.join(told)}."]
    else:
        lines = [f"Có mặt {count} điểm cầu{':' if told else '.'}", *_listed(told)]
    if away:
        lines.append(f"Vắng: {'; '.join(point.name for point in away)}.")
    return lines


def _point_words(point: Point, log: Log, begun: datetime, zone: tzinfo) -> str:
    joined = log.first_joined[point.identity]
    main = " (điểm cầu chính)" if point.main else ""
    late = f", vào họp lúc {rules.time_text(joined.astimezone(zone))}" if joined > begun + LATE else ""
    return f"{point.name}{main}{late}"


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
    others = [name for identity, name in log.names.items() if identity not in known]
    lines = []
    if coming:
        lines.append(f"Đại biểu báo dự họp: {'; '.join(coming)}.")
    if excused:
        lines.append(f"Báo vắng: {'; '.join(excused)}.")
    if others:
        lines.append(f"Cùng dự trên hệ thống: {'; '.join(others)}.")
    return lines
