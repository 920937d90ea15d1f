"""What clients and server calls are told, as LiveKit's protobuf messages; the one place that writes SignalResponse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from livekit.protocol import models, rtc

from meetings.signaling.effects import Asked, NotSubscribable, Refusal, RequestAnswered
from meetings.signaling.model import (
    Kind,
    Participant,
    ParticipantSid,
    Permission,
    Reason,
    Role,
    RoomFacts,
    State,
    Track,
    TrackSid,
)
from meetings.signaling.negotiation import Sections, codecs
from meetings.signaling.peer import Description
from meetings.signaling.quality import Quality, Rating
from meetings.signaling.requests import SOURCES
from meetings.signaling.speakers import Speaking
from meetings.signaling.turn import IceServer

# A promise of behaviour: clients switch features by it. Above 1.13.6 they would publish SVC simulcast.
SERVER_VERSION = "1.13.5"
PROTOCOL = 17
PING_INTERVAL_SECONDS = 5
PING_TIMEOUT_SECONDS = 15

_STATES = {
    State.JOINED: models.ParticipantInfo.JOINED,
    State.ACTIVE: models.ParticipantInfo.ACTIVE,
    State.DISCONNECTED: models.ParticipantInfo.DISCONNECTED,
}
_REASONS: dict[Reason, models.DisconnectReason] = {one: getattr(models.DisconnectReason, one.name) for one in Reason}
_ROLES = {role: getattr(models.ParticipantInfo, role.name) for role in Role}
_SOURCE_NUMBERS = {source: number for number, source in SOURCES.items()}
_LAYER_QUALITIES = (models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH)
_QUALITIES = {
    Quality.POOR: models.ConnectionQuality.POOR,
    Quality.GOOD: models.ConnectionQuality.GOOD,
    Quality.EXCELLENT: models.ConnectionQuality.EXCELLENT,
    Quality.LOST: models.ConnectionQuality.LOST,
}


def server_info() -> models.ServerInfo:
    return models.ServerInfo(
        edition=models.ServerInfo.Standard, version=SERVER_VERSION, protocol=PROTOCOL, node_id="ND_relay"
    )


def track_info(track: Track) -> models.TrackInfo:
    request = track.request
    layers = [_layer(track, index) for index in range(len(request.layers))]
    info = models.TrackInfo(
        sid=track.sid,
        type=models.TrackType.AUDIO if track.kind is Kind.AUDIO else models.TrackType.VIDEO,
        name=request.name,
        muted=track.muted,
        width=request.width,
        height=request.height,
        simulcast=track.simulcast,
        disable_dtx=request.disable_dtx,
        source=_SOURCE_NUMBERS[track.source],
        layers=layers,
        mime_type=_mime_type(track),
        mid=track.mid,
        stereo=request.stereo,
        disable_red=request.disable_red,
        stream=request.stream or _stream(track),
        encryption=request.encryption,  # type: ignore[arg-type]  # a number as received
    )
    info.audio_features.extend(request.features)  # type: ignore[arg-type]  # numbers as received
    info.codecs.add(mime_type=info.mime_type, mid=track.mid, cid=request.cid, layers=layers)
    if (backup := track.backup) is not None:
        sizes = [_layer(backup, index) for index in range(len(backup.request.layers))]
        info.codecs.add(mime_type=_mime_type(backup), mid=backup.mid, cid=backup.request.cid, layers=sizes)
    elif request.backup:
        info.codecs.add(mime_type=f"video/{request.backup.upper()}", layers=layers)
    return info


def _mime_type(track: Track) -> str:
    """What was negotiated; before that what will be: clients that want a codec we refuse then take this one."""
    if track.kind is Kind.AUDIO:
        return "audio/opus"
    name = track.mime_type.partition("/")[2] or track.request.codec
    return f"video/{name.upper() if name in codecs.KNOWN['video'] else 'VP8'}"


def _stream(track: Track) -> str:
    """Tracks of one stream are played in step: camera with microphone, screen with its sound."""
    return "screen_share" if track.source.value.startswith("screen_share") else "camera"


def _layer(track: Track, index: int) -> models.VideoLayer:
    layer = track.request.layers[index]
    return models.VideoLayer(
        quality=_LAYER_QUALITIES[layer.spatial],
        width=layer.width,
        height=layer.height,
        bitrate=layer.bitrate,
        spatial_layer=layer.spatial,
    )


def permission_info(permission: Permission) -> models.ParticipantPermission:
    return models.ParticipantPermission(
        can_publish=permission.can_publish,
        can_subscribe=permission.can_subscribe,
        can_publish_data=permission.can_publish_data,
        can_publish_sources=[_SOURCE_NUMBERS[source] for source in sorted(permission.sources)],
        can_update_metadata=permission.can_update_metadata,
        hidden=permission.hidden,
        recorder=permission.recorder,
        agent=permission.agent,
    )


def permission_of(info: models.ParticipantPermission) -> Permission:
    return Permission(
        can_publish=info.can_publish,
        can_subscribe=info.can_subscribe,
        can_publish_data=info.can_publish_data,
        sources=frozenset(SOURCES[source] for source in info.can_publish_sources if source in SOURCES),
        can_update_metadata=info.can_update_metadata,
        hidden=info.hidden,
        recorder=info.recorder,
        agent=info.agent,
    )


def participant_info(participant: Participant) -> models.ParticipantInfo:
    info = models.ParticipantInfo(
        sid=participant.sid,
        identity=participant.identity,
        name=participant.name,
        state=_STATES[participant.state],
        metadata=participant.metadata,
        attributes=dict(participant.attributes),
        tracks=[track_info(track) for track in participant.live_tracks],
        joined_at=participant.joined_at_ms // 1000,
        joined_at_ms=participant.joined_at_ms,
        version=participant.version,
        permission=permission_info(participant.permission),
        is_publisher=bool(participant.live_tracks),
        client_protocol=participant.client.client_protocol,
        kind=_ROLES[participant.role],
    )
    info.capabilities.extend(participant.client.capabilities)  # type: ignore[arg-type]  # enum numbers as received
    if participant.left_because is not None:
        info.disconnect_reason = _REASONS[participant.left_because]
    return info


def room_info(facts: RoomFacts) -> models.Room:
    return models.Room(
        sid=facts.sid,
        name=facts.name,
        empty_timeout=int(facts.settings.empty_timeout),
        departure_timeout=int(facts.settings.departure_timeout),
        max_participants=facts.settings.max_participants,
        creation_time=facts.created_at_ms // 1000,
        creation_time_ms=facts.created_at_ms,
        metadata=facts.metadata,
        num_participants=facts.participants,
        num_publishers=facts.publishers,
        active_recording=facts.recording,
        enabled_codecs=enabled_codecs(),
    )


def enabled_codecs() -> list[models.Codec]:
    names = ("audio/opus", "audio/red", *(f"video/{name.upper()}" for name in codecs.KNOWN["video"]))
    return [models.Codec(mime=name) for name in names]


def _ice_servers(servers: Iterable[IceServer]) -> list[rtc.ICEServer]:
    return [rtc.ICEServer(urls=one.urls, username=one.username, credential=one.credential) for one in servers]


def join(
    facts: RoomFacts, participant: Participant, others: Iterable[Participant], ice_servers: Iterable[IceServer] = ()
) -> rtc.SignalResponse:
    """The first message of every session; nothing may go before it."""
    return rtc.SignalResponse(
        join=rtc.JoinResponse(
            room=room_info(facts),
            participant=participant_info(participant),
            other_participants=[participant_info(one) for one in others],
            server_version=SERVER_VERSION,
            server_info=server_info(),
            ice_servers=_ice_servers(ice_servers),
            subscriber_primary=not participant.client.single,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            fast_publish=True,
            enabled_publish_codecs=enabled_codecs(),
        )
    )


def reconnect(ice_servers: Iterable[IceServer] = (), last_message: int = 0) -> rtc.SignalResponse:
    """The first message of a session that goes on over a new connection; `last_message`: of its data, what arrived."""
    servers = _ice_servers(ice_servers)
    return rtc.SignalResponse(
        reconnect=rtc.ReconnectResponse(server_info=server_info(), ice_servers=servers, last_message_seq=last_message)
    )


def participants(changed: Iterable[Participant]) -> rtc.SignalResponse:
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[participant_info(one) for one in changed]))


def room(facts: RoomFacts) -> rtc.SignalResponse:
    return rtc.SignalResponse(room_update=rtc.RoomUpdate(room=room_info(facts)))


def answer(answer: Description) -> rtc.SignalResponse:
    return rtc.SignalResponse(answer=_description("answer", answer))


def offer(offer: Description) -> rtc.SignalResponse:
    return rtc.SignalResponse(offer=_description("offer", offer))


def _description(kind: str, one: Description) -> rtc.SessionDescription:
    return rtc.SessionDescription(type=kind, sdp=one.sdp, id=one.number, mid_to_track_id=dict(one.mids))


def sections_wanted(more: Sections) -> rtc.SignalResponse:
    """A client with one connection is to offer more sections; with none of either, to offer again."""
    return rtc.SignalResponse(
        media_sections_requirement=rtc.MediaSectionsRequirement(num_audios=more.audios, num_videos=more.videos)
    )


def track_published(track: Track, cid: str) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_published=rtc.TrackPublishedResponse(cid=cid, track=track_info(track)))


def track_unpublished(track_sid: TrackSid) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=track_sid))


def subscribed_quality(track_sid: TrackSid, watched: Iterable[tuple[Track, int]]) -> rtc.SignalResponse:
    """Up to which layer the publisher's picture is watched in each codec, the first one first; -1: not at all."""
    told = [_subscribed_codec(*one) for one in watched]
    first = told[0].qualities  # for clients that know of one codec only
    update = rtc.SubscribedQualityUpdate(track_sid=track_sid, subscribed_qualities=first, subscribed_codecs=told)
    return rtc.SignalResponse(subscribed_quality_update=update)


