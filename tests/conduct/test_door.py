"""Coming in: a point by its link, an account, a stranger on the waiting list; the lock; one browser a seat."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from meetings import events
from meetings.access import Role
from meetings.conduct.snapshot import may_see
from tests.conduct_world import EAST, FAR, LEADER, MAIN, MEETING, NAMES, OTHER_TAB, TAB, World
from tests.fakes import Browser

WIRE = Path(__file__).resolve().parent.parent / "wire"


async def test_a_point_opens_its_link_and_is_told_what_is_next(world: World) -> None:
    east = await world.point(EAST)
    page = await east.get("/room")
    assert page.status_code == 200
    assert 'id="page-data"' in page.text
    state = (await east.get("/api/room/state")).json()
    assert state["venue"] == {"id": EAST, "name": NAMES[EAST], "unit": "Tỉnh"}
    assert state["next"]["meeting_id"] == MEETING
    assert state["next"]["chair"] == "Trần Văn Bình"
    assert state["conference"]["state"] == "scheduled"
    assert state["conference"]["may_join"] is True
    assert state["conference"]["seat_state"] == "none"


async def test_a_point_without_a_meeting_waits_and_is_told_of_none(world: World) -> None:
    far = await world.point(FAR)
    state = (await far.get("/api/room/state")).json()
    assert (state["next"], state["conference"]) == (None, None)


async def test_a_browser_that_is_no_point_is_told_what_to_do(world: World) -> None:
    stranger = world.keep(Browser(world.app))
    page = await stranger.get("/room", headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "đường liên kết trên thẻ" in page.text


async def test_joining_gives_a_token_for_this_seat_and_the_relay_a_room(world: World) -> None:
    east = await world.point(EAST)
    answer = await world.enter(east)
    assert answer["identity"] == f"point:{EAST}"
    assert answer["role"] == "member"
    assert answer["can"] == ["chat", "hand", "publish_microphone", "publish_camera"]
    assert ("CreateRoom", MEETING) in world.relay.calls
    assert world.relay.sources(MEETING, f"point:{EAST}") == {"microphone", "camera"}
    seat = await world.seat(f"point:{EAST}")
    assert seat["joined"] is True
    assert await world.kinds() == ["participant.joined"]


async def test_main_point_and_chair_may_share_their_screen(world: World) -> None:
    for browser, role in ((await world.point(MAIN), "main"), (await world.chair(), "chair")):
        answer = await world.enter(browser)
        assert answer["role"] == role
        everything = {"microphone", "camera", "screen_share", "screen_share_audio"}
        assert world.relay.sources(MEETING, answer["identity"]) == everything


async def test_an_invited_leader_takes_part_and_does_not_conduct(world: World) -> None:
    leader = await world.account(Role.LEADER, person_id=LEADER)
    answer = await world.enter(leader)
    assert answer["role"] == "participant"
    assert "conduct" not in answer["can"]
    assert (await world.act(leader, "lock", locked=True)).status_code == 403


async def test_the_room_opens_sixty_minutes_before(world: World) -> None:
    world.clock.advance(-timedelta(minutes=31).total_seconds())
    east = await world.point(EAST)
    refused = await world.join(east)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_early")
    assert "08:11" in refused.json()["error"]["message"]
    state = (await east.get("/api/room/state")).json()["conference"]
    assert state["may_join"] is False
    assert state["why_not"] == refused.json()["error"]["message"]
    world.clock.advance(60)
    assert (await world.join(east)).status_code == 200


async def test_an_uninvited_point_waits_until_it_is_let_in(world: World) -> None:
    far, chair = await world.point(FAR), await world.chair()
    waiting = await world.join(far)
    assert (waiting.status_code, waiting.json()["seat"]) == (202, "waiting")
    assert (await far.get(f"/api/meetings/{MEETING}/snapshot")).json()["error"]["code"] == "waiting"
    assert (await far.get(f"/api/meetings/{MEETING}/events")).json()["error"]["code"] == "waiting"
    assert (await world.act(far, "chat", text="Alo")).json()["error"]["code"] == "waiting"
    assert (await world.act(chair, "admit", identity=f"point:{FAR}", admit=True)).status_code == 200
    state = (await far.get("/api/room/state", params={"meeting": MEETING})).json()
    assert state["conference"]["seat_state"] == "admitted"
    assert (await world.enter(far))["seat"] == "admitted"
    assert await world.kinds() == ["seat.waiting", "seat.admitted", "participant.joined"]


async def test_waiting_twice_is_one_line_in_the_log(world: World) -> None:
    far = await world.point(FAR)
    for _ in range(3):
        await world.join(far)
    assert await world.kinds() == ["seat.waiting"]


async def test_a_guest_gives_a_name_and_waits_and_may_be_refused(world: World) -> None:
    guest = await world.guest("Lê Văn Khách")
    identity = (await world.join(guest)).json()["identity"]
    assert identity.startswith("guest:")
    assert (await world.seat(identity))["name"] == "Lê Văn Khách"
    await world.act(world.secretary, "admit", identity=identity, admit=False)
    assert (await world.join(guest)).json()["error"]["code"] == "refused"
    await world.act(world.secretary, "admit", identity=identity, admit=True)
    assert (await world.enter(guest))["role"] == "guest"


async def test_somebody_unknown_is_asked_for_a_name_and_gets_nothing_before(world: World) -> None:
    stranger = world.keep(Browser(world.app))
    page = await stranger.get(f"/meetings/{MEETING}/room")
    assert (page.status_code, page.headers["location"]) == (303, f"/meetings/{MEETING}/guest")
    assert (await world.join(stranger)).json()["error"]["code"] == "login_required"
    assert (await stranger.get(f"/api/meetings/{MEETING}/snapshot")).status_code == 403
    assert await world.log() == []


async def test_a_guest_of_one_meeting_is_nobody_in_another(world: World) -> None:
    guest = await world.guest()
    assert (await guest.get("/api/room/state", params={"meeting": "another"})).status_code == 404


async def test_what_the_meeting_is_about_is_told_to_a_guest_once_let_in(world: World) -> None:
    guest, east = await world.guest(), await world.point(EAST)
    here = {"meeting": MEETING}
    identity = (await world.join(guest)).json()["identity"]
    asking = (await guest.get("/api/room/state", params=here)).json()
    assert (asking["next"]["title"], asking["next"]["chair"]) == ("Cuộc họp trực tuyến", "")
    assert asking["conference"]["seat_state"] == "waiting"
    assert (await east.get("/api/room/state", params=here)).json()["next"]["title"] == "Giao ban tháng 4"
    await world.act(world.secretary, "admit", identity=identity, admit=True)
    assert (await guest.get("/api/room/state", params=here)).json()["next"]["title"] == "Giao ban tháng 4"


async def test_a_guest_is_nobody_two_hours_after_the_end(world: World) -> None:
    guest = await world.guest()
    await world.act(world.secretary, "end")
    world.clock.advance(2 * 3600 - 1)
    assert (await guest.get("/api/room/state", params={"meeting": MEETING})).status_code == 200
    world.clock.advance(2)
    assert (await guest.get("/api/room/state", params={"meeting": MEETING})).status_code == 403


async def test_only_those_who_conduct_see_who_waits(world: World) -> None:
    east, far = await world.point(EAST), await world.point(FAR)
    await world.enter(east)
    await world.join(far)
    assert [seat["identity"] for seat in (await world.snapshot(east))["seats"]] == [f"point:{EAST}"]
    assert len((await world.snapshot(world.secretary))["seats"]) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "invitation.answered",
        "invitation.failed",
        "minutes.returned",
        "recording.viewed",
        "document.filed",
        "paper.added",
    ],
)
def test_what_the_office_does_with_a_meeting_is_not_told_in_its_room(world: World, kind: str) -> None:
    event = events.Event(events.meeting_chain(MEETING), 1, world.clock.now(), kind, None, None)
    assert not may_see(event, conducts=False)
    assert not may_see(event, conducts=True)


def test_the_room_is_told_everything_that_its_document_names(world: World) -> None:
    for example in json.loads((WIRE / "room_events.json").read_text()):
        event = events.Event(events.meeting_chain(MEETING), 1, world.clock.now(), example["kind"], None, None)
        assert may_see(event, conducts=True), example["kind"]


async def test_a_locked_room_refuses_with_a_sentence_but_lets_a_lost_link_return(world: World) -> None:
    east, main = await world.point(EAST), await world.point(MAIN)
    await world.enter(east)
    await world.act(world.secretary, "lock", locked=True)
    refused = (await world.join(main)).json()["error"]
    assert (refused["code"], refused["message"]) == (
        "locked",
        "Phòng họp đã khóa. Đề nghị liên hệ thư ký cuộc họp để được mời vào.",
    )
    await world.depart(f"point:{EAST}")
    assert (await world.join(east)).status_code == 200
    await world.act(world.secretary, "lock", locked=False)
    assert (await world.join(main)).status_code == 200
    assert [kind for kind in await world.kinds() if kind.startswith("room.")] == ["room.locked", "room.unlocked"]


async def test_another_tab_is_told_and_takes_the_seat_by_one_button(world: World) -> None:
    east = await world.point(EAST)
    first = await world.enter(east, TAB)
    refused = await world.join(east, OTHER_TAB)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "opened_elsewhere")
    state = (await east.get("/api/room/state", params={"device": OTHER_TAB})).json()
    assert state["conference"]["seat_state"] == "elsewhere"
    second = await world.enter(east, OTHER_TAB, take_over=True)
    assert (first["generation"], second["generation"]) == (1, 2)
    assert "seat.taken" in await world.kinds()
    assert (await world.join(east, TAB)).json()["error"]["code"] == "opened_elsewhere"


async def test_the_tab_that_lost_the_seat_cannot_fight_for_it_with_its_old_token(world: World) -> None:
    east = await world.point(EAST)
    old = await world.enter(east, TAB)
    await world.enter(east, OTHER_TAB, take_over=True)
    world.relay.calls.clear()
    await world.arrive(old["token"])
    assert ("RemoveParticipant", f"point:{EAST}") in world.relay.calls
    left = await world.act(east, "leave", device_id=TAB)
    assert left.json() == {"left": False}


async def test_the_tab_that_loses_the_seat_is_left_to_the_relay_until_the_other_one_is_there(world: World) -> None:
    """Its own arrival may be told late; put out for that, it would hear a wrong reason, and nobody would be heard."""
    east = await world.point(EAST)
    first = (await world.join(east, TAB)).json()
    old = world.relay.join(first["token"])
    second = (await world.join(east, OTHER_TAB, take_over=True)).json()
    assert second["generation"] == 2
    await world.hook(world.relay.webhook("participant_joined", MEETING, old))
    await world.reconcile()
    assert ("RemoveParticipant", f"point:{EAST}") not in world.relay.calls
    assert (await world.seat(f"point:{EAST}"))["joined"] is True
    await world.arrive(second["token"])
    await world.arrive(first["token"])
    assert ("RemoveParticipant", f"point:{EAST}") in world.relay.calls


async def test_a_late_webhook_of_the_older_connection_does_not_put_the_newer_out(world: World) -> None:
    east = await world.point(EAST)
    old = world.relay.join((await world.enter(east, TAB))["token"])
    await world.enter(east, OTHER_TAB, take_over=True)
    await world.hook(world.relay.webhook("participant_joined", MEETING, old))
    await world.hook(world.relay.webhook("participant_left", MEETING, old))
    assert f"point:{EAST}" in world.relay.rooms[MEETING]
    assert (await world.seat(f"point:{EAST}"))["joined"] is True


async def test_leaving_frees_the_seat_for_another_machine(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east, TAB)
    await world.act(east, "hand", raised=True)
    assert (await world.act(east, "leave", device_id=TAB)).json() == {"left": True}
    seat = await world.seat(f"point:{EAST}")
    assert (seat["joined"], seat["hand_at"]) == (False, None)
    assert (await world.join(east, OTHER_TAB)).status_code == 200


async def test_one_browser_may_speak_as_its_room_and_as_its_account(world: World) -> None:
    both = await world.point(EAST)
    cookies = (await world.chair()).cookies
    both.cookies.update(cookies)
    path = f"/api/meetings/{MEETING}/join"
    as_point = await both.post(path, params={"as": "point"}, json={"device_id": TAB})
    as_account = await both.post(path, params={"as": "account"}, json={"device_id": TAB})
    assert as_point.json()["identity"] == f"point:{EAST}"
    assert as_account.json()["role"] == "chair"
