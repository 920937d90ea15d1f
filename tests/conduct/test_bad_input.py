"""Whatever is sent: one clear sentence comes back, and nothing is stored."""

from typing import Any

import pytest

from meetings.access import Role
from meetings.conduct.rules import wording
from tests.conduct_world import EAST, ITEMS, MEETING, TAB, World
from tests.fakes import Browser

E = f"point:{EAST}"
RTL = "Chào \u202eneddih"
LONE_SURROGATE = b'{"text": "\\ud800"}'

REFUSED: list[tuple[str, Any]] = [
    ("join", {}),
    ("join", {"device_id": ""}),
    ("join", {"device_id": "x" * 65}),
    ("join", {"device_id": "<script>alert(1)</script>"}),
    ("join", {"device_id": 12345678}),
    ("join", {"device_id": TAB, "take_over": "yes"}),
    ("join", {"device_id": TAB, "role": "chair"}),
    ("join", []),
    ("join", None),
    ("leave", {"device_id": None}),
    ("chat", {}),
    ("chat", {"text": ""}),
    ("chat", {"text": " \n\t "}),
    ("chat", {"text": "a" * 1001}),
    ("chat", {"text": "a" * 200_000}),
    ("chat", {"text": RTL}),
    ("chat", {"text": "null\x00byte"}),
    ("chat", {"text": "\x1b[31mred"}),
    ("chat", {"text": 5}),
    ("chat", {"text": {"html": "x"}}),
    ("hand", {"raised": "true"}),
    ("hand", {"raised": 1}),
    ("hand", {}),
    ("floor", {"identity": E}),
    ("floor", {"identity": E, "action": "steal"}),
    ("floor", {"identity": "*", "action": "grant"}),
    ("floor", {"identity": "recorder:abc", "action": "grant"}),
    ("floor", {"identity": "' OR 1=1 --", "action": "grant"}),
    ("mute", {"identity": E}),
    ("mute", {"identity": "", "hold": True}),
    ("mute", {"identity": "point:" + "a" * 41, "hold": True}),
    ("mute", {"identity": "point:nobody", "hold": True}),
    ("unmute", {"identity": None}),
    ("remove", {"identity": "guest:nobody"}),
    ("lock", {"locked": "no"}),
    ("lock", {"locked": True, "for": "ever"}),
    ("admit", {"identity": E, "admit": 0}),
    ("announce", {"text": "a" * 301}),
    ("announce", {"text": RTL}),
    ("announce", {"text": "hai\ndòng"}),
    ("agenda", {"item_id": "unknown", "action": "start"}),
    ("agenda", {"item_id": "../etc", "action": "start"}),
    ("agenda", {"item_id": ITEMS[0], "action": "skip"}),
    ("open", {"now": True}),
    ("end", {"reason": "empty"}),
]


def one_sentence(answer: Any) -> None:
    error = answer.json()["error"]
    assert error["message"].endswith("."), error
    assert "Traceback" not in error["message"]
    assert "<" not in error["message"]


