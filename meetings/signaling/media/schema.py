"""The seam between the relay's control process and its media worker: every message either may send.

The control process decides (rooms, permissions, negotiation); the worker moves packets. Commands go to the worker,
events come back; both are tagged msgpack structs, so a message that is not in this file cannot be sent. Ids are made
by the control process. Lifecycle: closing a transport closes its producers and consumers; closing a producer closes
its consumers; closing what is already closed is not an error, because the two sides race.
"""

from __future__ import annotations

from typing import Literal, NewType

import msgspec

TransportId = NewType("TransportId", str)
ProducerId = NewType("ProducerId", str)
ConsumerId = NewType("ConsumerId", str)

Kind = Literal["audio", "video"]


class Codec(msgspec.Struct, frozen=True):
    """One payload type as negotiated on a transport (RFC 8866 rtpmap/fmtp), with those that carry it otherwise.

    `rtx_payload_type` is its RFC 4588 pair, `red_payload_type` that of sound in RED (RFC 2198): a publisher may send
    either form, a subscriber that has it is sent RED.
    """

    payload_type: int
    mime_type: str  # lower case: "audio/opus", "video/vp8"
    clock_rate: int
    rtx_payload_type: int | None = None
    red_payload_type: int | None = None


class HeaderExtensions(msgspec.Struct, frozen=True):
    """Negotiated RTP header extension ids (RFC 8285) of one m-section; 0 means not negotiated."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    audio_level: int = 0
    transport_cc: int = 0
    abs_send_time: int = 0
    dependency: int = 0  # AV1's descriptor of what a frame builds on


class Encoding(msgspec.Struct, frozen=True):
    """One simulcast layer of a producer: `spatial` 0 is the lowest. Without simulcast there is one, with an empty rid.

    `ssrc` and `rtx_ssrc` are given where the offer listed them (Firefox), else 0 and learned from MID and RID.
    """

    spatial: int
    rid: str = ""
    ssrc: int = 0
    rtx_ssrc: int = 0


# ---------------------------------------------------------------------------------------------- commands


class CreateTransport(msgspec.Struct, frozen=True, tag=True):
    """Open an ICE-lite, DTLS-passive transport under the local credentials the control process has put in its SDP."""

    transport_id: TransportId
    ice_ufrag: str
    ice_pwd: str


class SetRemote(msgspec.Struct, frozen=True, tag=True):
    """What the remote description said. May be sent again after an ICE restart: then only the ufrag may differ.

    `sctp_port` 0 means no data channels on this transport. `open_channels`: labels the worker opens itself (the
    subscriber transport), as (label, ordered, max_retransmits or None). `dtls_passive`: the peer waits for our first
    handshake message.
    """

    transport_id: TransportId
    remote_ufrag: str
    fingerprint_algorithm: str  # "sha-256"
    fingerprint: str  # "AB:CD:…"
    sctp_port: int = 0
    max_message_size: int = 65_536
    open_channels: list[tuple[str, bool, int | None]] = []
    dtls_passive: bool = False


class RestartIce(msgspec.Struct, frozen=True, tag=True):
    """New local credentials for an ICE restart (RFC 8445 section 2.4); the old ones are valid until the first check."""

    transport_id: TransportId
    ice_ufrag: str
    ice_pwd: str


class CloseTransport(msgspec.Struct, frozen=True, tag=True):
    """Close a transport with all that hangs on it; sends DTLS close_notify."""

    transport_id: TransportId


class Produce(msgspec.Struct, frozen=True, tag=True):
    """Expect a sender's track on a transport, recognised by `mid` (and rid), or by the SSRCs in `encodings`.

    `codecs[0]` is what is forwarded; packets of other payload types are dropped. Layers are switched at keyframes of
    video/vp8, video/vp9 and video/h264, anywhere for other codecs.
    """

    producer_id: ProducerId
    transport_id: TransportId
    kind: Kind
    mid: str
    codecs: list[Codec]
    extensions: HeaderExtensions
    encodings: list[Encoding]
    nack: bool = True
    muted: bool = False
    room: str = ""  # a microphone's: of one room the loudest may be passed on only, if the worker is told so
    always_heard: bool = False  # whoever holds the floor


class SetProducerMuted(msgspec.Struct, frozen=True, tag=True):
    """While muted nothing of this producer is forwarded, whatever arrives."""

    producer_id: ProducerId
    muted: bool


class SetAlwaysHeard(msgspec.Struct, frozen=True, tag=True):
    """The participant got or gave back the floor: its voice is passed on however quiet it is."""

    producer_id: ProducerId
    always: bool


class CloseProducer(msgspec.Struct, frozen=True, tag=True):
    """Stop receiving a track; its consumers close too."""

    producer_id: ProducerId


class Consume(msgspec.Struct, frozen=True, tag=True):
    """Forward a producer to a transport under its own SSRC, payload type and mid. `max_spatial` -1 starts it paused.

    Of the extensions `mid` and, with RTX, `transport_cc` or else `abs_send_time` are sent. An SSRC is used by one
    consumer at a time; a later one under the same SSRC continues its sequence numbers.
    """

    consumer_id: ConsumerId
    producer_id: ProducerId
    transport_id: TransportId
    ssrc: int
    rtx_ssrc: int  # 0: resend the identical packet
    codec: Codec
    mid: str
    extensions: HeaderExtensions
    max_spatial: int = 2
    paused: bool = False
    priority: int = 7  # 0 to 7, 0 first: when not everything fits
    prominent: bool = False  # shown large
    screen: bool = False  # readable before smooth
    unthinned: bool = False  # whatever the peer reports, all of it at once: a recorder's


class SetLayer(msgspec.Struct, frozen=True, tag=True):
    """The highest layer this consumer wants; the best that is alive up to it is forwarded from its next keyframe."""

    consumer_id: ConsumerId
    max_spatial: int


class SetImportance(msgspec.Struct, frozen=True, tag=True):
    """Which of a subscriber's pictures come first when not all fit; as in `Consume`."""

    consumer_id: ConsumerId
    priority: int
    prominent: bool


