"""What happened in a meeting as lines that can go into the minutes, with the sentence proposed for each; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from meetings.errors import Text, text
from meetings.events import Event
from meetings.recording.minutes.blanks import AGENDA, BLANK, marked
from meetings.recording.minutes.log import Absence, Log, Turn

WORTH_TELLING = timedelta(seconds=60)


@dataclass(frozen=True)
class AgendaItem:
    title: str
    presenter: str = ""


@dataclass(frozen=True)
class Happening:
    """`summary` is for the editor's list, in the reader's language; `heading` and `proposal` for the document."""

    seq: int
    kind: str
    at: datetime
    summary: Text
    proposal: str = ""
    heading: str = ""
    by_default: bool = True


def happenings(log: Log, agenda: Mapping[str, AgendaItem]) -> list[Happening]:
    """In the order of time. What is usually not told in minutes (a lost link) is listed, but not by default."""
    turns = {turn.seq: turn for turn in log.turns}
    absences = {absence.seq: absence for absence in log.absences}
    numbers = _agenda_numbers(log)
    found: list[Happening | None] = []
    for event in log.events:
        match event.kind:
            case "conference.opened" if log.opened_at is not None:
                found.append(_opened(event, log))
            case "agenda.started":
                found.append(_agenda(event, numbers, agenda))
            case "floor.granted" if event.seq in turns:
                found.append(_floor(event, turns[event.seq]))
            case "chat.message":
                found.append(_chat(event))
            case "announcement":
                found.append(_announcement(event))
            case "participant.left" if event.seq in absences:
                found.append(_away(event, absences[event.seq]))
    return [happening for happening in found if happening is not None]


def _of(event: Event, summary: Text, proposal: str = "", heading: str = "", *, by_default: bool = True) -> Happening:
    return Happening(event.seq, event.kind, event.at, summary, proposal, heading, by_default)


def _opened(event: Event, log: Log) -> Happening:
    """Somebody begins a meeting, or the clock opens its room at the planned hour: not the same."""
    here = sum(identity.startswith("point:") for identity in log.here_at(event.at))
    words = "Cuộc họp bắt đầu." if event.actor_id else "Hệ thống mở phòng họp theo giờ đã định."
    return _of(event, text("Bắt đầu họp, {count} điểm cầu có mặt", count=here), words)


def _agenda_numbers(log: Log) -> dict[str, int]:
    """Items are numbered as they came up, so that the minutes follow the meeting and not the plan."""
    numbers: dict[str, int] = {}
    for event in log.events:
        if event.kind == "agenda.started":
            numbers.setdefault(str(event.payload.get("item_id")), len(numbers) + 1)
    return numbers


def _agenda(event: Event, numbers: Mapping[str, int], agenda: Mapping[str, AgendaItem]) -> Happening:
    """The log shows that an item came up, under the name it had then; who presented it, only the plan says."""
    key = str(event.payload.get("item_id"))
    planned = agenda.get(key, AgendaItem(""))
    title = str(event.payload.get("title") or planned.title)
    proposal = f"{marked(AGENDA, f'{planned.presenter} trình bày')}." if planned.presenter else ""
    return _of(event, text("Nội dung: {title}", title=title), proposal, f"{numbers[key]}. {title}")


def _floor(event: Event, turn: Turn) -> Happening:
    """The log shows who was given the floor, not that they spoke and not what they said."""
    who = f"Đại diện {turn.name}" if turn.identity.startswith("point:") else turn.name
    return _of(event, _floor_summary(turn), f"{who} được mời phát biểu: {BLANK}")


def _floor_summary(turn: Turn) -> Text:
    if turn.ended_at is None:
        return text("{name} được mời phát biểu", name=turn.name)
    length = turn.ended_at - turn.began_at
    if length < WORTH_TELLING:
        return text("{name} được mời phát biểu, chưa đến 1 phút", name=turn.name)
    return text("{name} được mời phát biểu, {minutes} phút", name=turn.name, minutes=_minutes(length))


def _chat(event: Event) -> Happening | None:
    words = " ".join(str(event.payload.get("text") or "").split())
    name = str(event.payload.get("name") or "")
    if not words:
        return None
    summary = text("{name} nhắn: {words}", name=name, words=words if len(words) <= 60 else words[:59] + "…")
    return _of(event, summary, f"{name} nêu ý kiến qua hộp thoại: “{words.rstrip('.')}”.")


def _announcement(event: Event) -> Happening | None:
    words = " ".join(str(event.payload.get("text") or "").split())
    if not words:
        return None
    summary = text("Thông báo: {words}", words=words)
    who = str(event.payload.get("name") or "")
    told = f"{who} thông báo tới các điểm cầu" if who else "Thông báo tới các điểm cầu"
    return _of(event, summary, f"{told}: “{words.rstrip('.')}”.", by_default=False)


def _away(event: Event, absence: Absence) -> Happening | None:
    if absence.until is None:
        summary = text("{name} rời cuộc họp, không trở lại", name=absence.name)
        return _of(event, summary, f"{absence.name} rời cuộc họp.", by_default=False)
    if absence.until - absence.since < WORTH_TELLING:
        return None
    minutes = _minutes(absence.until - absence.since)
    summary = text("{name} không có mặt trong phòng họp {minutes} phút", name=absence.name, minutes=minutes)
    return _of(event, summary, f"{absence.name} không kết nối trong {minutes} phút.", by_default=False)


def _minutes(length: timedelta) -> str:
    """Whole minutes with the leading zero of official texts."""
    return f"{round(length.total_seconds() / 60):02}"
