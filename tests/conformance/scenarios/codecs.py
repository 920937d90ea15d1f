"""Every codec, as published by the client under test and as received by it."""

from __future__ import annotations

from tests.conformance.browser import BrowserClient
from tests.conformance.clients import Client, Joining, Publishing, Stream, eventually, hears, sees
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, NotApplicable, Stage, scenario

_SPATIAL = "L3T3_KEY"


async def _publishes(stage: Stage, how: Publishing) -> None:
    partner = await stage.partner()
    subject = await stage.subject()
    if not await subject.encodes(how.codec):
        raise NotApplicable(f"{stage.kind} does not publish {how.codec}")
    await subject.publish_picture(OWN, how)
    await sees(partner, SUBJECT, OWN)
    await _sent_as(subject, how.codec)
    late = await stage.partner(name="late")
    await sees(late, SUBJECT, OWN)
    await partner.forget(SUBJECT)
    await sees(partner, SUBJECT, OWN)


async def _sent_as(client: Client, codec: str) -> None:
    used = {one.codec for one in await client.sends() if one.kind == "video" and one.count}
    assert used == {f"video/{codec}"}, used


async def _receives(stage: Stage, how: Publishing) -> None:
    partner = await stage.partner()
    await partner.publish_picture(THEIRS, how)
    subject = await stage.subject()
    if not await subject.decodes(how.codec):
        raise NotApplicable(f"{stage.kind} does not decode {how.codec}")
    await sees(subject, PARTNER, THEIRS)
    used = {one.codec for one in await subject.receives() if one.kind == "video" and one.count}
    assert used == {f"video/{how.codec}"}, used


@scenario()
async def publishes_h264(stage: Stage) -> None:
    """A camera in H.264 with simulcast is received, by who was there and by who comes later."""
    await _publishes(stage, Publishing("h264"))


@scenario(quick=("chromium",))
async def receives_h264(stage: Stage) -> None:
    """A camera in H.264 of somebody who was there before is received."""
    await _receives(stage, Publishing("h264"))


@scenario()
async def publishes_vp9(stage: Stage) -> None:
    """A camera in VP9 without spatial layers is received."""
    await _publishes(stage, Publishing("vp9", simulcast=False, mode="L1T3"))


@scenario()
async def receives_vp9(stage: Stage) -> None:
    """A camera in VP9 without spatial layers of somebody who was there before is received."""
    await _receives(stage, Publishing("vp9", simulcast=False, mode="L1T3"))


@scenario(quick=("chromium",))
async def publishes_vp9_svc(stage: Stage) -> None:
    """A camera in VP9 with three spatial layers in one stream (SVC, what clients send by themselves) is received."""
    await _publishes(stage, Publishing("vp9", simulcast=False, mode=_SPATIAL))


@scenario(quick=("firefox",))
async def receives_vp9_svc(stage: Stage) -> None:
    """VP9 with three spatial layers in one stream of somebody who was there before is received."""
    await _receives(stage, Publishing("vp9", simulcast=False, mode=_SPATIAL))


@scenario()
async def publishes_av1(stage: Stage) -> None:
    """A camera in AV1 without spatial layers is received."""
    await _publishes(stage, Publishing("av1", simulcast=False, mode="L1T3"))


@scenario(quick=("firefox",))
async def receives_av1(stage: Stage) -> None:
    """A camera in AV1 without spatial layers of somebody who was there before is received."""
    await _receives(stage, Publishing("av1", simulcast=False, mode="L1T3"))


@scenario(quick=("chromium",))
async def publishes_av1_svc(stage: Stage) -> None:
    """A camera in AV1 with three spatial layers in one stream is received."""
    await _publishes(stage, Publishing("av1", simulcast=False, mode=_SPATIAL))


@scenario()
async def receives_av1_svc(stage: Stage) -> None:
    """AV1 with three spatial layers in one stream of somebody who was there before is received."""
    await _receives(stage, Publishing("av1", simulcast=False, mode=_SPATIAL))


async def _svc_layers(stage: Stage, codec: str) -> None:
    subject, partner = await stage.both()
    if not await subject.encodes(codec):
        raise NotApplicable(f"{stage.kind} does not publish {codec}")
    await subject.publish_picture(OWN, Publishing(codec, simulcast=False, mode=_SPATIAL))
    await sees(partner, SUBJECT, OWN)
    assert isinstance(subject, BrowserClient)
    watcher = await stage.subject(name="watcher")
    for high in (False, True, False, True):
        await watcher.wants(SUBJECT, high=high)
        await eventually(
            f"the {'large' if high else 'small'} picture",
            lambda: watcher.sees(SUBJECT),
            lambda seen, high=high: seen is not None and (seen.width == 640 if high else seen.width <= 320),  # type: ignore[misc]  # bound per turn
        )
        await sees(watcher, SUBJECT, OWN)


