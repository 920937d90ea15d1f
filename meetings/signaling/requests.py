"""What a client may ask for, as typed values; the one place that reads SignalRequest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from meetings.signaling import limits
from meetings.signaling.model import Kind, Layer, Source, TrackRequest, TrackSid
from meetings.signaling.negotiation import codecs
from meetings.signaling.subscriptions import Admitted, Guest


class BadRequest(ValueError):
    """A frame that is not a request any client of ours would send."""


@dataclass(frozen=True)
class Offer:
    number: int
    sdp: str


@dataclass(frozen=True)
class Answer:
    number: int
    sdp: str


@dataclass(frozen=True)
class AddTrack:
    track: TrackRequest


@dataclass(frozen=True)
class Mute:
    track_sid: TrackSid
    muted: bool


@dataclass(frozen=True)
class Choose:
    """Subscribe to tracks, or no longer."""

    tracks: tuple[TrackSid, ...]
    wanted: bool


@dataclass(frozen=True)
class View:
    """How a subscriber shows tracks now. Quality is the spatial layer it asks for; 0x0: no size known."""

    tracks: tuple[TrackSid, ...]
    disabled: bool
    quality: int
    width: int
    height: int
    priority: int = 0  # 1 comes first when not everything fits; 0: no wish


@dataclass(frozen=True)
class Describe:
    """New name, metadata or attributes of the client itself."""

    request_id: int
    name: str
    metadata: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Admit:
    """Who may receive the client's tracks."""

    everybody: bool
    guests: tuple[Guest, ...]


@dataclass(frozen=True)
class DescribeSound:
    """How a track of the client sounds now: AudioTrackFeature numbers."""

    track_sid: TrackSid
    features: tuple[int, ...]


@dataclass(frozen=True)
class DescribePicture:
    """How large a track of the client is now."""

    track_sid: TrackSid
    width: int
    height: int


@dataclass(frozen=True)
class Unsupported:
    """add_track of something that is neither sound nor picture."""

    cid: str


@dataclass(frozen=True)
class Synchronize:
    """What a client that goes on takes for the present state."""

    published: tuple[TrackSid, ...]
    chosen: Choose
    disabled: tuple[TrackSid, ...]


@dataclass(frozen=True)
class Leave:
    pass


@dataclass(frozen=True)
class ComeAnew:
    """The client asks to be sent away and to connect anew: so clients try what becomes of that."""


@dataclass(frozen=True)
class Ping:
    """`timestamp` in ms of the client's clock; `numbered`: it asks for pong_resp, not the older pong."""

    timestamp: int
    numbered: bool


@dataclass(frozen=True)
class Ignored:
    """A request of a kind that needs no action here, such as trickled candidates of a client of an ICE-lite server."""

    kind: str


Request = (
    Offer
    | Answer
    | AddTrack
    | Unsupported
    | Mute
    | Choose
    | View
    | Describe
    | DescribeSound
    | DescribePicture
    | Admit
    | Synchronize
    | Leave
    | ComeAnew
    | Ping
    | Ignored
)

SOURCES = {
    models.TrackSource.UNKNOWN: Source.UNKNOWN,
    models.TrackSource.CAMERA: Source.CAMERA,
    models.TrackSource.MICROPHONE: Source.MICROPHONE,
    models.TrackSource.SCREEN_SHARE: Source.SCREEN_SHARE,
    models.TrackSource.SCREEN_SHARE_AUDIO: Source.SCREEN_SHARE_AUDIO,
}


def parse_request(frame: bytes | str) -> Request:
    """One WebSocket frame: binary protobuf, or protojson in a text frame. Raises BadRequest."""
    try:
        if isinstance(frame, str):
            message = json_format.Parse(frame, rtc.SignalRequest(), ignore_unknown_fields=True)
        else:
            message = rtc.SignalRequest.FromString(frame)
        return _typed(message)
    except (DecodeError, json_format.ParseError, UnicodeError, RecursionError) as error:
        raise BadRequest("not a signalling request") from error


def _typed(message: rtc.SignalRequest) -> Request:  # noqa: C901 - one line a case
    match message.WhichOneof("message"):
        case "offer":
            return Offer(message.offer.id, message.offer.sdp)
        case "answer":
            return Answer(message.answer.id, message.answer.sdp)
        case "add_track":
            return add_track(message.add_track)
        case "mute":
            return Mute(TrackSid(message.mute.sid), message.mute.muted)
        case "subscription":
            return _choose(message.subscription)
        case "track_setting":
            return _view(message.track_setting)
        case "update_metadata":
            return _describe(message.update_metadata)
        case "subscription_permission":
            return _admit(message.subscription_permission)
        case "update_audio_track":
            sound = message.update_audio_track
            return DescribeSound(TrackSid(sound.track_sid), tuple(dict.fromkeys(sound.features)))
        case "update_video_track":
            picture = message.update_video_track
            return DescribePicture(TrackSid(picture.track_sid), picture.width, picture.height)
        case "sync_state":
            return _synchronize(message.sync_state)
        case "leave":
            return Leave()
        case "ping":
            return Ping(message.ping, numbered=False)
        case "ping_req":
            return Ping(message.ping_req.timestamp, numbered=True)
        case "simulate" if message.simulate.leave_request_full_reconnect:
            return ComeAnew()
        case None:
            raise BadRequest("an empty request")
        case kind:
            return Ignored(kind)


