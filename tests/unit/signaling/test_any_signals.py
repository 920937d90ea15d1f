"""Whatever clients ask for, in whatever order: nothing breaks, and everybody is told a story that holds together."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, TrackSid
from tests.fakes_relay import answer_to, audio, offer_sdp, video
from tests.unit.signaling.test_relay import Guest, House, user

NAMES = ("hue", "vinh", "dalat")
ROUNDS = 5_000
FEATURES = [models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX]


class Crowd:
    """Three clients in one room, each saying what chance tells it; whoever is out comes again."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.guests = {name: self._join(name) for name in NAMES}
        self.numbers = dict.fromkeys(NAMES, 1)

    def _join(self, name: str) -> Guest:
        self.house.clock.advance(5)
        return Guest(self.house, name, can_update_metadata=self.chance.random() < 0.7)

    def turn(self) -> None:
        name = self.chance.choice(NAMES)
        guest = self.guests[name]
        if guest.session.ended or guest.connection.closed:
            self.check(name)
            guest = self.guests[name] = self._join(name)
        self.house.clock.advance(0.02)
        self.chance.choice(MOVES)(self, name, guest)
        if self.chance.random() < 0.02:
            self.house.later(1)

    # ------------------------------------------------------------------------------------------------ the moves

    def some_track(self) -> str:
        known = [track.sid for one in self.house.relay.rooms["m1"].rules.roster for track in one.tracks]
        return self.chance.choice([*known, "TR_never", ""])

    def some_sid(self) -> str:
        return self.chance.choice([*(guest.sid for guest in self.guests.values()), "PA_never", ""])

    def publish(self, name: str, guest: Guest) -> None:
        kinds = [models.TrackType.AUDIO, models.TrackType.VIDEO, models.TrackType.DATA]
        kind = self.chance.choice(kinds)
        cid = f"c{self.chance.randrange(4)}"
        guest.announces(cid, kind, muted=self.chance.random() < 0.3, sid=self.chance.choice(["", "", "", "TR_x"]))

    def offer(self, name: str, guest: Guest) -> None:
        cids = [f"c{self.chance.randrange(4)}" for _ in range(self.chance.randrange(4))]
        sections = [audio(cid) if self.chance.random() < 0.5 else video(cid) for cid in cids]
        guest.says(offer=rtc.SessionDescription(type="offer", sdp=offer_sdp(sections), id=self.numbers[name]))
        self.numbers[name] += 1

    def answer(self, name: str, guest: Guest) -> None:
        offers = guest.told("offer")
        if offers:
            offer = self.chance.choice(offers[-2:])
            text = answer_to(offer.sdp)
            text = text.replace("m=video 9", "m=video 0") if self.chance.random() < 0.2 else text
            guest.says(answer=rtc.SessionDescription(type="answer", sdp=text, id=offer.id))

    def connect(self, name: str, guest: Guest) -> None:
        for label in ("_reliable", "_lossy"):
            transport = schema.TransportId(f"{guest.sid}.sub")
            self.house.worker.emit(schema.TransportConnected(transport))
            self.house.worker.emit(schema.DataChannelOpen(transport, label))

    def mute(self, name: str, guest: Guest) -> None:
        guest.says(mute=rtc.MuteTrackRequest(sid=self.some_track(), muted=self.chance.random() < 0.5))

    def choose(self, name: str, guest: Guest) -> None:
        tracks = [self.some_track() for _ in range(self.chance.randrange(3))]
        guest.says(subscription=rtc.UpdateSubscription(track_sids=tracks, subscribe=self.chance.random() < 0.6))

    def view(self, name: str, guest: Guest) -> None:
        setting = rtc.UpdateTrackSettings(track_sids=[self.some_track()], disabled=self.chance.random() < 0.3)
        setting.width, setting.priority = self.chance.choice([0, 64, 4_000_000_000]), self.chance.randrange(9)
        guest.says(track_setting=setting)

    def admit(self, name: str, guest: Guest) -> None:
        lines = [
            rtc.TrackPermission(
                participant_identity=self.chance.choice([*NAMES, ""]),
                participant_sid=self.some_sid(),
                all_tracks=self.chance.random() < 0.5,
                track_sids=[self.some_track()],
            )
            for _ in range(self.chance.randrange(3))
        ]
        everybody = self.chance.random() < 0.3
        permission = rtc.SubscriptionPermission(all_participants=everybody, track_permissions=lines)
        guest.says(subscription_permission=permission)

    def describe(self, name: str, guest: Guest) -> None:
        change = rtc.UpdateParticipantMetadata(name=self.chance.choice(["", "x", "x" * 300]), request_id=1)
        change.attributes["a"] = self.chance.choice(["", "1", "2"])
        guest.says(update_metadata=change)

    def describe_tracks(self, name: str, guest: Guest) -> None:
        sid = self.some_track()
        guest.says(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=sid, features=[self.chance.choice(FEATURES)]))
        guest.says(update_video_track=rtc.UpdateLocalVideoTrack(track_sid=sid, width=1, height=2))

    def resume(self, name: str, guest: Guest) -> None:
        guest.session.lost()
        self.check(name)
        self.guests[name] = again = Guest(self.house, name, resumes=guest.sid)
        published = [rtc.TrackPublishedResponse(cid="c", track=models.TrackInfo(sid=self.some_track()))]
        chosen = rtc.UpdateSubscription(track_sids=[self.some_track()], subscribe=self.chance.random() < 0.5)
        state = rtc.SyncState(subscription=chosen, track_sids_disabled=[self.some_track()])
        state.publish_tracks.extend(published[: self.chance.randrange(2)])
        again.says(sync_state=state)

    def send(self, name: str, guest: Guest) -> None:
        self.numbers[name] += 1
        guest.sends(user("x", sequence=self.chance.choice([0, self.numbers[name]])))

    def leave(self, name: str, guest: Guest) -> None:
        if self.chance.random() < 0.1:
            guest.says(leave=rtc.LeaveRequest())

    # -------------------------------------------------------------------------------------------------- the story

    def check(self, name: str) -> None:
        """`join` or `reconnect` first and once; versions of others only grow; nothing after the end."""
        guest = self.guests[name]
        kinds = guest.connection.kinds()
        assert kinds[0] in ("join", "reconnect")
        assert not {"join", "reconnect"} & set(kinds[1:])
        seen: dict[str, int] = {}
        for update in guest.told("update"):
            for one in update.participants:
                assert one.version >= seen.get(one.sid, 0), (name, one.sid)
                seen[one.sid] = one.version
        assert "leave" not in kinds[:-1]

    def check_forwarding(self) -> None:
        """Consumers that were not closed are exactly those of subscriptions that hold."""
        room = self.house.relay.rooms["m1"].rules
        open_: set[str] = set()
        for command in self.house.worker.commands:
            if isinstance(command, schema.Consume):
                open_.add(command.consumer_id)
            elif isinstance(command, schema.CloseConsumer):
                open_.discard(command.consumer_id)
        here = {one.sid: one for one in room.roster}
        for consumer in open_:
            sid, _, track = consumer.partition("<")
            if (subscriber := here.get(ParticipantSid(sid))) is not None:
                assert room.receives(subscriber.sid, TrackSid(track)), consumer


MOVES: list[Callable[[Crowd, str, Guest], Any]] = [
    Crowd.publish,
    Crowd.publish,
    Crowd.offer,
    Crowd.answer,
    Crowd.answer,
    Crowd.connect,
    Crowd.mute,
    Crowd.choose,
    Crowd.view,
    Crowd.admit,
    Crowd.describe,
    Crowd.describe_tracks,
    Crowd.resume,
    Crowd.send,
    Crowd.leave,
]


async def perform(rounds: int, seed: int, crowd_of: int = 1_000) -> None:
    """That many signals, in crowds that begin anew, so that what was said can be looked through."""
    for part in range(0, rounds, crowd_of):
        house = House()
        await house.relay.start()
        crowd = Crowd(house, seed + part)
        for _ in range(min(crowd_of, rounds - part)):
            crowd.turn()
        for name in NAMES:
            crowd.check(name)
        crowd.check_forwarding()


@pytest.mark.timeout(120)
async def test_five_thousand_signals_in_any_order_break_nothing(caplog: pytest.LogCaptureFixture) -> None:
    await perform(ROUNDS, seed=7)
    assert [one for one in caplog.records if one.exc_info] == []
