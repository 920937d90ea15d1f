"""People meet: they come and go, see and hear each other, and know who speaks."""

from __future__ import annotations

import pytest
from livekit import api

from tests.conformance.clients import Joining, Known, Publishing, eventually, hears, hears_nothing, sees, sees_and_hears
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, NotApplicable, Stage, scenario
from tests.senders import GREEN


@scenario()
async def join_and_leave(stage: Stage) -> None:
    """Each knows the other by identity and name as soon as it comes, and no longer when it has left."""
    subject, partner = await stage.both()
    for one, other in ((subject, PARTNER), (partner, SUBJECT)):
        await eventually(f"{other} is there", one.others, lambda others, other=other: others == {other})  # type: ignore[misc]  # bound per turn
        known = await one.known(other)
        assert known is not None
        assert known.name == other.title()
    await subject.leave()
    await eventually("it has left", partner.others, lambda others: others == set())


@scenario(quick=("chromium", "firefox", "python"))
async def sound_and_pictures(stage: Stage) -> None:
    """Sound and a camera in VP8 with simulcast go both ways, proved by exact colour and tone."""
    subject, partner = await stage.both()
    await partner.publish(THEIRS)
    await subject.publish(OWN)
    await sees_and_hears(partner, SUBJECT, OWN)
    await sees_and_hears(subject, PARTNER, THEIRS)


async def _over(stage: Stage, *, single: bool) -> None:
    partner = await stage.partner()
    await partner.publish(THEIRS)
    subject = await stage.subject(Joining(single=single))
    await subject.publish(OWN)
    await sees_and_hears(partner, SUBJECT, OWN)
    await sees_and_hears(subject, PARTNER, THEIRS)
    await partner.unpublish()
    await partner.publish(GREEN)
    await sees_and_hears(subject, PARTNER, GREEN)
    assert await subject.single() == single, "the client went the other way"


@scenario(quick=("chromium",))
async def one_connection(stage: Stage) -> None:
    """Sound and pictures both ways over one peer connection; the partner's tracks end and come anew meanwhile."""
    await _over(stage, single=True)


@scenario(quick=("firefox",))
async def two_connections(stage: Stage) -> None:
    """The same over a connection for each direction, which clients of before 2026 ask for."""
    await _over(stage, single=False)


@scenario(quick=("firefox",))
async def mute_by_itself(stage: Stage) -> None:
    """A client mutes its microphone: the others are told, silence follows; unmuted, it is heard again."""
    subject, partner = await stage.both()
    await subject.publish_sound(OWN)
    await hears(partner, SUBJECT, OWN)
    await subject.mute(True)
    await eventually("the partner is told", lambda: partner.muted(SUBJECT), lambda muted: muted is True)
    await hears_nothing(partner, SUBJECT)
    await subject.mute(False)
    await eventually("the partner is told", lambda: partner.muted(SUBJECT), lambda muted: muted is False)
    await hears(partner, SUBJECT, OWN)


@scenario(quick=("python",))
async def mute_by_the_server(stage: Stage) -> None:
    """The server API mutes a microphone: its client is told, silence follows; only the client itself may unmute."""
    subject, partner = await stage.both()
    await subject.publish_sound(OWN)
    await hears(partner, SUBJECT, OWN)
    async with stage.server() as server:
        who = api.RoomParticipantIdentity(room=stage.room, identity=SUBJECT)
        track = (await server.room.get_participant(who)).tracks[0]
        request = api.MuteRoomTrackRequest(room=stage.room, identity=SUBJECT, track_sid=track.sid, muted=True)
        assert (await server.room.mute_published_track(request)).track.muted
        await eventually("the subject is told", subject.muted_here, bool)
        await hears_nothing(partner, SUBJECT)
        request.muted = False
        with pytest.raises(api.TwirpError):
            await server.room.mute_published_track(request)
    await subject.mute(False)
    await hears(partner, SUBJECT, OWN)


