"""Words and files on the data channels: whole, once and in order, whoever comes late or comes back; and questions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from livekit import api, rtc

from tests.conformance.clients import eventually
from tests.conformance.sdk import SdkClient
from tests.conformance.stage import Stage

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]
MEGABYTE = 1_000_000
MESSAGES = 200


async def all_here(*clients: SdkClient) -> None:
    for client in clients:
        others = {one.name for one in clients} - {client.name}
        await eventually(f"{client.name} sees all", client.others, lambda seen, others=others: seen >= others)  # type: ignore[misc]  # bound per turn


def said(count: int) -> list[tuple[str, str]]:
    return [("speaker", str(number)) for number in range(count)]


async def count_up(speaker: SdkClient, meanwhile: Callable[[], Awaitable[None]], count: int = MESSAGES) -> None:
    """Numbers, one each ten milliseconds; something happens after the first quarter."""
    doing: asyncio.Task[None] | None = None
    for number in range(count):
        if number == count // 4:
            doing = asyncio.ensure_future(meanwhile())
        await speaker.say(str(number))
        await asyncio.sleep(0.01)
    assert doing is not None
    await doing


# ------------------------------------------------------------------------------------------------ streams


async def test_a_megabyte_of_file_and_of_text_arrives_whole(stage: Stage) -> None:
    speaker, listener, third = [await stage.partner(name=name) for name in ("speaker", "listener", "third")]
    await all_here(speaker, listener, third)
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(reader: rtc.ByteStreamReader) -> None:
        await arrived.put(b"".join([part async for part in reader]))

    reading: set[asyncio.Task[None]] = set()
    listener.room.register_byte_stream_handler(
        "whole", lambda reader, _: reading.add(asyncio.create_task(read(reader)))
    )
    content = os.urandom(MEGABYTE)
    await speaker.room.local_participant.send_bytes(content, name="a.bin", topic="whole")
    assert await asyncio.wait_for(arrived.get(), 60) == content
    text = "".join(f"{number} đoạn. " for number in range(80_000))
    await speaker.room.local_participant.send_text(text, topic="words", destination_identities=["third"])
    await eventually("the text is there", third.texts, lambda texts: texts == [("speaker", text)])
    assert await listener.texts() == []


# --------------------------------------------------------------------------------------- coming, coming back


async def test_who_joins_while_somebody_speaks_misses_nothing_from_there_on(stage: Stage) -> None:
    speaker = await stage.partner(name="speaker")
    came: list[SdkClient] = []

    async def join() -> None:
        came.append(await stage.partner(name="late"))

    await count_up(speaker, join)
    everything = said(MESSAGES)
    heard = await eventually("the last one", came[0].heard_say, lambda heard: heard[-1:] == everything[-1:])
    assert heard == everything[-len(heard) :]
    assert len(heard) > MESSAGES // 4


@pytest.mark.parametrize("who", ["speaker", "listener"])
async def test_across_a_resume_nothing_is_lost_and_nothing_comes_twice(stage: Stage, who: str) -> None:
    speaker, listener = [await stage.partner(name=name) for name in ("speaker", "listener")]
    await all_here(speaker, listener)
    returning = speaker if who == "speaker" else listener

    async def lose_signalling() -> None:
        await returning.simulate("signal-reconnect")

    await count_up(speaker, lose_signalling)
    await eventually("it is back", returning.reconnections, lambda count: count == 1)
    await speaker.say(str(MESSAGES))
    heard = await eventually("the last", listener.heard_say, lambda heard: len(heard) > MESSAGES)
    assert heard == said(MESSAGES + 1)


# ----------------------------------------------------------------------------------------------- questions


async def test_questions_fail_with_the_codes_that_clients_know(stage: Stage) -> None:
    asker, asked = [await stage.partner(name=name) for name in ("asker", "asked")]
    await all_here(asker, asked)

    async def never(call: rtc.RpcInvocationData) -> str:
        await asyncio.sleep(30)
        return ""

    async def break_down(call: rtc.RpcInvocationData) -> str:
        raise RuntimeError

    asked.room.local_participant.register_rpc_method("never", never)
    asked.room.local_participant.register_rpc_method("break down", break_down)

    async def code(method: str, seconds: float = 8.0, identity: str = "asked") -> int:
        with pytest.raises(rtc.RpcError) as failed:
            await asker.room.local_participant.perform_rpc(
                destination_identity=identity, method=method, payload="", response_timeout=seconds
            )
        return int(failed.value.code)

    assert await code("break down") == rtc.RpcError.ErrorCode.APPLICATION_ERROR
    assert await code("never", seconds=1.0) in (
        rtc.RpcError.ErrorCode.RESPONSE_TIMEOUT,
        rtc.RpcError.ErrorCode.APPLICATION_ERROR,  # of the one asked, whose own time is over a little earlier
    )
    assert await code("greet", seconds=3.0, identity="nobody") in (
        rtc.RpcError.ErrorCode.CONNECTION_TIMEOUT,
        rtc.RpcError.ErrorCode.RECIPIENT_NOT_FOUND,
    )


async def test_the_server_asks_a_participant(stage: Stage) -> None:
    await stage.partner(name="asked")
    status, answer = await perform(stage, method="greet", payload="chào")
    assert (status, answer["payload"][:4]) == (200, "chào")
    status, answer = await perform(stage, method="refuse", payload="")
    assert (status, "1507" in answer["msg"]) == (500, True)
    status, answer = await perform(stage, method="unheard of", payload="")
    assert status == 400


async def perform(stage: Stage, **call: str) -> tuple[int, dict[str, str]]:
    grants = api.VideoGrants(room_admin=True, room=stage.room)
    token = api.AccessToken(stage.target.key, stage.target.secret).with_grants(grants).to_jwt()
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        answer = await client.post(
            f"{stage.target.http}/twirp/livekit.RoomService/PerformRpc",
            json={"room": stage.room, "destination_identity": "asked", **call},
            headers={"Authorization": f"Bearer {token}"},
        )
    return answer.status_code, answer.json()


# --------------------------------------------------------------------------------- who is who, and who gets it


async def test_only_an_agents_transcription_is_passed_on(stage: Stage) -> None:
    listener = await stage.partner(name="listener")
    told: list[str] = []
    listener.room.on("transcription_received", lambda segments, *_: told.append(segments[0].text))
    speaker = await stage.partner(name="speaker")
    agent = SdkClient("agent")
    grants = api.VideoGrants(room_join=True, room=stage.room, agent=True)
    token = api.AccessToken(stage.target.key, stage.target.secret).with_identity("agent").with_kind("agent")
    await agent.join(stage.target.url, token.with_grants(grants).to_jwt())
    await all_here(listener, speaker, agent)
    assert listener.room.remote_participants["agent"].kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    for one in (speaker, agent):
        segment = rtc.TranscriptionSegment(id="1", text=one.name, start_time=0, end_time=1, final=True, language="vi")
        words = rtc.Transcription(participant_identity="speaker", track_sid="TR_x", segments=[segment])
        await one.room.local_participant.publish_transcription(words)
    await speaker.say("over")
    await eventually("all is said", listener.heard_say, lambda heard: ("speaker", "over") in heard)

    async def transcribed() -> list[str]:
        return told

    await eventually("the agent's", transcribed, lambda told: told == ["agent"])
    await agent.leave()


async def test_who_may_not_send_data_is_not_heard_and_hears(stage: Stage) -> None:
    mute = await stage.partner(name="mute", can_publish_data=False)
    speaker = await stage.partner(name="speaker")
    listener = await stage.partner(name="listener")
    await all_here(mute, speaker, listener)
    try:
        await asyncio.wait_for(mute.say("x"), 5)
    except Exception as error:  # the SDK may refuse it by itself
        print(f"refused by the client: {error!r}")
    await speaker.say("1")
    for one in (mute, listener):
        await eventually("the speaker's word alone", one.heard_say, lambda heard: heard == [("speaker", "1")])


async def test_the_servers_word_goes_to_those_named_and_once(stage: Stage) -> None:
    one, another = [await stage.partner(name=name) for name in ("one", "another")]
    await all_here(one, another)
    nonce = os.urandom(16)
    async with stage.server() as server:
        for _ in range(2):
            await server.room.send_data(
                api.SendDataRequest(room=stage.room, data=b"a", topic="t", destination_identities=["one"], nonce=nonce)
            )
        await server.room.send_data(
            api.SendDataRequest(room=stage.room, data=b"b", topic="t", destination_sids=[await stage.sid("another")])
        )
        await server.room.send_data(api.SendDataRequest(room=stage.room, data=b"c", topic="t"))
    await eventually("all for another", another.heard_say, lambda heard: heard == [("", "b"), ("", "c")])
    heard = await eventually("all for one", one.heard_say, lambda heard: heard[-1:] == [("", "c")])
    assert {text for _, text in heard} == {"a", "c"}
