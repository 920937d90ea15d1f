"""A seat of a conference: who sits in it, how it stands, and what it may publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Source(StrEnum):
    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"


class SeatKind(StrEnum):
    POINT = "point"
    ACCOUNT = "account"
    GUEST = "guest"


class SeatRole(StrEnum):
    MAIN = "main"
    MEMBER = "member"
    CHAIR = "chair"
    SECRETARY = "secretary"
    OPERATOR = "operator"
    PARTICIPANT = "participant"
    GUEST = "guest"


class Standing(StrEnum):
    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"
    REMOVED = "removed"


CONDUCTORS = frozenset({SeatRole.CHAIR, SeatRole.SECRETARY, SeatRole.OPERATOR})
SHARES_SCREEN_ALWAYS = CONDUCTORS | {SeatRole.MAIN}


@dataclass(frozen=True, slots=True)
class SeatFacts:
    """One seat as the rules see it. `present`: its media connection is in the room now. `generation` counts the
    browsers that got it; a connection of an older one than `oldest_generation` must go."""

    identity: str
    name: str
    kind: SeatKind
    role: SeatRole
    standing: Standing = Standing.ADMITTED
    present: bool = False
    joined_at: datetime | None = None
    left_at: datetime | None = None
    held_mute: bool = False
    floor_since: datetime | None = None
    hand_at: datetime | None = None
    may_audio: bool = True
    may_video: bool = True
    may_screen: bool = False
    device_id: str | None = None
    generation: int = 0
    oldest_generation: int = 0

    @property
    def admitted(self) -> bool:
        return self.standing is Standing.ADMITTED

    @property
    def has_floor(self) -> bool:
        return self.floor_since is not None


@dataclass(frozen=True, slots=True)
class Change:
    """A seat as it becomes, and the event that says so. `silence`: also switch its microphone off once."""

    seat: SeatFacts
    kind: str
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    silence: bool = False


def publishable(seat: SeatFacts) -> tuple[Source, ...]:
    """What the relay lets it publish: the rights of its row, less a mute that holds, plus the screen with the floor."""
    if not seat.admitted:
        return ()
    may = {
        Source.MICROPHONE: seat.may_audio and not seat.held_mute,
        Source.CAMERA: seat.may_video,
        Source.SCREEN: seat.may_screen or seat.has_floor,
    }
    return tuple(source for source, allowed in may.items() if allowed)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the relay is told of a seat: what it may publish, and whether its voice is heard before others'."""

    sources: tuple[Source, ...]
    floor: bool


def rights_of(seat: SeatFacts) -> Rights:
    """As the seat's row has it now."""
    return Rights(publishable(seat), seat.admitted and seat.has_floor)


def abilities(seat: SeatFacts | None, *, conducts: bool, records: bool) -> list[str]:
    """What the page may offer; the server asks again at each call."""
    offers: list[str] = []
    if seat is not None and seat.admitted:
        offers += ["chat", "hand"] + [f"publish_{source}" for source in publishable(seat)]
    elif conducts:
        offers.append("chat")
    if conducts:
        offers += ["conduct", "end"]
    if records:
        offers.append("record")
    return offers
