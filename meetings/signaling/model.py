"""What a room consists of: participants, their tracks and permissions, as immutable values of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

ParticipantSid = NewType("ParticipantSid", str)  # "PA_…", one connection of an identity
TrackSid = NewType("TrackSid", str)  # "TR_…"
RoomSid = NewType("RoomSid", str)  # "RM_…"
Identity = NewType("Identity", str)


class Kind(StrEnum):
    """Sound or picture."""

    AUDIO = "audio"
    VIDEO = "video"


class Source(StrEnum):
    """Where a track comes from, spelled as in access tokens."""

    UNKNOWN = "unknown"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


class Role(StrEnum):
    """What a participant is, by the `kind` of its token."""

    STANDARD = "standard"
    INGRESS = "ingress"
    EGRESS = "egress"
    SIP = "sip"
    AGENT = "agent"
    CONNECTOR = "connector"
    BRIDGE = "bridge"


class State(StrEnum):
    """How far a participant has come; only an active one counts as present."""

    JOINED = "joined"
    ACTIVE = "active"
    DISCONNECTED = "disconnected"


class Reason(StrEnum):
    """Why a participant left, was dismissed, or why a room ended."""

    CLIENT_INITIATED = "client_initiated"
    DUPLICATE_IDENTITY = "duplicate_identity"
    SERVER_SHUTDOWN = "server_shutdown"
    PARTICIPANT_REMOVED = "participant_removed"
    ROOM_DELETED = "room_deleted"
    STATE_MISMATCH = "state_mismatch"
    ROOM_CLOSED = "room_closed"
    SIGNAL_CLOSE = "signal_close"
    CONNECTION_TIMEOUT = "connection_timeout"


@dataclass(frozen=True)
class Permission:
    """What a participant may do. An empty set of sources means every source."""

    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    sources: frozenset[Source] = frozenset()
    can_update_metadata: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False

    def may_publish(self, source: Source) -> bool:
        return self.can_publish and (not self.sources or source in self.sources)


@dataclass(frozen=True)
class Layer:
    """One picture size of a simulcast video; `spatial` 0 is the smallest."""

    spatial: int
    width: int
    height: int
    bitrate: int = 0


@dataclass(frozen=True)
class TrackRequest:
    """What a client announced with add_track, before any media is negotiated."""

    cid: str
    kind: Kind
    source: Source = Source.UNKNOWN
    name: str = ""
    width: int = 0
    height: int = 0
    muted: bool = False
    layers: tuple[Layer, ...] = ()
    stereo: bool = False
    disable_dtx: bool = False
    disable_red: bool = False
    codec: str = ""  # the one it wants to send, by name: "vp8", "h264"; empty: any
    stream: str = ""
    encryption: int = 0  # models.Encryption.Type: what subscribers need to know to decrypt it
    features: tuple[int, ...] = ()  # AudioTrackFeature numbers
    of_track: TrackSid = TrackSid("")  # another codec of this track
    backup: str = ""  # a second codec, by name: it is sent as well once somebody comes who cannot take the first
    regresses: bool = False  # once the second is sent, everybody gets that, and the first is sent no longer


@dataclass(frozen=True)
class Track:
    """A published track. It is `live`, and known to others, once its media section has been negotiated.

    Its second codec, while somebody needs it, is a track of its own to transports and media worker, and to nobody else.
    """

    sid: TrackSid
    request: TrackRequest
    muted: bool = False
    live: bool = False
    mid: str = ""
    mime_type: str = ""
    backup: Track | None = None

    @property
    def known_as(self) -> TrackSid:
        """Under which sid clients know it: both codecs of a track have one."""
        return self.request.of_track or self.sid

    @property
    def codecs(self) -> tuple[Track, ...]:
        """Itself, and its second codec."""
        return (self,) if self.backup is None else (self, self.backup)

    @property
    def kind(self) -> Kind:
        return self.request.kind

    @property
    def source(self) -> Source:
        return self.request.source

    @property
    def simulcast(self) -> bool:
        return len(self.request.layers) > 1


@dataclass(frozen=True)
class Client:
    """What a client said about itself when joining."""

    auto_subscribe: bool = True
    protocol: int = 0
    client_protocol: int = 0
    capabilities: tuple[int, ...] = ()
    sdk: str = ""
    single: bool = False  # one peer connection for both directions


@dataclass(frozen=True)
class Participant:
    """One connection of one identity. `version` grows with every change, so that clients can drop stale news."""

    sid: ParticipantSid
    identity: Identity
    name: str
    metadata: str
    attributes: Mapping[str, str]
    permission: Permission
    joined_at_ms: int
    client: Client = field(default_factory=Client)
    state: State = State.JOINED
    version: int = 1
    tracks: tuple[Track, ...] = ()
    left_because: Reason | None = None
    role: Role = Role.STANDARD

    @property
    def speaks_for_others(self) -> bool:
        """Agents may: their messages keep the sender they name."""
        return self.role is Role.AGENT or self.permission.agent

    @property
    def attends(self) -> bool:
        """It takes a place in the room. Recorders and agents come because of others, and take none."""
        serves = self.role in (Role.AGENT, Role.EGRESS) or self.permission.recorder or self.permission.agent
        return not serves

    @property
    def live_tracks(self) -> tuple[Track, ...]:
        return tuple(track for track in self.tracks if track.live)

    def track(self, sid: TrackSid) -> Track | None:
        return next((track for track in self.tracks if track.sid == sid), None)


@dataclass(frozen=True)
class RoomSettings:
    """How long a room waits: for its first participant, and after its last one; and how many it admits (0: any)."""

    empty_timeout: float = 300
    departure_timeout: float = 20
    max_participants: int = 0


class RoomWish(Protocol):
    """Settings as somebody asks for them; zeros leave what is."""

    @property
    def empty_timeout(self) -> int: ...
    @property
    def departure_timeout(self) -> int: ...
    @property
    def max_participants(self) -> int: ...


def wished(usual: RoomSettings, wish: RoomWish) -> RoomSettings:
    """The settings of a room that is opened with a wish."""
    return RoomSettings(
        empty_timeout=wish.empty_timeout or usual.empty_timeout,
        departure_timeout=wish.departure_timeout or usual.departure_timeout,
        max_participants=wish.max_participants or usual.max_participants,
    )


@dataclass(frozen=True)
class RoomFacts:
    """A room seen from outside, at one moment."""

    sid: RoomSid
    name: str
    created_at_ms: int
    settings: RoomSettings
    metadata: str = ""
    participants: int = 0
    publishers: int = 0
    recording: bool = False
