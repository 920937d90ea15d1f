"""Simulcast: which layer a subscriber gets, and which ones a publisher need not send."""

from __future__ import annotations

import asyncio

from tests.conformance.browser import BrowserClient
from tests.conformance.clients import Client, Joining, Publishing, eventually, sees
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, NotApplicable, Stage, scenario

_IDLE_SECONDS = 3.0


async def _sees_wide(client: Client, identity: str, *, least: int, most: int) -> None:
    await eventually(
        f"{client.name} sees {identity} {least} to {most} wide",
        lambda: client.sees(identity),
        lambda seen: seen is not None and least <= seen.width <= most,
    )


@scenario(quick=("firefox", "chromium"))
async def layer_by_request(stage: Stage) -> None:
    """A client asks for low quality and gets the small picture, for high and gets the large one, and again."""
    subject, partner = await stage.both()
    await partner.publish_picture(THEIRS)
    await sees(subject, PARTNER, THEIRS)
    for _ in range(2):
        await subject.wants(PARTNER, high=False)
        await _sees_wide(subject, PARTNER, least=200, most=400)
        await subject.wants(PARTNER, high=True)
        await _sees_wide(subject, PARTNER, least=900, most=960)
    await sees(subject, PARTNER, THEIRS)


@scenario(quick=("firefox",))
async def layers_of_the_subject(stage: Stage) -> None:
    """The other way: the partner gets the layer it asks for of what the client under test publishes."""
    subject, partner = await stage.both()
    await subject.publish_picture(OWN)
    await sees(partner, SUBJECT, OWN)
    full = 960 if stage.kind == "python" else 640
    for high in (False, True, False, True):
        await partner.wants(SUBJECT, high=high)
        await _sees_wide(partner, SUBJECT, least=full if high else 200, most=full if high else full // 2)
    await sees(partner, SUBJECT, OWN)


@scenario(clients=("chromium", "firefox"), quick=("chromium",))
async def layer_by_size(stage: Stage) -> None:
    """With adaptive stream a small tile gets the small picture, a large one the large, a hidden one none."""
    subject, partner = await stage.both(Joining(adaptive=True))
    assert isinstance(subject, BrowserClient)
    await partner.publish_picture(THEIRS)
    await sees(subject, PARTNER, THEIRS)
    await subject.call("resize", PARTNER, 960, 540)
    await _sees_wide(subject, PARTNER, least=900, most=960)
    await subject.call("resize", PARTNER, 160, 90)
    await _sees_wide(subject, PARTNER, least=200, most=400)
    await subject.call("resize", PARTNER, 0, 0)
    await eventually("nothing comes for a hidden tile", lambda: _goes_on(subject.receives), lambda goes: not goes)
    await subject.call("resize", PARTNER, 960, 540)
    await _sees_wide(subject, PARTNER, least=900, most=960)


async def _goes_on(measure: object) -> set[tuple[str, int]]:
    """Which pictures, by layer, went on over some seconds."""
    assert callable(measure)
    before = {(one.codec, one.rid): one.count for one in await measure() if one.kind == "video"}
    await asyncio.sleep(_IDLE_SECONDS)
    after = [one for one in await measure() if one.kind == "video"]
    return {(one.rid, one.width) for one in after if one.count > before.get((one.codec, one.rid), 0) + 2}


@scenario()
async def dynacast(stage: Stage) -> None:
    """Layers nobody watches are no longer sent; with a wish for them they are back; without any watcher nothing is."""
    subject, partner = await stage.both(Joining(dynacast=True))
    await subject.publish_picture(OWN)
    await sees(partner, SUBJECT, OWN)
    await partner.wants(SUBJECT, high=False)
    await eventually("one layer alone", lambda: _goes_on(subject.sends), lambda sent: len(sent) == 1)
    await partner.wants(SUBJECT, high=True)
    await eventually("all of them", lambda: _goes_on(subject.sends), lambda sent: len(sent) > 1)
    await partner.subscribe(SUBJECT, "camera", False)
    await eventually("nothing", lambda: _goes_on(subject.sends), lambda sent: not sent)
    await partner.forget(SUBJECT)
    await partner.subscribe(SUBJECT, "camera", True)
    await sees(partner, SUBJECT, OWN)


@scenario(clients=("chromium", "firefox"), quick=("chromium",))
async def all_layers_come_up(stage: Stage) -> None:
    """Feedback is good enough that all three layers of a 720p camera are sent, and the largest is received."""
    subject, partner = await stage.both()
    assert isinstance(subject, BrowserClient)
    await subject.call("publishLarge", OWN.rgb)
    await _sees_wide(partner, SUBJECT, least=1280, most=1280)
    frames = {one.rid: one.count for one in await subject.sends() if one.kind == "video"}
    if not any(frames):
        raise NotApplicable("the browser does not say which layer is which")
    assert set(frames) == {"q", "h", "f"}
    assert all(frames.values()), frames


@scenario()
async def without_simulcast(stage: Stage) -> None:
    """A camera without simulcast is received as it is sent, both ways."""
    subject, partner = await stage.both()
    await subject.publish_picture(OWN, Publishing(simulcast=False))
    await partner.publish_picture(THEIRS, Publishing(simulcast=False))
    await sees(partner, SUBJECT, OWN)
    await sees(subject, PARTNER, THEIRS)
