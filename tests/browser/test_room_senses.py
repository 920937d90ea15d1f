"""What a hall sees, hears and is told, in real browsers: a shared screen, the notice of recording, one sound of two
machines, sound without pictures, a screen that stays awake, Firefox. One meeting goes on through the whole module."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.chromium import COLOUR, colour_of
from tests.conduct_house import house
from tests.conduct_windows import Hall, Screen
from tests.conduct_world import EAST, WEST
from tests.fakes import eventually
from tests.firefox import Window, firefox
from tests.senders import BLUE, GREEN, RED, YELLOW, Sender, same_colour

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]
E, W = f"point:{EAST}", f"point:{WEST}"
SLIDES = "Slides of the east"
FIREFOX_HERTZ = 1000

WATCH_THE_LOCK = """(() => {
  if (!navigator.wakeLock) return;
  const real = navigator.wakeLock.request.bind(navigator.wakeLock);
  const awake = (window.__awake = {held: 0, lock: null});
  navigator.wakeLock.request = async (kind) => {
    const lock = await real(kind);
    awake.held += 1; awake.lock = lock;
    lock.addEventListener('release', () => { awake.held -= 1; });
    return lock;
  };
})()"""
KEEP_CONNECTIONS = """(() => {
  const Real = window.RTCPeerConnection;
  window.__connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...options) { super(...options); window.__connections.push(this); }
  };
})()"""
PICTURE_BYTES = """async () => {
  let bytes = 0;
  for (const connection of window.__connections) {
    if (connection.connectionState === 'closed') continue;
    for (const one of (await connection.getStats()).values()) {
      if (one.type === 'inbound-rtp' && one.kind === 'video') bytes += one.bytesReceived;
    }
  }
  return bytes;
}"""
# what a browser does to a page whose tab goes behind another one, or comes back
BECOME = """async (state) => {
  Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => state});
  if (state === 'hidden') await window.__awake.lock.release();
  document.dispatchEvent(new Event('visibilitychange'));
}"""
# waits for the spoken notice and tells how loud it really was
NOTICE = """async () => {
  let voice = null;
  for (let tries = 0; tries < 1800 && !(voice && voice.currentTime > 0.2); tries++) {
    voice = document.querySelector('audio[data-spoken]') ?? voice;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!voice) return null;
  const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(2048);
  context.createMediaStreamSource(voice.captureStream()).connect(analyser);
  await context.resume();
  let peak = 0;
  while (!voice.ended && !voice.paused) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    analyser.getFloatTimeDomainData(samples);
    peak = Math.max(peak, ...samples.map(Math.abs));
  }
  return {peak, seconds: voice.duration, volume: voice.volume, muted: voice.muted};
}"""
# recorded and decoded, not analysed live: an AudioContext does not run in Firefox without a sound card
RECORDED = """async (selector, hertz) => {
  const stream = document.querySelector(selector)?.srcObject;
  if (!stream) return null;
  const recorder = new MediaRecorder(stream), parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  recorder.stop();
  await stopped;
  const bytes = await new Blob(parts).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(bytes).catch(() => null);
  if (!sound) return null;
  const samples = sound.getChannelData(0);
  const strength = (wanted) => {
    let x = 0, y = 0;
    samples.forEach((sample, index) => {
      const turn = 2 * Math.PI * wanted * index / sound.sampleRate;
      x += sample * Math.cos(turn); y += sample * Math.sin(turn);
    });
    return 2 * Math.hypot(x, y) / samples.length;
  };
  return {wanted: strength(hertz), other: Math.max(strength(hertz + 150), strength(hertz + 300))};
}"""
SPOKEN = "performance.getEntriesByType('resource').filter((one) => one.name.includes('/recording-')).length"


@dataclass
class Session:
    """The east shows slides when asked for its screen; the secretary's machine stands in the east's hall."""

    hall: Hall
    east: Screen
    west: Screen
    desk: Screen


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def meeting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    folder = tmp_path_factory.mktemp("senses")
    async with house(folder) as home, AsyncExitStack() as stack:
        hall = Hall(home, folder, stack)
        hall.scripts = [WATCH_THE_LOCK, KEEP_CONNECTIONS]
        east, west, desk = await asyncio.gather(
            hall.point(home.east, RED, shares=SLIDES), hall.point(home.west, BLUE), hall.console()
        )
        await asyncio.gather(east.enter(), west.enter(), desk.enter())
        for identity in (E, W):
            await eventually(partial(home.secretary.joined, identity), within=30, what=f"{identity} is known to be in")
        await home.secretary.act("open")
        yield Session(hall, east, west, desk)
        assert not east.complaints + west.complaints + desk.complaints


async def test_a_meeting_keeps_the_screen_awake_also_after_the_page_was_hidden(meeting: Session) -> None:
    async def held() -> int:
        return int(await meeting.west.page.evaluate("window.__awake.held"))

    await eventually(lambda: _is(held, 1), what="the screen is kept awake")
    await meeting.west.page.evaluate(BECOME, "hidden")
    assert await held() == 0
    await meeting.west.page.evaluate(BECOME, "visible")
    await eventually(lambda: _is(held, 1), what="the screen is kept awake again")


async def _is(count: Any, wanted: int) -> bool:
    return bool(await count() == wanted)


async def test_what_one_point_shows_is_on_the_stage_of_the_others(meeting: Session) -> None:
    east, west = meeting.east, meeting.west
    slides = await east.page.context.new_page()
    await slides.set_content(
        f"<title>{SLIDES}</title><body style='margin:0;background:rgb{YELLOW.rgb}'><i id=i>0</i>"
        "<script>setInterval(() => i.textContent++, 100)</script>"
    )
    await expect(east.act("share")).to_have_count(0)  # a member point shows something while it has the floor
    await meeting.hall.home.secretary.act("floor", identity=E, action="grant")
    await east.press("share")
    await expect(east.act("share")).to_have_attribute("data-on", "true")
    await _shows(west, YELLOW)
    await expect(west.page.locator(".stage-tag")).to_contain_text("chiếu màn hình")
    await _shows(meeting.desk, YELLOW, ".air .tile video")
    await _shows(west, RED, f'figure[data-tile="{E}"] video')
    await east.press("share")
    await _shows(west, RED)
    await east.press("done")
    await slides.close()


async def _shows(screen: Screen, sender: Sender, video: str = "[data-stage] video") -> None:
    async def shown() -> bool:
        colour = await colour_of(screen.page, video)
        return colour is not None and same_colour(colour, sender)

    await eventually(shown, within=30, every=0.2, what=f"{sender.name} in {video}")


async def test_two_machines_in_one_hall_have_one_sound(meeting: Session) -> None:
    """The secretary's machine stands beside the east's: switched off there, it neither hears nor is heard."""
    me = f"account:{(await meeting.hall.home.secretary.snapshot())['me'].removeprefix('account:')}"
    desk, west = meeting.desk, meeting.west
    silent = "[...document.querySelectorAll('audio[data-sound]')].every((one) => one.muted && one.volume === 0)"
    await west.press("mute")
    await desk.press("mute")
    await west.hears(me, GREEN)
    await desk.hears(W, BLUE)
    assert not await desk.page.evaluate(silent)
    await desk.press("sound-off")
    await west.hears(me, GREEN, sound=False)
    assert await desk.page.evaluate(silent)
    await expect(desk.act("sound-off")).to_contain_text("Bật lại tiếng máy này")
    await desk.press("mute")  # refused: it would howl
    await expect(desk.page.locator(".con-said")).to_contain_text("dùng chung phòng")
    await desk.press("sound-off")
    await expect(desk.act("mute")).to_have_attribute("data-on", "false")
    assert not await desk.page.evaluate(silent)
    await west.hears(me, GREEN, sound=False)
    await desk.press("mute")
    await west.hears(me, GREEN)
    await desk.press("mute")
    await west.press("mute")


async def test_a_thin_line_keeps_the_sound_and_leaves_the_pictures(meeting: Session) -> None:
    east, west = meeting.east, meeting.west
    await east.sees(W, BLUE)
    await east.press("mute")
    await west.press("more")
    await west.press("sound-only")
    await expect(west.page.locator(".room video")).to_have_count(0)
    await expect(west.page.locator("[data-link]")).to_contain_text("chỉ nghe tiếng")
    await expect(east.page.locator(f'figure[data-tile="{W}"] video, [data-stage="{W}"] video')).to_have_count(0)
    await west.hears(E, RED)

    async def nothing_comes() -> bool:
        before = await west.page.evaluate(PICTURE_BYTES)
        await asyncio.sleep(1.5)
        return bool(await west.page.evaluate(PICTURE_BYTES) == before)

    await eventually(nothing_comes, within=20, what="no picture is sent to the west any more")
    await west.press("sound-only")
    await west.press("close-panel")
    await west.sees(E, RED)
    await east.sees(W, BLUE)
    await east.press("mute")


async def test_that_a_recording_begins_is_shown_and_spoken_once_in_each_hall(meeting: Session) -> None:
    east, west, desk = meeting.east, meeting.west, meeting.desk
    await desk.press("sound-off")
    await meeting.hall.home.start_recorder()
    ears = [asyncio.create_task(one.page.evaluate(NOTICE)) for one in (east, west)]
    await desk.press("record")
    for room in (east, west):  # the recorder is being started meanwhile: three processes
        await expect(room.page.locator(".reports")).to_contain_text("đang được ghi hình, ghi âm", timeout=60_000)
        await expect(room.page.locator("[data-recording]")).to_be_visible()
    for heard in await asyncio.wait_for(asyncio.gather(*ears), 120):
        assert heard is not None, "nothing was spoken"
        assert heard["peak"] > 0.1, heard
        assert heard["seconds"] > 2
        assert (heard["volume"], heard["muted"]) == (1, False)
    await expect(desk.page.locator('[data-recording="recording"]')).to_be_visible()
    assert await desk.page.evaluate(SPOKEN) == 0, "the second machine of a hall says it again"
    await desk.press("sound-off")
    await desk.press("record")


async def test_a_loudspeaker_that_the_microphone_does_not_hear_is_asked_about(meeting: Session) -> None:
    """The microphone of a test hears its own tone only, as one in a headset would."""
    west = meeting.west
    await west.press("leave")
    await west.press("test-speaker")
    await expect(west.page.locator('[data-check="speaker"]')).to_contain_text("Có nghe tiếng chuông không?")
    await west.press("heard")
    await expect(west.page.locator('[data-check="speaker"]')).to_have_attribute("data-result", "well")
    await west.enter()


async def test_firefox_sees_hears_and_is_heard(meeting: Session, tmp_path_factory: pytest.TempPathFactory) -> None:
    east, west, home = meeting.east, meeting.west, meeting.hall.home
    await west.press("leave")
    await east.press("mute")
    async with firefox(tmp_path_factory.mktemp("firefox"), hertz=FIREFOX_HERTZ) as window:
        await _sit_down(window, f"http://localhost:{home.settings.port}", west)
        await eventually(lambda: _firefox_sees(window, RED), within=40, every=0.3, what="Firefox sees the east")
        await eventually(lambda: _firefox_hears(window, RED), within=40, every=0.3, what="Firefox hears the east")
        await window.run("document.querySelector('button[data-act=mute]').click()")
        await east.hears(W, Sender("firefox", (0, 0, 0), FIREFOX_HERTZ))
        await expect(east.page.locator(f'[data-tile="{W}"] video').first).to_be_visible()
        await window.run("document.querySelector('button[data-act=leave]').click()")
    await east.press("mute")


async def _sit_down(window: Window, address: str, holder: Screen) -> None:
    """With the cookie of a room's own browser."""
    await window.goto(address + "/healthz")
    for cookie in await holder.page.context.cookies():
        crumb = f"{cookie['name']}={cookie['value']}; path=/"
        await window.run(f"document.cookie = {json.dumps(crumb)}")
    await window.goto(address + "/room")
    await eventually(lambda: _pressed(window, "join"), within=40, every=0.3, what="Firefox has a button to join")
    inside = "document.querySelector('[data-state]')?.dataset.state === 'in'"
    await eventually(lambda: _true(window, inside), within=40, every=0.3, what="Firefox is in")


