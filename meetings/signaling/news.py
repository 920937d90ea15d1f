"""What the media worker reports, brought to the rooms that it concerns."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from meetings.clock import Clock
from meetings.signaling import data, quality
from meetings.signaling.figures import Figures
from meetings.signaling.ids import consumed, owner
from meetings.signaling.live import LiveRoom
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Reason, TrackSid

logger = logging.getLogger(__name__)


class News:
    """Reads rooms and seats as they are when something is reported; the relay keeps them."""

    def __init__(
        self,
        rooms: Mapping[str, LiveRoom],
        seats: Mapping[ParticipantSid, LiveRoom],
        figures: Figures,
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._seats = seats
        self._figures = figures
        self._clock = clock

    def heard(self, event: schema.Event) -> None:
        """What the media worker reports. A fault in one room's reaction must not stop the news of the others."""
        try:
            self._react(event)
        except Exception:
            logger.exception("a report of the media worker was lost: %s", type(event).__name__)

    def _react(self, event: schema.Event) -> None:  # noqa: C901 - one line a case
        match event:
            case schema.TransportConnected(transport):
                self._connected(transport)
            case schema.TransportLost(transport, reason):
                self._transport_lost(owner(transport), reason)
            case schema.DataChannelOpen(transport, label):
                self._channel_open(transport, label)
            case schema.DataReceived(transport, label, payload):
                self._data_received(owner(transport), label, payload)
            case schema.AudioLevels(levels):
                by_track = {str(producer): (level, active) for producer, level, active in levels}
                for room in self._rooms.values():
                    room.audience.heard(by_track)
            case schema.ConsumerStats():
                self._got(event)
            case schema.ProducerStats(transport, loss, jitter_ms):
                self._measured(owner(transport), quality.Measured(loss, jitter_ms, 0.0), receiving=False)
            case schema.ConsumerStarved(consumer, starved):
                self._starved(*consumed(consumer), starved)
            case schema.WorkerFigures():
                self._figures.reported(event)
            case _:
                pass  # layers and first packets decide nothing here

    def _connected(self, transport: schema.TransportId) -> None:
        sid = owner(transport)
        room = self._seats.get(sid)
        member = room.member(sid) if room else None
        if room is None or member is None:
            return
        if member.connection is not None:
            member.silent_since = None
        if member.rating is quality.LOST:
            room.audience.rated(sid, quality.UNKNOWN)  # clients that stay LOST for long connect anew
        if transport == member.peer.primary:
            room.apply(room.rules.connected(sid))

    def _transport_lost(self, sid: ParticipantSid, reason: str) -> None:
        """With its signalling gone too, the client is not coming back; otherwise it may restart ICE."""
        room = self._seats.get(sid)
        member = room.member(sid) if room else None
        if room is None or member is None:
            return
        logger.info("transport lost: %s", reason, extra={"room": room.rules.name, "participant": sid})
        if member.connection is None:
            room.leave(sid, Reason.SIGNAL_CLOSE)
        elif member.silent_since is None:
            member.silent_since = self._clock.monotonic()
            room.audience.rated(sid, quality.LOST)

    def _channel_open(self, transport: schema.TransportId, label: str) -> None:
        sid = owner(transport)
        room = self._seats.get(sid)
        member = room.member(sid) if room else None
        if member is not None and transport == member.peer.primary:
            member.peer.channel_open(label)

    def _data_received(self, sid: ParticipantSid, label: str, payload: bytes) -> None:
        room = self._seats.get(sid)
        sender = room.rules.roster.get(sid) if room else None
        if room is not None and sender is not None and (packet := data.stamped(label, payload, sender)) is not None:
            room.forward(packet, sid)

    def _starved(self, sid: ParticipantSid, track_sid: TrackSid, starved: bool) -> None:
        if (room := self._seats.get(sid)) is not None:
            room.audience.starved(sid, track_sid, starved)

    def _got(self, event: schema.ConsumerStats) -> None:
        sid = owner(event.transport_id)
        way = quality.Measured(event.loss, event.jitter_ms, event.rtt_ms, event.granted, event.starved)
        self._figures.ways[sid] = event
        self._measured(sid, way, receiving=True)

    def _measured(self, sid: ParticipantSid, way: quality.Measured, *, receiving: bool) -> None:
        if (room := self._seats.get(sid)) is not None:
            room.audience.measured(sid, way, receiving=receiving)
