"""What a subscribing participant reads out of the server's offers, and the answers it gives. Pure.

Nothing here depends on whose server it is: tracks are found by `mid_to_track_id` where the server gives it, else by
msid; every codec that a recording can hold is accepted, as a sender may change from one to another; a track with none
of them is declined, and named. Declined is transport-cc, too, so that REMB governs the way to us.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meetings.signaling.negotiation import grammar
from meetings.signaling.negotiation.grammar import Codec, Section
from meetings.signaling.negotiation.transport import MID

_WANTED = {"audio": ("opus",), "video": ("vp8", "vp9", "h264")}
_REPAIR = ("rtx", "red", "ulpfec", "flexfec-03")  # not media of its own
_FEEDBACK = {"audio": ("nack",), "video": ("nack", "nack pli", "ccm fir", "goog-remb")}
OFFER_SCALE = 32  # a room of a thousand tracks, each offered with every codec a server knows
_MAX_MESSAGE = 65_535


@dataclass(frozen=True)
class RemoteCandidate:
    """A UDP address the server can be reached at."""

    host: str
    port: int


@dataclass(frozen=True)
class RemoteEnd:
    """The server's end of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint_algorithm: str
    fingerprint: str
    candidates: tuple[RemoteCandidate, ...]


@dataclass(frozen=True)
class IncomingTrack:
    """One m-section that brings a track: how its packets are told apart."""

    mid: str
    track_sid: str
    kind: str
    codecs: Mapping[int, str]  # payload type: name
    clock_rate: int
    rtx: Mapping[int, int]  # payload type of resent packets: that of the packets in them
    ssrcs: tuple[int, ...]
    rtx_ssrcs: tuple[int, ...]
    mid_extension: int


@dataclass(frozen=True)
class Unusable:
    """A track that was declined, as its codec is none that can be taken."""

    track_sid: str
    codec: str


@dataclass(frozen=True)
class Answered:
    """An offer, read and answered."""

    remote: RemoteEnd
    tracks: tuple[IncomingTrack, ...]
    answer: str
    unusable: tuple[Unusable, ...] = ()


