"""The rules of a room: who is in it, what each may do, who is told. Pure: calls in, effects out; time is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from meetings.signaling import limits
from meetings.signaling.effects import (
    Dismissed,
    Effect,
    Happened,
    Happening,
    ParticipantChanged,
    Refusal,
    RequestAnswered,
    RoomChanged,
    SubscriptionAllowed,
    TokenStale,
    TrackAccepted,
    TrackMuted,
    TrackStopped,
)
from meetings.signaling.grants import Grants
from meetings.signaling.model import (
    Client,
    Participant,
    ParticipantSid,
    Permission,
    Reason,
    RoomFacts,
    RoomSettings,
    RoomSid,
    State,
    Track,
    TrackRequest,
    TrackSid,
)
from meetings.signaling.subscriptions import Admission, Subscriptions


class RoomFull(Exception):
    """The room already holds as many participants as it admits."""


class Refused(Exception):
    """A server call asks for what the rules do not allow; the sentence says what."""


class Room:
    """One meeting's media session. Every public method returns the effects of what just happened, in order."""

    def __init__(self, sid: RoomSid, name: str, *, now_ms: int, settings: RoomSettings, metadata: str = "") -> None:
        self.sid = sid
        self.name = name
        self.settings = settings
        self.metadata = metadata
        self._created_at_ms = now_ms
        self._empty_since_ms: int | None = now_ms
        self._was_used = False
        self._participants: dict[ParticipantSid, Participant] = {}
        self._subscriptions = Subscriptions()

    # ------------------------------------------------------------------------------------------ what is

    @property
    def participants(self) -> tuple[Participant, ...]:
        return tuple(self._participants.values())

    def participant(self, sid: ParticipantSid) -> Participant | None:
        return self._participants.get(sid)

    def by_identity(self, identity: str) -> Participant | None:
        return next((one for one in self._participants.values() if one.identity == identity), None)

    def facts(self) -> RoomFacts:
        shown = [one for one in self._participants.values() if not one.permission.hidden]
        return RoomFacts(
            sid=self.sid,
            name=self.name,
            created_at_ms=self._created_at_ms,
            settings=self.settings,
            metadata=self.metadata,
            participants=len(shown),
            publishers=sum(1 for one in shown if one.live_tracks),
            recording=any(one.permission.recorder for one in self._participants.values()),
        )

    def expired(self, now_ms: int) -> bool:
        """True once the room has stood empty for as long as its settings allow."""
        if self._empty_since_ms is None:
            return False
        patience = self.settings.departure_timeout if self._was_used else self.settings.empty_timeout
        return now_ms - self._empty_since_ms >= patience * 1000

    def shown_to(self, sid: ParticipantSid) -> tuple[Participant, ...]:
        """The others as this participant may see them: without those who are hidden."""
        return tuple(one for one in self._participants.values() if one.sid != sid and not one.permission.hidden)

    def receivers(self, sid: ParticipantSid, destinations: Iterable[str] = ()) -> tuple[ParticipantSid, ...]:
        """Who gets a data message of this participant: all others, or those named; nobody if it may not send."""
        sender = self._participants.get(sid)
        if sender is None or not sender.permission.can_publish_data:
            return ()
        return self.addressees(destinations, without=sid)

    def addressees(self, destinations: Iterable[str] = (), *, without: str = "") -> tuple[ParticipantSid, ...]:
        """All participants, or those named by identity or sid."""
        named = frozenset(destinations)
        everybody = (one for one in self._participants.values() if one.sid != without)
        return tuple(one.sid for one in everybody if not named or one.identity in named or one.sid in named)

    # ---------------------------------------------------------------------------------- coming and going

    def join(self, sid: ParticipantSid, grants: Grants, client: Client, now_ms: int) -> list[Effect]:
        """A new connection. An older one of the same identity is dismissed first. Raises RoomFull."""
        effects: list[Effect] = []
        if (older := self.by_identity(grants.identity)) is not None:
            effects += self._depart(older, Reason.DUPLICATE_IDENTITY, said=True, now_ms=now_ms)
        elif self.settings.max_participants and len(self._participants) >= self.settings.max_participants:
            raise RoomFull
        self._participants[sid] = Participant(
            sid=sid,
            identity=grants.identity,
            name=grants.name,
            metadata=grants.metadata,
            attributes=dict(grants.attributes),
            permission=grants.permission,
            joined_at_ms=now_ms,
            client=client,
        )
        self._empty_since_ms = None
        self._was_used = True
        effects += self._announce(self._participants[sid], to_itself=False)
        return effects + self._settle()

    def connected(self, sid: ParticipantSid) -> list[Effect]:
        """The participant's media connection works: from now on it counts as present."""
        participant = self._participants.get(sid)
        if participant is None or participant.state is State.ACTIVE:
            return []
        effects = self._change(participant, state=State.ACTIVE)
        return [*effects, Happened(Happening.PARTICIPANT_JOINED, self._participants[sid]), self._counts()]

    def leave(self, sid: ParticipantSid, reason: Reason, now_ms: int, *, said: bool = False) -> list[Effect]:
        """The participant goes, or its connection is given up. `said`: its client is told why."""
        participant = self._participants.get(sid)
        return [] if participant is None else self._depart(participant, reason, said=said, now_ms=now_ms)

    def remove(self, identity: str, now_ms: int) -> list[Effect]:
        """The server puts a participant out. Raises KeyError if it is not here."""
        return self._depart(self._known(identity), Reason.PARTICIPANT_REMOVED, said=True, now_ms=now_ms)

    def close(self, reason: Reason, now_ms: int) -> list[Effect]:
        """Everybody is dismissed; the room is over."""
        effects: list[Effect] = []
        for participant in self.participants:
            effects += self._depart(participant, reason, said=True, now_ms=now_ms)
        return effects

    def _depart(self, participant: Participant, reason: Reason, *, said: bool, now_ms: int) -> list[Effect]:
        effects: list[Effect] = []
        for track in participant.tracks:
            effects += self._drop_track(participant.sid, track, told=False)
        present = self._participants.pop(participant.sid)
        self._subscriptions.forget_participant(participant.sid)
        gone = replace(
            present,
            state=State.DISCONNECTED,
            version=present.version + 1,
            left_because=reason,
            tracks=participant.tracks,
        )
        effects += self._settle()
        if not gone.permission.hidden:
            effects.append(ParticipantChanged(self.addressees(), gone))
        aborted = present.state is not State.ACTIVE
        left = Happening.PARTICIPANT_CONNECTION_ABORTED if aborted else Happening.PARTICIPANT_LEFT
        if not self._participants:
            self._empty_since_ms = now_ms
        return [*effects, Dismissed(gone.sid, reason, said), Happened(left, gone), self._counts()]

    # --------------------------------------------------------------------------------------------- tracks

    def add_track(
        self, sid: ParticipantSid, request: TrackRequest, track_sid: TrackSid, *, request_id: int = 0
    ) -> list[Effect]:
        """A client wants to publish. It is answered by a track sid, or by why not."""
        participant = self._participants.get(sid)
        if participant is None:
            return []
        if not participant.permission.may_publish(request.source):
            why = f"publishing {request.source.value} is not permitted"
            return [RequestAnswered(sid, request_id, Refusal.NOT_ALLOWED, why, request.cid)]
        if len(participant.tracks) >= limits.TRACKS:
            return [RequestAnswered(sid, request_id, Refusal.LIMIT_EXCEEDED, "too many tracks", request.cid)]
        if again := next((one for one in participant.tracks if one.request.cid == request.cid), None):
            return [TrackAccepted(sid, again)]
        track = Track(sid=track_sid, request=request, muted=request.muted)
        self._participants[sid] = replace(participant, tracks=(*participant.tracks, track))
        return [TrackAccepted(sid, track)]

    def track_negotiated(self, sid: ParticipantSid, track_sid: TrackSid, mid: str, mime_type: str) -> list[Effect]:
        """The track has its media section: it becomes known, and is forwarded to whoever wants it."""
        participant, track = self._own_track(sid, track_sid)
        if participant is None or track is None:
            return []
        live = replace(track, live=True, mid=mid, mime_type=mime_type)
        effects = self._change(participant, tracks=_with(participant.tracks, live))
        if not track.live:
            effects.append(Happened(Happening.TRACK_PUBLISHED, self._participants[sid], live))
            effects.append(self._counts())
        return effects + self._settle()

    def unpublish(self, sid: ParticipantSid, track_sid: TrackSid) -> list[Effect]:
        """The client itself stopped sending the track."""
        return self._end_track(sid, track_sid, told=False)

    def set_muted(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The client itself muted or unmuted its track."""
        return self._mute(sid, track_sid, muted, told=False)

    def mute_published(self, identity: str, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The server mutes a track. Only its publisher may unmute it. Raises KeyError, Refused."""
        participant = self._known(identity)
        track = participant.track(track_sid)
        if track is None:
            raise KeyError(track_sid)
        if track.muted and not muted:
            raise Refused("remote unmute not enabled")
        return self._mute(participant.sid, track_sid, muted, told=True)

    def _mute(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool, *, told: bool) -> list[Effect]:
        participant, track = self._own_track(sid, track_sid)
        if participant is None or track is None or track.muted == muted:
            return []
        tracks = _with(participant.tracks, replace(track, muted=muted))
        return [TrackMuted(sid, track_sid, muted, told), *self._change(participant, tracks=tracks)]

    def _end_track(self, sid: ParticipantSid, track_sid: TrackSid, *, told: bool) -> list[Effect]:
        participant, track = self._own_track(sid, track_sid)
        if participant is None or track is None:
            return []
        effects = self._drop_track(sid, track, told=told)
        if track.live:
            effects += self._announce(self._participants[sid])
            effects.append(self._counts())
        return effects + self._settle()

    def _drop_track(self, sid: ParticipantSid, track: Track, *, told: bool) -> list[Effect]:
        participant = self._participants[sid]
        left = tuple(one for one in participant.tracks if one.sid != track.sid)
        self._participants[sid] = replace(participant, tracks=left, version=participant.version + 1)
        self._subscriptions.forget_track(track.sid)
        effects: list[Effect] = [TrackStopped(sid, track.sid, told)]
        if track.live:
            effects.append(Happened(Happening.TRACK_UNPUBLISHED, self._participants[sid], track))
        return effects

    # ------------------------------------------------------------------------------------- subscriptions

    def choose(self, sid: ParticipantSid, tracks: Iterable[TrackSid], wanted: bool) -> list[Effect]:
        """A client, or the server for it, asks for tracks or for no more of them."""
        if sid not in self._participants:
            return []
        known = {track.sid for one in self._participants.values() for track in one.tracks}
        self._subscriptions.choose(sid, known.intersection(tracks), wanted)
        return self._settle()

    def admit(self, sid: ParticipantSid, admission: Admission) -> list[Effect]:
        """A publisher says who may receive its tracks; those concerned are told what changed for them."""
        publisher = self._participants.get(sid)
        if publisher is None:
            return []
        pairs = [(other, track) for other in self.participants if other.sid != sid for track in publisher.live_tracks]
        before = {(other.sid, track.sid): self._subscriptions.admits(sid, other, track.sid) for other, track in pairs}
        self._subscriptions.admit(sid, admission)
        told: list[Effect] = []
        for other, track in pairs:
            allowed = admission.admits(other, track.sid)
            if allowed != before[other.sid, track.sid]:
                told.append(SubscriptionAllowed(other.sid, sid, track.sid, allowed))
        return told + self._settle()

    # --------------------------------------------------------------------- metadata and permission

    def update_own(
        self,
        sid: ParticipantSid,
        *,
        name: str,
        metadata: str,
        attributes: Mapping[str, str],
        request_id: int,
    ) -> list[Effect]:
        """A client changes its own name, metadata or attributes; empty ones stay, an empty attribute is deleted."""
        participant = self._participants.get(sid)
        if participant is None:
            return []
        if not participant.permission.can_update_metadata:
            why = "does not have permission to update own metadata"
            return [RequestAnswered(sid, request_id, Refusal.NOT_ALLOWED, why)]
        try:
            effects = self._describe(participant, name=name, metadata=metadata, attributes=attributes)
        except Refused as error:
            return [RequestAnswered(sid, request_id, Refusal.LIMIT_EXCEEDED, str(error))]
        return [*effects, RequestAnswered(sid, request_id, Refusal.OK)]

    def update_participant(
        self,
        identity: str,
        *,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
        permission: Permission | None = None,
    ) -> list[Effect]:
        """The server changes a participant; a permission replaces the whole one. Raises KeyError, Refused."""
        participant = self._known(identity)
        effects = self._describe(participant, name=name, metadata=metadata, attributes=attributes or {})
        return effects if permission is None else effects + self._permit(participant.sid, permission)

    def set_metadata(self, metadata: str) -> list[Effect]:
        """The server changes the room's metadata. Raises Refused."""
        if len(metadata.encode()) > limits.METADATA:
            raise Refused("metadata exceeds limits")
        self.metadata = metadata
        return [self._counts()]

    def _describe(
        self, participant: Participant, *, name: str, metadata: str, attributes: Mapping[str, str]
    ) -> list[Effect]:
        merged = {key: value for key, value in {**participant.attributes, **attributes}.items() if value}
        if len(name.encode()) > limits.NAME:
            raise Refused("name exceeds limits")
        if len(metadata.encode()) > limits.METADATA:
            raise Refused("metadata exceeds limits")
        if limits.attributes_size(merged) > limits.ATTRIBUTES:
            raise Refused("attributes exceed limits")
        changed = {"name": name or participant.name, "metadata": metadata or participant.metadata, "attributes": merged}
        if all(getattr(participant, key) == value for key, value in changed.items()):
            return []
        return self._change(participant, **changed)

    def _permit(self, sid: ParticipantSid, permission: Permission) -> list[Effect]:
        """Tracks whose source is no longer allowed are unpublished; the client hears of the permission first."""
        participant = self._participants[sid]
        if participant.permission == permission:
            return []
        self._participants[sid] = changed = replace(participant, permission=permission, version=participant.version + 1)
        effects = self._announce_permission(participant, changed)
        for track in changed.tracks:
            if not permission.may_publish(track.source):
                effects += self._end_track(sid, track.sid, told=True)
        return [*effects, *self._settle(), TokenStale(sid)]

    def _announce_permission(self, before: Participant, now: Participant) -> list[Effect]:
        if now.permission.hidden and not before.permission.hidden:
            others = tuple(one.sid for one in self._participants.values() if one.sid != now.sid)
            vanished = ParticipantChanged(others, replace(now, state=State.DISCONNECTED))
            return [ParticipantChanged((now.sid,), now), vanished]
        return self._announce(now)

    # ------------------------------------------------------------------------------------------ the rest

    def _known(self, identity: str) -> Participant:
        participant = self.by_identity(identity)
        if participant is None:
            raise KeyError(identity)
        return participant

    def _own_track(self, sid: ParticipantSid, track_sid: TrackSid) -> tuple[Participant | None, Track | None]:
        participant = self._participants.get(sid)
        return participant, participant.track(track_sid) if participant else None

    def _change(self, participant: Participant, **changes: object) -> list[Effect]:
        """Replace a participant by a newer version of itself and tell whoever may see it."""
        newer = replace(participant, version=participant.version + 1, **changes)  # type: ignore[arg-type]  # fields by name
        self._participants[participant.sid] = newer
        return self._announce(newer)

    def _announce(self, participant: Participant, *, to_itself: bool = True) -> list[Effect]:
        hidden = participant.permission.hidden
        to = tuple(
            one.sid for one in self._participants.values() if (to_itself if one.sid == participant.sid else not hidden)
        )
        return [ParticipantChanged(to, participant)] if to else []

    def _settle(self) -> list[Effect]:
        return self._subscriptions.settle(self._participants.values())

    def _counts(self) -> Effect:
        return RoomChanged(self.addressees())


def _with(tracks: tuple[Track, ...], newer: Track) -> tuple[Track, ...]:
    return tuple(newer if track.sid == newer.sid else track for track in tracks)
