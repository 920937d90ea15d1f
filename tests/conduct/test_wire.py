"""What the coordinator really sends has the shape of the examples in tests/wire, which the page's tests read too."""

import json
from pathlib import Path
from typing import Any

import pytest

from meetings.conduct import api, bodies
from tests.conduct_world import EAST, FAR, ITEMS, MEETING, OTHER_TAB, TAB, World

WIRE = Path(__file__).resolve().parent.parent / "wire"
E = f"point:{EAST}"


def example(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """Keys all the way down; a list has the shape of its first element."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "…"


def page_data(html: str) -> Any:
    start = html.index('id="page-data">') + len('id="page-data">')
    return json.loads(html[start : html.index("</script>", start)])


async def test_states_before_the_door_are_as_in_the_examples(one_world: World) -> None:
    world = one_world
    east, far = await world.point(EAST), await world.point(FAR)
    assert shape((await far.get("/api/room/state")).json()) == shape(example("room_state_idle"))
    before = (await east.get("/api/room/state")).json()
    assert shape(before) == shape(example("room_state_waiting"))
    await world.enter(east)
    after = (await east.get("/api/room/state", params={"device": OTHER_TAB})).json()
    assert shape(after) == shape(example("room_state_open"))
    assert after["conference"]["seat_state"] == example("room_state_open")["conference"]["seat_state"]


async def test_answers_of_joining_are_as_in_the_examples(one_world: World) -> None:
    world = one_world
    east, guest = await world.point(EAST), await world.guest()
    request = example("room_join_request")
    joined = await world.act(east, "join", **request)
    assert shape(joined.json()) == shape(example("room_join_admitted"))
    waiting = await world.act(guest, "join", **request)
    assert shape(waiting.json()) == shape(example("room_join_waiting"))
    await world.arrive(joined.json()["token"])
    elsewhere = await world.join(east, OTHER_TAB)
    assert shape(elsewhere.json()) == shape(example("room_error_elsewhere"))


async def test_pages_carry_the_data_of_the_examples(one_world: World) -> None:
    world = one_world
    east = await world.point(EAST)
    pages = {
        "room_page_point": await east.get("/room"),
        "room_page_account": await world.secretary.get(f"/meetings/{MEETING}/room"),
        "room_page_console": await world.secretary.get(f"/meetings/{MEETING}/console"),
    }
    for name, page in pages.items():
        data = page_data(page.text)
        assert shape(data) == shape(example(name)), name
        assert data["page"] == example(name)["page"]
        assert data["caller"]["kind"] == example(name)["caller"]["kind"]


async def _busy(world: World) -> None:
    east, guest = await world.point(EAST), await world.guest()
    await world.enter(east)
    await world.enter(world.secretary)
    identity = (await world.join(guest)).json()["identity"]
    await world.act(world.secretary, "agenda", item_id=ITEMS[0], action="start")
    await world.act(east, "hand", raised=True)
    await world.act(east, "hand", raised=False)
    await world.act(east, "hand", raised=True)
    await world.act(world.secretary, "mute", identity=E, hold=True)
    await world.act(world.secretary, "unmute", identity=E)
    await world.act(world.secretary, "floor", identity=E, action="grant")
    await world.act(world.secretary, "floor", identity=E, action="revoke")
    await world.act(world.secretary, "floor", identity=E, action="grant")
    await world.act(east, "floor", identity=E, action="done")
    await world.act(east, "chat", text="Chào")
    await world.act(world.secretary, "announce", text="Nghỉ")
    await world.act(world.secretary, "lock", locked=True)
    await world.act(world.secretary, "lock", locked=False)
    await world.act(world.secretary, "admit", identity=identity, admit=False)
    await world.act(world.secretary, "admit", identity=identity, admit=True)
    await world.enter(east, OTHER_TAB, take_over=True)
    await world.depart(E)
    await world.enter(east, OTHER_TAB)
    await world.act(east, "hand", raised=True)
    await world.act(world.secretary, "floor", identity=f"account:{world.secretary.account_id}", action="grant")


async def test_a_snapshot_is_as_in_the_example(one_world: World) -> None:
    await _busy(one_world)
    sent = await one_world.snapshot(one_world.secretary)
    wanted = shape(example("room_snapshot"))
    wanted["recording"] = shape(sent["recording"])
    assert shape(sent) == wanted


async def test_every_kind_of_event_is_as_in_its_example(one_world: World) -> None:
    world = one_world
    await _busy(world)
    await world.act(world.secretary, "remove", identity=E)
    await world.act(world.secretary, "agenda", item_id=ITEMS[0], action="end")
    await world.act(world.secretary, "end")
    wanted = {event["kind"]: shape(event["payload"]) for event in example("room_events")}
    sent = {event.kind: shape(event.payload) for event in await world.log()}
    ours = {kind for kind in wanted if not kind.startswith("recording.")}
    assert set(sent) == ours
    for kind, payload in sent.items():
        wanted_here = wanted[kind]
        assert payload == wanted_here, kind


BODIES: dict[str, type[bodies.Body]] = {
    "/chat": bodies.Words,
    "/hand": bodies.Hand,
    "/floor": bodies.Floor,
    "/mute": bodies.Mute,
    "/unmute": bodies.Unmute,
    "/remove": bodies.Remove,
    "/lock": bodies.Lock,
    "/admit": bodies.Admit,
    "/announce": bodies.Words,
    "/agenda": bodies.Agenda,
    "/open": bodies.Nothing,
    "/leave": bodies.Leave,
    "/end": bodies.Nothing,
}


@pytest.mark.parametrize("request_", example("room_requests"), ids=lambda one: one["path"])
def test_every_request_of_the_examples_is_understood(request_: dict[str, Any]) -> None:
    BODIES[request_["path"]].model_validate(request_["body"])


def test_every_address_of_the_document_is_served() -> None:
    served = {getattr(route, "path", "") for route in api.router.routes}
    document = (WIRE.parent.parent / "web" / "src" / "api" / "README.md").read_text()
    for path in BODIES:
        assert f"`{path}`" in document or f"{path}`" in document, path
        assert any(one.endswith(path) for one in served), path


def test_a_tab_of_the_examples_is_a_tab() -> None:
    assert bodies.Join.model_validate(example("room_join_request")).device_id != TAB
