"""Descriptions of a light peer, the same for every server: VP8 with RTX, Opus, MID and one extension for estimates.

Both ends of a comparison thus negotiate the same: publishers send MID and transport-wide numbers, receivers accept MID
and abs-send-time and estimate by REMB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from meetings.signaling.negotiation.grammar import Codec, Section, parse
from meetings.signaling.negotiation.transport import ABS_SEND_TIME, MID, TRANSPORT_CC

UFRAG, PASSWORD = "client", "client-password-of-24-chars"
VIDEO_TYPE, VIDEO_RTX_TYPE, AUDIO_TYPE = 96, 97, 111
MID_ID, TRANSPORT_CC_ID = 1, 2
_RECEIVED = (MID, ABS_SEND_TIME)
_CODECS = {"audio": "opus", "video": "vp8"}


@dataclass(frozen=True)
class Local:
    """A peer's own end."""

    fingerprint: str
    address: tuple[str, int]

    def lines(self) -> list[str]:
        """It is the client of DTLS, whoever offers."""
        return [
            f"a=ice-ufrag:{UFRAG}",
            f"a=ice-pwd:{PASSWORD}",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            "a=setup:active",
            f"a=candidate:1 1 udp 2130706431 {self.address[0]} {self.address[1]} typ host",
        ]


@dataclass(frozen=True)
class Remote:
    """A server's end of a transport."""

    ufrag: str
    password: str
    fingerprint: str
    address: tuple[str, int] | None


@dataclass(frozen=True)
class Sent:
    """A track as its publisher offers it."""

    kind: str
    name: str
    mid: str
    ssrc: int


@dataclass(frozen=True)
class Incoming:
    """A section that brings a track."""

    mid: str
    kind: str
    payload_type: int
    rtx_payload_type: int | None
    extensions: frozenset[str]


def offer(tracks: list[Sent], local: Local, version: int) -> str:
    """A publisher's offer."""
    lines = _head(version, [track.mid for track in tracks])
    for track in tracks:
        lines += _sending(track, local)
    return "\r\n".join(lines) + "\r\n"


def answer(text: str, local: Local, version: int) -> tuple[str, list[Incoming]]:
    """A receiver's answer that accepts every Opus and VP8 section, and what it will get."""
    body: list[str] = []
    mids, incoming = [], []
    for section in parse(text, scale=32).sections:
        codec = next((one for one in section.codecs() if one.name == _CODECS.get(section.kind)), None)
        if section.port == 0 or (codec is None and section.kind != "application"):
            body += [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
            body += [f"a=mid:{section.mid}", "a=inactive"]
            continue
        mids.append(section.mid)
        if codec is None:
            body += [f"m=application 9 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0"]
            body += [f"a=mid:{section.mid}", *local.lines(), "a=sctp-port:5000"]
            continue
        body += _receiving(section, codec, local)
        if section.sends:
            incoming.append(_incoming(section, codec))
    return "\r\n".join([*_head(version, mids), *body]) + "\r\n", incoming


def remote(text: str) -> Remote:
    """The server's end, from an offer or answer. Candidates may come later."""
    sections = parse(text, scale=32).sections
    carrier = next(one for one in sections if one.value("ice-pwd") and one.value("fingerprint"))
    found = [candidate(value) for section in sections for value in section.values("candidate")]
    fingerprint = carrier.value("fingerprint").partition(" ")[2].strip()
    address = next((one for one in found if one is not None), None)
    return Remote(carrier.value("ice-ufrag"), carrier.value("ice-pwd"), fingerprint, address)


def candidate(text: str) -> tuple[str, int] | None:
    """A candidate's address when it is UDP on IPv4 (RFC 8839 section 5.1)."""
    words = text.removeprefix("candidate:").split()
    usable = len(words) > 5 and words[1] == "1" and words[2].lower() == "udp" and re.fullmatch(r"[\d.]+", words[4])
    return (words[4], int(words[5])) if usable else None


def _head(version: int, mids: list[str]) -> list[str]:
    bundle = "a=group:BUNDLE " + " ".join(mids)
    return ["v=0", f"o=- 7 {version} IN IP4 127.0.0.1", "s=-", "t=0 0", bundle, "a=msid-semantic:WMS *"]


def _sending(track: Sent, local: Local) -> list[str]:
    video = track.kind == "video"
    formats = f"{VIDEO_TYPE} {VIDEO_RTX_TYPE}" if video else f"{AUDIO_TYPE}"
    lines = [f"m={track.kind} 9 UDP/TLS/RTP/SAVPF {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{track.mid}"]
    lines += [*local.lines(), "a=rtcp-mux", "a=rtcp-rsize", "a=sendonly", f"a=msid:- {track.name}"]
    lines += [f"a=extmap:{MID_ID} {MID}", f"a=extmap:{TRANSPORT_CC_ID} {TRANSPORT_CC}"]
    if not video:
        lines += [f"a=rtpmap:{AUDIO_TYPE} opus/48000/2", f"a=fmtp:{AUDIO_TYPE} minptime=10;useinbandfec=1"]
        return [*lines, f"a=ssrc:{track.ssrc} cname:peer", f"a=ssrc:{track.ssrc} msid:- {track.name}"]
    lines += [f"a=rtpmap:{VIDEO_TYPE} VP8/90000", f"a=rtpmap:{VIDEO_RTX_TYPE} rtx/90000"]
    lines += [f"a=fmtp:{VIDEO_RTX_TYPE} apt={VIDEO_TYPE}"]
    lines += [f"a=rtcp-fb:{VIDEO_TYPE} {one}" for one in ("transport-cc", "ccm fir", "nack", "nack pli")]
    lines += [f"a=ssrc-group:FID {track.ssrc} {track.ssrc + 1}"]
    return lines + [
        line
        for ssrc in (track.ssrc, track.ssrc + 1)
        for line in (f"a=ssrc:{ssrc} cname:peer", f"a=ssrc:{ssrc} msid:- {track.name}")
    ]


def _receiving(section: Section, codec: Codec, local: Local) -> list[str]:
    rtx = _rtx(section, codec)
    formats = f"{codec.payload_type} {rtx.payload_type}" if rtx else f"{codec.payload_type}"
    lines = [f"m={section.kind} 9 {section.protocol} {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
    lines += [*local.lines(), "a=rtcp-mux", "a=rtcp-rsize"]
    lines += ["a=recvonly" if section.sends else "a=inactive"]
    for one in (codec, rtx):
        if one is not None:
            lines.append(f"a=rtpmap:{one.payload_type} {one.rtpmap}")
            lines += [f"a=fmtp:{one.payload_type} {one.fmtp}"] if one.fmtp else []
    wanted = ("nack", "nack pli", "ccm fir", "goog-remb") if section.kind == "video" else ()
    lines += [f"a=rtcp-fb:{codec.payload_type} {one}" for one in wanted if one in codec.feedback]
    return lines + [f"a=extmap:{number} {uri}" for number, uri, *_ in section.extensions() if uri in _RECEIVED]


def _rtx(section: Section, codec: Codec) -> Codec | None:
    return next((one for one in section.codecs() if one.name == "rtx" and one.apt == codec.payload_type), None)


def _incoming(section: Section, codec: Codec) -> Incoming:
    rtx = _rtx(section, codec)
    uris = frozenset(one.uri for one in section.extensions() if one.uri in _RECEIVED)
    return Incoming(section.mid, section.kind, codec.payload_type, rtx.payload_type if rtx else None, uris)
