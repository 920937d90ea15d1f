"""The rules of a room: coming, going, permission, metadata. Pure: calls in, effects out; time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from meetings.signaling import limits
from meetings.signaling.effects import (
    Dismissed,
    Effect,
    Happened,
    Happening,
    NotSubscribable,
    ParticipantChanged,
    Refusal,
    RequestAnswered,
    SubscriptionFailed,
    TokenStale,
)
from meetings.signaling.grants import Grants
from meetings.signaling.model import (
    Client,
    Identity,
    Participant,
    ParticipantSid,
    Permission,
    Reason,
    RoomFacts,
    RoomSettings,
    RoomSid,
    State,
    TrackSid,
)
from meetings.signaling.publishing import Publishing, Refused, TooLarge
from meetings.signaling.roster import Roster, newer_version
from meetings.signaling.subscriptions import Admission, Admitted, Guest, Subscriptions

DEPARTURES = 200  # remembered for clients that were away


class RoomFull(Exception):
    """The room already holds as many participants as it admits."""


@dataclass(frozen=True)
class Profile:
    """What may be changed about a participant. Empty texts stay as they are; an empty attribute is deleted."""

    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] | None = None

    def applied_to(self, participant: Participant) -> dict[str, object]:
        """The fields that change. Raises Refused when one grows beyond its limit."""
        merged = {**participant.attributes, **(self.attributes or {})}
        attributes = {key: value for key, value in merged.items() if value}
        if len(self.name.encode()) > limits.NAME:
            raise TooLarge("name length exceeds limits")
        if len(self.metadata.encode()) > limits.METADATA:
            raise TooLarge("metadata size exceeds limits")
        if limits.attributes_size(attributes) > limits.ATTRIBUTES:
            raise TooLarge("attribute size exceeds limits")
        wanted = {"name": self.name, "metadata": self.metadata, "attributes": attributes}
        changed = {key: value for key, value in wanted.items() if value or key == "attributes"}
        return {key: value for key, value in changed.items() if getattr(participant, key) != value}


class Room:
    """One meeting's media session. Every method that changes it returns the effects of that, in order."""

    def __init__(self, sid: RoomSid, name: str, *, now_ms: int, settings: RoomSettings, metadata: str = "") -> None:
        self.sid = sid
        self.name = name
        self.settings = settings
        self.metadata = metadata
        self.roster = Roster()
        self._subscriptions = Subscriptions()
        self.publishing = Publishing(self.roster, self._subscriptions)
        self._created_at_ms = now_ms
        self._empty_since_ms: int | None = now_ms
        self._was_used = False
        self._departed: deque[tuple[int, Participant]] = deque(maxlen=DEPARTURES)

    def facts(self) -> RoomFacts:
        shown = [one for one in self.roster if not one.permission.hidden]
        return RoomFacts(
            sid=self.sid,
            name=self.name,
            created_at_ms=self._created_at_ms,
            settings=self.settings,
            metadata=self.metadata,
            participants=len(shown),
            publishers=sum(1 for one in shown if one.live_tracks),
            recording=any(one.permission.recorder for one in self.roster),
        )

    def expired(self, now_ms: int) -> bool:
        """True once the room has stood empty for as long as its settings allow."""
        if self._empty_since_ms is None:
            return False
        patience = self.settings.departure_timeout if self._was_used else self.settings.empty_timeout
        return now_ms - self._empty_since_ms >= patience * 1000

    def receivers(self, sid: ParticipantSid, destinations: Iterable[str] = ()) -> tuple[ParticipantSid, ...]:
        """Who gets a data message of this participant: all others, or those named; nobody if it may not send."""
        sender = self.roster.get(sid)
        if sender is None or not sender.permission.can_publish_data:
            return ()
        return self.roster.addressees(destinations, without=sid)

    # ---------------------------------------------------------------------------------- coming and going

    def join(self, sid: ParticipantSid, grants: Grants, client: Client, now_ms: int) -> list[Effect]:
        """A new connection. An older one of the same identity is dismissed first. Raises RoomFull."""
        effects: list[Effect] = []
        if (older := self.roster.by_identity(grants.identity)) is not None:
            effects += self._depart(older, Reason.DUPLICATE_IDENTITY, said=True, now_ms=now_ms)
        newcomer = Participant(
            sid=sid,
            identity=grants.identity,
            name=grants.name,
            metadata=grants.metadata,
            attributes=dict(grants.attributes),
            permission=grants.permission,
            joined_at_ms=now_ms,
            client=client,
            role=grants.role,
        )
        if older is None and newcomer.attends and self._is_full():
            raise RoomFull
        self.roster.put(newcomer)
        self._empty_since_ms = None
        self._was_used = True
        return effects + self.roster.announce(newcomer, to_itself=False) + self._settle()

    def _is_full(self) -> bool:
        limit = self.settings.max_participants
        return bool(limit) and sum(1 for one in self.roster if one.attends) >= limit

    def connected(self, sid: ParticipantSid) -> list[Effect]:
        """The participant's media connection works: from now on it counts as present."""
        participant = self.roster.get(sid)
        if participant is None or participant.state is State.ACTIVE:
            return []
        effects = self.roster.change(participant, state=State.ACTIVE)
        return [*effects, Happened(Happening.PARTICIPANT_JOINED, self.roster.get(sid)), self.roster.counts()]

    def missed_departures(self, since_ms: int) -> list[Participant]:
        """Who went since then and is not back: a client that was away has not heard of it."""
        gone = [one for at, one in self._departed if at >= since_ms and not one.permission.hidden]
        return [one for one in gone if self.roster.by_identity(one.identity) is None]

    def leave(self, sid: ParticipantSid, reason: Reason, now_ms: int, *, said: bool = False) -> list[Effect]:
        """The participant goes, or its connection is given up. `said`: its client is told why."""
        participant = self.roster.get(sid)
        return [] if participant is None else self._depart(participant, reason, said=said, now_ms=now_ms)

    def remove(self, identity: str, now_ms: int) -> list[Effect]:
        """The server puts a participant out. Raises KeyError if it is not here."""
        return self._depart(self.roster.known(identity), Reason.PARTICIPANT_REMOVED, said=True, now_ms=now_ms)

    def close(self, reason: Reason, now_ms: int) -> list[Effect]:
        """Everybody is dismissed."""
        departures = [self._depart(one, reason, said=True, now_ms=now_ms) for one in self.roster]
        return [effect for effects in departures for effect in effects]

    def _depart(self, participant: Participant, reason: Reason, *, said: bool, now_ms: int) -> list[Effect]:
        sid = participant.sid
        effects: list[Effect] = []
        for track in participant.tracks:
            effects += self.publishing.drop(sid, track, told=False)
        gone = newer_version(
            self.roster.remove(sid), state=State.DISCONNECTED, left_because=reason, tracks=participant.tracks
        )
        self.publishing.forget(sid)
        self._departed.append((now_ms, gone))
        self._subscriptions.forget_participant(sid)
        effects += self._settle()
        if not gone.permission.hidden:
            effects.append(ParticipantChanged(self.roster.addressees(), gone))
        was_here = participant.state is State.ACTIVE
        left = Happening.PARTICIPANT_LEFT if was_here else Happening.PARTICIPANT_CONNECTION_ABORTED
        if not len(self.roster):
            self._empty_since_ms = now_ms
        return [*effects, Dismissed(sid, reason, said), Happened(left, gone), self.roster.counts()]

    # ------------------------------------------------------------------------------------- subscriptions

    def choose(self, sid: ParticipantSid, tracks: Iterable[TrackSid], wanted: bool, now_ms: int) -> list[Effect]:
        """A client, or the server for it, asks for tracks or for no more of them. Some may still be to come."""
        if sid not in self.roster:
            return []
        known = {track.sid for one in self.roster for track in one.tracks}
        asked = list(dict.fromkeys(tracks))
        here, elsewhere = [one for one in asked if one in known], [one for one in asked if one not in known]
        self._subscriptions.choose(sid, here, wanted)
        if wanted:
            return self._subscriptions.wait_for(sid, elsewhere, now_ms) + self._settle()
        self._subscriptions.wait_no_more(sid, elsewhere)
        return self._settle()

    def receives(self, sid: ParticipantSid, track: TrackSid) -> bool:
        return self._subscriptions.active(sid, track)

    def overdue(self, now_ms: int) -> list[Effect]:
        """What was waited for in vain."""
        return self._subscriptions.overdue(now_ms)

    def cannot_receive(self, sid: ParticipantSid, tracks: Iterable[TrackSid]) -> list[Effect]:
        """A client has no decoder for tracks that it is to get: it gets the second codec, where there is one."""
        refused = [track for track in tracks if self._subscriptions.active(sid, track)]
        told = [effect for track in refused for effect in self._cannot_receive(sid, track)]
        return told + self._settle()

    def _cannot_receive(self, sid: ParticipantSid, track_sid: TrackSid) -> list[Effect]:
        track = next(track for one in self.roster for track in one.tracks if track.sid == track_sid)
        if track.request.backup and self._subscriptions.take_second(sid, track_sid):
            return self.publishing.want_backup(track_sid)
        self._subscriptions.choose(sid, [track_sid], False)
        return [SubscriptionFailed(sid, track_sid, NotSubscribable.CODEC_UNSUPPORTED)]

    def admit(self, sid: ParticipantSid, everybody: bool, guests: Iterable[Guest]) -> list[Effect]:
        """A publisher says who may receive its tracks; those concerned are told what changed for them.

        Whoever is named by a sid is meant for as long as its identity is here, under whatever sid.
        """
        if sid not in self.roster:
            return []
        named: dict[Identity, Admitted] = {}
        for guest in guests:
            known = self.roster.get(ParticipantSid(guest.sid))
            if guest.identity:
                named[Identity(guest.identity)] = guest.admitted
            elif known is not None:
                named[known.identity] = guest.admitted
        self._subscriptions.admit(sid, Admission(everybody, named))
        return self._settle()

    def _settle(self) -> list[Effect]:
        return self._subscriptions.settle(self.roster)

    # ---------------------------------------------------------------------------- metadata and permission

    def set_metadata(self, metadata: str) -> list[Effect]:
        """The server changes the room's metadata. Raises Refused."""
        if len(metadata.encode()) > limits.METADATA:
            raise TooLarge("metadata size exceeds limits")
        self.metadata = metadata
        return [self.roster.counts()]

    def update_own(self, sid: ParticipantSid, profile: Profile, request_id: int) -> list[Effect]:
        """A client changes its own name, metadata or attributes, and is answered."""
        participant = self.roster.get(sid)
        if participant is None:
            return []
        if not participant.permission.can_update_metadata:
            why = "does not have permission to update own metadata"
            return [RequestAnswered(sid, request_id, Refusal.NOT_ALLOWED, why)]
        try:
            effects = self._describe(participant, profile)
        except Refused as error:
            return [RequestAnswered(sid, request_id, Refusal.LIMIT_EXCEEDED, str(error))]
        return [*effects, RequestAnswered(sid, request_id, Refusal.OK)]

    def update_participant(
        self, identity: str, profile: Profile | None = None, permission: Permission | None = None
    ) -> list[Effect]:
        """The server changes a participant; a permission replaces the whole one. Raises KeyError, Refused."""
        participant = self.roster.known(identity)
        effects = self._describe(participant, profile or Profile())
        return effects if permission is None else effects + self._permit(participant.sid, permission)

    def _describe(self, participant: Participant, profile: Profile) -> list[Effect]:
        changes = profile.applied_to(participant)
        return [*self.roster.change(participant, **changes), TokenStale(participant.sid)] if changes else []

    def _permit(self, sid: ParticipantSid, permission: Permission) -> list[Effect]:
        """Tracks whose source is no longer allowed are unpublished; the client hears of the permission first."""
        before = self.roster.get(sid)
        if before is None or before.permission == permission:
            return []
        self.roster.put(now := newer_version(before, permission=permission))
        effects = self._announce_permission(before, now) + self.publishing.enforce(sid, permission)
        return [*effects, *self._settle(), TokenStale(sid)]

    def _announce_permission(self, before: Participant, now: Participant) -> list[Effect]:
        effects = self.roster.announce(now)
        if now.permission.hidden and not before.permission.hidden:
            vanished = replace(now, state=State.DISCONNECTED)
            effects.append(ParticipantChanged(self.roster.addressees(without=now.sid), vanished))
        return effects
