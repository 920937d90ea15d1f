"""Who receives which track: the wishes of subscribers, the admissions of publishers, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from meetings.signaling.effects import Effect, Subscribed, Unsubscribed
from meetings.signaling.model import Identity, Participant, ParticipantSid, Track, TrackSid

Pair = tuple[ParticipantSid, TrackSid]


@dataclass(frozen=True)
class Admission:
    """Whom a publisher lets receive its tracks; made from its subscription_permission message."""

    everybody: bool = True
    all_tracks: frozenset[Identity | ParticipantSid] = frozenset()
    single_tracks: Mapping[TrackSid, frozenset[Identity | ParticipantSid]] = field(default_factory=dict)

    def admits(self, subscriber: Participant, track: TrackSid) -> bool:
        if self.everybody:
            return True
        names = self.all_tracks | self.single_tracks.get(track, frozenset())
        return subscriber.identity in names or subscriber.sid in names


class Subscriptions:
    """Keeps what was asked for, and settles it into what is: a call to `settle` returns only the differences."""

    def __init__(self) -> None:
        self._chosen: dict[Pair, bool] = {}  # explicit wishes; without one, auto_subscribe decides
        self._admissions: dict[ParticipantSid, Admission] = {}
        self._active: dict[Pair, None] = {}

    def choose(self, subscriber: ParticipantSid, tracks: Iterable[TrackSid], wanted: bool) -> None:
        for track in tracks:
            self._chosen[subscriber, track] = wanted

    def admit(self, publisher: ParticipantSid, admission: Admission) -> None:
        self._admissions[publisher] = admission

    def admits(self, publisher: ParticipantSid, subscriber: Participant, track: TrackSid) -> bool:
        return self._admissions.get(publisher, Admission()).admits(subscriber, track)

    def active(self, subscriber: ParticipantSid, track: TrackSid) -> bool:
        return (subscriber, track) in self._active

    def forget_participant(self, participant: ParticipantSid) -> None:
        self._admissions.pop(participant, None)
        self._chosen = {pair: wanted for pair, wanted in self._chosen.items() if pair[0] != participant}
        self._active = {pair: None for pair in self._active if pair[0] != participant}

    def forget_track(self, track: TrackSid) -> None:
        self._chosen = {pair: wanted for pair, wanted in self._chosen.items() if pair[1] != track}

    def settle(self, participants: Iterable[Participant]) -> list[Effect]:
        """Compare what should be forwarded with what is, and return what to start and to stop."""
        present = list(participants)
        due = {
            (subscriber.sid, track.sid): (publisher, track)
            for subscriber in present
            for publisher, track in self._due(subscriber, present)
        }
        stopped: list[Effect] = [Unsubscribed(*pair) for pair in self._active if pair not in due]
        watched = {track for _, track in self._active}
        started: list[Effect] = []
        for pair, (publisher, track) in due.items():
            if pair not in self._active:
                started.append(Subscribed(pair[0], publisher, track, first=track.sid not in watched))
                watched.add(track.sid)
        self._active = dict.fromkeys(due)
        return stopped + started

    def _due(self, subscriber: Participant, present: list[Participant]) -> Iterator[tuple[Participant, Track]]:
        if not subscriber.permission.can_subscribe:
            return
        for publisher in present:
            if publisher.sid == subscriber.sid:
                continue
            for track in publisher.live_tracks:
                wanted = self._chosen.get((subscriber.sid, track.sid), subscriber.client.auto_subscribe)
                if wanted and self.admits(publisher.sid, subscriber, track.sid):
                    yield publisher, track
