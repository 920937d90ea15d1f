"""The offers to a subscriber, one in flight at a time, and its answers: which tracks it may be sent under which mid."""

from __future__ import annotations

from dataclasses import dataclass, field

from meetings.signaling.media.schema import Codec, HeaderExtensions
from meetings.signaling.model import Kind, TrackSid
from meetings.signaling.negotiation import codecs, grammar
from meetings.signaling.negotiation.grammar import Extension
from meetings.signaling.negotiation.transport import (
    ABS_SEND_TIME,
    DEPENDENCY,
    MID,
    TRANSPORT_CC,
    LocalTransport,
    RemoteTransport,
    application_lines,
    head,
    header_extensions,
    remote_transport,
)


@dataclass(frozen=True)
class Outgoing:
    """A track as it is offered to one subscriber."""

    track_sid: TrackSid
    kind: Kind
    stream_id: str  # "PA_…|TR_…": clients read participant and track out of it
    ssrc: int
    rtx_ssrc: int = 0
    mime_type: str = "video/vp8"
    red: bool = False
    stereo: bool = False


@dataclass(frozen=True)
class Accepted:
    """A track the subscriber has accepted: it may be sent now, under this mid."""

    track_sid: TrackSid
    mid: str
    codec: Codec
    extensions: HeaderExtensions


@dataclass
class _Slot:
    """One m-section of the subscriber's offers. Without a track it is offered as stopped, and may be used again.

    A mid that the client has not answered yet is never stopped: where it took the place of another, and the client has
    not seen it, browsers take only a section in use for a new one ("the order of m-lines doesn't match" otherwise).
    """

    mid: str
    kind: str
    track: Outgoing | None
    known: bool = False  # an offer with this mid was answered
    accepted: bool = False
    offered: bool = False  # with its track, in the offer in flight
    stopped: bool = False  # offered and answered as stopped


_EXTENSIONS = {
    Kind.AUDIO: [Extension(1, MID)],
    Kind.VIDEO: [Extension(1, MID), Extension(2, ABS_SEND_TIME), Extension(3, TRANSPORT_CC)],
}


