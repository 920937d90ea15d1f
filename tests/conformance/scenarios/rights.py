"""What tokens and the server API allow and take away."""

from __future__ import annotations

import pytest
from livekit import api

from tests.conformance.clients import eventually, hears, hears_nothing, sees, sees_and_hears
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, Stage, scenario

_REFUSED = ("NotAllowed", "401", "403", "unauthorized", "Unauthorized")


async def _refused(stage: Stage, fault: str) -> None:
    client = await stage.make(SUBJECT)
    why = await client.refusal(stage.target.url, stage.bad_token(fault))
    assert why, "it was let in"
    assert any(word in why for word in _REFUSED), f"the client says: {why}"


@scenario(quick=("chromium",))
async def token_expired(stage: Stage) -> None:
    """With an expired token the client says at once that it is not allowed in."""
    await _refused(stage, "expired")


@scenario()
async def token_forged(stage: Stage) -> None:
    """With a token of a wrong secret the client says at once that it is not allowed in."""
    await _refused(stage, "forged")


@scenario()
async def token_without_right(stage: Stage) -> None:
    """With a token that does not grant joining the client says at once that it is not allowed in."""
    await _refused(stage, "no right to join")


@scenario()
async def token_without_room(stage: Stage) -> None:
    """With a token that names no room the client does not get in, and says why."""
    client = await stage.make(SUBJECT)
    assert await client.refusal(stage.target.url, stage.bad_token("no room")), "it was let in"


@scenario(quick=("chromium",))
async def publishing_revoked(stage: Stage) -> None:
    """The server API takes a source away: that track ends for all, the other stays; given back, it may be sent anew."""
    subject, partner = await stage.both()
    await subject.publish(OWN)
    await sees_and_hears(partner, SUBJECT, OWN)

    async def permit(server: api.LiveKitAPI, *allowed: api.TrackSource) -> None:
        permission = api.ParticipantPermission(
            can_publish=bool(allowed), can_subscribe=True, can_publish_data=True, can_publish_sources=list(allowed)
        )
        request = api.UpdateParticipantRequest(room=stage.room, identity=SUBJECT, permission=permission)
        await server.room.update_participant(request)

    async with stage.server() as server:
        await permit(server, api.TrackSource.CAMERA)
        await eventually("only the camera", lambda: partner.sources(SUBJECT), lambda left: left == {"camera"})
        await partner.forget(SUBJECT)
        await sees(partner, SUBJECT, OWN)
        await permit(server)
        await eventually("nothing", lambda: partner.sources(SUBJECT), lambda left: not left)
        await eventually("it knows", subject.may_publish, lambda may: not may)
        await permit(server, api.TrackSource.CAMERA, api.TrackSource.MICROPHONE)
        await eventually("it knows", subject.may_publish, bool)
    await subject.publish_sound(OWN)
    await hears(partner, SUBJECT, OWN)


@scenario()
async def no_right_to_publish(stage: Stage) -> None:
    """Who may not publish is told so by its client, and sees and hears all the same."""
    partner = await stage.partner()
    await partner.publish(THEIRS)
    subject = await stage.subject(can_publish=False)
    with pytest.raises(Exception, match=r"(?i)permission|not allowed|timed out"):  # each client has its own kind
        await subject.publish_sound(OWN)
    await sees_and_hears(subject, PARTNER, THEIRS)
    assert await partner.sources(SUBJECT) == set()


@scenario()
async def no_right_to_subscribe(stage: Stage) -> None:
    """Who may not subscribe gets neither sound nor picture; allowed by the server API, it gets both."""
    partner = await stage.partner()
    await partner.publish(THEIRS)
    subject = await stage.subject(can_subscribe=False)
    await hears_nothing(subject, PARTNER)
    assert await subject.sees(PARTNER) is None
    async with stage.server() as server:
        permission = api.ParticipantPermission(can_publish=True, can_subscribe=True, can_publish_data=True)
        request = api.UpdateParticipantRequest(room=stage.room, identity=SUBJECT, permission=permission)
        await server.room.update_participant(request)
    await sees_and_hears(subject, PARTNER, THEIRS)


@scenario(quick=("firefox",))
async def removed(stage: Stage) -> None:
    """Removed by the server API, a client knows that it was, and does not come back; the others see it go."""
    subject, partner = await stage.both()
    await eventually("it is there", partner.others, lambda others: others == {SUBJECT})
    async with stage.server() as server:
        await server.room.remove_participant(api.RoomParticipantIdentity(room=stage.room, identity=SUBJECT))
    await eventually("it knows why", subject.reason, lambda reason: reason == "PARTICIPANT_REMOVED")
    assert not await subject.connected()
    await eventually("it is gone", partner.others, lambda others: others == set())


@scenario(quick=("python",))
async def room_deleted(stage: Stage) -> None:
    """When the server API deletes the room, everybody in it is out, and knows why."""
    subject, partner = await stage.both()
    async with stage.server() as server:
        await server.room.delete_room(api.DeleteRoomRequest(room=stage.room))
    for client in (subject, partner):
        await eventually(f"{client.name} knows why", client.reason, lambda reason: reason == "ROOM_DELETED")
        assert not await client.connected()


@scenario(quick=("python",))
async def duplicate_identity(stage: Stage) -> None:
    """Who joins under an identity that is there puts the older one out, which knows why; the newer one is heard."""
    subject, partner = await stage.both()
    newer = await stage.partner(name=SUBJECT)
    await eventually("the older one knows why", subject.reason, lambda reason: reason == "DUPLICATE_IDENTITY")
    await newer.publish_sound(OWN)
    await hears(partner, SUBJECT, OWN)
    assert await newer.connected()
    assert await partner.others() == {SUBJECT}
