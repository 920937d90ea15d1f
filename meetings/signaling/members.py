"""Who is in a room while it runs: each participant's transports and its client's connection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from livekit.protocol import rtc

from meetings.signaling import quality
from meetings.signaling.effects import Happened
from meetings.signaling.grants import Grants
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, RoomFacts
from meetings.signaling.peer import Peer
from meetings.signaling.turn import IceServer


class Connection(Protocol):
    """A client's signalling connection, as the room sees it. Neither method waits."""

    def send(self, message: rtc.SignalResponse) -> None:
        """Queue a message; a client too slow to take it is disconnected by the connection itself."""

    def close(self) -> None:
        """Send what is queued, then close."""


class Surroundings(Protocol):
    """What a room needs of the relay it runs in."""

    @property
    def ready(self) -> schema.Ready: ...
    def now_ms(self) -> int: ...
    def command(self, command: schema.Command) -> None: ...
    def token_for(self, grants: Grants) -> str: ...
    def ice_servers(self, sid: ParticipantSid) -> list[IceServer]: ...
    def happened(self, room: RoomFacts, what: Happened) -> None: ...


@dataclass
class Member:
    """A participant's live parts. `connection` is None while its client has lost its signalling."""

    grants: Grants
    peer: Peer
    connection: Connection | None
    silent_since: float | None = None  # when signalling or media was lost, on the relay's steady clock
    rating: quality.Rating = quality.UNKNOWN
    rated: bool = False  # and everybody was told
    ratings: quality.BothWays = field(default_factory=quality.BothWays)

    def send(self, message: rtc.SignalResponse) -> None:
        if self.connection is not None:
            self.connection.send(message)


class Members(dict[ParticipantSid, Member]):
    """By sid. Whoever is not here any more is told nothing."""

    def tell(self, to: Iterable[ParticipantSid], message: rtc.SignalResponse) -> None:
        for sid in to:
            if (member := self.get(sid)) is not None:
                member.send(message)
