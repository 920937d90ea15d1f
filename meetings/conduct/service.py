"""Acts of a conference: joining and leaving, hands and floor, mutes, door, chat, announcements, agenda, beginning, end.

Each act works on a Scene, which holds the lock, and refuses or leaves changes there; who opened the scene writes it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from meetings import events
from meetings.access import Action
from meetings.conduct import models, refusals
from meetings.conduct.callers import Caller
from meetings.conduct.rules import course, entry, floor, wording
from meetings.conduct.rules.course import ConferenceState, EndReason
from meetings.conduct.rules.seats import CONDUCTORS, SeatFacts
from meetings.conduct.scene import Deed, Order, Scene, moment
from meetings.errors import Conflict, NotFound
from meetings.scheduling import service as scheduling
from meetings.scheduling.models import AgendaItem

EVERYBODY = "*"
CHAT_WINDOW = timedelta(seconds=30)
CHAT_LINES = 10
JOINABLE = frozenset({"scheduled", "in_session"})

FloorAct = Literal["grant", "revoke", "decline", "done"]


def check_held(scene: Scene) -> None:
    """A conference goes on only while its meeting stands and it has not ended."""
    if scene.state is ConferenceState.ENDED or scene.meeting.state == "ended":
        raise refusals.Ended()
    if scene.meeting.state not in JOINABLE:
        raise refusals.NotHeld()


def check_open(scene: Scene, caller: Caller) -> None:
    check_held(scene)
    if course.over_for_good(ends_at=scene.meeting.ends_at, now=scene.now):
        raise refusals.Ended()
    starts_at = scene.meeting.starts_at.astimezone(ZoneInfo(scene.meeting.time_zone))
    entry.check_hour(caller.visitor, starts_at=starts_at, now=scene.now)


def own_seat(scene: Scene, caller: Caller) -> SeatFacts:
    """The caller's admitted seat."""
    check_held(scene)
    seat = scene.seats.get(caller.identity)
    if seat is None or not seat.admitted:
        raise refusals.StillWaiting()
    return seat


def _conducting(scene: Scene, caller: Caller) -> None:
    caller.require(Action.CONDUCT_MEETING)
    check_held(scene)


async def join(scene: Scene, caller: Caller, device_id: str, *, take_over: bool) -> SeatFacts:
    """The seat the caller gets: admitted, or waiting to be."""
    check_open(scene, caller)
    visitor, before = caller.visitor, scene.seats.get(caller.identity)
    waiting = entry.waiting_count(scene.seats.values())
    seat = entry.enter(visitor, before, locked=scene.conference.locked, waiting=waiting)
    taken = False
    if seat.admitted:
        seat, taken = entry.sit(seat, device_id, take_over=take_over)
    scene.put(seat, venue_id=visitor.venue_id, account_id=visitor.account_id)
    if taken:
        change = entry.taken(seat)
        scene.apply([change], actor=caller.identity)
    elif before is None and not seat.admitted:
        scene.apply([entry.waits(seat)], actor=caller.identity)
    return seat


def leave(scene: Scene, caller: Caller, device_id: str) -> bool:
    """On purpose. A tab that no longer holds the seat changes nothing."""
    seat = scene.seats.get(caller.identity)
    if seat is None or seat.device_id != device_id or scene.state is ConferenceState.ENDED:
        return False
    changes = entry.leave(seat, scene.now)
    scene.put(entry.vacated(seat))
    scene.apply(changes, actor=caller.identity)
    return True


def raise_hand(scene: Scene, caller: Caller, *, raised: bool) -> None:
    seat = own_seat(scene, caller)
    changes = floor.request(seat, scene.now) if raised else floor.withdraw(seat)
    scene.apply(changes, actor=caller.identity)


async def give_floor(scene: Scene, caller: Caller, identity: str, act: FloorAct, *, keep_others: bool) -> None:
    if act == "done" and identity == caller.identity:
        scene.apply(floor.release(own_seat(scene, caller)), actor=caller.identity)
        return
    _conducting(scene, caller)
    seat = scene.seat(identity)
    match act:
        case "grant":
            item = await running_item(scene)
            everybody = list(scene.seats.values())
            changes = floor.grant(everybody, seat, scene.now, keep_others=keep_others, item_id=item)
        case "revoke" | "done":
            changes = floor.revoke(seat)
        case "decline":
            changes = floor.withdraw(seat)
    scene.apply(changes, actor=caller.identity)


