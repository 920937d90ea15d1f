"""A publisher's offers and their answers: which codec, layers and header extensions its tracks arrive with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meetings.signaling.media.schema import Codec, Encoding, HeaderExtensions
from meetings.signaling.model import Kind
from meetings.signaling.negotiation import codecs, grammar
from meetings.signaling.negotiation.codecs import Choice, Wish
from meetings.signaling.negotiation.grammar import Extension, Section
from meetings.signaling.negotiation.transport import (
    EXTENSION_NAMES,
    LocalTransport,
    RemoteTransport,
    application_lines,
    head,
    header_extensions,
    remote_transport,
)

_FEEDBACK = {
    "audio": {"transport-cc", "nack"},
    "video": {"transport-cc", "nack", "nack pli", "ccm fir", "goog-remb"},
}
_SPATIAL = {"q": 0, "h": 1, "f": 2}  # the names LiveKit's clients give their simulcast layers


@dataclass(frozen=True)
class MediaOffer:
    """A section on which the client sends, or wants to: what the media worker must expect there.

    `codec` is what is taken of it without a wish, None when nothing is known; `settle` says what is taken indeed.
    """

    mid: str
    kind: Kind
    cid: str
    codec: Codec | None
    extensions: HeaderExtensions
    encodings: tuple[Encoding, ...]

    @property
    def mime_type(self) -> str:
        return self.codec.mime_type if self.codec else ""


@dataclass(frozen=True)
class Offered:
    """What an offer says. `anonymous`: its track ids are not those the client announces (Firefox)."""

    remote: RemoteTransport
    restarted: bool
    anonymous: bool
    media: tuple[MediaOffer, ...]


@dataclass(frozen=True)
class AnswerOptions:
    """What a published track wants of its section's answer."""

    dtx: bool = True
    stereo: bool = False
    red: bool = True
    codec: str = ""  # its name; empty: whichever comes first

    @property
    def wish(self) -> Wish:
        return Wish(self.codec, self.red and not self.stereo)  # as LiveKit: redundancy is for voices


@dataclass
class PublisherNegotiation:
    """Reads the offers on one publisher transport and writes their answers."""

    local: LocalTransport
    _remote: RemoteTransport | None = None
    _sections: tuple[Section, ...] = field(default=())
    _version: int = 0
    _settled: dict[str, Choice] = field(default_factory=dict)  # by mid, while the section sends

    @property
    def scale(self) -> int:
        """How much larger than usual an offer may be."""
        return 1

    def offer(self, text: str) -> Offered:
        """Take a new offer. Raises SdpError; then the state is as before."""
        description = grammar.parse(text, scale=self.scale)
        sections = description.sections
        remote = remote_transport(sections)
        restarted = self._remote is not None and remote.ice_ufrag != self._remote.ice_ufrag
        media = tuple(_media_offer(section) for section in sections if section.kind in codecs.KNOWN and section.sends)
        self._sections, self._remote = sections, remote
        self._settled = {media.mid: self._settled[media.mid] for media in media if media.mid in self._settled}
        return Offered(remote, restarted, description.origin.startswith("mozilla"), media)

    def settle(self, mid: str, options: AnswerOptions) -> Codec | None:
        """What a section's track comes as. It stays so for as long as the section sends, whatever is wished later."""
        section = next((one for one in self._sections if one.mid == mid and one.sends), None)
        choice = self._chosen(section, options) if section is not None else None
        return choice.codec(section.kind) if section is not None and choice is not None else None

    def _chosen(self, section: Section, options: AnswerOptions) -> Choice | None:
        choice = self._settled.get(section.mid) or codecs.choose(section.kind, section.codecs(), options.wish)
        if choice is not None and section.sends:
            self._settled[section.mid] = choice
        return choice

    def answer(self, tracks: Mapping[str, AnswerOptions]) -> str:
        """The answer to the last offer; `tracks` by mid, sections that are not named are accepted all the same."""
        self._version += 1
        bundled = [section.mid for section in self._sections if _accepted(section)]
        lines = head(self._version, " ".join(bundled))
        for section in self._sections:
            transport = self.local.lines("passive", candidates=section.mid in bundled[:1])
            lines += self._answer_section(section, tracks.get(section.mid, AnswerOptions()), transport)
        return grammar.text_of(lines)

    def _answer_section(self, section: Section, options: AnswerOptions, transport: list[str]) -> list[str]:
        if not _accepted(section):
            mid = [f"a=mid:{section.mid}"] if section.mid else []
            return [_rejected(section), "c=IN IP4 0.0.0.0", *mid, "a=inactive"]
        if section.kind == "application":
            return application_lines(section.mid, transport)
        answered = self._answered_codecs(section, options)
        lines = [
            f"m={section.kind} 9 {section.protocol} {' '.join(str(one.payload_type) for one in answered)}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.mid}",
            *transport,
            "a=rtcp-mux",
            "a=rtcp-rsize",
        ]
        lines += [line for codec in answered for line in _codec_lines(codec, section.kind, options)]
        return lines + self._extension_lines(section) + self._direction_lines(section)

    # What a section's answer consists of; one transport for both directions says more.

    def _answered_codecs(self, section: Section, options: AnswerOptions) -> list[grammar.Codec]:
        choice = self._chosen(section, options)
        return choice.answered if choice is not None else []

    def _extension_lines(self, section: Section) -> list[str]:
        return [_extension_line(one) for one in _received_extensions(section)]

    def _direction_lines(self, section: Section) -> list[str]:
        return _receive_lines(section)


