"""The check of a line: who may begin one, how many, what is kept, who sees it."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from meetings.access import Role
from tests.conduct_world import EAST, MEETING, NAMES, WEST, World
from tests.fakes import Browser

GOOD = {"udp": True, "tcp": True, "turn": None, "up_kbps": 850, "down_kbps": 840, "loss_percent": 0.4, "delay_ms": 12}


async def begin(browser: Browser) -> dict[str, Any]:
    answer = await browser.post("/api/line", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_point_gets_a_room_of_its_own_for_two_minutes_and_no_other(world: World) -> None:
    east = await world.point(EAST)
    opened = await begin(east)
    tokens = {name: jwt.decode(opened[name], options={"verify_signature": False}) for name in ("sender", "receiver")}
    for token in tokens.values():
        assert token["video"]["room"] == f"line:{opened['id']}" != MEETING
        assert token["exp"] - token["nbf"] <= 120
    assert (tokens["sender"]["video"]["canPublish"], tokens["sender"]["video"]["canSubscribe"]) == (True, False)
    assert (tokens["receiver"]["video"]["canPublish"], tokens["receiver"]["video"]["canSubscribe"]) == (False, True)
    assert not any(token["video"].get("roomAdmin") or token["video"].get("roomRecord") for token in tokens.values())


async def test_the_verdict_is_kept_for_the_operator(world: World) -> None:
    east, west = await world.point(EAST), await world.point(WEST)
    for browser, changes in ((east, {}), (west, {"udp": False, "loss_percent": 14})):
        opened = await begin(browser)
        told = await browser.post(f"/api/line/{opened['id']}", json=GOOD | changes)
        assert told.status_code == 200, told.text
    assert told.json()["level"] == "bad"
    assert told.json()["verdicts"] == {
        "way": "fair", "up": "fine", "down": "fine", "loss": "bad", "delay": "fine", "all": "bad",
    }  # fmt: skip
    operator = await world.account(Role.OPERATOR)
    page = (await operator.get("/lines", headers={"Accept": "text/html"})).text
    assert NAMES[EAST] in page
    assert NAMES[WEST] in page
    assert "TCP: UDP bị chặn" in page
    assert "850 · 840 kbit/s" in page
    assert page.index(NAMES[WEST]) < page.index(NAMES[EAST]) or page.count("state-live") == 1


async def test_only_the_last_result_of_a_point_is_shown(world: World) -> None:
    east = await world.point(EAST)
    for up in (50, 700):
        world.clock.advance(61)
        opened = await begin(east)
        await east.post(f"/api/line/{opened['id']}", json=GOOD | {"up_kbps": up})
    page = (await (await world.account(Role.OPERATOR)).get("/lines", headers={"Accept": "text/html"})).text
    assert "700 ·" in page
    assert "50 ·" not in page


async def test_nobody_without_a_room_or_an_account_may_try(world: World) -> None:
    stranger = world.keep(Browser(world.app))
    assert (await stranger.post("/api/line", json={})).status_code in (401, 403)
    assert (await world.secretary.get("/lines", headers={"Accept": "text/html"})).status_code == 403


async def test_tries_are_few_and_end(world: World) -> None:
    east = await world.point(EAST)
    first = await begin(east)
    await begin(east)
    await begin(east)
    refused = await east.post("/api/line", json={})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == 60
    world.clock.advance(timedelta(minutes=3).total_seconds())
    late = await east.post(f"/api/line/{first['id']}", json=GOOD)
    assert late.status_code == 409
    fresh = await begin(east)
    assert (await east.post(f"/api/line/{fresh['id']}", json=GOOD)).status_code == 200
    assert (await east.post(f"/api/line/{fresh['id']}", json=GOOD)).status_code == 409


async def test_the_whole_house_tries_few_at_once(world: World) -> None:
    browsers = [await world.point(EAST), await world.point(WEST)]
    for browser in browsers * 3:
        await begin(browser)
    other = await world.account(Role.OPERATOR)
    assert (await other.post("/api/line", json={})).status_code == 429


async def test_nobody_ends_the_try_of_another(world: World) -> None:
    opened = await begin(await world.point(EAST))
    west = await world.point(WEST)
    assert (await west.post(f"/api/line/{opened['id']}", json=GOOD)).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [{"up_kbps": -1}, {"up_kbps": "9"}, {"loss_percent": 101}, {"delay_ms": 10**9}, {"more": 1}, {"udp": "yes"}],
)
async def test_nonsense_is_refused(world: World, changes: dict[str, Any]) -> None:
    east = await world.point(EAST)
    opened = await begin(east)
    assert (await east.post(f"/api/line/{opened['id']}", json=GOOD | changes)).status_code == 422