def mute(scene: Scene, caller: Caller, identity: str, *, hold: bool) -> None:
    _conducting(scene, caller)
    if identity == EVERYBODY:
        changes = floor.mute_all(list(scene.seats.values()), hold=hold, asked_by=caller.identity)
    else:
        changes = floor.mute(scene.seat(identity), hold=hold)
    scene.apply(changes, actor=caller.identity)


def unmute(scene: Scene, caller: Caller, identity: str) -> None:
    _conducting(scene, caller)
    everybody = list(scene.seats.values())
    changes = floor.unmute_all(everybody) if identity == EVERYBODY else floor.unmute(scene.seat(identity))
    scene.apply(changes, actor=caller.identity)


def remove(scene: Scene, caller: Caller, identity: str) -> None:
    _conducting(scene, caller)
    scene.apply(entry.remove(scene.seat(identity)), actor=caller.identity)


def lock(scene: Scene, caller: Caller, *, locked: bool) -> None:
    _conducting(scene, caller)
    if scene.conference.locked != locked:
        scene.conference.locked = locked
        kind = "room.locked" if locked else "room.unlocked"
        scene.log(kind, {"name": caller.name}, actor=caller.identity)


def admit(scene: Scene, caller: Caller, identity: str, *, yes: bool) -> None:
    _conducting(scene, caller)
    scene.apply(entry.admit(scene.seat(identity), yes=yes), actor=caller.identity)


async def chat(scene: Scene, caller: Caller, text: str) -> None:
    """A line of the whole room. Who conducts may write without a seat of their own."""
    if not caller.conducts:
        own_seat(scene, caller)
    check_held(scene)
    line = wording.chat_line(text)
    await _check_pace(scene, caller.identity)
    payload = {"identity": caller.identity, "name": caller.name, "text": line}
    scene.log("chat.message", payload, actor=caller.identity)


async def _check_pace(scene: Scene, identity: str) -> None:
    """Counted in the log itself, so that it holds across processes and restarts."""
    since = scene.now - CHAT_WINDOW
    query = select(func.count(), func.min(events.EventRow.at)).where(
        events.EventRow.chain == events.meeting_chain(scene.meeting.id),
        events.EventRow.kind == "chat.message",
        events.EventRow.actor_id == identity,
        events.EventRow.at > since,
    )
    count, first = (await scene.session.execute(query)).one()
    if count >= CHAT_LINES:
        raise refusals.ChatTooFast(max(1, int((first - since).total_seconds()) + 1))


def announce(scene: Scene, caller: Caller, text: str) -> None:
    _conducting(scene, caller)
    words = wording.announcement(text)
    if words == (scene.conference.announcement or ""):
        return
    scene.conference.announcement = words or None
    scene.conference.announced_by, scene.conference.announced_at = caller.name, scene.now
    scene.log("announcement", {"text": words, "name": caller.name}, actor=caller.identity)


async def agenda(scene: Scene, caller: Caller, item_id: str, act: Literal["start", "end"]) -> None:
    _conducting(scene, caller)
    items = await agenda_of(scene)
    item = next((one for one in items if one.id == item_id), None)
    if item is None:
        raise NotFound("Chương trình cuộc họp không có mục này.", field="item_id")
    progress = await progress_of(scene)
    mark = progress.get(item_id)
    running = mark is not None and mark.ended_at is None
    if act == "end":
        if not running:
            raise Conflict("Mục này chưa bắt đầu.", field="item_id")
        _end_items(scene, items, progress, actor=caller.identity)
    elif not running:
        await _begin(scene, actor=caller.identity, name=caller.name)
        _end_items(scene, items, progress, actor=caller.identity)
        _start_item(scene, item, mark, actor=caller.identity)


def _start_item(scene: Scene, item: AgendaItem, mark: models.AgendaProgress | None, *, actor: str) -> None:
    """An item taken up again keeps its first start."""
    if mark is None:
        mark = models.AgendaProgress(meeting_id=scene.meeting.id, item_id=item.id, started_at=scene.now)
        scene.session.add(mark)
    mark.ended_at = None
    scene.log("agenda.started", _item_json(item), actor=actor)


def _end_items(
    scene: Scene, items: Sequence[AgendaItem], progress: dict[str, models.AgendaProgress], *, actor: str | None
) -> None:
    for item in items:
        mark = progress.get(item.id)
        if mark is not None and mark.ended_at is None:
            mark.ended_at = scene.now
            scene.log("agenda.ended", _item_json(item), actor=actor)