def _accepted(section: Section) -> bool:
    """Whether there is anything in the section that can be received."""
    if section.stopped:
        return False
    return section.kind == "application" or _default(section) is not None


def _default(section: Section) -> Choice | None:
    return codecs.choose(section.kind, section.codecs(), Wish()) if section.kind in codecs.KNOWN else None


def _codec_lines(codec: grammar.Codec, kind: str, options: AnswerOptions) -> list[str]:
    number = codec.payload_type
    lines = [f"a=rtpmap:{number} {codec.rtpmap}"]
    if codec.name == "rtx":
        return [*lines, f"a=fmtp:{number} apt={codec.apt}"]
    if codec.name in ("red", "h264", "vp9", "av1") and codec.fmtp:
        lines.append(f"a=fmtp:{number} {codec.fmtp}")  # as offered: it says which variant was chosen
    if codec.name == "opus":
        wishes = ["minptime=10", "useinbandfec=1"]
        wishes += ["usedtx=1"] if options.dtx else []
        wishes += ["stereo=1"] if options.stereo else []
        lines.append(f"a=fmtp:{number} {';'.join(wishes)}")
    return lines + [f"a=rtcp-fb:{number} {one}" for one in codec.feedback if one in _FEEDBACK[kind]]


def _received_extensions(section: Section) -> list[Extension]:
    """The known ones that the client is able to send."""
    return [one for one in section.extensions() if one.uri in EXTENSION_NAMES and one.direction in ("", "sendonly")]


def _extension_line(extension: Extension) -> str:
    """What the client only sends we only receive (RFC 8285 section 6)."""
    direction = "/recvonly" if extension.direction else ""
    return f"a=extmap:{extension.number}{direction} {extension.uri}"


def _receive_lines(section: Section) -> list[str]:
    if not section.sends:
        return ["a=inactive"]
    rids = _rids(section)
    lines = ["a=recvonly", *(f"a=rid:{rid} recv" for rid in rids)]
    return [*lines, f"a=simulcast:recv {';'.join(rids)}"] if rids else lines


def _rids(section: Section) -> list[str]:
    """The rids the client sends, in its order, without those it does not offer as simulcast."""
    named = [value.split(" ") for value in section.values("rid")]
    rids = [words[0] for words in named if len(words) > 1 and words[1] == "send" and grammar.is_rid(words[0])]
    return list(dict.fromkeys(rids))[:4]


def _media_offer(section: Section) -> MediaOffer:
    choice = _default(section)
    codec = choice.codec(section.kind) if choice is not None else None
    cid = section.value("msid").split(" ")[-1]
    return MediaOffer(
        section.mid,
        Kind(section.kind),
        cid,
        codec,
        header_extensions(_received_extensions(section)),
        _encodings(section),
    )


def _encodings(section: Section) -> tuple[Encoding, ...]:
    """Simulcast layers in the order of their size, with the SSRCs Firefox lists in the order of the rids."""
    rids = _rids(section) or [""]
    ssrcs = _ssrcs(section)
    if len(ssrcs) != len(rids):
        ssrcs = [(0, 0)] * len(rids) if len(rids) > 1 else (ssrcs[:1] or [(0, 0)])
    known = all(rid in _SPATIAL for rid in rids)
    order = sorted(range(len(rids)), key=lambda index: _SPATIAL[rids[index]] if known else index)
    return tuple(Encoding(spatial, rids[index], *ssrcs[index]) for spatial, index in enumerate(order))


def _ssrcs(section: Section) -> list[tuple[int, int]]:
    """Media SSRCs with their retransmission SSRC (RFC 5888 group FID), or 0."""
    listed = [value.split(" ")[0] for value in section.values("ssrc")]
    numbers = list(dict.fromkeys(int(one) for one in listed if _is_ssrc(one)))
    repairs: dict[int, int] = {}
    for value in section.values("ssrc-group"):
        words = value.split(" ")
        if words[0] == "FID" and len(words) == 3 and _is_ssrc(words[1]) and _is_ssrc(words[2]):
            repairs[int(words[1])] = int(words[2])
    return [(number, repairs.get(number, 0)) for number in numbers if number not in repairs.values()][:8]


def _is_ssrc(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and 0 < int(text) < 1 << 32


def _rejected(section: Section) -> str:
    return f"m={section.kind} 0 {section.protocol} {' '.join(section.formats[:16]) or '0'}"
