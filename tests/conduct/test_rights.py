"""Who may do what in a conference: every kind of person against every act."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from meetings.access import ACCOUNT_ROLES, Role
from tests.conduct_world import EAST, FAR, ITEMS, LEADER, MAIN, MEETING, WEST, World
from tests.fakes import Browser

CONDUCTING: dict[str, dict[str, Any]] = {
    "floor": {"identity": f"point:{EAST}", "action": "grant"},
    "mute": {"identity": f"point:{EAST}", "hold": True},
    "unmute": {"identity": f"point:{EAST}"},
    "remove": {"identity": f"point:{EAST}"},
    "lock": {"locked": True},
    "admit": {"identity": f"point:{EAST}", "admit": True},
    "announce": {"text": "Chào"},
    "agenda": {"item_id": ITEMS[0], "action": "start"},
    "open": {},
    "end": {},
}
SITTING: dict[str, dict[str, Any]] = {"chat": {"text": "Chào"}, "hand": {"raised": True}}

Make = Callable[[World], Awaitable[Browser]]


def _account(role: Role) -> Make:
    return lambda world: world.account(role)


async def _secretary(world: World) -> Browser:
    return world.secretary


async def _anonymous(world: World) -> Browser:
    return world.keep(Browser(world.app))


CONDUCTORS: dict[str, Make] = {
    "the meeting's secretary": _secretary,
    "the meeting's chair": lambda world: world.chair(),
    "a leader who chairs it": lambda world: world.account(Role.LEADER, person_id="personchair"),
    "an operator": _account(Role.OPERATOR),
}
OTHERS: dict[str, Make] = {
    f"a {role} of another meeting": _account(role) for role in ACCOUNT_ROLES if role is not Role.OPERATOR
} | {
    "an invited leader": lambda world: world.account(Role.LEADER, person_id=LEADER),
    "the main point": lambda world: world.point(MAIN),
    "a member point": lambda world: world.point(WEST),
    "an uninvited point": lambda world: world.point(FAR),
    "a guest": lambda world: world.guest(),
    "somebody unknown": _anonymous,
}


@pytest.mark.parametrize("who", CONDUCTORS)
async def test_who_conducts_may_do_every_act(one_world: World, who: str) -> None:
    world = one_world
    await world.enter(await world.point(EAST))
    browser = await CONDUCTORS[who](world)
    for path, body in CONDUCTING.items():
        if path == "admit":
            await world.act(browser, "remove", identity=f"point:{EAST}")
        assert (await world.act(browser, path, **body)).status_code == 200, path
    assert (await browser.get(f"/meetings/{MEETING}/console")).status_code == 200


@pytest.mark.parametrize("who", OTHERS)
async def test_nobody_else_conducts_or_opens_the_console(one_world: World, who: str) -> None:
    world = one_world
    await world.enter(await world.point(EAST))
    browser = await OTHERS[who](world)
    before = await world.kinds()
    for path, body in CONDUCTING.items():
        answer = await world.act(browser, path, **body)
        assert answer.status_code == 403, path
        assert answer.json()["error"]["code"] in ("forbidden", "login_required"), path
    console = await browser.get(f"/meetings/{MEETING}/console")
    assert console.status_code in (303, 403)
    assert await world.kinds() == before


WITHOUT_A_SEAT = [who for who in OTHERS if who not in ("the main point", "a member point", "an invited leader")]


@pytest.mark.parametrize("who", WITHOUT_A_SEAT)
async def test_who_is_not_invited_sees_and_says_nothing(one_world: World, who: str) -> None:
    """Before and after asking to come in: no roster, no chat, no events, no token."""
    world = one_world
    await world.enter(await world.point(EAST))
    browser = await OTHERS[who](world)
    asked = await world.join(browser)
    assert asked.status_code in (202, 403)
    assert "token" not in asked.json()
    for path in ("snapshot", "events"):
        assert (await browser.get(f"/api/meetings/{MEETING}/{path}")).status_code == 403, path
    for path, body in SITTING.items():
        assert (await world.act(browser, path, **body)).status_code == 403, path
    assert not {"chat.message", "floor.requested"} & set(await world.kinds())


@pytest.mark.parametrize("who", ["the main point", "a member point", "an invited leader"])
async def test_who_is_invited_sits_asks_and_writes_but_speaks_for_nobody_else(one_world: World, who: str) -> None:
    world = one_world
    browser = await OTHERS[who](world)
    mine = await world.enter(browser)
    for path, body in SITTING.items():
        assert (await world.act(browser, path, **body)).status_code == 200, path
    await world.enter(await world.point(EAST))
    stopped = await world.act(browser, "floor", identity=f"point:{EAST}", action="done")
    assert stopped.status_code == 403
    assert "record" not in mine["can"]


async def test_an_administrator_sees_no_content(one_world: World) -> None:
    admin = await one_world.account(Role.ADMIN)
    assert (await admin.get(f"/api/meetings/{MEETING}/snapshot")).status_code == 403
    assert (await admin.get(f"/meetings/{MEETING}/console")).status_code == 403


async def test_an_operator_looks_on_without_a_seat(one_world: World) -> None:
    operator = await one_world.account(Role.OPERATOR)
    snapshot = await one_world.snapshot(operator)
    assert snapshot["me"] is None
    assert snapshot["can"] == ["chat", "conduct", "end"]
    assert {point["identity"] for point in snapshot["absent"]} == {f"point:{key}" for key in (MAIN, EAST, WEST)}