def add_track(request: rtc.AddTrackRequest) -> Request:
    """Raises BadRequest."""
    kinds = {models.TrackType.AUDIO: Kind.AUDIO, models.TrackType.VIDEO: Kind.VIDEO}
    if not 0 < len(request.cid) <= limits.CID:
        raise BadRequest("add_track without a cid")
    if (kind := kinds.get(request.type)) is None:
        return Unsupported(request.cid)
    return AddTrack(
        TrackRequest(
            cid=request.cid,
            kind=kind,
            source=SOURCES.get(request.source, Source.UNKNOWN),
            name=request.name[: limits.NAME],
            width=request.width,
            height=request.height,
            muted=request.muted,
            layers=_layers(request),
            stereo=request.stereo,
            disable_dtx=request.disable_dtx,
            disable_red=request.disable_red or request.encryption != models.Encryption.NONE,
            codec=_codec(request, 0),
            backup=_backup(request),
            regresses=request.backup_codec_policy != models.BackupCodecPolicy.SIMULCAST,
            stream=request.stream[: limits.STREAM],
            encryption=request.encryption if request.encryption in models.Encryption.Type.values() else 0,
            features=tuple(dict.fromkeys(request.audio_features)),
            of_track=TrackSid(request.sid[: limits.CID]),
        )
    )


def _codec(request: rtc.AddTrackRequest, place: int) -> str:
    """The first of the codecs it can send is the one it wants; spelled "h264" or "video/H264"."""
    named = request.simulcast_codecs[place].codec if len(request.simulcast_codecs) > place else ""
    return named.lower().rpartition("/")[2][:16]


def _backup(request: rtc.AddTrackRequest) -> str:
    """The second, for those who cannot take the first; only beside one that is forwarded."""
    first, second = _codec(request, 0), _codec(request, 1)
    return second if {first, second} <= set(codecs.KNOWN["video"]) and first != second else ""


def _layers(request: rtc.AddTrackRequest) -> tuple[Layer, ...]:
    """Newer clients give the layers with the codec instead."""
    listed = list(request.layers)
    if not listed and request.simulcast_codecs:
        listed = list(request.simulcast_codecs[0].layers)
    known = [one for one in listed if one.quality in (0, 1, 2)]
    ordered = sorted(known, key=lambda one: one.quality)[:3]
    return tuple(Layer(spatial, one.width, one.height, one.bitrate) for spatial, one in enumerate(ordered))


def _choose(request: rtc.UpdateSubscription) -> Choose:
    return Choose(track_sids(request.track_sids, request.participant_tracks), request.subscribe)


def track_sids(direct: Iterable[str], grouped: Iterable[models.ParticipantTracks]) -> tuple[TrackSid, ...]:
    """Both spellings of a list of tracks, as UpdateSubscription and the server API have them."""
    sids = [*direct, *(sid for one in grouped for sid in one.track_sids)]
    return tuple(TrackSid(sid) for sid in dict.fromkeys(sids))


def _view(request: rtc.UpdateTrackSettings) -> View:
    sids = tuple(TrackSid(sid) for sid in request.track_sids)
    off = request.disabled or request.quality == models.VideoQuality.OFF
    return View(sids, off, min(request.quality, 2), request.width, request.height, request.priority)


def _describe(request: rtc.UpdateParticipantMetadata) -> Describe:
    return Describe(request.request_id, request.name, request.metadata, dict(request.attributes))


def _admit(request: rtc.SubscriptionPermission) -> Request:
    lines = request.track_permissions
    if not request.all_participants and not all(one.participant_identity or one.participant_sid for one in lines):
        return Ignored("subscription_permission that names nobody")  # what was said before holds on
    guests = [
        Guest(
            one.participant_identity,
            one.participant_sid,
            Admitted(one.all_tracks, frozenset(TrackSid(sid) for sid in one.track_sids)),
        )
        for one in lines
    ]
    return Admit(request.all_participants, tuple(guests))


def _synchronize(state: rtc.SyncState) -> Synchronize:
    return Synchronize(
        published=tuple(TrackSid(one.track.sid) for one in state.publish_tracks),
        chosen=_choose(state.subscription),
        disabled=tuple(TrackSid(sid) for sid in state.track_sids_disabled),
    )