def _subscribed_codec(codec: Track, highest: int) -> rtc.SubscribedCodec:
    qualities = [
        rtc.SubscribedQuality(quality=quality, enabled=spatial <= highest)
        for spatial, quality in enumerate(_LAYER_QUALITIES)
    ]
    return rtc.SubscribedCodec(codec=_mime_type(codec).partition("/")[2].lower(), qualities=qualities)


def track_subscribed(track_sid: TrackSid) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=track_sid))


def muted(track_sid: TrackSid, is_muted: bool) -> rtc.SignalResponse:
    return rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=track_sid, muted=is_muted))


def subscription_allowed(publisher: ParticipantSid, track_sid: TrackSid, allowed: bool) -> rtc.SignalResponse:
    return rtc.SignalResponse(
        subscription_permission_update=rtc.SubscriptionPermissionUpdate(
            participant_sid=publisher, track_sid=track_sid, allowed=allowed
        )
    )


_OUTCOMES = {
    Refusal.OK: rtc.RequestResponse.OK,
    Refusal.NOT_ALLOWED: rtc.RequestResponse.NOT_ALLOWED,
    Refusal.NOT_FOUND: rtc.RequestResponse.NOT_FOUND,
    Refusal.LIMIT_EXCEEDED: rtc.RequestResponse.LIMIT_EXCEEDED,
    Refusal.QUEUED: rtc.RequestResponse.QUEUED,
    Refusal.UNSUPPORTED_TYPE: rtc.RequestResponse.UNSUPPORTED_TYPE,
}
_FAILURES = {
    NotSubscribable.NOT_FOUND: models.SubscriptionError.SE_TRACK_NOTFOUND,
    NotSubscribable.CODEC_UNSUPPORTED: models.SubscriptionError.SE_CODEC_UNSUPPORTED,
}


