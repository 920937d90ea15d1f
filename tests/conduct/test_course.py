"""From beginning to end: by the clock, by people, and by itself; webhooks lost, doubled, forged."""

import asyncio
from datetime import timedelta

import pytest

from meetings.access import Role
from meetings.conduct import tasks
from meetings.scheduling import service as scheduling
from tests.conduct_world import EAST, ITEMS, MEETING, TAB, WEST, World
from tests.fakes import Browser, eventually

E, W = f"point:{EAST}", f"point:{WEST}"
MINUTE = timedelta(minutes=1).total_seconds()


async def test_the_meeting_begins_at_its_hour_when_somebody_is_there(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.reconcile()
    assert await world.meeting_state() == "scheduled"
    world.clock.advance(30 * MINUTE)
    await world.reconcile()
    assert await world.meeting_state() == "in_session"
    assert await world.kinds() == ["participant.joined", "conference.opened"]


async def test_the_first_who_comes_late_begins_it(world: World) -> None:
    world.clock.advance(33 * MINUTE)
    await world.enter(await world.point(EAST))
    assert await world.meeting_state() == "in_session"


@pytest.mark.parametrize("who", ["chair", "secretary", "operator"])
async def test_it_ends_for_all_by_those_who_may(world: World, who: str) -> None:
    operator = await world.account(Role.OPERATOR)
    ender = {"chair": await world.chair(), "secretary": world.secretary, "operator": operator}[who]
    await world.enter(await world.point(EAST))
    await world.act(world.secretary, "agenda", item_id=ITEMS[0], action="start")
    assert (await world.act(ender, "end")).status_code == 200
    assert await world.meeting_state() == "ended"
    assert MEETING not in world.relay.rooms
    log = await world.log()
    assert [event.kind for event in log][-3:] == ["agenda.ended", "participant.left", "conference.ended"]
    assert log[-1].payload["reason"] == who


async def test_after_the_end_nobody_joins_and_a_token_in_hand_is_worth_nothing(world: World) -> None:
    east = await world.point(EAST)
    token = (await world.enter(east))["token"]
    await world.act(world.secretary, "end")
    assert (await world.join(east)).json()["error"]["code"] == "ended"
    assert (await world.act(east, "hand", raised=True)).json()["error"]["code"] == "ended"
    assert (await world.act(world.secretary, "lock", locked=True)).json()["error"]["code"] == "ended"
    await world.arrive(token)
    assert world.relay.rooms[MEETING] == {}
    state = (await east.get("/api/room/state", params={"meeting": MEETING})).json()["conference"]
    assert (state["state"], state["may_join"], state["why_not"]) == ("ended", False, "Cuộc họp đã kết thúc.")
    assert (await east.get("/api/room/state")).json()["next"] is None


async def test_ending_twice_is_ending_once(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.act(world.secretary, "end")
    assert (await world.act(world.secretary, "end")).status_code == 200
    assert (await world.kinds()).count("conference.ended") == 1


async def test_fifteen_minutes_empty_end_it(world: World) -> None:
    world.clock.advance(31 * MINUTE)
    east = await world.point(EAST)
    await world.enter(east)
    await world.depart(E)
    world.clock.advance(14 * MINUTE)
    await world.reconcile()
    assert await world.meeting_state() == "in_session"
    world.clock.advance(1 * MINUTE)
    await world.reconcile()
    assert await world.meeting_state() == "ended"
    ended = (await world.log())[-1].payload
    assert (ended["reason"], ended["params"]) == ("empty", {"minutes": 15})


async def test_a_rehearsal_does_not_end_the_meeting_before_it_began(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.depart(E)
    world.clock.advance(29 * MINUTE)
    await world.reconcile()
    assert await world.meeting_state() == "scheduled"
    assert await world.kinds() == ["participant.joined", "participant.left"]


async def test_two_hours_past_its_end_it_is_ended_with_a_note(world: World) -> None:
    world.clock.advance(31 * MINUTE)
    await world.enter(await world.point(EAST))
    world.clock.advance(239 * MINUTE)
    await world.reconcile()
    assert await world.meeting_state() == "ended"
    assert (await world.log())[-1].payload["reason"] == "overtime"
    assert MEETING not in world.relay.rooms


async def test_a_meeting_cancelled_while_people_wait_closes_its_room(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    async with world.context.database.transaction() as session:
        meeting = await scheduling.get_meeting(session, MEETING)
        await scheduling.set_state(session, meeting, "cancelled", world.clock.now())
    await world.reconcile()
    assert await world.meeting_state() == "cancelled"
    assert (await world.log())[-1].payload["reason"] == "cancelled"
    assert (await world.join(east)).status_code == 409


async def test_a_lost_webhook_of_arrival_is_found_within_the_minute(world: World) -> None:
    token = (await world.join(await world.point(EAST))).json()["token"]
    world.relay.join(token)
    await world.reconcile()
    assert (await world.seat(E))["joined"] is True


async def test_a_relay_that_died_leaves_nobody_present_and_no_seat_lost(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(east, "hand", raised=True)
    world.relay.rooms.clear()
    world.clock.advance(1)
    await world.reconcile()
    seat = await world.seat(E)
    assert seat["joined"] is False
    assert seat["hand_at"] is not None
    assert (await world.enter(east, TAB))["seat"] == "admitted"


async def test_a_relay_that_cannot_be_reached_says_nothing_about_who_is_there(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.clock.advance(60)
    world.relay.down = True
    await world.reconcile()
    assert (await world.seat(E))["joined"] is True


async def test_people_join_and_act_while_the_relay_is_away(world: World) -> None:
    world.relay.down = True
    east = await world.point(EAST)
    assert (await world.join(east)).status_code == 200
    assert (await world.act(east, "hand", raised=True)).status_code == 200


async def test_a_participant_whom_the_house_does_not_know_is_put_out(world: World) -> None:
    await world.enter(await world.point(EAST))
    info = world.relay.join((await world.join(await world.point(WEST))).json()["token"])
    info.identity = "account:forged"
    world.relay.rooms[MEETING]["account:forged"] = info
    del world.relay.rooms[MEETING][W]
    await world.reconcile()
    assert set(world.relay.rooms[MEETING]) == {E}


async def test_a_hidden_recorder_is_left_alone_and_is_nobody_in_the_list(world: World) -> None:
    await world.enter(await world.point(EAST))
    info = world.relay.join((await world.join(await world.point(WEST))).json()["token"])
    del world.relay.rooms[MEETING][W]
    info.identity = "recorder:abc"
    world.relay.rooms[MEETING]["recorder:abc"] = info
    await world.hook(world.relay.webhook("participant_joined", MEETING, info))
    await world.reconcile()
    assert "recorder:abc" in world.relay.rooms[MEETING]
    assert await world.kinds() == ["participant.joined"]


async def test_a_webhook_sent_twice_counts_once(world: World) -> None:
    token = (await world.join(await world.point(EAST))).json()["token"]
    joined = world.relay.webhook("participant_joined", MEETING, world.relay.join(token))
    await world.hook(joined)
    await world.depart(E)
    await world.hook(joined)
    assert (await world.seat(E))["joined"] is False
    assert await world.kinds() == ["participant.joined", "participant.left"]


async def test_a_room_that_the_relay_closed_is_empty(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.hook(world.relay.webhook("room_finished", MEETING))
    assert (await world.seat(E))["joined"] is False


async def test_a_webhook_about_a_room_of_somebody_else_changes_nothing(world: World) -> None:
    await world.hook(world.relay.webhook("room_finished", "not-ours"))
    assert await world.log() == []


@pytest.mark.parametrize("fault", ["secret", "body", "none", "garbage", "bearer"])
async def test_a_forged_webhook_is_refused_and_nothing_is_stored(world: World, fault: str) -> None:
    info = world.relay.join((await world.join(await world.point(EAST))).json()["token"])
    event = world.relay.webhook("participant_joined", MEETING, info)
    body, signature = world.relay.signed(event, secret="x" * 40 if fault == "secret" else None)
    signature = {"none": "", "garbage": "a.b.c", "bearer": f"Bearer {signature}"}.get(fault, signature)
    body = body + b" " if fault == "body" else body
    browser = world.keep(Browser(world.app))
    answer = await browser.request(
        "POST", "/hooks/livekit", content=body, headers={"Authorization": signature}, forged=True
    )
    assert answer.status_code == 401
    assert await world.log() == []


async def test_reconciliation_runs_at_start_and_survives_a_dead_relay(one_world: World) -> None:
    world = one_world
    token = (await world.join(await world.point(EAST))).json()["token"]
    world.relay.join(token)
    stop = asyncio.Event()
    keep_reconciled = tasks.background(world.context)[0]
    task = asyncio.ensure_future(keep_reconciled(stop))
    await eventually(world.log, what="the arrival that no webhook told")
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_many_hands_at_once_are_as_many_places_in_the_queue(world: World) -> None:
    guests = [await world.guest(f"Khách {number}") for number in range(15)]
    for guest in guests:
        identity = (await world.join(guest)).json()["identity"]
        await world.act(world.secretary, "admit", identity=identity, admit=True)
    answers = await asyncio.gather(*(world.act(guest, "hand", raised=True) for guest in guests))
    assert [answer.status_code for answer in answers] == [200] * 15
    assert len((await world.snapshot(world.secretary))["hands"]) == 15
    seqs = [event.seq for event in await world.log()]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_two_who_give_the_floor_at_once_leave_one_speaker(world: World) -> None:
    chair = await world.chair()
    for venue in (EAST, WEST):
        await world.enter(await world.point(venue))
    await asyncio.gather(
        world.act(world.secretary, "floor", identity=E, action="grant"),
        world.act(chair, "floor", identity=W, action="grant"),
    )
    assert len((await world.snapshot(chair))["floor"]) == 1
