"""Who receives which track: the wishes of subscribers, the admissions of publishers, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from meetings.signaling import limits
from meetings.signaling.effects import (
    Effect,
    NotSubscribable,
    Subscribed,
    SubscriptionAllowed,
    SubscriptionFailed,
    Unsubscribed,
)
from meetings.signaling.model import Identity, Participant, ParticipantSid, Track, TrackSid

Pair = tuple[ParticipantSid, TrackSid]

AWAITED_MS = 60_000  # how long a track that is not here is waited for, as LiveKit's server does


@dataclass(frozen=True)
class Admitted:
    """What one participant may receive of a publisher."""

    all_tracks: bool = False
    tracks: frozenset[TrackSid] = frozenset()


@dataclass(frozen=True)
class Guest:
    """A line of a subscription_permission message: whom it names, by identity or else by sid, and for what."""

    identity: str
    sid: str
    admitted: Admitted


@dataclass(frozen=True)
class Admission:
    """Whom a publisher lets receive its tracks. A recorder is let in everywhere, as by LiveKit's server."""

    everybody: bool = True
    named: Mapping[Identity, Admitted] = field(default_factory=dict)

    def admits(self, subscriber: Participant, track: TrackSid) -> bool:
        if self.everybody or subscriber.permission.recorder:
            return True
        admitted = self.named.get(subscriber.identity, Admitted())
        return admitted.all_tracks or track in admitted.tracks