class SetSpeaking(msgspec.Struct, frozen=True, tag=True):
    """Who is seen in this picture speaks, or has stopped."""

    producer_id: ProducerId
    speaking: bool


class SetConsumerPaused(msgspec.Struct, frozen=True, tag=True):
    """Stop or start forwarding to one consumer; a video consumer starts with a keyframe request."""

    consumer_id: ConsumerId
    paused: bool


class CloseConsumer(msgspec.Struct, frozen=True, tag=True):
    """Stop forwarding for good."""

    consumer_id: ConsumerId


class RequestKeyframe(msgspec.Struct, frozen=True, tag=True):
    """Ask a producer for a keyframe on every layer (throttled by the worker)."""

    producer_id: ProducerId


class SendData(msgspec.Struct, frozen=True, tag=True):
    """Send one message on a transport's data channel; dropped if the channel is not open or its buffer is full."""

    transport_id: TransportId
    label: str
    payload: bytes


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Heartbeat; answered by `Pong` with the same number."""

    number: int


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """Close everything and end the worker."""


Command = (
    CreateTransport
    | SetRemote
    | RestartIce
    | CloseTransport
    | Produce
    | SetProducerMuted
    | SetAlwaysHeard
    | CloseProducer
    | Consume
    | SetLayer
    | SetImportance
    | SetSpeaking
    | SetConsumerPaused
    | CloseConsumer
    | RequestKeyframe
    | SendData
    | Ping
    | Shutdown
)

# ------------------------------------------------------------------------------------------------ events


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker's sockets are bound. `candidates` are (address, port) pairs to announce over UDP, best first."""

    candidates: list[tuple[str, int]]
    fingerprint_algorithm: str
    fingerprint: str
    tcp_candidates: list[tuple[str, int]] = []  # the same for media over TCP (RFC 6544, passive)


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The worker cannot start or go on, in one sentence for the log; its process ends after this."""

    reason: str


class TransportConnected(msgspec.Struct, frozen=True, tag=True):
    """DTLS finished and SRTP keys are installed (again sent after an ICE restart found its new pair)."""

    transport_id: TransportId


class TransportLost(msgspec.Struct, frozen=True, tag=True):
    """No consent for 15 s, DTLS failed or the peer closed. The control process decides what to close."""

    transport_id: TransportId
    reason: str


class DataChannelOpen(msgspec.Struct, frozen=True, tag=True):
    """A data channel may be written to."""

    transport_id: TransportId
    label: str


class DataReceived(msgspec.Struct, frozen=True, tag=True):
    """One message from a data channel, at most 64 KiB, within the participant's rate limit."""

    transport_id: TransportId
    label: str
    payload: bytes


