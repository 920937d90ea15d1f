"""A client with one peer connection in a room: its one transport carries what it sends and what it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.grants import Grants
from meetings.signaling.joining import Connect
from meetings.signaling.media import schema
from meetings.signaling.model import Client, Identity, ParticipantSid, Permission
from meetings.signaling.negotiation import grammar
from meetings.signaling.relay import UnknownSession
from meetings.signaling.requests import Offer
from tests.fakes_relay import FakeConnection, audio, offer_sdp, video
from tests.unit.signaling.test_relay import Guest, House
from tests.unit.signaling.test_single import SIX, ear, eye


class Single(Guest):
    """It offers at once; what it is told goes into `connection`."""

    def __init__(
        self, house: House, identity: str, *sections: str, resumes: str | None = None, offers: bool = True
    ) -> None:
        self.house = house
        self.connection = FakeConnection()
        self.sections = list(sections or SIX)
        grants = Grants(Identity(identity), room="m1", room_join=True, permission=Permission(), api_key="key")
        first = (Offer(7, offer_sdp(self.sections)),) if offers else ()
        client = Client(single=True, protocol=17)
        connect = Connect(client, ParticipantSid(resumes) if resumes else None, requests=first)
        self.session = house.relay.join(grants, connect, self.connection)
        self.sid = self.session.sid

    @property
    def transport(self) -> schema.TransportId:
        return schema.TransportId(f"{self.sid}.pub")

    def answer(self) -> Any:
        return self.told("answer")[-1]

    def heeds(self) -> rtc.MediaSectionsRequirement:
        """Offers what it was asked for last."""
        asked: rtc.MediaSectionsRequirement = self.told("media_sections_requirement")[-1]
        self.sections += [ear()] * asked.num_audios + [eye()] * asked.num_videos
        self.offers(*self.sections, number=8)
        return asked

    def connects(self) -> Single:
        self.house.worker.emit(schema.TransportConnected(self.transport))
        for label in ("_reliable", "_lossy"):
            self.house.worker.emit(schema.DataChannelOpen(self.transport, label))
        return self


@pytest.fixture
async def house() -> House:
    house = House()
    await house.relay.start()
    return house


async def test_its_own_connection_is_the_one_that_counts_and_its_offer_is_answered_under_its_number(
    house: House,
) -> None:
    guest = Single(house, "hue")
    assert guest.connection.kinds()[0] == "join"
    assert not guest.told("join")[0].subscriber_primary
    assert guest.answer().id == 7
    assert [one.transport_id for one in house.worker.sent(schema.CreateTransport)] == [guest.transport]
    assert guest.told("offer") == []


async def test_who_is_there_is_sent_to_a_joiner_with_the_first_answer(house: House) -> None:
    track = Guest(house, "vinh").publishes()
    guest = Single(house, "hue")
    assert dict(guest.answer().mid_to_track_id) == {"1": track}
    (consume,) = [one for one in house.worker.sent(schema.Consume) if one.transport_id == guest.transport]
    assert (consume.producer_id, consume.mid) == (track, "1")
    assert grammar.parse(guest.answer().sdp).sections[1].direction == "sendonly"
    assert guest.told("media_sections_requirement") == []


async def test_what_is_published_later_is_told_before_the_client_is_asked_to_offer_again(house: House) -> None:
    guest = Single(house, "hue")
    track = Guest(house, "vinh").publishes()
    kinds = guest.connection.kinds()
    assert kinds.index("media_sections_requirement") > max(at for at, kind in enumerate(kinds) if kind == "update")
    assert not house.worker.sent(schema.Consume)
    asked = guest.heeds()
    assert (asked.num_audios, asked.num_videos) == (0, 0)
    assert dict(guest.answer().mid_to_track_id) == {"1": track}
    assert guest.answer().id == 8
    assert len(house.worker.sent(schema.Consume)) == 1


async def test_a_client_without_room_is_asked_for_it(house: House) -> None:
    guest = Single(house, "hue", audio("c-mic"))
    track = Guest(house, "vinh").publishes()
    asked = guest.heeds()
    assert (asked.num_audios, asked.num_videos) == (1, 0)
    assert dict(guest.answer().mid_to_track_id) == {"2": track}


async def test_a_client_that_offers_after_joining_is_not_asked_before(house: House) -> None:
    Guest(house, "vinh").publishes()
    guest = Single(house, "hue", offers=False)  # as Firefox
    assert guest.told("media_sections_requirement") == []
    guest.offers(*guest.sections, number=1)
    assert len(guest.answer().mid_to_track_id) == 1


async def test_what_it_publishes_is_received_on_the_same_transport(house: House) -> None:
    guest = Single(house, "hue")
    guest.announces("c-cam", models.TrackType.VIDEO)
    guest.offers(*guest.sections, video("c-cam"), number=9)
    (produce,) = house.worker.sent(schema.Produce)
    assert (produce.transport_id, produce.mid) == (guest.transport, "7")
    assert guest.answer().mid_to_track_id == {}


async def test_it_is_there_once_its_one_transport_works(house: House) -> None:
    guest, other = Single(house, "hue"), Guest(house, "vinh").connects()
    guest.connects()
    states = [one.state for update in other.told("update") for one in update.participants if one.identity == "hue"]
    assert states[-1] == models.ParticipantInfo.ACTIVE


async def test_data_comes_to_it_over_the_channels_that_it_opened(house: House) -> None:
    guest, other = Single(house, "hue"), Guest(house, "vinh").connects()
    other.sends(models.DataPacket(user=models.UserPacket(payload=b"early")))
    assert not [one for one in house.worker.sent(schema.SendData) if one.transport_id == guest.transport]
    guest.connects()
    other.sends(models.DataPacket(user=models.UserPacket(payload=b"late")))
    sent = [one for one in house.worker.sent(schema.SendData) if one.transport_id == guest.transport]
    texts = [models.DataPacket.FromString(one.payload).user.payload for one in sent]
    assert texts == [b"early", b"late"]
    assert house.worker.sent(schema.SetRemote)[0].open_channels == []


async def test_who_leaves_frees_a_section_for_who_comes(house: House) -> None:
    guest = Single(house, "hue", ear())
    vinh = Guest(house, "vinh")
    vinh.publishes()
    guest.heeds()
    vinh.says(leave=rtc.LeaveRequest())
    guest.heeds()
    assert grammar.parse(guest.answer().sdp).sections[1].direction == "inactive"
    track = Guest(house, "hanoi").publishes()
    guest.heeds()
    assert dict(guest.answer().mid_to_track_id) == {"1": track}
    assert len(guest.sections) == 1


async def test_it_goes_on_over_a_new_connection_with_new_credentials_and_the_same_tracks(house: House) -> None:
    Guest(house, "vinh").publishes()
    guest = Single(house, "hue").connects()
    before = grammar.parse(guest.answer().sdp).sections[0].value("ice-ufrag")
    guest.session.lost()
    track = Guest(house, "hanoi").publishes()  # what it was asked for now is lost
    again = Single(house, "hue", resumes=guest.sid, offers=False)
    assert again.connection.kinds()[:2] == ["reconnect", "update"]
    assert again.told("offer") == []
    again.offers(*guest.sections, number=2, ufrag="newufrag")
    (restart,) = house.worker.sent(schema.RestartIce)
    section = grammar.parse(again.answer().sdp).sections[0]
    assert section.value("ice-ufrag") == restart.ice_ufrag != before
    assert restart.transport_id == guest.transport
    assert track in again.answer().mid_to_track_id.values()
    assert len(again.answer().mid_to_track_id) == 2
    assert house.worker.sent(schema.CloseConsumer) == []


async def test_a_session_does_not_go_on_in_the_other_mode(house: House) -> None:
    guest = Single(house, "hue")
    guest.session.lost()
    with pytest.raises(UnknownSession):
        Guest(house, "hue", resumes=guest.sid)


async def test_its_one_transport_is_closed_once(house: House) -> None:
    guest = Single(house, "hue")
    guest.says(leave=rtc.LeaveRequest())
    assert [one.transport_id for one in house.worker.sent(schema.CloseTransport)] == [guest.transport]


async def test_an_answer_of_one_who_was_offered_nothing_changes_nothing(house: House) -> None:
    guest = Single(house, "hue")
    guest.says(answer=rtc.SessionDescription(type="answer", sdp=offer_sdp([audio("a")]), id=1))
    assert not guest.session.ended


async def test_offers_of_many_sections_are_read_as_far_as_they_were_asked_for(house: House) -> None:
    guest = Single(house, "hue")
    guest.offers(*[eye()] * 300)
    assert guest.session.ended
    assert guest.told("leave")[-1].action == rtc.LeaveRequest.RECONNECT
