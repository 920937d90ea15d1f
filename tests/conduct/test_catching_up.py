"""What was decided while the relay was away is done as soon as it answers again, long before the minute's look."""

from livekit.protocol import models as wire

from meetings.conduct import attendance, enforcement
from tests.conduct_world import EAST, MEETING, WEST, World
from tests.conftest import running
from tests.fakes import eventually

E, W = f"point:{EAST}", f"point:{WEST}"
WITHIN = 20.0  # seconds; a machine that does much at once, and still a third of the minute


def may_speak(world: World, identity: str) -> bool:
    return wire.TrackSource.MICROPHONE in world.relay.rooms[MEETING][identity].permission.can_publish_sources


async def test_a_mute_and_a_removal_of_the_outage_are_made_good_at_once(one_world: World) -> None:
    world = one_world
    async with running(world.app):
        for venue in (EAST, WEST):
            await world.enter(await world.point(venue))
        assert may_speak(world, E)
        world.relay.down = True
        assert (await world.act(world.secretary, "mute", identity=E, hold=True)).status_code == 200
        assert (await world.act(world.secretary, "remove", identity=W)).status_code == 200
        assert may_speak(world, E)
        assert W in world.relay.rooms[MEETING]
        world.relay.down = False
        await eventually(lambda: not may_speak(world, E), within=WITHIN, what="the mute holds at the relay")
        await eventually(lambda: W not in world.relay.rooms[MEETING], within=WITHIN, what="who was removed is out")


def heard_first(world: World, identity: str) -> bool:
    return world.relay.rooms[MEETING][identity].attributes.get("floor") == "true"


async def test_the_relay_knows_who_has_the_floor(one_world: World) -> None:
    world = one_world
    async with running(world.app):
        east = await world.point(EAST)
        await world.enter(east)
        await world.enter(await world.point(WEST))
        await world.act(world.secretary, "floor", identity=E, action="grant")
        assert (heard_first(world, E), heard_first(world, W)) == (True, False)
        await world.act(world.secretary, "floor", identity=W, action="grant")
        assert (heard_first(world, E), heard_first(world, W)) == (False, True)
        world.relay.down = True
        await world.act(world.secretary, "floor", identity=W, action="revoke")
        assert heard_first(world, W)
        world.relay.down = False
        await eventually(lambda: not heard_first(world, W), within=WITHIN, what="the floor is taken back at the relay")


async def test_who_comes_back_with_the_floor_is_heard_first_again(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(world.secretary, "floor", identity=E, action="grant")
    world.relay.rooms[MEETING][E].attributes.clear()
    await world.reconcile()
    assert heard_first(world, E)
    await world.enter(east)
    assert heard_first(world, E), "the token itself says so"


async def test_a_meeting_ended_in_the_outage_is_closed_at_once(one_world: World) -> None:
    world = one_world
    async with running(world.app):
        await world.enter(await world.point(EAST))
        world.relay.down = True
        assert (await world.act(world.secretary, "end")).status_code == 200
        assert MEETING in world.relay.rooms
        world.relay.down = False
        await eventually(lambda: MEETING not in world.relay.rooms, within=WITHIN, what="the room is closed")


async def test_an_empty_relay_that_has_just_started_makes_nobody_absent(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.relay.rooms.clear()
    world.clock.advance(1)
    assert await attendance.catch_up(world.context, departures=False)
    assert (await world.seat(E))["joined"] is True
    await world.reconcile()
    assert (await world.seat(E))["joined"] is False


async def test_what_could_not_be_made_good_stays_marked(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.relay.down = True
    await world.act(world.secretary, "mute", identity=E, hold=True)
    assert await enforcement.any_behind(world.context)
    assert not await attendance.catch_up(world.context, departures=False)
    assert await enforcement.any_behind(world.context), "the relay is still away"
    world.relay.down = False
    assert await attendance.catch_up(world.context, departures=False)
    assert not await enforcement.any_behind(world.context)
    assert not may_speak(world, E)
