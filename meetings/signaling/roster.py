"""Who is in a room, in what version, and who may see whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from meetings.signaling.effects import Effect, ParticipantChanged, RoomChanged
from meetings.signaling.model import Participant, ParticipantSid, Track, TrackSid


class Roster:
    """The participants of one room. A change makes a newer version of one, and news for those concerned."""

    def __init__(self) -> None:
        self._present: dict[ParticipantSid, Participant] = {}

    def __iter__(self) -> Iterator[Participant]:
        return iter(tuple(self._present.values()))

    def __len__(self) -> int:
        return len(self._present)

    def __contains__(self, sid: ParticipantSid) -> bool:
        return sid in self._present

    def get(self, sid: ParticipantSid) -> Participant | None:
        return self._present.get(sid)

    def by_identity(self, identity: str) -> Participant | None:
        return next((one for one in self._present.values() if one.identity == identity), None)

    def known(self, identity: str) -> Participant:
        """As `by_identity`, but raises KeyError."""
        if (participant := self.by_identity(identity)) is None:
            raise KeyError(identity)
        return participant

    def identity(self, sid: ParticipantSid) -> str:
        """Empty if it is not here."""
        participant = self._present.get(sid)
        return participant.identity if participant else ""

    def track(self, sid: ParticipantSid, track_sid: TrackSid) -> tuple[Participant, Track] | None:
        """A participant and a track of its own; None if either is not here."""
        participant = self._present.get(sid)
        track = participant.track(track_sid) if participant else None
        return (participant, track) if participant and track else None

    def shown_to(self, sid: ParticipantSid) -> tuple[Participant, ...]:
        """The others as this participant may see them: without those who are hidden."""
        return tuple(one for one in self._present.values() if one.sid != sid and not one.permission.hidden)

    def addressees(self, destinations: Iterable[str] = (), *, without: str = "") -> tuple[ParticipantSid, ...]:
        """All participants, or those named by identity or sid."""
        named = frozenset(destinations)
        everybody = (one for one in self._present.values() if one.sid != without)
        return tuple(one.sid for one in everybody if not named or one.identity in named or one.sid in named)

    # --------------------------------------------------------------------------------------------- changes

    def put(self, participant: Participant) -> None:
        """Add a participant, or replace it without a word."""
        self._present[participant.sid] = participant

    def remove(self, sid: ParticipantSid) -> Participant:
        return self._present.pop(sid)

    def change(self, participant: Participant, **changes: object) -> list[Effect]:
        """Replace a participant by a newer version of itself and tell whoever may see it."""
        self.put(newer := newer_version(participant, **changes))
        return self.announce(newer)

    def announce(self, participant: Participant, *, to_itself: bool = True) -> list[Effect]:
        hidden = participant.permission.hidden
        others = (one for one in self._present if one != participant.sid and not hidden)
        to = (*((participant.sid,) if to_itself else ()), *others)
        return [ParticipantChanged(to, participant)] if to else []

    def counts(self) -> Effect:
        """The room's counts have changed for everybody."""
        return RoomChanged(self.addressees())


def newer_version(participant: Participant, **changes: object) -> Participant:
    return replace(participant, version=participant.version + 1, **changes)  # type: ignore[arg-type]  # fields by name
