"""At work: mutes, floor, removal, chat, announcements, agenda; the relay follows what is decided."""

import asyncio
import time

from livekit.protocol.models import ParticipantInfo, ParticipantPermission

from meetings import events
from meetings.access import Actor, Role
from meetings.conduct.api import visible
from meetings.conduct.models import Seat
from meetings.conduct.stage import Stage
from meetings.directory.identity import DEVICE_COOKIE
from meetings.directory.points import actor_of_point
from tests.conduct_world import EAST, FAR, ITEMS, MAIN, MEETING, OTHER_TAB, WEST, World
from tests.fakes import Browser

E, W, M = f"point:{EAST}", f"point:{WEST}", f"point:{MAIN}"


async def test_a_mute_that_holds_takes_the_microphone_away_at_the_relay(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.relay.speak(MEETING, E)
    done = await world.act(world.secretary, "mute", identity=E, hold=True)
    assert done.status_code == 200
    assert world.relay.sources(MEETING, E) == {"camera"}
    assert (await world.seat(E))["held_mute"] is True
    await world.act(world.secretary, "unmute", identity=E)
    assert world.relay.sources(MEETING, E) == {"microphone", "camera"}
    assert await world.kinds() == ["participant.joined", "mute.set", "mute.released"]


async def test_a_plain_mute_silences_once_and_leaves_the_right(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.relay.speak(MEETING, E)
    await world.act(world.secretary, "mute", identity=E, hold=False)
    assert [track.muted for track in world.relay.rooms[MEETING][E].tracks] == [True]
    assert world.relay.sources(MEETING, E) == {"microphone", "camera"}


async def test_a_permission_is_sent_with_every_field(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.act(world.secretary, "mute", identity=E, hold=True)
    permission = world.relay.rooms[MEETING][E].permission
    assert permission.can_subscribe
    assert permission.can_publish
    assert not permission.can_publish_data
    assert not permission.hidden
    assert not permission.can_update_metadata


async def test_a_holding_mute_holds_when_the_relay_lost_everything(world: World) -> None:
    east = await world.point(EAST)
    old = await world.enter(east)
    await world.act(world.secretary, "mute", identity=E, hold=True)
    world.relay.rooms.clear()
    await world.arrive(old["token"])  # the page comes back by itself, with a token from before the mute
    assert world.relay.sources(MEETING, E) == {"camera"}
    again = await world.enter(east)
    assert again["may_publish"] == ["camera"]


async def test_a_mute_while_the_relay_is_away_is_applied_when_it_is_back(world: World) -> None:
    await world.enter(await world.point(EAST))
    world.relay.down = True
    assert (await world.act(world.secretary, "mute", identity=E, hold=True)).status_code == 200
    world.relay.down = False
    assert "microphone" in world.relay.sources(MEETING, E)
    await world.reconcile()
    assert world.relay.sources(MEETING, E) == {"camera"}


async def test_muting_everybody_spares_the_speaker(world: World) -> None:
    for venue in (EAST, WEST):
        await world.enter(await world.point(venue))
    await world.act(world.secretary, "floor", identity=E, action="grant")
    await world.act(world.secretary, "mute", identity="*", hold=True)
    assert "microphone" in world.relay.sources(MEETING, E)
    assert "microphone" not in world.relay.sources(MEETING, W)
    await world.act(world.secretary, "unmute", identity="*")
    assert "microphone" in world.relay.sources(MEETING, W)


async def test_hands_are_queued_and_the_floor_is_given_and_taken_back(world: World) -> None:
    east, west = await world.point(EAST), await world.point(WEST)
    await world.enter(east)
    await world.enter(west)
    await world.act(west, "hand", raised=True)
    world.clock.advance(5)
    await world.act(east, "hand", raised=True)
    assert (await world.snapshot(east))["hands"] == [W, E]
    await world.act(world.secretary, "floor", identity=W, action="grant")
    snapshot = await world.snapshot(east)
    assert (snapshot["floor"], snapshot["hands"]) == ([W], [E])
    assert "screen_share" in world.relay.sources(MEETING, W)
    world.relay.speak(MEETING, W)
    await world.act(world.secretary, "floor", identity=E, action="grant")
    assert (await world.snapshot(east))["floor"] == [E]
    assert "screen_share" not in world.relay.sources(MEETING, W)
    assert [track.muted for track in world.relay.rooms[MEETING][W].tracks] == [True]
    await world.act(east, "floor", identity=E, action="done")
    assert (await world.snapshot(east))["floor"] == []
    told = [(event.kind, event.actor_id, event.subject_id) for event in await world.log()][2:]
    secretary = f"account:{world.secretary.account_id}"
    assert told == [
        ("floor.requested", W, W),
        ("floor.requested", E, E),
        ("floor.granted", secretary, W),
        ("floor.revoked", secretary, W),
        ("floor.granted", secretary, E),
        ("floor.released", E, E),
    ]


async def test_two_may_have_the_floor_and_a_hand_may_be_declined(world: World) -> None:
    east, west = await world.point(EAST), await world.point(WEST)
    await world.enter(east)
    await world.enter(west)
    await world.act(world.secretary, "floor", identity=E, action="grant")
    await world.act(world.secretary, "floor", identity=W, action="grant", keep_others=True)
    assert set((await world.snapshot(east))["floor"]) == {E, W}
    await world.act(world.secretary, "floor", identity=E, action="revoke")
    await world.act(east, "hand", raised=True)
    await world.act(world.secretary, "floor", identity=E, action="decline")
    assert (await world.snapshot(east))["hands"] == []


async def test_the_floor_is_not_given_to_an_empty_chair(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.depart(E)
    refused = await world.act(world.secretary, "floor", identity=E, action="grant")
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "“UBND xã Ea Kao” chưa có mặt trong phòng họp."


async def test_a_lost_link_keeps_the_floor_and_the_hand(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(world.secretary, "floor", identity=E, action="grant")
    await world.depart(E)
    await world.enter(east)
    assert (await world.snapshot(east))["floor"] == [E]


async def test_who_is_removed_is_out_and_stays_out_until_let_in(world: World) -> None:
    east = await world.point(EAST)
    token = (await world.enter(east))["token"]
    await world.act(world.secretary, "remove", identity=E)
    assert E not in world.relay.rooms[MEETING]
    assert (await world.join(east)).json()["error"]["code"] == "removed"
    assert (await east.get(f"/api/meetings/{MEETING}/snapshot")).json()["error"]["code"] == "removed"
    await world.arrive(token)  # the token in its hands is still valid
    assert E not in world.relay.rooms[MEETING]
    await world.act(world.secretary, "admit", identity=E, admit=True)
    await world.enter(east, OTHER_TAB)
    assert (await world.seat(E))["state"] == "admitted"


async def test_the_secretary_cannot_be_removed(world: World) -> None:
    chair = await world.chair()
    await world.enter(world.secretary)
    refused = await world.act(chair, "remove", identity=f"account:{world.secretary.account_id}")
    assert refused.status_code == 409


async def test_chat_goes_to_the_log_and_is_shown_to_who_comes_later(world: World) -> None:
    east, west = await world.point(EAST), await world.point(WEST)
    await world.enter(east)
    sent = await world.act(east, "chat", text="  Nghe rõ <b>ạ</b>  ")
    await world.enter(west)
    chat = (await world.snapshot(west))["chat"]
    assert [(line["identity"], line["name"], line["text"]) for line in chat] == [
        (E, "UBND xã Ea Kao", "Nghe rõ <b>ạ</b>")
    ]
    assert chat[0]["seq"] == sent.json()["seq"]


async def test_only_the_last_hundred_lines_are_shown(one_world: World) -> None:
    east = await one_world.point(EAST)
    await one_world.enter(east)
    for number in range(105):
        one_world.clock.advance(4)
        assert (await one_world.act(east, "chat", text=str(number))).status_code == 200
    chat = (await one_world.snapshot(east))["chat"]
    assert [line["text"] for line in chat] == [str(number) for number in range(5, 105)]


async def test_who_writes_too_fast_is_told_how_long_to_wait(world: World) -> None:
    east, west = await world.point(EAST), await world.point(WEST)
    await world.enter(east)
    await world.enter(west)
    for number in range(10):
        assert (await world.act(east, "chat", text=str(number))).status_code == 200
    refused = await world.act(east, "chat", text="một nữa")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 31
    assert (await world.act(west, "chat", text="tôi thì được")).status_code == 200
    world.clock.advance(int(refused.headers["retry-after"]))
    assert (await world.act(east, "chat", text="một nữa")).status_code == 200


async def test_an_announcement_is_shown_until_it_is_taken_down(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(world.secretary, "announce", text="Nghỉ giải lao.")
    assert (await world.snapshot(east))["announcement"]["text"] == "Nghỉ giải lao."
    await world.act(world.secretary, "announce", text="")
    assert (await world.snapshot(east))["announcement"] is None


async def test_the_agenda_runs_one_item_at_a_time_and_begins_the_meeting(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    first, second = ITEMS
    await world.act(world.secretary, "agenda", item_id=first, action="start")
    assert await world.meeting_state() == "in_session"
    await world.act(world.secretary, "agenda", item_id=second, action="start")
    assert [item["state"] for item in (await world.snapshot(east))["agenda"]] == ["done", "running"]
    await world.act(world.secretary, "agenda", item_id=second, action="end")
    assert [item["state"] for item in (await world.snapshot(east))["agenda"]] == ["done", "done"]
    assert (await world.kinds())[1:] == [
        "conference.opened",
        "agenda.started",
        "agenda.ended",
        "agenda.started",
        "agenda.ended",
    ]
    refused = await world.act(world.secretary, "agenda", item_id=second, action="end")
    assert refused.status_code == 409


async def test_the_floor_is_logged_under_the_item_that_runs(world: World) -> None:
    await world.enter(await world.point(EAST))
    await world.act(world.secretary, "agenda", item_id=ITEMS[0], action="start")
    await world.act(world.secretary, "floor", identity=E, action="grant")
    granted = next(event for event in await world.log() if event.kind == "floor.granted")
    assert granted.payload["item_id"] == ITEMS[0]


async def test_an_act_repeated_changes_nothing_and_says_nothing(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    for path, body in (
        ("mute", {"identity": E, "hold": True}),
        ("lock", {"locked": True}),
        ("open", {}),
        ("announce", {"text": "Chào"}),
    ):
        first = await world.act(world.secretary, path, **body)
        again = await world.act(world.secretary, path, **body)
        assert (again.status_code, again.json()) == (200, first.json()), path


async def test_snapshot_and_log_agree_on_where_they_are(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(east, "hand", raised=True)
    assert (await world.snapshot(east))["seq"] == len(await world.log()) == 2


async def test_the_log_of_a_meeting_verifies(world: World) -> None:
    east = await world.point(EAST)
    await world.enter(east)
    await world.act(east, "hand", raised=True)
    await world.act(world.secretary, "end")
    async with world.context.database.read() as session:
        assert await events.verify_chain(session, events.meeting_chain(MEETING)) == []


async def test_a_hundred_points_are_muted_together(one_world: World) -> None:
    """With the rights of each really sent before the chair's press of the button is answered."""
    world = one_world
    await world.enter(world.secretary)
    identities = [f"guest:many{number}" for number in range(100)]
    async with world.context.database.transaction() as session:
        for identity in identities:
            seat = Seat(meeting_id=MEETING, identity=identity, kind="guest", role="guest", standing="admitted")
            seat.display_name, seat.present = identity, True
            session.add(seat)
    for identity in identities:
        info = ParticipantInfo(sid=identity, identity=identity, permission=ParticipantPermission(can_publish=True))
        world.relay.rooms[MEETING][identity] = info
    began = time.perf_counter()
    done = await world.act(world.secretary, "mute", identity="*", hold=True)
    took = time.perf_counter() - began
    assert done.status_code == 200
    assert all(world.relay.sources(MEETING, identity) == {"camera"} for identity in identities)
    print(f"100 points muted in {took:.2f} s")
    assert took < 10, "far more than it takes, even on a busy machine"


async def _stream(world: World, browser: Browser, until: str) -> list[str]:
    """Kinds that this browser's event stream tells, up to one kind or to its end."""
    stage = Stage(world.context, await _actor(world, browser), MEETING)
    async with world.context.database.read() as session:
        _, caller = await stage.look(session)
    kinds: list[str] = []
    async with asyncio.timeout(10):
        async for event in visible(world.context.bus.follow(events.meeting_chain(MEETING), 0), caller):
            kinds.append(event.kind)
            if event.kind == until:
                break
    return kinds


async def _actor(world: World, browser: Browser) -> Actor:
    async with world.context.database.read() as session:
        if browser.account_id is not None:
            return Actor(browser.account_id, "Thư ký", frozenset({Role.SECRETARY}))
        actor = await actor_of_point(session, browser.cookies[DEVICE_COOKIE])
    assert actor is not None
    return actor


async def test_the_stream_of_a_point_does_not_tell_who_waits_and_ends_when_it_is_removed(world: World) -> None:
    east, far = await world.point(EAST), await world.point(FAR)
    await world.enter(east)
    await world.join(far)
    await world.act(world.secretary, "announce", text="Chào")
    await world.act(world.secretary, "remove", identity=E)
    await world.act(world.secretary, "announce", text="Sau đó")
    assert await _stream(world, east, until="never") == ["participant.joined", "announcement", "seat.removed"]
    told = ["participant.joined", "seat.waiting", "announcement", "seat.removed"]
    assert await _stream(world, world.secretary, until="seat.removed") == told
