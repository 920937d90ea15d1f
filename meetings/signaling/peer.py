"""One participant's two media transports: what was negotiated on them, and the worker commands that follow from it.

The publisher transport receives what the participant sends, on offers of its client; the subscriber transport sends
to it, on offers of ours. Nothing here decides who may send or receive what: the room's rules do.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from meetings.signaling import data, limits, viewing, watching
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Source, Track, TrackSid
from meetings.signaling.negotiation import (
    Accepted,
    AnswerOptions,
    LocalTransport,
    MediaOffer,
    Outgoing,
    PublisherNegotiation,
    RemoteTransport,
    SubscriberNegotiation,
)
from meetings.signaling.requests import View

SendCommand = Callable[[schema.Command], None]
_ICE_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Negotiated:
    """A published track has its media section."""

    track_sid: TrackSid
    mid: str
    mime_type: str


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


def publisher_transport(sid: ParticipantSid) -> schema.TransportId:
    return schema.TransportId(f"{sid}.pub")


def subscriber_transport(sid: ParticipantSid) -> schema.TransportId:
    return schema.TransportId(f"{sid}.sub")


def producer_of(track_sid: TrackSid) -> schema.ProducerId:
    return schema.ProducerId(track_sid)


def consumer_of(sid: ParticipantSid, track_sid: TrackSid) -> schema.ConsumerId:
    return schema.ConsumerId(f"{sid}<{track_sid}")


def consumed(consumer: schema.ConsumerId) -> tuple[ParticipantSid, TrackSid]:
    """Who gets which track."""
    sid, _, track_sid = consumer.partition("<")
    return ParticipantSid(sid), TrackSid(track_sid)


class Peer:
    """Owns both transports of one participant in the worker, until `close`."""

    def __init__(
        self,
        sid: ParticipantSid,
        ready: schema.Ready,
        send: SendCommand,
        *,
        room: str = "",
        unthinned: bool = False,
    ) -> None:
        self._room = room
        self._has_floor = False
        self._sid = sid
        self._unthinned = unthinned
        self._send = send
        self._pub = publisher_transport(sid)
        self._sub = subscriber_transport(sid)
        self._publisher = PublisherNegotiation(self._open(self._pub, ready))
        self._subscriber = SubscriberNegotiation(self._open(self._sub, ready))
        self._remotes: dict[schema.TransportId, RemoteTransport] = {}
        self._offered: dict[str, MediaOffer] = {}  # by mid
        self._bound: dict[str, TrackSid] = {}  # by mid
        self._by_kind = False
        self._consumptions: dict[TrackSid, _Consumption] = {}
        self._open_channels: set[str] = set()
        self._early_data: list[bytes] = []

    def _open(self, transport: schema.TransportId, ready: schema.Ready) -> LocalTransport:
        ufrag, pwd = _random_text(8), _random_text(24)  # RFC 8445 section 5.3 asks for 4 and 22 at least
        self._send(schema.CreateTransport(transport, ufrag, pwd))
        return LocalTransport(
            ufrag,
            pwd,
            ready.fingerprint_algorithm,
            ready.fingerprint,
            tuple(ready.candidates),
            tuple(ready.tcp_candidates),
        )

    def close(self) -> None:
        """The worker forgets both transports and all that hangs on them."""
        self._send(schema.CloseTransport(self._pub))
        self._send(schema.CloseTransport(self._sub))

    # ---------------------------------------------------------------------------------------- publishing

    def offer(self, text: str) -> list[TrackSid]:
        """Take the client's offer; returns the tracks that it no longer sends. Raises SdpError."""
        offered = self._publisher.offer(text)
        if offered.restarted:
            self._publisher.local = self._restarted(self._pub, self._publisher.local)
        self._remember(self._pub, offered.remote)
        self._offered = {media.mid: media for media in offered.media}
        self._by_kind = offered.anonymous
        gone = [track for mid, track in self._bound.items() if mid not in self._offered]
        self._bound = {mid: track for mid, track in self._bound.items() if mid in self._offered}
        return gone

    def bind(self, tracks: Sequence[Track]) -> list[Negotiated]:
        """Join announced tracks to offered sections, whichever came first, and expect their media from now on."""
        negotiated = []
        for media in self._offered.values():
            if media.mid in self._bound or media.codec is None:
                continue
            waiting = [one for one in tracks if one.kind is media.kind and one.sid not in self._bound.values()]
            track = next((one for one in waiting if one.request.cid == media.cid), None)
            if track is None and self._by_kind and waiting:
                track = waiting[0]  # Firefox: the ids in its SDP are not those it announced
            if track is not None:
                codec = self._publisher.settle(media.mid, _options(track))
                assert codec is not None
                self._bound[media.mid] = track.sid
                self._send(self._produce(track, media, codec))
                negotiated.append(Negotiated(track.sid, media.mid, codec.mime_type))
        return negotiated

    def answer(self, tracks: Sequence[Track]) -> str:
        """The answer to the client's last offer."""
        wishes = {one.sid: _options(one) for one in tracks}
        return self._publisher.answer({mid: wishes[sid] for mid, sid in self._bound.items() if sid in wishes})

    def stop_receiving(self, track_sid: TrackSid) -> None:
        self._send(schema.CloseProducer(producer_of(track_sid)))
        for mid in [mid for mid, track in self._bound.items() if track == track_sid]:
            del self._bound[mid]
            self._offered.pop(mid, None)  # free for another track only once the client offers it again

    def _produce(self, track: Track, media: MediaOffer, codec: schema.Codec) -> schema.Produce:
        return schema.Produce(
            producer_id=producer_of(track.sid),
            transport_id=self._pub,
            kind=media.kind.value,
            mid=media.mid,
            codecs=[codec],
            extensions=media.extensions,
            encodings=list(media.encodings),
            muted=track.muted,
            room="" if track.source is Source.SCREEN_SHARE_AUDIO else self._room,
            always_heard=self._has_floor,
        )

    def has_floor(self, floor: bool) -> None:
        """Whose turn it is to speak is heard however many others speak."""
        if floor != self._has_floor:
            self._has_floor = floor
            for track_sid in self._bound.values():
                self._send(schema.SetAlwaysHeard(producer_of(track_sid), floor))

    def mute(self, track_sid: TrackSid, muted: bool) -> None:
        self._send(schema.SetProducerMuted(producer_of(track_sid), muted))

    # --------------------------------------------------------------------------------------- subscribing

    def consume(self, publisher: ParticipantSid, track: Track) -> None:
        """Offer a track to the client; it is sent once the client has accepted it."""
        consumption = _Consumption(track, consumer_of(self._sid, track.sid), _random_ssrc(), _random_ssrc())
        self._consumptions[track.sid] = consumption
        video = track.kind.value == "video"
        self._subscriber.add(
            Outgoing(
                track.sid,
                track.kind,
                f"{publisher}|{track.sid}",
                consumption.ssrc,
                consumption.rtx_ssrc if video else 0,
                mime_type=track.mime_type,
                red=_redundant(track),
            )
        )

    def stop_sending(self, track_sid: TrackSid) -> None:
        consumption = self._consumptions.pop(track_sid, None)
        if consumption is not None:
            self._subscriber.remove(track_sid)
            self._send(schema.CloseConsumer(consumption.consumer_id))

    def next_offer(self) -> tuple[int, str, dict[str, str]] | None:
        """Number, description and mids of the offer that is due to the client, if one is."""
        due = self._subscriber.next_offer()
        return None if due is None else (*due, self._subscriber.mids())

    def answered(self, number: int, text: str) -> None:
        """Take the client's answer and start what it accepted. Raises SdpError."""
        taken = self._subscriber.answered(number, text)
        if taken is None:
            return
        remote, accepted = taken
        self._remember(self._sub, remote)
        for one in accepted:
            self._start(one)

    def restart_subscriber(self) -> None:
        """New ICE credentials for the subscriber transport; they go out with its next offer."""
        self._subscriber.restart(self._restarted(self._sub, self._subscriber.local))

    def view(self, track_sid: TrackSid, view: View) -> None:
        """The client shows the track larger, smaller or not at all."""
        consumption = self._consumptions.get(track_sid)
        if consumption is None:
            return
        spatial = viewing.spatial_for(consumption.track, view)
        if consumption.started and spatial != consumption.spatial:
            self._send(schema.SetLayer(consumption.consumer_id, spatial))
        if consumption.started and view.disabled != consumption.paused:
            self._send(schema.SetConsumerPaused(consumption.consumer_id, view.disabled))
        importance = viewing.importance(view)
        if consumption.started and importance != consumption.importance:
            self._send(schema.SetImportance(consumption.consumer_id, *importance))
        consumption.spatial, consumption.paused, consumption.importance = spatial, view.disabled, importance

    def watches(self, track_sid: TrackSid) -> int:
        """The highest layer of the track that the client wants to see now; -1: none."""
        consumption = self._consumptions.get(track_sid)
        return watching.NOTHING if consumption is None or consumption.paused else consumption.spatial

    def _start(self, accepted: Accepted) -> None:
        consumption = self._consumptions[accepted.track_sid]
        consumption.started = True
        self._send(
            schema.Consume(
                consumer_id=consumption.consumer_id,
                producer_id=producer_of(accepted.track_sid),
                transport_id=self._sub,
                ssrc=consumption.ssrc,
                rtx_ssrc=consumption.rtx_ssrc if accepted.codec.rtx_payload_type else 0,
                codec=accepted.codec,
                mid=accepted.mid,
                extensions=accepted.extensions,
                max_spatial=consumption.spatial,
                paused=consumption.paused,
                priority=consumption.importance[0],
                prominent=consumption.importance[1],
                screen=consumption.track.source is Source.SCREEN_SHARE,
                unthinned=self._unthinned,
            )
        )

    # ---------------------------------------------------------------------------------------------- data

    def channel_open(self, label: str) -> None:
        """A data channel to the client works; what was kept for it goes first."""
        self._open_channels.add(label)
        if label == data.RELIABLE:
            for payload in self._early_data:
                self._send(schema.SendData(self._sub, label, payload))
            self._early_data = []

    def send_data(self, label: str, payload: bytes) -> None:
        """Reliable messages to a client that is still connecting are kept, up to a limit; lossy ones are lost."""
        if label in self._open_channels:
            self._send(schema.SendData(self._sub, label, payload))
        elif label == data.RELIABLE and len(self._early_data) < limits.EARLY_DATA:
            self._early_data.append(payload)

    # ----------------------------------------------------------------------------------------- transports

    def _remember(self, transport: schema.TransportId, remote: RemoteTransport) -> None:
        """Tell the worker the client's end when it is new or changed."""
        if self._remotes.get(transport) == remote:
            return
        self._remotes[transport] = remote
        self._send(
            schema.SetRemote(
                transport_id=transport,
                remote_ufrag=remote.ice_ufrag,
                fingerprint_algorithm=remote.fingerprint_algorithm,
                fingerprint=remote.fingerprint,
                sctp_port=remote.sctp_port,
                max_message_size=remote.max_message_size,
                open_channels=data.CHANNELS if transport == self._sub else [],
                dtls_passive=remote.dtls_passive,
            )
        )

    def _restarted(self, transport: schema.TransportId, local: LocalTransport) -> LocalTransport:
        newer = replace(local, ice_ufrag=_random_text(8), ice_pwd=_random_text(24))
        self._send(schema.RestartIce(transport, newer.ice_ufrag, newer.ice_pwd))
        return newer


def _redundant(track: Track) -> bool:
    """Whether those who can take it are sent its sound with redundancy: as LiveKit, for voices."""
    return not track.request.disable_red and not track.request.stereo


def _options(track: Track) -> AnswerOptions:
    request = track.request
    return AnswerOptions(not request.disable_dtx, request.stereo, _redundant(track), request.codec)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))


def _random_ssrc() -> int:
    return secrets.randbelow(0xFFFF_FFFE) + 1
