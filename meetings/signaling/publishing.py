"""Published tracks: who may publish what, when a track is known to others, muting, and its end."""

from __future__ import annotations

from dataclasses import replace

from meetings.signaling import limits
from meetings.signaling.effects import (
    Effect,
    Happened,
    Happening,
    Refusal,
    RequestAnswered,
    TrackAccepted,
    TrackMuted,
    TrackStopped,
)
from meetings.signaling.model import ParticipantSid, Permission, Track, TrackRequest, TrackSid
from meetings.signaling.roster import Roster, newer_version
from meetings.signaling.subscriptions import Subscriptions


class Refused(Exception):
    """A call asks for what the rules do not allow; the sentence says what."""


class Publishing:
    """The tracks of one room's participants. As everywhere in the rules, calls return their effects in order."""

    def __init__(self, roster: Roster, subscriptions: Subscriptions) -> None:
        self._roster = roster
        self._subscriptions = subscriptions

    def announce(self, sid: ParticipantSid, request: TrackRequest, track_sid: TrackSid) -> list[Effect]:
        """A client wants to publish. It is answered by a track sid, or by why not."""
        if (participant := self._roster.get(sid)) is None:
            return []
        if not participant.permission.may_publish(request.source):
            why = f"publishing {request.source.value} is not permitted"
            return [RequestAnswered(sid, 0, Refusal.NOT_ALLOWED, why, request.cid)]
        if len(participant.tracks) >= limits.TRACKS:
            return [RequestAnswered(sid, 0, Refusal.LIMIT_EXCEEDED, "too many tracks", request.cid)]
        if again := next((one for one in participant.tracks if one.request.cid == request.cid), None):
            return [TrackAccepted(sid, again)]
        track = Track(sid=track_sid, request=request, muted=request.muted)
        self._roster.put(replace(participant, tracks=(*participant.tracks, track)))
        return [TrackAccepted(sid, track)]

    def negotiated(self, sid: ParticipantSid, track_sid: TrackSid, mid: str, mime_type: str) -> list[Effect]:
        """The track has its media section: it becomes known, and is forwarded to whoever wants it."""
        if (found := self._roster.track(sid, track_sid)) is None:
            return []
        participant, track = found
        live = replace(track, live=True, mid=mid, mime_type=mime_type)
        effects = self._roster.change(participant, tracks=_with(participant.tracks, live))
        if not track.live:
            effects += [Happened(Happening.TRACK_PUBLISHED, self._roster.get(sid), live), self._roster.counts()]
        return effects + self._subscriptions.settle(self._roster)

    def set_muted(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The client itself muted or unmuted its track."""
        return self._mute(sid, track_sid, muted, told=False)

    def mute_for(self, identity: str, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The server mutes a track. Only its publisher may unmute it. Raises KeyError, Refused."""
        participant = self._roster.known(identity)
        if (track := participant.track(track_sid)) is None:
            raise KeyError(track_sid)
        if track.muted and not muted:
            raise Refused("remote unmute not enabled")
        return self._mute(participant.sid, track_sid, muted, told=True)

    def _mute(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool, *, told: bool) -> list[Effect]:
        found = self._roster.track(sid, track_sid)
        if found is None or found[1].muted == muted:
            return []
        participant, track = found
        tracks = _with(participant.tracks, replace(track, muted=muted))
        return [TrackMuted(sid, track_sid, muted, told), *self._roster.change(participant, tracks=tracks)]

    def end(self, sid: ParticipantSid, track_sid: TrackSid, *, told: bool = False) -> list[Effect]:
        """The track ends: its client stopped sending it, or `told` that it may not any more."""
        if (found := self._roster.track(sid, track_sid)) is None:
            return []
        effects = self.drop(sid, found[1], told=told)
        participant = self._roster.get(sid)
        if found[1].live and participant is not None:
            effects += [*self._roster.announce(participant), self._roster.counts()]
        return effects + self._subscriptions.settle(self._roster)

    def enforce(self, sid: ParticipantSid, permission: Permission) -> list[Effect]:
        """Tracks whose source is not permitted end."""
        participant = self._roster.get(sid)
        tracks = participant.tracks if participant else ()
        refused = [track.sid for track in tracks if not permission.may_publish(track.source)]
        return [effect for track_sid in refused for effect in self.end(sid, track_sid, told=True)]

    def drop(self, sid: ParticipantSid, track: Track, *, told: bool) -> list[Effect]:
        """Forget a track without news to others, who are about to get them anyway."""
        participant = self._roster.get(sid)
        assert participant is not None
        left = tuple(one for one in participant.tracks if one.sid != track.sid)
        self._roster.put(newer := newer_version(participant, tracks=left))
        self._subscriptions.forget_track(track.sid)
        effects: list[Effect] = [TrackStopped(sid, track.sid, told)]
        return [*effects, Happened(Happening.TRACK_UNPUBLISHED, newer, track)] if track.live else effects


def _with(tracks: tuple[Track, ...], newer: Track) -> tuple[Track, ...]:
    return tuple(newer if track.sid == newer.sid else track for track in tracks)
