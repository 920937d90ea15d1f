"""One transport for both directions: the client's offers say what it sends and where it can be sent to.

Only the client offers. A track on its way to it is bound to a section of the latest offer in which it receives and
which carries nothing; where there is none, sections are asked for. A section that carried a track is answered as
inactive once before it carries another, because clients notice a new track only by a direction that changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from meetings.signaling.media.schema import HeaderExtensions
from meetings.signaling.model import TrackSid
from meetings.signaling.negotiation import codecs, grammar
from meetings.signaling.negotiation.answer import AnswerOptions, Offered, PublisherNegotiation
from meetings.signaling.negotiation.codecs import Choice, Wish
from meetings.signaling.negotiation.grammar import Extension, Section
from meetings.signaling.negotiation.offer import Accepted, Outgoing, mime_type, msid_lines
from meetings.signaling.negotiation.transport import (
    ABS_SEND_TIME,
    DEPENDENCY,
    EXTENSION_NAMES,
    MID,
    TRANSPORT_CC,
    header_extensions,
    remote_transport,
)

_SENT = {"audio": {MID}, "video": {MID, ABS_SEND_TIME, TRANSPORT_CC, DEPENDENCY}}
_MIRRORED = {"": "", "sendonly": "/recvonly", "recvonly": "/sendonly"}
_SCALE = 4
_SECTIONS_A_SCALE = 12  # a browser's section with all its codecs is up to 4 KiB long


@dataclass(frozen=True)
class Sections:
    """How many more sections the client is asked to offer; none of either: to offer again what it has."""

    audios: int
    videos: int


@dataclass
class _Slot:
    """What a section carries to the client; None: nothing any more, and the client has not been told yet."""

    track: Outgoing | None
    choice: Choice


@dataclass
class SingleNegotiation(PublisherNegotiation):
    """Reads the offers on the one transport of a client and writes their answers, with the tracks that go to it."""

    _slots: dict[str, _Slot] = field(default_factory=dict)  # by mid
    _waiting: list[Outgoing] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)  # sections that the client was asked for, by kind
    _seen: set[str] = field(default_factory=set)  # mids in which it receives, of the latest offer
    _unaware: bool = False  # the offer before this one did not bring what was asked for
    _expected: bool = True  # the client is about to offer
    _emptied: dict[str, _Slot] = field(default_factory=dict)  # by mid, answered as inactive in the last answer

    @property
    def scale(self) -> int:
        """An offer is as long as what is sent to the client, and asked for, makes it."""
        return _SCALE + (len(self._slots) + len(self._waiting) + self._asked.total()) // _SECTIONS_A_SCALE

    def add(self, track: Outgoing) -> None:
        self._waiting.append(track)

    def remove(self, track_sid: TrackSid) -> None:
        self._waiting = [one for one in self._waiting if one.track_sid != track_sid]
        for slot in self._slots.values():
            if slot.track is not None and slot.track.track_sid == track_sid:
                slot.track = None

    def mids(self) -> dict[str, str]:
        """Which track each section carries to the client."""
        return {mid: slot.track.track_sid for mid, slot in self._slots.items() if slot.track is not None}

    # ------------------------------------------------------------------------------------------ what is asked for

    def due(self) -> Sections | None:
        """What the client is to be asked for now; None: nothing, or an offer of its own is on its way."""
        if not self._sections:
            return None  # its first offer brings sections of its own accord
        more = {kind: self._missing(kind) for kind in ("audio", "video")}
        if not any(more.values()) and (self._expected or not self._pending()):
            return None
        self._asked.update(more)
        self._expected = True
        return Sections(more["audio"], more["video"])

    def resumed(self) -> None:
        """The client is back over a new connection and offers by itself; what it was asked for may be lost.

        So may the last answer be: sections that it showed as inactive are shown so again before they are used again.
        """
        self._slots = {**self._emptied, **self._slots}
        self._asked.clear()
        self._expected = True

    def _missing(self, kind: str) -> int:
        waiting = sum(1 for one in self._waiting if one.kind.value == kind and self._playable(one))
        free = sum(1 for one in self._free() if one.kind == kind)
        emptied = sum(1 for one in self._sections if one.kind == kind and self._is_emptied(one.mid))
        return max(0, waiting - free - emptied - self._asked[kind])

    def _pending(self) -> bool:
        """Whether an offer would change anything."""
        if any(slot.track is None for slot in self._slots.values()):
            return True
        return any(_choice(section, track) for track in self._waiting for section in self._free())

    def _is_emptied(self, mid: str) -> bool:
        slot = self._slots.get(mid)
        return slot is not None and slot.track is None

    def undecodable(self) -> list[TrackSid]:
        """What waits in vain."""
        return [one.track_sid for one in self._waiting if not self._playable(one)]

    def _playable(self, track: Outgoing) -> bool:
        """Whether the client can decode it, as far as it has said."""
        known = [one for one in self._sections if one.kind == track.kind.value and one.receives]
        return not known or any(_choice(one, track) for one in known)

    def _free(self) -> list[Section]:
        """Sections that may carry a track; those in which the client sends, too, come last."""
        free = [one for one in self._sections if one.receives and one.mid not in self._slots and one.kind in _SENT]
        return sorted(free, key=lambda one: one.sends)

    # ------------------------------------------------------------------------------------------ offers and answers

    def offer(self, text: str) -> Offered:
        """Take a new offer. Raises SdpError; then the state is as before."""
        offered = super().offer(text)
        receiving = {one.mid: one for one in self._sections if one.receives}
        brought = Counter(one.kind for mid, one in receiving.items() if mid not in self._seen)
        self._asked = Counter({kind: max(0, count - brought[kind]) for kind, count in self._asked.items()})
        late = self._asked.total() > 0 and not brought
        if late and self._unaware:
            self._asked.clear()  # one offer may have been under way before the client knew; a second was not
        self._unaware = late
        self._seen = set(receiving)
        self._expected = self._asked.total() > 0
        return offered

    def withdraw(self) -> list[TrackSid]:
        """Tracks whose section the client has given up: they wait for another."""
        gone = [mid for mid in self._slots if mid not in self._seen]
        tracks = [track for mid in gone if (track := self._slots.pop(mid).track) is not None]
        self._waiting = tracks + self._waiting
        return [track.track_sid for track in tracks]

    def place(self) -> list[Accepted]:
        """Bind what waits to sections of the latest offer; it may be sent once that is answered."""
        placed, waiting, free = [], self._waiting, self._free()
        self._waiting = []
        for track in waiting:
            section, choice = next(((one, fit) for one in free if (fit := _choice(one, track))), (None, None))
            if section is None or choice is None:
                self._waiting.append(track)
                continue
            free.remove(section)
            self._slots[section.mid] = _Slot(track, choice)
            codec = choice.codec(section.kind)
            placed.append(Accepted(track.track_sid, section.mid, codec, _sent_extensions(section)))
        return placed

    def answer(self, tracks: Mapping[str, AnswerOptions]) -> str:
        """The answer to the last offer. Sections answered as inactive may be used again after it."""
        text = super().answer(tracks)
        self._emptied = {mid: slot for mid, slot in self._slots.items() if slot.track is None}
        self._slots = {mid: slot for mid, slot in self._slots.items() if slot.track is not None}
        return text

    # ------------------------------------------------------------------------------------------ one section

    def _answered_codecs(self, section: Section, options: AnswerOptions) -> list[grammar.Codec]:
        received = super()._answered_codecs(section, options)
        slot = self._slots.get(section.mid)
        if slot is None or slot.track is None:
            return received
        if not section.sends:
            return slot.choice.answered
        return list(dict.fromkeys([*received, *slot.choice.answered]))

    def _extension_lines(self, section: Section) -> list[str]:
        """All known ones, in every section: those missing in one answer a client does not take up again later."""
        known = [one for one in section.extensions() if one.uri in EXTENSION_NAMES and one.direction in _MIRRORED]
        return [f"a=extmap:{one.number}{_MIRRORED[one.direction]} {one.uri}" for one in known]

    def _direction_lines(self, section: Section) -> list[str]:
        received = super()._direction_lines(section)
        slot = self._slots.get(section.mid)
        if slot is None or slot.track is None or not section.receives:
            return received
        direction = "a=sendrecv" if section.sends else "a=sendonly"
        return [direction, *received[1:], *msid_lines(slot.track)]


def check_offer(text: str) -> None:
    """Whether a first offer can be answered. Raises SdpError."""
    remote_transport(grammar.parse(text, scale=_SCALE).sections)


def _choice(section: Section, track: Outgoing) -> Choice | None:
    """How the track is sent there, under the client's own payload types; None: the client cannot decode it."""
    if section.kind != track.kind.value:
        return None
    name = mime_type(track).partition("/")[2]
    choice = codecs.choose(section.kind, section.codecs(), Wish(name, track.red))
    return choice if choice is not None and choice.media.name == name else None


def _sent_extensions(section: Section) -> HeaderExtensions:
    """What goes out with packets: no transport-wide numbers where nobody would tell us about them."""
    reports = any("transport-cc" in codec.feedback for codec in section.codecs())

    def is_sent(one: Extension) -> bool:
        taken = one.direction in ("", "recvonly") and one.uri in _SENT[section.kind]
        return taken and (reports or one.uri != TRANSPORT_CC)

    return header_extensions(one for one in section.extensions() if is_sent(one))
