"""What one participant sends, and its transports: what was negotiated on them, and the commands that follow from it.

Clients come with two peer connections (`dual.py`) or with one (`single.py`); here is what both have in common. Nothing
here decides who may send or receive what: the room's rules do.
"""

from __future__ import annotations

import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from meetings.signaling import data
from meetings.signaling.consumptions import Consumptions, SendCommand, redundant
from meetings.signaling.ids import producer_of, publisher_transport
from meetings.signaling.media import schema
from meetings.signaling.model import ParticipantSid, Source, Track, TrackSid
from meetings.signaling.negotiation import (
    AnswerOptions,
    LocalTransport,
    MediaOffer,
    PublisherNegotiation,
    RemoteTransport,
    Sections,
)
from meetings.signaling.requests import View

_ICE_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Negotiated:
    """A published track has its media section."""

    track_sid: TrackSid
    mid: str
    mime_type: str


@dataclass(frozen=True)
class Description:
    """An offer or answer for the client: its number, and which section carries which track to it."""

    number: int
    sdp: str
    mids: Mapping[str, str]


class Peer(ABC):
    """Owns the transports of one participant in the worker, until `close`.

    `primary` is the one over which it is sent to: when that works, the participant is there.
    """

    def __init__(
        self,
        sid: ParticipantSid,
        primary: schema.TransportId,
        publisher: PublisherNegotiation,
        send: SendCommand,
        *,
        room: str,
        unthinned: bool,
    ) -> None:
        self.primary = primary
        self.consumptions = Consumptions(sid, primary, send, unthinned=unthinned)
        self._room = room
        self._has_floor = False
        self._send = send
        self._pub = publisher_transport(sid)
        self._publisher = publisher
        self._remotes: dict[schema.TransportId, RemoteTransport] = {}
        self._offered: dict[str, MediaOffer] = {}  # by mid
        self._bound: dict[str, TrackSid] = {}  # by mid
        self._by_kind = False
        self._open_channels: set[str] = set()
        self._early = data.Early()

    def close(self) -> None:
        """The worker forgets the transports and all that hangs on them."""
        for transport in dict.fromkeys((self._pub, self.primary)):
            self._send(schema.CloseTransport(transport))

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
        announced = [codec for track in tracks for codec in track.codecs if codec.request.cid]
        for media in self._offered.values():
            if media.mid in self._bound or media.codec is None:
                continue
            waiting = [one for one in announced if one.kind is media.kind and one.sid not in self._bound.values()]
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

    def answer(self, number: int, tracks: Sequence[Track]) -> Description:
        """The answer to the client's last offer."""
        wishes = {codec.sid: _options(codec) for track in tracks for codec in track.codecs}
        sdp = self._publisher.answer({mid: wishes[sid] for mid, sid in self._bound.items() if sid in wishes})
        return Description(number, sdp, {})

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

    @abstractmethod
    def consume(self, publisher: ParticipantSid, track: Track) -> None:
        """Have a track sent to the client, once it knows where it comes."""

    @abstractmethod
    def stop_sending(self, track_sid: TrackSid) -> None:
        """Send a track no longer."""

    @abstractmethod
    def due(self) -> Description | Sections | None:
        """The offer that is due to the client, or what it is to be asked to offer."""

    @abstractmethod
    def answered(self, number: int, text: str) -> None:
        """Take the client's answer and start what it accepted. Raises SdpError."""

    @abstractmethod
    def refusals(self) -> list[TrackSid]:
        """Tracks that the client has turned out to have no decoder for."""

    @abstractmethod
    def resumed(self) -> None:
        """The client is back over another connection: whatever was said over the last one may be lost."""

    def view(self, track_sid: TrackSid, view: View) -> None:
        """The client shows the track larger, smaller or not at all."""
        self.consumptions.view(track_sid, view)

    def watches(self, track: Track) -> int:
        """The highest layer of the track, in this codec, that the client wants to see now; -1: none."""
        return self.consumptions.watches(track)

    # ---------------------------------------------------------------------------------------------- data

    def channel_open(self, label: str) -> None:
        """A data channel to the client works; what was kept for it goes first."""
        self._open_channels.add(label)
        if label == data.RELIABLE:
            for payload in self._early.take():
                self._send(schema.SendData(self.primary, label, payload))

    def send_data(self, label: str, payload: bytes) -> None:
        """Reliable messages to a client that is still connecting are kept, up to a limit; lossy ones are lost."""
        if label in self._open_channels:
            self._send(schema.SendData(self.primary, label, payload))
        elif label == data.RELIABLE:
            self._early.add(payload)

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
                open_channels=[] if transport == self._pub else data.CHANNELS,  # on its own the client opens them
                dtls_passive=remote.dtls_passive,
            )
        )

    def _restarted(self, transport: schema.TransportId, local: LocalTransport) -> LocalTransport:
        newer = replace(local, ice_ufrag=_random_text(8), ice_pwd=_random_text(24))
        self._send(schema.RestartIce(transport, newer.ice_ufrag, newer.ice_pwd))
        return newer


def opened(transport: schema.TransportId, ready: schema.Ready, send: SendCommand) -> LocalTransport:
    """A new transport in the worker, as it stands in our descriptions."""
    ufrag, pwd = _random_text(8), _random_text(24)  # RFC 8445 section 5.3 asks for 4 and 22 at least
    send(schema.CreateTransport(transport, ufrag, pwd))
    return LocalTransport(
        ufrag, pwd, ready.fingerprint_algorithm, ready.fingerprint, tuple(ready.candidates), tuple(ready.tcp_candidates)
    )


def _options(track: Track) -> AnswerOptions:
    request = track.request
    return AnswerOptions(not request.disable_dtx, request.stereo, redundant(track), request.codec)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))
