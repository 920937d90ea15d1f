"""Tokens carry the least right; the relay's address fits the page that asks."""

import jwt
import pytest

from meetings.conduct import livekit
from meetings.conduct.rules.seats import SeatFacts, SeatKind, SeatRole, Standing
from meetings.config import Settings

SEAT = SeatFacts("point:a", "UBND xã A", SeatKind.POINT, SeatRole.MEMBER, generation=3)


def claims(token: str, settings: Settings) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(token, settings.livekit_api_secret, algorithms=["HS256"])
    return read


def test_a_seat_token_names_one_room_one_identity_and_what_the_row_gives(settings: Settings) -> None:
    read = claims(livekit.seat_token(settings, "m1", SEAT), settings)
    assert (read["sub"], read["name"], read["attributes"]) == ("point:a", "UBND xã A", {"generation": "3"})
    assert read["video"] == {
        "roomJoin": True,
        "room": "m1",
        "canPublish": True,
        "canPublishSources": ["microphone", "camera"],
        "canSubscribe": True,
        "canPublishData": False,
        "canUpdateOwnMetadata": False,
    }
    assert int(str(read["exp"])) - int(str(read["nbf"])) == 600


def test_who_may_publish_nothing_gets_no_empty_list_that_would_mean_everything(settings: Settings) -> None:
    nothing = SeatFacts("point:a", "A", SeatKind.POINT, SeatRole.MEMBER, may_audio=False, may_video=False)
    video = claims(livekit.seat_token(settings, "m1", nothing), settings)["video"]
    assert isinstance(video, dict)
    assert video["canPublish"] is False


def test_nobody_who_waits_could_publish_even_with_a_token(settings: Settings) -> None:
    waiting = SeatFacts("guest:g", "G", SeatKind.GUEST, SeatRole.GUEST, standing=Standing.WAITING)
    video = claims(livekit.seat_token(settings, "m1", waiting), settings)["video"]
    assert isinstance(video, dict)
    assert video["canPublish"] is False


@pytest.mark.parametrize(
    ("page", "relay"),
    [
        ("https://hop.example.invalid:8443/room", "wss://hop.example.invalid:7443"),
        ("http://localhost:8000/room", "ws://localhost:7880"),
        ("https://[fd00::1]:8443/room", "wss://[fd00::1]:7443"),
    ],
)
def test_our_relay_is_on_the_host_of_the_page(settings: Settings, page: str, relay: str) -> None:
    assert livekit.public_url(settings, page) == relay


def test_a_configured_relay_is_told_as_it_is(settings: Settings) -> None:
    settings.livekit_url = "https://sfu.example.invalid"
    assert livekit.public_url(settings, "https://hop.example.invalid/room") == "wss://sfu.example.invalid"
    settings.livekit_public_url = "wss://media.example.invalid"
    assert livekit.public_url(settings, "https://hop.example.invalid/room") == "wss://media.example.invalid"