class ProducerStarted(msgspec.Struct, frozen=True, tag=True):
    """First RTP of a producer was authenticated: the track is live."""

    producer_id: ProducerId


class ProducerLayers(msgspec.Struct, frozen=True, tag=True):
    """Which spatial layers of a producer arrive now, lowest first; sent on change.

    When all fall silent together nothing is sent: a still screen or a covered camera goes on where it was.
    """

    producer_id: ProducerId
    spatial: list[int]


class ConsumerLayer(msgspec.Struct, frozen=True, tag=True):
    """The layer a consumer really gets has changed; -1: none."""

    consumer_id: ConsumerId
    spatial: int


class ConsumerStarved(msgspec.Struct, frozen=True, tag=True):
    """A picture is held back, all of it, for want of room on the way to its subscriber; or it comes again."""

    consumer_id: ConsumerId
    starved: bool


class AudioLevels(msgspec.Struct, frozen=True, tag=True):
    """Loudness per audio producer over the last interval (about 400 ms): 0..1, and whether it counts as speaking."""

    levels: list[tuple[ProducerId, float, bool]]


class ConsumerStats(msgspec.Struct, frozen=True, tag=True):
    """What receivers reported (RFC 3550 RR), every few seconds: loss 0..1, jitter and round trip in milliseconds.

    `estimate`: bit/s for pictures, 0 where it is not known. `granted`: which share of the wanted pictures' bit/s is
    sent; `starved`: how many of them not at all.
    """

    transport_id: TransportId
    loss: float
    jitter_ms: float
    rtt_ms: float
    estimate: float = 0.0
    granted: float = 1.0
    starved: int = 0


class ProducerStats(msgspec.Struct, frozen=True, tag=True):
    """The same for what a publisher sends us: loss that nothing mended, and jitter."""

    transport_id: TransportId
    loss: float
    jitter_ms: float


class Upkeep(msgspec.Struct, frozen=True):
    """What a process holds on to. `memory` in bytes."""

    tasks: int = 0
    descriptors: int = 0
    memory: int = 0


class WorkerFigures(msgspec.Struct, frozen=True, tag=True):
    """How the worker is, every few seconds. `lag_ms`: the longest that a timer came late; `cpu`: share of one core.

    `share`: which share of the wanted pictures it still has time for; 1: it is not overloaded.
    """

    cpu: float
    lag_ms: float
    share: float
    packets_in: int
    packets_out: int
    bytes_out: int
    unsent: int  # packets the kernel had no room for
    transports: int
    producers: int
    consumers: int
    upkeep: Upkeep = Upkeep()


class Pong(msgspec.Struct, frozen=True, tag=True):
    """Heartbeat answer, with the worker's process CPU seconds and packet counts so far, and its memory now."""

    number: int
    cpu_seconds: float
    packets_in: int
    packets_out: int
    memory_bytes: int = 0  # resident; 0: not known


Event = (
    Ready
    | Failed
    | TransportConnected
    | TransportLost
    | DataChannelOpen
    | DataReceived
    | ProducerStarted
    | ProducerLayers
    | ConsumerLayer
    | ConsumerStarved
    | AudioLevels
    | ConsumerStats
    | ProducerStats
    | WorkerFigures
    | Pong
)

_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_encoder = msgspec.msgpack.Encoder()


def encode(message: Command | Event) -> bytes:
    """One message as bytes, without framing."""
    return _encoder.encode(message)


def decode_command(data: bytes) -> Command:
    """Raises msgspec.DecodeError (a ValueError) for anything that is not exactly a command."""
    return _command_decoder.decode(data)


def decode_event(data: bytes) -> Event:
    """Raises msgspec.DecodeError (a ValueError) for anything that is not exactly an event."""
    return _event_decoder.decode(data)