@scenario(clients=("chromium",))
async def layers_of_vp9_svc(stage: Stage) -> None:
    """Of VP9 with spatial layers a client gets the small picture and the large one as it asks, and again."""
    await _svc_layers(stage, "vp9")


@scenario(clients=("chromium",))
async def layers_of_av1_svc(stage: Stage) -> None:
    """Of AV1 with spatial layers a client gets the small picture and the large one as it asks, and again."""
    await _svc_layers(stage, "av1")


async def _without_vp9(stage: Stage) -> BrowserClient:
    """Somebody more, who has no decoder for it."""
    watcher = await stage.make("watcher")
    assert isinstance(watcher, BrowserClient)
    await watcher.call("lack", "VP9")
    await watcher.join(stage.target.url, stage.token("watcher"), Joining(single=stage.single))
    return watcher


@scenario(clients=("chromium",))
async def backup_codec(stage: Stage) -> None:
    """A camera in VP9 is sent in VP8 as well when somebody comes who cannot take VP9; each gets what it can take."""
    subject, partner = await stage.both(Joining(dynacast=True))
    await subject.publish_picture(OWN, Publishing("vp9", simulcast=False, mode=_SPATIAL, backup="vp8"))
    await sees(partner, SUBJECT, OWN)
    watcher = await _without_vp9(stage)
    await sees(watcher, SUBJECT, OWN)
    assert {one.codec for one in await watcher.receives() if one.kind == "video"} == {"video/vp8"}
    await partner.forget(SUBJECT)
    await sees(partner, SUBJECT, OWN)
    assert _pictures_in(await subject.sends()) == {"video/vp8", "video/vp9"}


@scenario(clients=("chromium",))
async def backup_codec_instead(stage: Stage) -> None:
    """The same as clients ask for it by themselves: VP8 then goes to everybody, so that only one codec is sent."""
    subject, partner = await stage.both(Joining(dynacast=True))
    usual = Publishing("vp9", simulcast=False, mode=_SPATIAL, backup="vp8", instead=True)
    await subject.publish_picture(OWN, usual)
    await sees(partner, SUBJECT, OWN)
    watcher = await _without_vp9(stage)
    await sees(watcher, SUBJECT, OWN)
    await eventually("the partner gets VP8, too", partner.receives, lambda got: "video/vp8" in _pictures_in(got))
    await partner.forget(SUBJECT)
    await sees(partner, SUBJECT, OWN)


def _pictures_in(streams: list[Stream]) -> set[str]:
    return {one.codec for one in streams if one.kind == "video"}


@scenario()
async def sound_with_redundancy(stage: Stage) -> None:
    """Sound with redundancy (RED) is heard both ways, and by who comes later."""
    subject, partner = await stage.both()
    await subject.publish_sound(OWN, red=True)
    await partner.publish_sound(THEIRS, red=True)
    await hears(partner, SUBJECT, OWN)
    await hears(subject, PARTNER, THEIRS)
    late = await stage.partner(name="late")
    await hears(late, SUBJECT, OWN)


@scenario()
async def sound_without_redundancy(stage: Stage) -> None:
    """Sound in Opus alone is heard both ways."""
    subject, partner = await stage.both()
    await subject.publish_sound(OWN, red=False)
    await partner.publish_sound(THEIRS, red=False)
    await hears(partner, SUBJECT, OWN)
    await hears(subject, PARTNER, THEIRS)
    used = {one.codec for one in await subject.sends() if one.kind == "audio"}
    assert used == {"audio/opus"}, used


@scenario(clients=("chromium",))
async def stereo(stage: Stage) -> None:
    """A tone on the left channel stays on the left, from Chromium to Chromium (the SDK decodes to one channel)."""
    subject = await stage.subject()
    await subject.publish_sound(OWN, left=True)
    watcher = await stage.subject(name="watcher")
    await eventually(
        "the tone is on the left alone",
        lambda: watcher.hears_stereo(SUBJECT),
        lambda both: both is not None and abs(both[0].hertz - OWN.hertz) <= 8 and both[1].level < both[0].level / 4,
    )
