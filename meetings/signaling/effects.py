"""What the rules of a room decide that others must carry out: told to clients, to the media worker, to webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meetings.signaling.model import Participant, ParticipantSid, Reason, Track, TrackSid


class Refusal(StrEnum):
    """Why a client's request was not carried out; OK is the answer to one that was."""

    OK = "ok"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    LIMIT_EXCEEDED = "limit_exceeded"
    QUEUED = "queued"
    UNSUPPORTED_TYPE = "unsupported_type"


class Asked(StrEnum):
    """What kind of request is answered."""

    METADATA = "metadata"
    ADD_TRACK = "add_track"
    MUTE = "mute"
    AUDIO_TRACK = "audio_track"
    VIDEO_TRACK = "video_track"


class NotSubscribable(StrEnum):
    """Why a track cannot be had."""

    NOT_FOUND = "not_found"
    CODEC_UNSUPPORTED = "codec_unsupported"


class Happening(StrEnum):
    """What the outside world is told by webhook."""

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    TRACK_PUBLISHED = "track_published"
    TRACK_UNPUBLISHED = "track_unpublished"


@dataclass(frozen=True)
class ParticipantChanged:
    """Tell these clients the participant's newest state."""

    to: tuple[ParticipantSid, ...]
    participant: Participant


@dataclass(frozen=True)
class RoomChanged:
    """Tell these clients the room's metadata and counts."""

    to: tuple[ParticipantSid, ...]


@dataclass(frozen=True)
class TrackAccepted:
    """The client may now send the track, or its second codec, that it announced under `cid`."""

    to: ParticipantSid
    track: Track
    cid: str


@dataclass(frozen=True)
class CodecWanted:
    """Somebody waits for the track in its second codec: its publisher is to send it as well."""

    publisher: ParticipantSid
    track: Track


@dataclass(frozen=True)
class RequestAnswered:
    """The client's request with this number was done, or why not. `name`: an add_track's cid, else a track's sid."""

    to: ParticipantSid
    request_id: int
    outcome: Refusal
    message: str = ""
    asked: Asked = Asked.METADATA
    name: str = ""


@dataclass(frozen=True)
class TrackMuted:
    """Stop or start forwarding a track; `told` when its publisher did not ask for it and must be told."""

    publisher: ParticipantSid
    track_sid: TrackSid
    muted: bool
    told: bool


@dataclass(frozen=True)
class TrackStopped:
    """Receive a track no longer; `told` when its publisher did not ask for it and must stop sending."""

    publisher: ParticipantSid
    track_sid: TrackSid
    told: bool


@dataclass(frozen=True)
class Subscribed:
    """Forward the track, in this codec, to the subscriber; `first` when nobody else received it."""

    subscriber: ParticipantSid
    publisher: Participant
    track: Track
    first: bool


@dataclass(frozen=True)
class Unsubscribed:
    """Forward the track to the subscriber no longer."""

    subscriber: ParticipantSid
    track_sid: TrackSid


@dataclass(frozen=True)
class SubscriptionAllowed:
    """Tell a subscriber that a publisher admits it to a track, or does not any more."""

    to: ParticipantSid
    publisher: ParticipantSid
    track_sid: TrackSid
    allowed: bool


@dataclass(frozen=True)
class SubscriptionFailed:
    """Tell a subscriber that it does not get a track it asked for."""

    to: ParticipantSid
    track_sid: TrackSid
    why: NotSubscribable


@dataclass(frozen=True)
class TokenStale:
    """What the participant's token says of it has changed: hand it a new one for its next connection."""

    to: ParticipantSid


@dataclass(frozen=True)
class Dismissed:
    """Close the participant's connections; it is already out of the room. `said` when its client must be told why."""

    participant: ParticipantSid
    reason: Reason
    said: bool


@dataclass(frozen=True)
class Happened:
    """Something for the webhooks."""

    happening: Happening
    participant: Participant | None = None
    track: Track | None = None


Effect = (
    ParticipantChanged
    | RoomChanged
    | TrackAccepted
    | CodecWanted
    | RequestAnswered
    | TrackMuted
    | TrackStopped
    | Subscribed
    | Unsubscribed
    | SubscriptionAllowed
    | SubscriptionFailed
    | TokenStale
    | Dismissed
    | Happened
)