@dataclass
class SubscriberNegotiation:
    """Writes the offers on one subscriber transport, one at a time, and reads their answers."""

    local: LocalTransport
    _slots: list[_Slot] = field(default_factory=list)
    _next_mid: int = 1
    _version: int = 0
    _in_flight: list[_Slot] | None = None  # the sections of the offer that is not answered yet
    refused: list[TrackSid] = field(default_factory=list)  # by the answer taken last: the client has no decoder
    _stale: bool = True  # the first offer is due even without tracks: it carries the data channels

    def add(self, track: Outgoing) -> None:
        slot = _Slot(str(self._next_mid), track.kind.value, track)
        self._next_mid += 1
        self._stale = True
        free = next((index for index, old in enumerate(self._slots) if old.stopped), None)
        if free is None:
            self._slots.append(slot)
        else:
            self._slots[free] = slot  # a stopped m-section is taken over under a new mid (RFC 8829 section 5.2.2)

    def remove(self, track_sid: TrackSid) -> None:
        for slot in self._slots:
            if slot.track is not None and slot.track.track_sid == track_sid:
                slot.track = None
                self._stale = True

    def restart(self, local: LocalTransport) -> None:
        """Offer again under new ICE credentials."""
        self.local = local
        self._stale = True
        self._in_flight = None  # lost, or its answer is: which of the two is not known

    def next_offer(self) -> tuple[int, str] | None:
        """The offer that is due, with its number; None while one is in flight or nothing has changed."""
        if self._in_flight is not None or not self._stale:
            return None
        self._in_flight, self._stale = list(self._slots), False
        self._version += 1
        bundled = " ".join(["0", *(slot.mid for slot in self._slots if slot.track or not slot.known)])
        lines = head(self._version, bundled)
        lines += application_lines("0", self.local.lines("actpass"))
        for slot in self._slots:
            slot.offered = slot.track is not None
            lines += self._offer_section(slot)
        return self._version, grammar.text_of(lines)

    def mids(self) -> dict[str, str]:
        """Which track each section carries."""
        return {slot.mid: slot.track.track_sid for slot in self._slots if slot.track}

    def answered(self, number: int, text: str) -> tuple[RemoteTransport, list[Accepted]] | None:
        """Take an answer; None if it is not to the offer in flight. Raises SdpError."""
        if self._in_flight is None or number not in (0, self._version):  # the Rust SDK always says 0
            return None
        sections = grammar.parse(text, scale=2 + len(self._slots) // 32).sections  # as long as our offer made it
        remote = remote_transport(sections)
        if number == 0 and not self._answer_this(sections):
            return None  # it is to an offer before the last, over a connection that is gone
        answered, self._in_flight = list(zip(self._in_flight, sections[1:], strict=False)), None
        for slot, _ in answered:  # by position: a stopped one may lack its mid
            slot.stopped = slot.track is None and not slot.offered and slot.known
            self._stale |= slot.track is None and not slot.stopped
            slot.known = True
        agreed = {one.mid: one for one in sections if not one.stopped and one.direction == "recvonly"}
        new = [slot for slot in self._slots if slot.mid in agreed and slot.offered and not slot.accepted]
        taken = (self._accept(slot, slot.track, agreed[slot.mid]) for slot in new if slot.track)
        accepted = [one for one in taken if one is not None]
        stopped = {slot.mid for slot, one in answered if one.stopped}
        offered = [slot for slot in self._slots if slot.offered and slot.track and not slot.accepted]
        self.refused = [one.track.track_sid for one in offered if one.track and one.mid in stopped | agreed.keys()]
        return remote, accepted

    def _answer_this(self, sections: tuple[grammar.Section, ...]) -> bool:
        """Whether they are those of the offer in flight, and what it stops is stopped in them."""
        pairs = list(zip(self._in_flight or [], sections[1:], strict=False))
        same = all(one.mid == slot.mid or (not one.mid and one.stopped) for slot, one in pairs)
        stopped = all(one.stopped for slot, one in pairs if not slot.offered and slot.known)
        return len(sections) == 1 + len(self._in_flight or []) and same and stopped

    def _accept(self, slot: _Slot, track: Outgoing, section: grammar.Section) -> Accepted | None:
        codec = codecs.accepted(mime_type(track), section.codecs())
        if codec is None:
            return None
        slot.accepted = True
        return Accepted(track.track_sid, slot.mid, codec, _agreed_extensions(track, section))

    def _offer_section(self, slot: _Slot) -> list[str]:
        track = slot.track
        mime = mime_type(track) if track else _DEFAULTS[slot.kind]
        red = track is not None and track.red
        port = 9 if track or not slot.known else 0
        formats = codecs.offered_formats(mime, red=red)
        lines = [f"m={slot.kind} {port} UDP/TLS/RTP/SAVPF {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{slot.mid}"]
        if not port:
            return [*lines, "a=inactive"]
        lines += [*self.local.lines("actpass", candidates=False), "a=rtcp-mux", "a=rtcp-rsize"]
        lines += codecs.offered_lines(mime, red=red, stereo=track is not None and track.stereo)
        if track is None:
            return [*lines, "a=inactive"]
        lines += [f"a=extmap:{one.number} {one.uri}" for one in _extensions(track)]
        return [*lines, "a=sendonly", *msid_lines(track)]


def _extensions(track: Outgoing) -> list[Extension]:
    described = [Extension(4, DEPENDENCY)] if mime_type(track) == "video/av1" else []
    return _EXTENSIONS[track.kind] + described


def _agreed_extensions(track: Outgoing, section: grammar.Section) -> HeaderExtensions:
    """Ours, without transport-wide numbers where nobody would tell us about them."""
    reports = any("transport-cc" in codec.feedback for codec in section.codecs())
    taken = {one.uri for one in section.extensions()} if reports else set()
    return header_extensions(one for one in _extensions(track) if one.uri != TRANSPORT_CC or one.uri in taken)


_DEFAULTS = {"audio": "audio/opus", "video": "video/vp8"}


def mime_type(track: Outgoing) -> str:
    """What the track is sent as."""
    return track.mime_type if track.kind is Kind.VIDEO else _DEFAULTS["audio"]


def msid_lines(track: Outgoing) -> list[str]:
    """Whose track it is, and under which SSRCs it comes."""
    msid = f"{track.stream_id} {track.track_sid}"
    ssrcs = [track.ssrc, track.rtx_ssrc] if track.rtx_ssrc else [track.ssrc]
    lines = [f"a=msid:{msid}"]
    if track.rtx_ssrc:
        lines.append(f"a=ssrc-group:FID {track.ssrc} {track.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{track.stream_id}", f"a=ssrc:{ssrc} msid:{msid}"]
    return lines
