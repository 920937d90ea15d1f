"""Which codecs are forwarded: how one is chosen out of a publisher's offer, and how it is offered to subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meetings.signaling.media import schema
from meetings.signaling.negotiation.grammar import Codec

# By kind of media, the one chosen without a wish first: every client has Opus and VP8.
KNOWN = {"audio": ("opus",), "video": ("vp8", "h264", "vp9", "av1")}

# Constrained baseline is what every browser decodes, with packets that may hold parts of a picture's slices.
_BASELINE = ("42e01f", "42001f")
_H264_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

# Payload types under which subscribers are offered what they are sent, as Chromium numbers them.
OPUS = schema.Codec(111, "audio/opus", 48_000)
RED_PAYLOAD_TYPE = 63
_VIDEO = {
    "video/vp8": schema.Codec(96, "video/vp8", 90_000, 97),
    "video/vp9": schema.Codec(98, "video/vp9", 90_000, 99),
    "video/h264": schema.Codec(102, "video/h264", 90_000, 103),
    "video/av1": schema.Codec(45, "video/av1", 90_000, 46),
}
_SPELLED = {"video/vp8": "VP8/90000", "video/vp9": "VP9/90000", "video/h264": "H264/90000", "video/av1": "AV1/90000"}
_FMTP = {"video/vp9": "profile-id=0", "video/h264": _H264_FMTP}
_OFFERED_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")


@dataclass(frozen=True)
class Wish:
    """What a published track wants: a codec by name (empty: any), and redundancy for sound."""

    name: str = ""
    red: bool = True


@dataclass(frozen=True)
class Choice:
    """What a publisher may send in one section, under its own payload types."""

    media: Codec
    rtx: Codec | None = None
    red: Codec | None = None

    @property
    def answered(self) -> list[Codec]:
        """In the order of the answer's m-line: the first is what the client sends."""
        return [one for one in (self.red, self.media, self.rtx) if one is not None]

    def codec(self, kind: str) -> schema.Codec:
        """As the media worker is told."""
        return schema.Codec(
            self.media.payload_type,
            f"{kind}/{self.media.name}",
            self.media.clock_rate,
            self.rtx.payload_type if self.rtx else None,
            self.red.payload_type if self.red else None,
        )


def choose(kind: str, offered: Sequence[Codec], wish: Wish) -> Choice | None:
    """The wished codec if it is offered and known, else the first known one that is offered."""
    names = sorted(KNOWN[kind], key=lambda name: name != wish.name)
    for name in names:
        fitting = [one for one in offered if one.name == name and _fits(one)]
        if fitting:
            media = min(fitting, key=_strangeness)
            rtx = next((one for one in offered if one.name == "rtx" and one.apt == media.payload_type), None)
            return Choice(media, rtx, _red(offered, media) if wish.red else None)
    return None


def _fits(codec: Codec) -> bool:
    """Of VP9 and AV1 only the 8-bit profile with 4:2:0 is decoded everywhere."""
    profile = {"vp9": "profile-id", "av1": "profile"}.get(codec.name)
    return profile is None or codec.parameters.get(profile, "0") == "0"


def _strangeness(codec: Codec) -> int:
    if codec.name != "h264":
        return 0
    parameters = codec.parameters
    odd_packets = parameters.get("packetization-mode") != "1"
    return 2 * odd_packets + (parameters.get("profile-level-id", "").lower() not in _BASELINE)


def _red(offered: Sequence[Codec], media: Codec) -> Codec | None:
    if media.name != "opus":
        return None
    reds = (one for one in offered if one.name == "red" and one.clock_rate == media.clock_rate)
    return next((one for one in reds if one.fmtp.split("/")[0].strip() == str(media.payload_type)), None)


def outgoing(mime_type: str) -> schema.Codec:
    """How a track of this codec is offered to subscribers."""
    return _VIDEO.get(mime_type, OPUS)


def offered_formats(mime_type: str, *, red: bool) -> str:
    """The m-line's payload types."""
    codec = outgoing(mime_type)
    extra = codec.rtx_payload_type or (RED_PAYLOAD_TYPE if red else None)
    return f"{codec.payload_type} {extra}" if extra else str(codec.payload_type)


def offered_lines(mime_type: str, *, red: bool, stereo: bool = False) -> list[str]:
    """The attributes that say what the payload types are. Clients decode two channels where those are announced."""
    codec = outgoing(mime_type)
    number, rtx = codec.payload_type, codec.rtx_payload_type
    if codec is OPUS:
        channels = "stereo=1;sprop-stereo=1" if stereo else "stereo=1"
        lines = [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} minptime=10;{channels};useinbandfec=1"]
        lines.append(f"a=rtcp-fb:{number} nack")
        redundant = [f"a=rtpmap:{RED_PAYLOAD_TYPE} red/48000/2", f"a=fmtp:{RED_PAYLOAD_TYPE} {number}/{number}"]
        return lines + redundant if red else lines
    lines = [f"a=rtpmap:{number} {_SPELLED[mime_type]}"]
    lines += [f"a=fmtp:{number} {_FMTP[mime_type]}"] if mime_type in _FMTP else []
    lines += [f"a=rtcp-fb:{number} {one}" for one in _OFFERED_FEEDBACK]
    return [*lines, f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]


def accepted(mime_type: str, answered: Sequence[Codec]) -> schema.Codec | None:
    """What of our offer the subscriber took, or None when it cannot decode the track."""
    codec = outgoing(mime_type)
    types = {one.payload_type for one in answered}
    if codec.payload_type not in types:
        return None
    red = RED_PAYLOAD_TYPE if codec is OPUS and RED_PAYLOAD_TYPE in types else None
    rtx = codec.rtx_payload_type if codec.rtx_payload_type in types else None
    return schema.Codec(codec.payload_type, codec.mime_type, codec.clock_rate, rtx, red)
