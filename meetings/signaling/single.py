"""A client with one peer connection: it offers, and what it is sent goes where its offers leave room for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meetings.signaling.consumptions import SendCommand
from meetings.signaling.ids import publisher_transport
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Track, TrackSid
from meetings.signaling.negotiation import Sections, SingleNegotiation
from meetings.signaling.peer import Description, Peer, opened


class SinglePeer(Peer):
    """The one transport of a participant."""

    def __init__(
        self, sid: ParticipantSid, ready: schema.Ready, send: SendCommand, *, room: str = "", unthinned: bool = False
    ) -> None:
        transport = publisher_transport(sid)
        self._negotiation = SingleNegotiation(opened(transport, ready, send))
        super().__init__(sid, transport, self._negotiation, send, room=room, unthinned=unthinned)

    def consume(self, publisher: ParticipantSid, track: Track) -> None:
        self._negotiation.add(self.consumptions.add(publisher, track))

    def stop_sending(self, track_sid: TrackSid) -> None:
        if self.consumptions.remove(track_sid):
            self._negotiation.remove(track_sid)

    def due(self) -> Sections | None:
        return self._negotiation.due()

    def offer(self, text: str) -> list[TrackSid]:
        gone = super().offer(text)
        for track_sid in self._negotiation.withdraw():
            self.consumptions.stop(track_sid)
        return gone

    def answer(self, number: int, tracks: Sequence[Track]) -> Description:
        """The answer, with everything for the client that the offer has room for."""
        placed = self._negotiation.place()
        answer = super().answer(number, tracks)
        for one in placed:
            self.consumptions.start(one)
        return replace(answer, mids=self._negotiation.mids())

    def answered(self, number: int, text: str) -> None:
        """Nothing was offered to it."""

    def refusals(self) -> list[TrackSid]:
        return self._negotiation.undecodable()

    def resumed(self) -> None:
        self._negotiation.resumed()