@pytest.mark.parametrize(("path", "body"), REFUSED, ids=lambda value: str(value)[:40])
async def test_a_wrong_body_is_refused_with_one_sentence(one_world: World, path: str, body: Any) -> None:
    world = one_world
    await world.enter(world.secretary)
    before = await world.kinds()
    answer = await world.secretary.post(f"/api/meetings/{MEETING}/{path}", json=body)
    assert answer.status_code in (404, 422), answer.text
    one_sentence(answer)
    assert await world.kinds() == before
    assert (await world.snapshot(world.secretary))["announcement"] is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"\xff\xfe", b"[[[[[[", b'{"text": NaN}', LONE_SURROGATE, b'{"text": "a"} {}']
)
async def test_garbage_instead_of_json_is_refused_with_one_sentence(one_world: World, body: bytes) -> None:
    world = one_world
    await world.enter(world.secretary)
    before = await world.kinds()
    headers = {"Content-Type": "application/json"}
    answer = await world.secretary.post(f"/api/meetings/{MEETING}/chat", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    one_sentence(answer)
    assert await world.kinds() == before


async def test_a_body_over_the_limit_is_refused(one_world: World) -> None:
    huge = b'{"text": "' + b"a" * (1024 * 1024) + b'"}'
    answer = await one_world.secretary.post(f"/api/meetings/{MEETING}/chat", content=huge)
    assert answer.status_code == 413
    one_sentence(answer)


async def test_markup_is_kept_as_the_plain_text_it_is(one_world: World) -> None:
    await one_world.enter(one_world.secretary)
    text = "<img src=x onerror=alert(1)> & “ngoặc”"
    assert (await one_world.act(one_world.secretary, "chat", text=text)).status_code == 200
    assert (await one_world.snapshot(one_world.secretary))["chat"][0]["text"] == text


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, RTL, "a\x00b", "dòng\nmới"])
async def test_a_wrong_name_of_a_guest_brings_the_form_back_with_a_sentence(one_world: World, name: str) -> None:
    guest = one_world.keep(Browser(one_world.app))
    answer = await guest.post(f"/meetings/{MEETING}/guest", data={"name": name})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "meetings_guest" not in answer.headers.get("set-cookie", "")


async def test_markup_in_the_name_of_a_guest_or_of_a_room_stays_text_in_the_page(one_world: World) -> None:
    guest = await one_world.guest("</script><script>alert(1)</script>")
    page = await guest.get(f"/meetings/{MEETING}/room")
    assert page.status_code == 200
    assert "<script>alert" not in page.text


async def test_a_flood_of_guests_is_stopped(one_world: World) -> None:
    stranger = one_world.keep(Browser(one_world.app))
    answers = [await stranger.post(f"/meetings/{MEETING}/guest", data={"name": f"K{n}"}) for n in range(21)]
    assert [answer.status_code for answer in answers[:20]] == [303] * 20
    assert answers[20].status_code == 429


@pytest.mark.parametrize(
    "path", ["/room", "/api/room/state", f"/api/meetings/{MEETING}/snapshot", f"/meetings/{MEETING}/console"]
)
@pytest.mark.parametrize("cookie", ["meetings_device", "meetings_session", "meetings_guest"])
async def test_a_forged_cookie_is_nobody(one_world: World, path: str, cookie: str) -> None:
    forger = one_world.keep(Browser(one_world.app))
    forger.cookies.set(cookie, "x" * 43, domain="hop.example.invalid")
    answer = await forger.get(path)
    assert answer.status_code in (303, 403)


@pytest.mark.parametrize("token", ["x", "x" * 32, "..%2f..%2fetc", "%00", "a" * 5000])
async def test_a_forged_link_of_a_point_opens_nothing(one_world: World, token: str) -> None:
    forger = one_world.keep(Browser(one_world.app))
    answer = await forger.get(f"/p/{token}", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    one_sentence(answer)
    assert "meetings_device" not in answer.headers.get("set-cookie", "")


async def test_a_call_from_a_page_of_somebody_else_does_nothing(one_world: World) -> None:
    await one_world.enter(one_world.secretary)
    answer = await one_world.secretary.request("POST", f"/api/meetings/{MEETING}/end", json={}, forged=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")
    assert await one_world.meeting_state() == "scheduled"


async def test_an_unknown_meeting_is_said_to_be_unknown(one_world: World) -> None:
    operator = await one_world.account(Role.OPERATOR)
    for path in ("snapshot", "events"):
        answer = await operator.get(f"/api/meetings/nosuchmeeting/{path}")
        assert answer.status_code == 404
        one_sentence(answer)


async def test_a_wrong_as_is_refused(one_world: World) -> None:
    answer = await one_world.secretary.get("/api/room/state", params={"as": "chair"})
    assert answer.status_code == 422


def test_vietnamese_typed_in_either_form_is_stored_in_one() -> None:
    assert wording.chat_line("tie\u0302\u0301ng Vie\u0323\u0302t") == "tiếng Việt"
