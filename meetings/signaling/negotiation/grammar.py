"""The grammar of SDP (RFC 8866, RFC 8829): text to sections and attributes, bounded, and the lines that go back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from meetings.signaling import limits

Attribute = tuple[str, str]
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_INHERITED = ("fingerprint", "ice-ufrag", "ice-pwd", "setup")  # Firefox gives these once, for the session
_MAX_LINE = 4096


class SdpError(ValueError):
    """A description that is malformed, too large, or lacks what is needed to answer it."""


class TooManySections(SdpError):
    """Clients do not use the sections of ended tracks again, so a very long session comes to this by itself."""


@dataclass(frozen=True)
class Codec:
    """One rtpmap with its fmtp and feedback lines."""

    payload_type: int
    name: str  # lower case
    clock_rate: int
    rtpmap: str
    fmtp: str = ""
    feedback: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """What its fmtp says."""
        pairs = (parameter.strip().partition("=") for parameter in self.fmtp.split(";"))
        return {key.lower(): value for key, _, value in pairs if key}

    @property
    def apt(self) -> int | None:
        """The payload type that this one retransmits (RFC 4588)."""
        value = self.parameters.get("apt", "")
        return int(value) if value.isdecimal() and len(value) <= 3 else None


class Extension(NamedTuple):
    """One extmap line; without a direction it is for both."""

    number: int
    uri: str
    direction: str = ""


@dataclass
class Section:
    """One m-section."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: list[Attribute] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def value(self, name: str) -> str:
        return next((value for key, value in self.attributes if key == name), "")

    @property
    def mid(self) -> str:
        return self.value("mid")

    @property
    def direction(self) -> str:
        return next((key for key, _ in self.attributes if key in _DIRECTIONS), "sendrecv")

    @property
    def stopped(self) -> bool:
        """Port 0 stops a section, unless it only says that there is no other way than the bundle (RFC 9143)."""
        return self.port == 0 and ("bundle-only", "") not in self.attributes

    @property
    def sends(self) -> bool:
        return not self.stopped and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return not self.stopped and self.direction in ("sendrecv", "recvonly")

    def codecs(self) -> list[Codec]:
        """Codecs in the order of the m-line's preference."""
        fmtp = dict(_numbered(self.values("fmtp")))
        feedback: dict[int, list[str]] = {}
        for number, text in _numbered(self.values("rtcp-fb")):
            feedback.setdefault(number, []).append(text)
        found = {}
        for number, text in _numbered(self.values("rtpmap")):
            name, _, rest = text.partition("/")
            clock = rest.partition("/")[0]
            if clock.isdecimal() and number <= 127:
                extras = fmtp.get(number, ""), tuple(feedback.get(number, ()))
                found[number] = Codec(number, name.lower(), int(clock), text, *extras)
        order = [int(one) for one in self.formats if one.isdecimal()]
        return [found[number] for number in order if number in found]

    def extensions(self) -> list[Extension]:
        """Header extensions (RFC 8285), with ids that one- or two-byte headers can carry only."""
        found = []
        for value in self.values("extmap"):
            name, _, rest = value.partition(" ")
            number, _, direction = name.partition("/")
            uri = rest.partition(" ")[0]
            if number.isdecimal() and len(number) <= 3 and 1 <= int(number) <= 255 and uri:
                found.append(Extension(int(number), uri, direction))
        return found


@dataclass(frozen=True)
class Description:
    """A parsed offer or answer; session-level transport attributes are copied into sections that lack them."""

    origin: str
    session: tuple[Attribute, ...]
    sections: tuple[Section, ...]


def _numbered(values: list[str]) -> Iterator[tuple[int, str]]:
    for value in values:
        number, _, rest = value.partition(" ")
        if number.isdecimal() and len(number) <= 3:
            yield int(number), rest


def parse(text: str, *, scale: int = 1) -> Description:
    """Parse a description; raises SdpError. A participant that reads a server's offers allows `scale` times as much."""
    if len(text.encode("utf-8", "replace")) > limits.SDP * scale:
        raise TooManySections("the description is too large")
    origin = ""
    session: list[Attribute] = []
    sections: list[Section] = []
    for line in text.replace("\r", "").split("\n"):
        if len(line) > _MAX_LINE:
            raise SdpError("a line is too long")
        if line.startswith("m="):
            sections.append(_media(line[2:]))
        elif line.startswith("o="):
            origin = line[2:]
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            (sections[-1].attributes if sections else session).append((name, value))
    _check(sections, scale)
    for section in sections:
        section.attributes += [one for one in session if one[0] in _INHERITED and not section.value(one[0])]
    return Description(origin, tuple(session), tuple(sections))


def _media(line: str) -> Section:
    words = line.split(" ")
    if len(words) < 3 or not words[1].isdecimal():
        raise SdpError("an m-line is malformed")
    return Section(words[0], int(words[1][:5]), words[2], tuple(words[3:]))


def _check(sections: list[Section], scale: int) -> None:
    if not sections:
        raise SdpError("the description has no media section")
    if len(sections) > limits.MEDIA_SECTIONS * scale:
        raise TooManySections("too many media sections")
    if sum(len(section.values("candidate")) for section in sections) > limits.CANDIDATES * scale:
        raise SdpError("too many candidates")
    mids = [section.mid for section in sections if section.mid or not section.stopped]  # stopped ones may lack it
    if not all(_is_token(mid) for mid in mids) or len(set(mids)) != len(mids):
        raise SdpError("every media section needs a mid of its own")


def _is_token(text: str) -> bool:
    """A short word that can be written into an answer as it is (RFC 8866 token, RFC 8843 mid at most 16 here)."""
    return 0 < len(text) <= 16 and text.isascii() and all(char.isalnum() or char in "-_.+{}" for char in text)


def is_rid(text: str) -> bool:
    """RFC 8852: letters and digits; longer than 16 no client uses."""
    return 0 < len(text) <= 16 and text.isascii() and all(char.isalnum() or char in "-_" for char in text)


def text_of(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
