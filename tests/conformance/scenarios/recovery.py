"""Connections that are lost, and clients that come back."""

from __future__ import annotations

from tests.conformance.clients import Client, eventually, sees_and_hears
from tests.conformance.sdk import SdkClient
from tests.conformance.stage import OWN, PARTNER, SUBJECT, THEIRS, Stage, scenario


async def _meet(stage: Stage) -> tuple[Client, SdkClient]:
    subject, partner = await stage.both()
    await partner.publish(THEIRS)
    await subject.publish(OWN)
    await _both_ways(subject, partner)
    return subject, partner


async def _both_ways(subject: Client, partner: SdkClient) -> None:
    await partner.forget(SUBJECT)
    await sees_and_hears(partner, SUBJECT, OWN)
    await sees_and_hears(subject, PARTNER, THEIRS)


async def _comes_anew(stage: Stage, way: str) -> None:
    subject, partner = await _meet(stage)
    old = await stage.sid(SUBJECT)
    await subject.simulate(way)
    await eventually("it is reconnected", subject.reconnections, lambda count: count == 1)
    assert await stage.sid(SUBJECT) != old
    await _both_ways(subject, partner)
    assert await partner.others() == {SUBJECT}


@scenario(quick=("chromium", "firefox", "python"))
async def resume(stage: Stage) -> None:
    """A lost signalling connection is resumed, ICE restarts, and the same participant goes on; new tracks, too."""
    subject, partner = await _meet(stage)
    old = await stage.sid(SUBJECT)
    await subject.simulate("signal-reconnect")
    await eventually("it is reconnected", subject.reconnections, lambda count: count == 1)
    assert await stage.sid(SUBJECT) == old
    await _both_ways(subject, partner)
    await partner.unpublish()
    await subject.unpublish()
    await partner.publish(THEIRS)
    await subject.publish(OWN)
    await _both_ways(subject, partner)


@scenario()
async def resume_again(stage: Stage) -> None:
    """Three losses, one after another, are resumed like one."""
    subject, partner = await _meet(stage)
    old = await stage.sid(SUBJECT)
    for times in (1, 2, 3):
        await subject.simulate("signal-reconnect")
        await eventually("it is reconnected", subject.reconnections, lambda count, times=times: count == times)  # type: ignore[misc]  # bound per turn
    assert await stage.sid(SUBJECT) == old
    await _both_ways(subject, partner)


@scenario()
async def resume_interrupted(stage: Stage) -> None:
    """The connection is lost once more in the middle of its resumption; the client comes back all the same."""
    subject, partner = await _meet(stage)
    await subject.simulate("disconnect-signal-on-resume")
    await eventually("it is reconnected", subject.reconnections, lambda count: count >= 1)
    await _both_ways(subject, partner)


@scenario(quick=("chromium", "python"))
async def full_reconnect(stage: Stage) -> None:
    """A client that connects anew is a new participant, whole again, with its tracks; nobody is there twice."""
    await _comes_anew(stage, "full-reconnect")


@scenario(clients=("chromium", "firefox"))
async def told_to_reconnect(stage: Stage) -> None:
    """A client that the server tells to connect anew does, and is whole again."""
    await _comes_anew(stage, "leave-full-reconnect")
