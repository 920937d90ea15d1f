"""Published tracks: who may publish what, when a track is known to others, muting, and its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from meetings.signaling import limits
from meetings.signaling.effects import (
    Asked,
    CodecWanted,
    Effect,
    Happened,
    Happening,
    Refusal,
    RequestAnswered,
    TrackAccepted,
    TrackMuted,
    TrackStopped,
)
from meetings.signaling.ids import backup_of
from meetings.signaling.model import Participant, ParticipantSid, Permission, Track, TrackRequest, TrackSid
from meetings.signaling.roster import Roster, newer_version
from meetings.signaling.subscriptions import Subscriptions

STEREO, NO_DTX = 0, 1  # of AudioTrackFeature


class Refused(Exception):
    """A call asks for what the rules do not allow; the sentence says what."""


class TooLarge(Refused):
    """A text grows beyond its limit."""


class Publishing:
    """The tracks of one room's participants. As everywhere in the rules, calls return their effects in order."""

    def __init__(self, roster: Roster, subscriptions: Subscriptions) -> None:
        self._roster = roster
        self._subscriptions = subscriptions
        self._queued: dict[ParticipantSid, list[tuple[TrackRequest, TrackSid]]] = {}

    def announce(self, sid: ParticipantSid, request: TrackRequest, track_sid: TrackSid) -> list[Effect]:
        """A client wants to publish. It is answered by a track sid, or by why not."""
        if (participant := self._roster.get(sid)) is None:
            return []
        if not participant.permission.may_publish(request.source):
            return [_refused(sid, request, Refusal.NOT_ALLOWED, f"publishing {request.source.value} is not permitted")]
        if request.of_track:
            return self._another_codec(participant, request)
        if again := next((one for one in participant.tracks if one.request.cid == request.cid), None):
            return self._queue(sid, request, track_sid) if again.live else [TrackAccepted(sid, again, request.cid)]
        if len(participant.tracks) >= limits.TRACKS:
            return [_refused(sid, request, Refusal.LIMIT_EXCEEDED, "too many tracks")]
        return self._accept(participant, request, track_sid)

    def _accept(self, participant: Participant, request: TrackRequest, track_sid: TrackSid) -> list[Effect]:
        track = Track(sid=track_sid, request=request, muted=request.muted)
        self._roster.put(replace(participant, tracks=(*participant.tracks, track)))
        return [TrackAccepted(participant.sid, track, request.cid)]

    def _queue(self, sid: ParticipantSid, request: TrackRequest, track_sid: TrackSid) -> list[Effect]:
        """The same source again, while its track is still published: its turn comes when that one ends."""
        waiting = self._queued.setdefault(sid, [])
        if len(waiting) >= limits.QUEUED_TRACKS:
            return [_refused(sid, request, Refusal.LIMIT_EXCEEDED, "too many tracks")]
        waiting.append((request, track_sid))
        return [_refused(sid, request, Refusal.QUEUED, "")]

    def _next_in_line(self, sid: ParticipantSid, cid: str) -> list[Effect]:
        participant, waiting = self._roster.get(sid), self._queued.get(sid, [])
        due = next((one for one in waiting if one[0].cid == cid), None)
        if participant is None or due is None:
            return []
        waiting.remove(due)
        return self._accept(participant, *due)

    def _another_codec(self, participant: Participant, request: TrackRequest) -> list[Effect]:
        """The second codec of a track, which its client was asked for. A third is answered, so that clients go on."""
        track = participant.track(request.of_track)
        if track is None:
            return [_refused(participant.sid, request, Refusal.NOT_FOUND, "no such track")]
        if track.backup is None or not track.backup.live:
            track = replace(track, backup=_backup(track, replace(request, codec=request.codec or track.request.backup)))
            self._roster.put(replace(participant, tracks=_with(participant.tracks, track)))
        return [TrackAccepted(participant.sid, track, request.cid)]

    def want_backup(self, track_sid: TrackSid) -> list[Effect]:
        """Somebody cannot take the track's codec: its client is asked for the second one."""
        found = ((one, track) for one in self._roster for track in one.tracks if track.sid == track_sid)
        participant, track = next(found, (None, None))
        if participant is None or track is None or track.backup is not None:
            return []
        asked = _backup(track, replace(track.request, cid="", codec=track.request.backup))
        self._roster.put(replace(participant, tracks=_with(participant.tracks, track := replace(track, backup=asked))))
        return [CodecWanted(participant.sid, track)]

    def unsupported(self, sid: ParticipantSid, cid: str) -> list[Effect]:
        """A client wants to publish what is neither sound nor picture."""
        why = "only sound and pictures are published"
        return [RequestAnswered(sid, 0, Refusal.UNSUPPORTED_TYPE, why, Asked.ADD_TRACK, cid)]

    def all_known(self, sid: ParticipantSid, tracks: Iterable[TrackSid]) -> bool:
        """Whether everything that a client takes for published really is."""
        return all(self._roster.track(sid, track) is not None for track in tracks)

    def negotiated(self, sid: ParticipantSid, track_sid: TrackSid, mid: str, mime_type: str) -> list[Effect]:
        """The track, or its second codec, has its media section: it is forwarded to whoever wants it."""
        if (found := self._found(sid, track_sid)) is None:
            return []
        participant, track, codec = found
        live = replace(codec, live=True, mid=mid, mime_type=mime_type)
        newer = live if codec is track else replace(track, backup=live)
        effects = self._roster.change(participant, tracks=_with(participant.tracks, newer))
        if not track.live:
            effects += [Happened(Happening.TRACK_PUBLISHED, self._roster.get(sid), live), self._roster.counts()]
        return effects + self._subscriptions.settle(self._roster)

    def _found(self, sid: ParticipantSid, track_sid: TrackSid) -> tuple[Participant, Track, Track] | None:
        """A participant, a track of its own, and which codec of it is meant."""
        participant = self._roster.get(sid)
        tracks = participant.tracks if participant is not None else ()
        found = ((track, codec) for track in tracks for codec in track.codecs if codec.sid == track_sid)
        track, codec = next(found, (None, None))
        return (participant, track, codec) if participant and track and codec else None

    def set_muted(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The client itself muted or unmuted its track."""
        if self._roster.track(sid, track_sid) is None:
            return [_unknown(sid, Asked.MUTE, track_sid)]
        return self._mute(sid, track_sid, muted, told=False)

    def sounds(self, sid: ParticipantSid, track_sid: TrackSid, features: tuple[int, ...]) -> list[Effect]:
        """The client says how its track sounds now."""
        stereo, no_dtx = STEREO in features, NO_DTX in features
        changes = {"features": features, "stereo": stereo, "disable_dtx": no_dtx}
        return self._redescribe(sid, track_sid, Asked.AUDIO_TRACK, changes)

    def measures(self, sid: ParticipantSid, track_sid: TrackSid, width: int, height: int) -> list[Effect]:
        """The client says how large its picture is now."""
        return self._redescribe(sid, track_sid, Asked.VIDEO_TRACK, {"width": width, "height": height})

    def _redescribe(
        self, sid: ParticipantSid, track_sid: TrackSid, asked: Asked, changes: dict[str, object]
    ) -> list[Effect]:
        if (found := self._roster.track(sid, track_sid)) is None:
            return [_unknown(sid, asked, track_sid)]
        participant, track = found
        request = replace(track.request, **changes)  # type: ignore[arg-type]  # fields by name
        tracks = _with(participant.tracks, replace(track, request=request))
        if not track.live:
            self._roster.put(replace(participant, tracks=tracks))
            return []
        return self._roster.change(participant, tracks=tracks)

    def mute_for(self, identity: str, track_sid: TrackSid, muted: bool) -> list[Effect]:
        """The server mutes a track. Only its publisher may unmute it. Raises KeyError, Refused."""
        participant = self._roster.known(identity)
        if participant.track(track_sid) is None:
            raise KeyError(track_sid)
        if not muted:
            raise Refused("remote unmute not enabled")
        return self._mute(participant.sid, track_sid, muted, told=True)

    def _mute(self, sid: ParticipantSid, track_sid: TrackSid, muted: bool, *, told: bool) -> list[Effect]:
        found = self._roster.track(sid, track_sid)
        if found is None or found[1].muted == muted:
            return []
        participant, track = found
        backup = replace(track.backup, muted=muted) if track.backup is not None else None
        tracks = _with(participant.tracks, replace(track, muted=muted, backup=backup))
        effects: list[Effect] = [TrackMuted(sid, one.sid, muted, told and one is track) for one in track.codecs]
        return effects + self._roster.change(participant, tracks=tracks)

    def end(self, sid: ParticipantSid, track_sid: TrackSid, *, told: bool = False) -> list[Effect]:
        """The track ends: its client stopped sending it, or `told` that it may not any more."""
        if (found := self._found(sid, track_sid)) is None:
            return []
        participant, track, codec = found
        if codec is not track:
            return self._end_backup(participant, track, codec)
        effects = self.drop(sid, track, told=told)
        now = self._roster.get(sid)
        if track.live and now is not None:
            effects += [*self._roster.announce(now), self._roster.counts()]
        return effects + self._subscriptions.settle(self._roster) + self._next_in_line(sid, track.request.cid)

    def _end_backup(self, participant: Participant, track: Track, backup: Track) -> list[Effect]:
        """The client sends the second codec no longer; who needs it waits for it again."""
        waits = replace(backup, live=False, mid="", mime_type="", request=replace(backup.request, cid=""))
        effects: list[Effect] = [TrackStopped(participant.sid, backup.sid, told=False)]
        effects += self._roster.change(participant, tracks=_with(participant.tracks, replace(track, backup=waits)))
        return effects + self._subscriptions.settle(self._roster)

    def enforce(self, sid: ParticipantSid, permission: Permission) -> list[Effect]:
        """Tracks whose source is not permitted end."""
        participant = self._roster.get(sid)
        tracks = participant.tracks if participant else ()
        self._queued[sid] = [one for one in self._queued.get(sid, []) if permission.may_publish(one[0].source)]
        refused = [track.sid for track in tracks if not permission.may_publish(track.source)]
        return [effect for track_sid in refused for effect in self.end(sid, track_sid, told=True)]

    def forget(self, sid: ParticipantSid) -> None:
        """The participant is gone, and what it still wanted to publish with it."""
        self._queued.pop(sid, None)

    def drop(self, sid: ParticipantSid, track: Track, *, told: bool) -> list[Effect]:
        """Forget a track without news to others, who are about to get them anyway."""
        participant = self._roster.get(sid)
        assert participant is not None
        left = tuple(one for one in participant.tracks if one.sid != track.sid)
        self._roster.put(newer := newer_version(participant, tracks=left))
        self._subscriptions.forget_track(track.sid)
        effects: list[Effect] = [TrackStopped(sid, one.sid, told and one is track) for one in track.codecs]
        return [*effects, Happened(Happening.TRACK_UNPUBLISHED, newer, track)] if track.live else effects


def _backup(track: Track, request: TrackRequest) -> Track:
    return Track(backup_of(track.sid), replace(request, of_track=track.sid), muted=track.muted)


def _refused(sid: ParticipantSid, request: TrackRequest, outcome: Refusal, why: str) -> Effect:
    return RequestAnswered(sid, 0, outcome, why, Asked.ADD_TRACK, request.cid)


def _unknown(sid: ParticipantSid, asked: Asked, track_sid: TrackSid) -> Effect:
    return RequestAnswered(sid, 0, Refusal.NOT_FOUND, "no such track", asked, track_sid)


def _with(tracks: tuple[Track, ...], newer: Track) -> tuple[Track, ...]:
    return tuple(newer if track.sid == newer.sid else track for track in tracks)
