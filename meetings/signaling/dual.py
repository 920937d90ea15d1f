"""A client with two peer connections: it offers the one over which it sends, and is offered the one it is sent to."""

from __future__ import annotations

from meetings.signaling.consumptions import SendCommand
from meetings.signaling.ids import publisher_transport, subscriber_transport
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Track, TrackSid
from meetings.signaling.negotiation import PublisherNegotiation, SubscriberNegotiation
from meetings.signaling.peer import Description, Peer, opened


class DualPeer(Peer):
    """Publisher and subscriber transport of one participant."""

    def __init__(
        self, sid: ParticipantSid, ready: schema.Ready, send: SendCommand, *, room: str = "", unthinned: bool = False
    ) -> None:
        publisher = PublisherNegotiation(opened(publisher_transport(sid), ready, send))
        super().__init__(sid, subscriber_transport(sid), publisher, send, room=room, unthinned=unthinned)
        self._subscriber = SubscriberNegotiation(opened(self.primary, ready, send))
        self._refused: list[TrackSid] = []

    def consume(self, publisher: ParticipantSid, track: Track) -> None:
        self._subscriber.add(self.consumptions.add(publisher, track))

    def stop_sending(self, track_sid: TrackSid) -> None:
        if self.consumptions.remove(track_sid):
            self._subscriber.remove(track_sid)

    def due(self) -> Description | None:
        due = self._subscriber.next_offer()
        return None if due is None else Description(*due, self._subscriber.mids())

    def answered(self, number: int, text: str) -> None:
        taken = self._subscriber.answered(number, text)
        if taken is None:
            return
        remote, accepted = taken
        self._remember(self.primary, remote)
        for one in accepted:
            self.consumptions.start(one)
        self._refused = self._subscriber.refused

    def refusals(self) -> list[TrackSid]:
        """Of its last answer."""
        refused, self._refused = self._refused, []
        return refused

    def resumed(self) -> None:
        """New ICE credentials for the subscriber transport; they go out with its next offer."""
        self._subscriber.restart(self._restarted(self.primary, self._subscriber.local))