@dataclass(frozen=True)
class LocalEnd:
    """Our end of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: str

    def lines(self) -> list[str]:
        return [
            f"a=ice-ufrag:{self.ice_ufrag}",
            f"a=ice-pwd:{self.ice_pwd}",
            "a=ice-options:trickle",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            "a=setup:active",
        ]


def answer_offer(text: str, local: LocalEnd, version: int, mid_to_track: Mapping[str, str]) -> Answered:
    """Read an offer and accept every track that can be taken. Raises grammar.SdpError."""
    sections = grammar.parse(text, scale=OFFER_SCALE).sections
    tracks: list[IncomingTrack] = []
    unusable: list[Unusable] = []
    bundled: list[str] = []
    body: list[str] = []
    for section in sections:
        codecs = () if section.kind == "application" else _chosen(section)
        if section.port == 0 or not (codecs or section.kind == "application"):
            body += _declined(section)
            unusable += _named(section, mid_to_track)
            continue
        bundled.append(section.mid)
        if section.kind == "application":
            body += _application(section, local)
            continue
        body += _media(section, codecs, local)
        if section.sends:
            tracks.append(_incoming(section, codecs, mid_to_track))
    head = ["v=0", f"o=- 2 {version} IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(bundled)]
    answer = grammar.text_of([*head, "a=msid-semantic:WMS *", *body])
    return Answered(_remote_end(sections), tuple(tracks), answer, tuple(unusable))


def parse_candidate(text: str) -> RemoteCandidate | None:
    """The address in an ICE candidate attribute (RFC 8839 section 5.1); None for what we cannot use."""
    words = text.removeprefix("candidate:").split()
    if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or not words[5].isdecimal():
        return None
    port = int(words[5][:6])
    return RemoteCandidate(words[4], port) if 0 < port < 65_536 else None


def _remote_end(sections: tuple[Section, ...]) -> RemoteEnd:
    carrier = next((one for one in sections if one.value("ice-pwd") and one.value("fingerprint")), None)
    if carrier is None:
        raise grammar.SdpError("the offer names no ICE credentials and fingerprint")
    algorithm, _, fingerprint = carrier.value("fingerprint").partition(" ")
    listed = [parse_candidate(value) for section in sections for value in section.values("candidate")]
    unique = tuple(dict.fromkeys(one for one in listed if one is not None))
    return RemoteEnd(carrier.value("ice-ufrag"), carrier.value("ice-pwd"), algorithm, fingerprint.strip(), unique)


def _chosen(section: Section) -> tuple[Codec, ...]:
    wanted = _WANTED.get(section.kind, ())
    return tuple(one for one in section.codecs() if one.name in wanted and _fits(one))


def _fits(codec: Codec) -> bool:
    """Eight bits of VP9; H.264 whose packets come in the order of decoding (RFC 6184 section 6.4 does not)."""
    wanted = {"vp9": ("profile-id", ("0",)), "h264": ("packetization-mode", ("0", "1"))}
    name, values = wanted.get(codec.name, ("", ("",)))
    return not name or codec.parameters.get(name, "0") in values


def _named(section: Section, mid_to_track: Mapping[str, str]) -> list[Unusable]:
    if section.port == 0 or not section.sends:
        return []
    names = [one.name for one in section.codecs() if one.name not in _REPAIR]
    return [Unusable(_track_sid(section, mid_to_track), names[0] if names else "?")]


def _track_sid(section: Section, mid_to_track: Mapping[str, str]) -> str:
    return mid_to_track.get(section.mid) or section.value("msid").split(" ")[-1]


def _rtx(section: Section, codecs: Sequence[Codec]) -> tuple[Codec, ...]:
    types = {one.payload_type for one in codecs}
    return tuple(one for one in section.codecs() if one.name == "rtx" and one.apt in types)


def _incoming(section: Section, codecs: Sequence[Codec], mid_to_track: Mapping[str, str]) -> IncomingTrack:
    pairs = [value.split(" ")[1:] for value in section.values("ssrc-group") if value.startswith("FID ")]
    repairs = {int(pair[1]) for pair in pairs if len(pair) > 1 and pair[1].isdecimal()}
    listed = [value.split(" ")[0] for value in section.values("ssrc")]
    ssrcs = dict.fromkeys(int(one) for one in listed if one.isdecimal())
    return IncomingTrack(
        section.mid,
        _track_sid(section, mid_to_track),
        section.kind,
        {one.payload_type: one.name for one in codecs},
        codecs[0].clock_rate,
        {one.payload_type: one.apt for one in _rtx(section, codecs) if one.apt is not None},
        tuple(one for one in ssrcs if one not in repairs),
        tuple(repairs),
        next((number for number, uri, *_ in section.extensions() if uri == MID), 0),
    )


def _application(section: Section, local: LocalEnd) -> list[str]:
    port = section.value("sctp-port") or "5000"
    lines = [f"m=application 9 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{section.mid}", *local.lines(), f"a=sctp-port:{port}", f"a=max-message-size:{_MAX_MESSAGE}"]


def _media(section: Section, codecs: Sequence[Codec], local: LocalEnd) -> list[str]:
    taken = (*codecs, *_rtx(section, codecs))
    formats = " ".join(str(one.payload_type) for one in taken)
    lines = [f"m={section.kind} 9 {section.protocol} {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
    lines += [*local.lines(), "a=rtcp-mux", "a=rtcp-rsize", "a=recvonly" if section.sends else "a=inactive"]
    for one in taken:
        lines.append(f"a=rtpmap:{one.payload_type} {one.rtpmap}")
        lines += [f"a=fmtp:{one.payload_type} {one.fmtp}"] if one.fmtp else []
    for one in codecs:
        offered = set(one.feedback)
        lines += [f"a=rtcp-fb:{one.payload_type} {word}" for word in _FEEDBACK[section.kind] if word in offered]
    return lines + [f"a=extmap:{number} {uri}" for number, uri, *_ in section.extensions() if uri == MID]


def _declined(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{section.mid}", "a=inactive"]