@scenario(quick=("chromium",))
async def publish_again(stage: Stage) -> None:
    """Tracks that end and are published again are received every time, three times over, both ways."""
    subject, partner = await stage.both()
    for sender in (THEIRS, GREEN, THEIRS):
        await partner.publish(sender)
        await subject.publish(OWN)
        await sees_and_hears(subject, PARTNER, sender)
        await sees_and_hears(partner, SUBJECT, OWN)
        await partner.unpublish()
        await subject.unpublish()
        await eventually("the tracks are gone", lambda: partner.sources(SUBJECT), lambda left: not left)
        await eventually("the tracks are gone", lambda: subject.sources(PARTNER), lambda left: not left)
        await partner.forget(SUBJECT)
        await subject.forget(PARTNER)


@scenario()
async def screen_share(stage: Stage) -> None:
    """A screen beside the camera arrives as what it is, with its own colour, both ways."""
    subject, partner = await stage.both()
    for one, other, sender in ((subject, partner, OWN), (partner, subject, THEIRS)):
        await one.publish_picture(sender)
        await one.publish_picture(sender, Publishing(source="screen_share", simulcast=False))
        await sees(other, one.name, sender)
        await sees(other, one.name, sender, "screen_share")
        assert await other.sources(one.name) == {"camera", "screen_share"}


@scenario()
async def hidden(stage: Stage) -> None:
    """Who joins hidden sees and hears; nobody knows of it."""
    partner = await stage.partner()
    await partner.publish(THEIRS)
    subject = await stage.subject(hidden=True, can_publish=False)
    await sees_and_hears(subject, PARTNER, THEIRS)
    assert await partner.others() == set()


@scenario(quick=("chromium",))
async def speakers(stage: Stage) -> None:
    """Everybody is told who speaks, and when it ends."""
    subject, partner = await stage.both()
    await partner.publish_sound(THEIRS)
    await subject.publish_sound(OWN)
    for client in (subject, partner):
        await eventually(f"{client.name} knows both", client.speaking, lambda who: who == {SUBJECT, PARTNER})
    await partner.mute(True)
    await eventually("one of them no longer speaks", subject.speaking, lambda who: who == {SUBJECT})


@scenario()
async def connection_quality(stage: Stage) -> None:
    """On a good line everybody is told that its own connection and the other's are excellent."""
    subject, partner = await stage.both()
    await partner.publish(THEIRS)
    await subject.publish(OWN)
    await sees(subject, PARTNER, THEIRS)
    for client in (subject, partner):
        for identity in (SUBJECT, PARTNER):
            await eventually(
                f"{client.name} knows of {identity}",
                lambda client=client, identity=identity: client.quality(identity),  # type: ignore[misc]  # bound per turn
                lambda quality: quality == "excellent",
            )


@scenario(quick=("python",))
async def who_is_who(stage: Stage) -> None:
    """Attributes, metadata and a name that a client changes reach the others; an empty attribute is gone."""
    subject, partner = await stage.both()
    await subject.describe({"hand": "up", "seat": "3"})
    await subject.annotate("from the commune")
    await subject.rename("Subject the Second")
    await subject.describe({"seat": ""})
    expected = Known("Subject the Second", "from the commune", {"hand": "up"})
    await eventually("the partner knows", lambda: partner.known(SUBJECT), lambda known: known == expected)
    await partner.describe({"hand": "down"})
    await eventually("and the other way", lambda: subject.attributes(PARTNER), lambda known: known == {"hand": "down"})


@scenario()
async def end_to_end_encryption(stage: Stage) -> None:
    """Sound and pictures encrypted by the clients pass untouched both ways; who has another key sees nothing."""
    secret = "a secret of the clients"
    if stage.kind == "firefox":
        raise NotApplicable("the test's Firefox has no camera that its encryption worker could take over")
    partner = await stage.partner(Joining(secret=secret))
    await partner.publish(THEIRS)
    subject = await stage.subject(Joining(secret=secret))
    await subject.publish(OWN)
    await sees_and_hears(partner, SUBJECT, OWN)
    await sees_and_hears(subject, PARTNER, THEIRS)
    stranger = await stage.partner(Joining(secret="another"), name="stranger")
    await eventually("it is subscribed", lambda: stranger.subscribed(SUBJECT, "camera"), bool)
    await sees(partner, SUBJECT, OWN)
    assert await stranger.sees(SUBJECT) is None