def _item_json(item: AgendaItem) -> dict[str, object]:
    return {"item_id": item.id, "position": item.position, "title": item.title}


async def agenda_of(scene: Scene) -> list[AgendaItem]:
    query = select(AgendaItem).where(AgendaItem.meeting_id == scene.meeting.id).order_by(AgendaItem.position)
    return list(await scene.session.scalars(query))


async def progress_of(scene: Scene) -> dict[str, models.AgendaProgress]:
    query = select(models.AgendaProgress).where(models.AgendaProgress.meeting_id == scene.meeting.id)
    return {mark.item_id: mark for mark in await scene.session.scalars(query)}


async def running_item(scene: Scene) -> str | None:
    return next((key for key, mark in (await progress_of(scene)).items() if mark.ended_at is None), None)


async def begin(scene: Scene, caller: Caller) -> None:
    """Before the planned hour, by who conducts."""
    _conducting(scene, caller)
    await _begin(scene, actor=caller.identity, name=caller.name)


async def begin_by_clock(scene: Scene) -> bool:
    starts_at, present = scene.meeting.starts_at, len(scene.present)
    if not course.begins(scene.state, starts_at=starts_at, now=scene.now, present=present):
        return False
    await _begin(scene, actor=None, name=None)
    return True


async def _begin(scene: Scene, *, actor: str | None, name: str | None) -> None:
    if scene.state is not ConferenceState.WAITING:
        return
    scene.conference.state = ConferenceState.OPEN
    scene.conference.opened_at = scene.now
    await scheduling.set_state(scene.session, scene.meeting, "in_session", scene.now)
    scene.log("conference.opened", {"name": name}, actor=actor)


async def end(scene: Scene, caller: Caller) -> None:
    """For everybody. Ending twice changes nothing."""
    caller.require(Action.CONDUCT_MEETING)
    if scene.state is ConferenceState.ENDED:
        return
    check_held(scene)
    role = caller.visitor.role
    assert role in CONDUCTORS
    await _begin(scene, actor=caller.identity, name=caller.name)
    await _end(scene, course.reason_of(role), actor=caller.identity, name=caller.name)


async def end_by_itself(scene: Scene) -> bool:
    meeting = scene.meeting
    reason = course.ends_by_itself(
        scene.state,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        now=scene.now,
        empty_since=scene.conference.empty_since,
    )
    if reason is None:
        return False
    await _end(scene, reason, actor=None, name=None)
    return True


async def close_cancelled(scene: Scene) -> bool:
    """A meeting cancelled while people wait in its room: the room closes, the meeting stays cancelled."""
    if scene.meeting.state != "cancelled" or scene.state is ConferenceState.ENDED:
        return False
    await _end(scene, EndReason.CANCELLED, actor=None, name=None)
    return True


async def _end(scene: Scene, reason: EndReason, *, actor: str | None, name: str | None) -> None:
    was_open = scene.state is ConferenceState.OPEN
    _end_items(scene, await agenda_of(scene), await progress_of(scene), actor=actor)
    for seat in scene.present:
        scene.apply(entry.depart(seat, scene.now), actor=None)
    conference, params = scene.conference, course.params_of(reason)
    conference.state, conference.ended_at, conference.ended_by = ConferenceState.ENDED, scene.now, actor
    conference.end_reason, conference.end_params = reason, params
    if was_open:
        await scheduling.set_state(scene.session, scene.meeting, "ended", scene.now)
    scene.log("conference.ended", {"reason": reason, "name": name, "params": params}, actor=actor)
    scene.orders[:] = [Order(Deed.CLOSE)]


def conference_json(conference: models.Conference | None) -> dict[str, object]:
    if conference is None:
        return {"state": "scheduled", "opened_at": None, "ended_at": None, "locked": False} | end_json(None)
    return {
        "state": conference.state,
        "opened_at": moment(conference.opened_at),
        "ended_at": moment(conference.ended_at),
        "locked": conference.locked,
    } | end_json(conference)


def end_json(conference: models.Conference | None) -> dict[str, object]:
    """Why it ended: a code and its numbers, which each reader says in their language."""
    if conference is None:
        return {"end_reason": None, "end_params": None}
    return {"end_reason": conference.end_reason, "end_params": conference.end_params}