async def _true(window: Window, expression: str) -> bool:
    return bool(await window.run(expression))


async def _pressed(window: Window, act: str) -> bool:
    press = f"(() => {{ const one = document.querySelector('button[data-act={act}]'); one?.click(); return !!one; }})()"
    return await _true(window, press)


async def _firefox_sees(window: Window, sender: Sender) -> bool:
    selector = f'[data-tile="{E}"] video'
    colour = await window.run(f"({COLOUR})({json.dumps(selector)})")
    return colour is not None and same_colour(tuple(colour), sender)


async def _firefox_hears(window: Window, sender: Sender) -> bool:
    selector = f'[data-sound="{E}"]'
    heard = await window.run(f"({RECORDED})({json.dumps(selector)}, {sender.hertz})")
    return heard is not None and heard["wanted"] > 0.01 and heard["wanted"] > 5 * heard["other"]


async def test_a_renewed_link_puts_the_old_machine_out_and_says_what_to_do(meeting: Session) -> None:
    east, home = meeting.east, meeting.hall.home
    await home.admin.post_form(f"/venues/{EAST}/renew")
    await east.is_in("revoked")
    await expect(east.page.locator('[data-why="revoked"]')).to_contain_text("Đề nghị mở liên kết mới")
    await expect(east.page.locator("[data-helpline]")).to_have_text(home.settings.helpline)
    await asyncio.sleep(6)  # longer than the page waits between two questions: it keeps saying so
    await east.is_in("revoked", 1)
