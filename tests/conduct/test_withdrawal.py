"""Whose key is taken back leaves the meeting at once: a room's old machine, a switched-off account."""

import asyncio

import pytest

from meetings.access import Role
from tests.conduct_world import EAST, LEADER, MEETING, World
from tests.conftest import running
from tests.fakes import Browser, eventually

E = f"point:{EAST}"


async def _sits(world: World, identity: str) -> bool:
    return identity in world.relay.rooms[MEETING]


@pytest.mark.parametrize("how", ["renew", "unbind"])
async def test_the_old_machine_of_a_room_is_put_out_at_once_and_the_new_one_comes_in(
    one_world: World, how: str
) -> None:
    world = one_world
    async with running(world.app):
        old = await world.point(EAST)
        token = (await world.enter(old))["token"]
        stream = asyncio.create_task(old.get(f"/api/meetings/{MEETING}/events"))
        await eventually(lambda: world.context.bus.follower_count >= 2, what="stream and house are followed")
        admin = await world.account(Role.ADMIN)
        assert (await admin.post(f"/venues/{EAST}/{how}")).status_code == 303
        await eventually(lambda: E not in world.relay.rooms[MEETING], what="the relay puts the old machine out")
        assert '"kind": "seat.revoked"' in (await asyncio.wait_for(stream, 30)).text
        await world.arrive(token)
        assert not await _sits(world, E), "the old token is worth nothing"
        assert (await world.join(old)).status_code in (401, 403)
        await world.enter(await world.point(EAST))
        await world.reconcile()
        assert await _sits(world, E)


async def test_somebody_switched_off_leaves_the_room_and_a_missed_word_is_made_good_by_the_minute(
    one_world: World,
) -> None:
    world = one_world
    leader = await world.account(Role.LEADER, person_id=LEADER)
    await world.enter(leader)
    admin = await world.account(Role.ADMIN)
    identity = f"account:{leader.account_id}"
    await _switch_off(admin, leader)
    await world.reconcile()
    assert not await _sits(world, identity)
    assert (await world.seat(identity))["joined"] is False


async def _switch_off(admin: Browser, other: Browser) -> None:
    form = {"display_name": "Phạm Thị Lan", "roles": "leader", "person_id": LEADER}
    assert (await admin.post(f"/accounts/{other.account_id}", data=form)).status_code == 303