def subscription_failed(track_sid: TrackSid, why: NotSubscribable) -> rtc.SignalResponse:
    return rtc.SignalResponse(subscription_response=rtc.SubscriptionResponse(track_sid=track_sid, err=_FAILURES[why]))


def request_answered(answered: RequestAnswered) -> rtc.SignalResponse:
    response = rtc.RequestResponse(
        request_id=answered.request_id, reason=_OUTCOMES[answered.outcome], message=answered.message
    )
    match answered.asked:
        case Asked.METADATA:
            response.update_metadata.request_id = answered.request_id
        case Asked.ADD_TRACK:
            response.add_track.cid = answered.name
        case Asked.MUTE:
            response.mute.sid = answered.name
        case Asked.AUDIO_TRACK:
            response.update_audio_track.track_sid = answered.name
        case Asked.VIDEO_TRACK:
            response.update_video_track.track_sid = answered.name
    return rtc.SignalResponse(request_response=response)


def pong(timestamp: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(pong=timestamp)


def pong_response(last: int, now_ms: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(pong_resp=rtc.Pong(last_ping_timestamp=last, timestamp=now_ms))


def refresh_token(token: str) -> rtc.SignalResponse:
    return rtc.SignalResponse(refresh_token=token)


def leave(reason: Reason) -> rtc.SignalResponse:
    """Why the session ends. A client whose room goes on comes back by itself, as someone new."""
    returns = reason in (Reason.STATE_MISMATCH, Reason.SERVER_SHUTDOWN, Reason.CONNECTION_TIMEOUT)
    action = rtc.LeaveRequest.RECONNECT if returns else rtc.LeaveRequest.DISCONNECT
    return rtc.SignalResponse(leave=rtc.LeaveRequest(reason=_REASONS[reason], action=action, can_reconnect=returns))


def speakers(changed: Iterable[Speaking]) -> rtc.SignalResponse:
    infos = [models.SpeakerInfo(sid=one.participant, level=one.level, active=one.active) for one in changed]
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=infos))


def stream_state(publisher: ParticipantSid, track_sid: TrackSid, paused: bool) -> rtc.SignalResponse:
    """A picture is held back for want of room on the way to the client, or comes again."""
    state = rtc.StreamState.PAUSED if paused else rtc.StreamState.ACTIVE
    info = rtc.StreamStateInfo(participant_sid=publisher, track_sid=track_sid, state=state)
    return rtc.SignalResponse(stream_state_update=rtc.StreamStateUpdate(stream_states=[info]))


def connection_quality(ratings: Mapping[ParticipantSid, Rating]) -> rtc.SignalResponse:
    updates = [
        rtc.ConnectionQualityInfo(participant_sid=sid, quality=_QUALITIES[rating.quality], score=rating.score)
        for sid, rating in ratings.items()
    ]
    return rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=updates))
