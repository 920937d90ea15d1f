"""Words, files and questions over the data channels."""

from __future__ import annotations

from livekit import api

from tests.conformance.clients import Client, eventually
from tests.conformance.stage import PARTNER, SUBJECT, Stage, scenario

LONG_TEXT = "".join(f"Đoạn {number}. " for number in range(4_000))  # several packets, whatever the compression
FILE_BYTES = 300_000


async def _says(one: Client, other: Client, text: str, *, lossy: bool = False) -> None:
    await one.say(text, lossy=lossy)
    await eventually(f"{other.name} is told", other.heard_say, lambda said: (one.name, text) in said)


@scenario(quick=("firefox",))
async def data_reliable(stage: Stage) -> None:
    """Reliable data arrives both ways, with its sender, a hundred packets in order and none twice."""
    subject, partner = await stage.both()
    await _says(subject, partner, "first")
    await _says(partner, subject, "first")
    for one, other in ((subject, partner), (partner, subject)):
        for number in range(100):
            await one.say(str(number))
        expected = [(one.name, "first"), *((one.name, str(number)) for number in range(100))]
        await eventually(
            "everything in order",
            other.heard_say,
            lambda said, expected=expected: said == expected,  # type: ignore[misc]  # bound per turn
        )


@scenario()
async def data_lossy(stage: Stage) -> None:
    """Lossy data arrives both ways, on a line that loses nothing."""
    subject, partner = await stage.both()
    await _says(subject, partner, "quickly", lossy=True)
    await _says(partner, subject, "quickly", lossy=True)


@scenario()
async def data_to_one(stage: Stage) -> None:
    """Data for one participant reaches it alone, both ways."""
    subject, partner = await stage.both()
    third = await stage.partner(name="third")
    for client in (subject, partner):
        await eventually("all are there", client.others, lambda others: "third" in others)
    for one, other in ((subject, partner), (partner, subject)):
        await one.say("for you alone", to=[other.name])
        await _says(one, third, "for all")
        await eventually("it is told", other.heard_say, lambda said, one=one: (one.name, "for all") in said)  # type: ignore[misc]  # bound per turn
        assert (one.name, "for you alone") in await other.heard_say()
        assert (one.name, "for you alone") not in await third.heard_say()


@scenario()
async def data_of_the_server(stage: Stage) -> None:
    """The server API sends data to everybody, and changes what the room says of itself."""
    subject, _ = await stage.both()
    async with stage.server() as server:
        await server.room.send_data(api.SendDataRequest(room=stage.room, data="đã mở".encode(), topic="t"))
        await eventually("the server's words", subject.heard_say, lambda said: ("", "đã mở") in said)
        await server.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=stage.room, metadata="họp"))
        await eventually("the new metadata", subject.room_metadata, lambda text: text == "họp")


@scenario(quick=("chromium",))
async def text_stream(stage: Stage) -> None:
    """A text of 60 kB arrives whole, both ways."""
    subject, partner = await stage.both()
    for one, other in ((subject, partner), (partner, subject)):
        await one.send_text(LONG_TEXT)
        await eventually(f"{other.name} has it", other.texts, lambda texts, one=one: texts == [(one.name, LONG_TEXT)])  # type: ignore[misc]  # bound per turn


@scenario()
async def byte_stream(stage: Stage) -> None:
    """A file of 300 kB that does not compress arrives whole with its name, both ways."""
    subject, partner = await stage.both()
    for one, other in ((subject, partner), (partner, subject)):
        await one.send_file("công văn.pdf", FILE_BYTES)
        expected = [(one.name, "công văn.pdf", FILE_BYTES)]
        await eventually(f"{other.name} has it", other.files, lambda files, expected=expected: files == expected)  # type: ignore[misc]  # bound per turn


@scenario(quick=("python",))
async def remote_calls(stage: Stage) -> None:
    """RPC both ways: an answer, an error with its code, a method nobody has, and a long question and answer."""
    subject, partner = await stage.both()
    for one, other in ((subject, PARTNER), (partner, SUBJECT)):
        assert await one.call_method(other, "greet", "chào") == f"chào, {one.name}"
        assert await one.call_method(other, "refuse", "") == "error 1507: not today"
        assert (await one.call_method(other, "unheard of", "")).startswith("error 1400")
        long = "x" * 14_000
        assert await one.call_method(other, "greet", long) == f"{long}, {one.name}"
