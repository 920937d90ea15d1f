"""What participants hear and see of each other, and how well: levels, watched layers, connection quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meetings.signaling import messages, quality
from meetings.signaling.ids import producer_of
from meetings.signaling.media import schema
from meetings.signaling.members import Members, Surroundings
from meetings.signaling.model import Identity, Kind, ParticipantSid, Track, TrackSid
from meetings.signaling.requests import View
from meetings.signaling.roster import Roster
from meetings.signaling.speakers import Speakers, Speaking
from meetings.signaling.viewing import HIGHEST
from meetings.signaling.watching import NOTHING, Watching


class Audience:
    """Of one room; told what its members watch and what the media worker measures, it tells the members."""

    def __init__(self, roster: Roster, members: Members, surroundings: Surroundings) -> None:
        self._roster = roster
        self._members = members
        self._around = surroundings
        self._speakers = Speakers()
        self._watching = Watching()

    def greet(self, sid: ParticipantSid) -> None:
        """A newcomer learns who speaks."""
        if speaking := self._speakers.current():
            self._members.tell([sid], messages.speakers(speaking))

    def forget(self, sid: ParticipantSid) -> None:
        """A participant is gone."""
        self._speakers.forget(sid)

    def ended(self, track_sid: TrackSid) -> None:
        """A track is gone."""
        self._watching.forget(track_sid)

    # -------------------------------------------------------------------------------------------- watched layers

    def view(self, sid: ParticipantSid, view: View) -> None:
        """A subscriber shows tracks larger, smaller or not at all."""
        for track_sid in view.tracks:
            self._members[sid].peer.view(track_sid, view)
            self._watch_again(track_sid)

    def _watch_again(self, track_sid: TrackSid) -> None:
        for publisher in self._roster:
            if (track := publisher.track(track_sid)) is not None:
                self.watch(publisher.sid, track)

    def watch(self, publisher: ParticipantSid, track: Track) -> None:
        """Somebody watches the picture now, or no longer: its publisher is told what to send."""
        if track.kind is not Kind.VIDEO:
            return
        now = self._around.now_ms()
        news = [
            self._watching.watched(codec.sid, self._wanted(codec), now, unasked=HIGHEST if codec is track else NOTHING)
            for codec in track.codecs
        ]
        if any(one is not None for one in news):
            told = [(codec, self._watching.told(codec.sid)) for codec in track.codecs]
            self._members.tell([publisher], messages.subscribed_quality(track.sid, told))

    def _wanted(self, codec: Track) -> int:
        """The highest layer that anybody watches of a track in one codec; a second one not sent yet is waited for."""
        if codec.request.of_track and not codec.live:
            return HIGHEST
        return max((member.peer.watches(codec) for member in self._members.values()), default=NOTHING)

    def look_after(self) -> None:
        """Every second: publishers learn which layers nobody has watched for a while."""
        for publisher in self._roster:
            for track in publisher.live_tracks:
                self.watch(publisher.sid, track)

    # ------------------------------------------------------------------------------------------- who speaks

    def heard(self, levels: Mapping[str, tuple[float, bool]]) -> None:
        """The last interval's loudness by track; that of hidden participants concerns nobody."""
        shown = [one for one in self._roster if not one.permission.hidden]
        here = [(one.sid, *levels[track.sid]) for one in shown for track in one.tracks if track.sid in levels]
        if changed := self._speakers.heard(here):
            self._members.tell(self._members, messages.speakers(changed))
            for one in changed:
                self._seen_speaking(one)

    def _seen_speaking(self, speaking: Speaking) -> None:
        """Where not every picture fits, those who speak come before those who do not."""
        participant = self._roster.get(speaking.participant)
        cameras = [one for one in participant.live_tracks if one.kind is Kind.VIDEO] if participant else []
        for codec in (codec for track in cameras for codec in track.codecs):
            self._around.command(schema.SetSpeaking(producer_of(codec.sid), speaking.active))

    # ------------------------------------------------------------------------------------------ how well

    def starved(self, sid: ParticipantSid, track_sid: TrackSid, starved: bool) -> None:
        """There is no room for a picture on the way to this subscriber, or there is again."""
        publisher = next((one.sid for one in self._roster if one.track(track_sid) is not None), None)
        if publisher is not None:
            self._members.tell([sid], messages.stream_state(publisher, track_sid, starved))

    def seats(self) -> Iterator[tuple[ParticipantSid, Identity, quality.Rating]]:
        """Everybody's connection as it was last rated."""
        for participant in self._roster:
            if (member := self._members.get(participant.sid)) is not None:
                yield participant.sid, participant.identity, member.rating

    def measured(self, sid: ParticipantSid, way: quality.Measured, *, receiving: bool) -> None:
        """How one of a participant's two directions is: the worse one is its connection's quality."""
        if (member := self._members.get(sid)) is not None and member.rating is not quality.LOST:
            self.rated(sid, member.ratings.measured(way, receiving=receiving))

    def rated(self, sid: ParticipantSid, rating: quality.Rating) -> None:
        """A participant's connection is known for the first time, or got better or worse."""
        member, participant = self._members.get(sid), self._roster.get(sid)
        if member is None or participant is None or (member.rated and member.rating.quality is rating.quality):
            return
        newcomer, member.rating, member.rated = not member.rated, rating, True
        to = [sid] if participant.permission.hidden else self._members
        self._members.tell(to, messages.connection_quality({sid: rating}))
        if newcomer and (others := self._ratings(besides=sid)):
            self._members.tell([sid], messages.connection_quality(others))

    def _ratings(self, *, besides: ParticipantSid) -> dict[ParticipantSid, quality.Rating]:
        """What everybody else's connection was last rated."""
        shown = (one.sid for one in self._roster if one.sid != besides and not one.permission.hidden)
        found = {sid: member for sid in shown if (member := self._members.get(sid)) is not None}
        return {sid: member.rating for sid, member in found.items() if member.rated}
