"""Who gets which track: by its own wish, the publisher's permission and the server's hand."""

from __future__ import annotations

from livekit import api

from tests.conformance.clients import Joining, eventually, hears, hears_nothing, sees, sees_and_hears
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, Stage, scenario


@scenario(quick=("firefox",))
async def unsubscribe_and_subscribe(stage: Stage) -> None:
    """A track that a client unsubscribes from no longer arrives, the other goes on; subscribed again, it is back."""
    subject, partner = await stage.both()
    await partner.publish(THEIRS)
    await sees_and_hears(subject, PARTNER, THEIRS)
    for _ in range(2):
        await subject.subscribe(PARTNER, "microphone", False)
        await eventually("it is gone", lambda: subject.subscribed(PARTNER, "microphone"), lambda there: not there)
        await hears_nothing(subject, PARTNER)
        await sees(subject, PARTNER, THEIRS)
        await subject.subscribe(PARTNER, "microphone", True)
        await hears(subject, PARTNER, THEIRS)


@scenario(quick=("chromium", "python"))
async def auto_subscribe_off(stage: Stage) -> None:
    """Who joins without automatic subscription knows all tracks and gets those alone that it asks for."""
    partner = await stage.partner()
    await partner.publish(THEIRS)
    subject = await stage.subject(Joining(auto_subscribe=False))
    await eventually("it knows both", lambda: subject.sources(PARTNER), lambda known: len(known) == 2)
    await hears_nothing(subject, PARTNER)
    await subject.subscribe(PARTNER, "camera", True)
    await sees(subject, PARTNER, THEIRS)
    assert not await subject.subscribed(PARTNER, "microphone")


@scenario(quick=("firefox",))
async def subscription_permission(stage: Stage) -> None:
    """A publisher withdraws its tracks from everybody, allows one, then all; who is not named gets nothing."""
    subject, partner = await stage.both()
    third = await stage.partner(name="third")
    await subject.publish(OWN)
    for client in (partner, third):
        await sees_and_hears(client, SUBJECT, OWN)
    await subject.permit([])
    for client in (partner, third):
        await hears_nothing(client, SUBJECT)
        await client.forget(SUBJECT)
    await subject.permit([PARTNER])
    await sees_and_hears(partner, SUBJECT, OWN)
    await hears_nothing(third, SUBJECT)
    assert await third.sees(SUBJECT) is None
    await subject.permit(None)
    await sees_and_hears(third, SUBJECT, OWN)


@scenario()
async def permission_for_the_subject(stage: Stage) -> None:
    """The other way: the client under test loses the partner's tracks and gets them again."""
    subject, partner = await stage.both()
    await partner.publish(THEIRS)
    await sees_and_hears(subject, PARTNER, THEIRS)
    await partner.permit([])
    await hears_nothing(subject, PARTNER)
    await partner.permit([SUBJECT])
    await sees_and_hears(subject, PARTNER, THEIRS)


@scenario()
async def subscribed_by_the_server(stage: Stage) -> None:
    """The server API takes a subscription away and gives it back."""
    subject, partner = await stage.both()
    await partner.publish_sound(THEIRS)
    await hears(subject, PARTNER, THEIRS)
    async with stage.server() as server:
        who = api.RoomParticipantIdentity(room=stage.room, identity=PARTNER)
        track = (await server.room.get_participant(who)).tracks[0].sid
        request = api.UpdateSubscriptionsRequest(room=stage.room, identity=SUBJECT, track_sids=[track], subscribe=False)
        await server.room.update_subscriptions(request)
        await hears_nothing(subject, PARTNER)
        request.subscribe = True
        await server.room.update_subscriptions(request)
        await hears(subject, PARTNER, THEIRS)
