"""What a subscribing participant reads out of the server's offers, and the answers it gives. Pure.

Nothing here depends on whose server it is: tracks are found by `mid_to_track_id` where the server gives it, else by
msid; anything but Opus and VP8 is declined, and so is transport-cc, so that REMB governs the way to us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meetings.signaling.negotiation import grammar
from meetings.signaling.negotiation.grammar import Codec, Section
from meetings.signaling.negotiation.transport import MID

_WANTED = {"audio": "opus", "video": "vp8"}
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
    payload_type: int
    clock_rate: int
    rtx_payload_type: int | None
    ssrcs: tuple[int, ...]
    rtx_ssrcs: tuple[int, ...]
    mid_extension: int


@dataclass(frozen=True)
class Answered:
    """An offer, read and answered."""

    remote: RemoteEnd
    tracks: tuple[IncomingTrack, ...]
    answer: str


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
    """Read an offer and accept every Opus and VP8 track in it. Raises grammar.SdpError."""
    sections = grammar.parse(text, scale=OFFER_SCALE).sections
    tracks = []
    bundled = []
    body: list[str] = []
    for section in sections:
        codec = None if section.kind == "application" else _chosen(section)
        usable = section.port != 0 and (section.kind == "application" or codec is not None)
        if not usable:
            body += _declined(section)
            continue
        bundled.append(section.mid)
        if codec is None:
            body += _application(section, local)
            continue
        body += _media(section, codec, local)
        if section.sends:
            tracks.append(_incoming(section, codec, mid_to_track))
    head = ["v=0", f"o=- 2 {version} IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(bundled)]
    return Answered(_remote_end(sections), tuple(tracks), grammar.text_of([*head, "a=msid-semantic:WMS *", *body]))


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


def _chosen(section: Section) -> Codec | None:
    return next((one for one in section.codecs() if one.name == _WANTED.get(section.kind)), None)


def _rtx(section: Section, codec: Codec) -> Codec | None:
    return next((one for one in section.codecs() if one.name == "rtx" and one.apt == codec.payload_type), None)


def _incoming(section: Section, codec: Codec, mid_to_track: Mapping[str, str]) -> IncomingTrack:
    msid = section.value("msid").split(" ")
    pairs = [value.split(" ")[1:] for value in section.values("ssrc-group") if value.startswith("FID ")]
    repairs = {int(pair[1]) for pair in pairs if len(pair) > 1 and pair[1].isdecimal()}
    listed = [value.split(" ")[0] for value in section.values("ssrc")]
    ssrcs = dict.fromkeys(int(one) for one in listed if one.isdecimal())
    rtx = _rtx(section, codec)
    return IncomingTrack(
        section.mid,
        mid_to_track.get(section.mid) or msid[-1],
        section.kind,
        codec.payload_type,
        codec.clock_rate,
        rtx.payload_type if rtx else None,
        tuple(one for one in ssrcs if one not in repairs),
        tuple(repairs),
        next((number for number, uri, *_ in section.extensions() if uri == MID), 0),
    )


def _application(section: Section, local: LocalEnd) -> list[str]:
    port = section.value("sctp-port") or "5000"
    lines = [f"m=application 9 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{section.mid}", *local.lines(), f"a=sctp-port:{port}", f"a=max-message-size:{_MAX_MESSAGE}"]


def _media(section: Section, codec: Codec, local: LocalEnd) -> list[str]:
    rtx = _rtx(section, codec)
    formats = f"{codec.payload_type} {rtx.payload_type}" if rtx else f"{codec.payload_type}"
    lines = [f"m={section.kind} 9 {section.protocol} {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
    lines += [*local.lines(), "a=rtcp-mux", "a=rtcp-rsize", "a=recvonly" if section.sends else "a=inactive"]
    for one in (codec, rtx):
        if one is not None:
            lines.append(f"a=rtpmap:{one.payload_type} {one.rtpmap}")
            lines += [f"a=fmtp:{one.payload_type} {one.fmtp}"] if one.fmtp else []
    offered = set(codec.feedback)
    lines += [f"a=rtcp-fb:{codec.payload_type} {one}" for one in _FEEDBACK[section.kind] if one in offered]
    return lines + [f"a=extmap:{number} {uri}" for number, uri, *_ in section.extensions() if uri == MID]


def _declined(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{section.mid}", "a=inactive"]