class Subscriptions:
    """Keeps what was asked for, and settles it into what is: a call to `settle` returns only the differences."""

    def __init__(self) -> None:
        self._chosen: dict[Pair, bool] = {}  # explicit wishes; without one, auto_subscribe decides
        self._awaited: dict[Pair, int] = {}  # wishes for tracks that are not here (yet), and until when
        self._admissions: dict[ParticipantSid, Admission] = {}
        self._shut_out: set[Pair] = set()  # who was told that it may not
        self._active: dict[Pair, TrackSid] = {}  # and in which of its codecs
        self._second: set[Pair] = set()  # who cannot take the track's first codec

    # ---------------------------------------------------------------------------------------------- wishes

    def choose(self, subscriber: ParticipantSid, tracks: Iterable[TrackSid], wanted: bool) -> None:
        """A wish for, or against, tracks that are here. One that comes again finds no wish of before."""
        for track in tracks:
            self._chosen[subscriber, track] = wanted

    def wait_for(self, subscriber: ParticipantSid, tracks: Iterable[TrackSid], now_ms: int) -> list[Effect]:
        """A wish for tracks that are not here: they may come within a minute."""
        refused: list[Effect] = []
        waiting = sum(1 for pair in self._awaited if pair[0] == subscriber)
        for track in tracks:
            if (subscriber, track) not in self._awaited and waiting >= limits.AWAITED_TRACKS:
                refused.append(SubscriptionFailed(subscriber, track, NotSubscribable.NOT_FOUND))
                continue
            waiting += (subscriber, track) not in self._awaited
            self._awaited[subscriber, track] = now_ms + AWAITED_MS
        return refused

    def wait_no_more(self, subscriber: ParticipantSid, tracks: Iterable[TrackSid]) -> None:
        for track in tracks:
            self._awaited.pop((subscriber, track), None)

    def overdue(self, now_ms: int) -> list[Effect]:
        """Tracks that did not come are given up, and whoever waited for them is told."""
        late = [pair for pair, until in self._awaited.items() if now_ms >= until]
        for pair in late:
            del self._awaited[pair]
        return [SubscriptionFailed(*pair, NotSubscribable.NOT_FOUND) for pair in late]

    def _wanted(self, subscriber: Participant, track: Track) -> bool:
        pair = (subscriber.sid, track.sid)
        if self._awaited.pop(pair, None) is not None:
            self._chosen[pair] = True  # it has come
        return self._chosen.get(pair, subscriber.client.auto_subscribe)

    # ------------------------------------------------------------------------------------------ admissions

    def admit(self, publisher: ParticipantSid, admission: Admission) -> None:
        self._admissions[publisher] = admission

    def _admits(self, publisher: ParticipantSid, subscriber: Participant, track: TrackSid) -> bool:
        admission = self._admissions.get(publisher)
        return admission is None or admission.admits(subscriber, track)

    def take_second(self, subscriber: ParticipantSid, track: TrackSid) -> bool:
        """It gets the track in its second codec from now on; False if it did already."""
        known = len(self._second)
        self._second.add((subscriber, track))
        return len(self._second) > known

    def active(self, subscriber: ParticipantSid, track: TrackSid) -> bool:
        return (subscriber, track) in self._active

    # ----------------------------------------------------------------------------------------------- going

    def forget_participant(self, participant: ParticipantSid) -> None:
        self._admissions.pop(participant, None)
        self._chosen = {pair: wanted for pair, wanted in self._chosen.items() if pair[0] != participant}
        self._awaited = {pair: until for pair, until in self._awaited.items() if pair[0] != participant}
        self._shut_out = {pair for pair in self._shut_out if pair[0] != participant}
        self._active = {pair: codec for pair, codec in self._active.items() if pair[0] != participant}
        self._second = {pair for pair in self._second if pair[0] != participant}

    def forget_track(self, track: TrackSid) -> None:
        self._chosen = {pair: wanted for pair, wanted in self._chosen.items() if pair[1] != track}
        self._shut_out = {pair for pair in self._shut_out if pair[1] != track}
        self._second = {pair for pair in self._second if pair[1] != track}

    # -------------------------------------------------------------------------------------------- settling

    def settle(self, participants: Iterable[Participant]) -> list[Effect]:
        """Compare what should be forwarded with what is, and return what to start and to stop.

        Who is shut out of a track that it wants, or admitted again, is told before.
        """
        told: list[Effect] = []
        due: dict[Pair, tuple[Participant, Track]] = {}
        for subscriber, publisher, track in self._wishes(list(participants)):
            admitted = self._admits(publisher.sid, subscriber, track.sid)
            told += self._tell(subscriber.sid, publisher.sid, track.sid, admitted)
            if admitted and (codec := self._codec(subscriber.sid, track)) is not None:
                due[subscriber.sid, track.sid] = (publisher, codec)
        now = {pair: codec.sid for pair, (_, codec) in due.items()}
        stopped: list[Effect] = [Unsubscribed(*pair) for pair, codec in self._active.items() if now.get(pair) != codec]
        watched = {sid for _, sid in self._active}
        started: list[Effect] = []
        for pair, (publisher, codec) in due.items():
            if self._active.get(pair) != codec.sid:
                started.append(Subscribed(pair[0], publisher, codec, first=pair[1] not in watched))
                watched.add(pair[1])
        self._active = now
        return told + stopped + started

    def _codec(self, subscriber: ParticipantSid, track: Track) -> Track | None:
        """The codec in which it gets the track; None while the one that it needs is not sent yet."""
        backup = track.backup if track.backup is not None and track.backup.live else None
        if (subscriber, track.sid) in self._second:
            return backup
        return backup if backup is not None and track.request.regresses else track

    def _wishes(self, present: list[Participant]) -> Iterator[tuple[Participant, Participant, Track]]:
        """Every live track with everybody else who wants it and may subscribe at all."""
        for subscriber in present:
            if not subscriber.permission.can_subscribe:
                continue
            for publisher in present:
                if publisher.sid == subscriber.sid:
                    continue
                for track in publisher.live_tracks:
                    if self._wanted(subscriber, track):
                        yield subscriber, publisher, track

    def _tell(
        self, subscriber: ParticipantSid, publisher: ParticipantSid, track: TrackSid, admitted: bool
    ) -> list[Effect]:
        """A client takes itself for admitted until it is told otherwise."""
        pair = (subscriber, track)
        if admitted != (pair in self._shut_out):
            return []
        if admitted:
            self._shut_out.discard(pair)
        else:
            self._shut_out.add(pair)
        return [SubscriptionAllowed(subscriber, publisher, track, admitted)]
