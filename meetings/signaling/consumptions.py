"""What one participant is sent: which tracks, under which SSRCs, and how it wants to see them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from meetings.signaling import limits, viewing, watching
from meetings.signaling.ids import consumer_of, producer_of
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Source, Track, TrackSid
from meetings.signaling.negotiation import Accepted, Outgoing
from meetings.signaling.requests import View

SendCommand = Callable[[schema.Command], None]


@dataclass
class _Consumption:
    """A track on its way to this participant, and how it wants to see it."""

    track: Track
    consumer_id: schema.ConsumerId
    ssrc: int
    rtx_ssrc: int
    spatial: int = viewing.HIGHEST
    paused: bool = False
    started: bool = False
    importance: tuple[int, bool] = (viewing.LEAST_IMPORTANT, False)


class Consumptions:
    """All tracks to one participant, over one transport. A track is sent from `start` on."""

    def __init__(
        self, sid: ParticipantSid, transport: schema.TransportId, send: SendCommand, *, unthinned: bool
    ) -> None:
        self._sid = sid
        self._transport = transport
        self._send = send
        self._unthinned = unthinned
        self._by_track: dict[TrackSid, _Consumption] = {}
        self._views: dict[TrackSid, View] = {}  # the latest; they may come before the track, or outlive it

    def add(self, publisher: ParticipantSid, track: Track) -> Outgoing:
        """A track more; returns how it is to be described to the client."""
        sid = track.known_as
        one = _Consumption(track, consumer_of(self._sid, sid), _random_ssrc(), _random_ssrc())
        self._by_track[sid] = one
        if (view := self._views.get(sid)) is not None:
            self._see(one, view)
        video = track.kind.value == "video"
        return Outgoing(
            sid,
            track.kind,
            f"{publisher}|{sid}",
            one.ssrc,
            one.rtx_ssrc if video else 0,
            mime_type=track.mime_type,
            red=redundant(track),
            stereo=track.request.stereo,
        )

    def remove(self, track_sid: TrackSid) -> bool:
        """A track less; False when there was none."""
        one = self._by_track.pop(track_sid, None)
        if one is not None:
            self._send(schema.CloseConsumer(one.consumer_id))
        return one is not None

    def start(self, accepted: Accepted) -> None:
        """The client knows where it comes."""
        one = self._by_track[accepted.track_sid]
        one.started = True
        self._send(
            schema.Consume(
                consumer_id=one.consumer_id,
                producer_id=producer_of(one.track.sid),
                transport_id=self._transport,
                ssrc=one.ssrc,
                rtx_ssrc=one.rtx_ssrc if accepted.codec.rtx_payload_type else 0,
                codec=accepted.codec,
                mid=accepted.mid,
                extensions=accepted.extensions,
                max_spatial=one.spatial,
                paused=one.paused,
                priority=one.importance[0],
                prominent=one.importance[1],
                screen=one.track.source is Source.SCREEN_SHARE,
                unthinned=self._unthinned,
            )
        )

    def stop(self, track_sid: TrackSid) -> None:
        """The client gave up where it came: until it is started again nothing is sent."""
        one = self._by_track[track_sid]
        one.started = False
        self._send(schema.CloseConsumer(one.consumer_id))

    def view(self, track_sid: TrackSid, view: View) -> None:
        """The client shows the track larger, smaller or not at all."""
        self._views.pop(track_sid, None)
        self._views[track_sid] = view
        if len(self._views) > limits.VIEWS:
            del self._views[next(iter(self._views))]
        if (one := self._by_track.get(track_sid)) is not None:
            self._see(one, view)

    def _see(self, one: _Consumption, view: View) -> None:
        spatial = viewing.spatial_for(one.track, view)
        if one.started and spatial != one.spatial:
            self._send(schema.SetLayer(one.consumer_id, spatial))
        if one.started and view.disabled != one.paused:
            self._send(schema.SetConsumerPaused(one.consumer_id, view.disabled))
        importance = viewing.importance(view)
        if one.started and importance != one.importance:
            self._send(schema.SetImportance(one.consumer_id, *importance))
        one.spatial, one.paused, one.importance = spatial, view.disabled, importance

    def watches(self, track: Track) -> int:
        """The highest layer of the track, in this codec, that the client wants to see now; -1: none."""
        one = self._by_track.get(track.known_as)
        return watching.NOTHING if one is None or one.paused or one.track.sid != track.sid else one.spatial


def redundant(track: Track) -> bool:
    """Whether those who can take it are sent its sound with redundancy: as LiveKit, for voices."""
    return not track.request.disable_red and not track.request.stereo


def _random_ssrc() -> int:
    return secrets.randbelow(0xFFFF_FFFE) + 1
