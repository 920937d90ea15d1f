"""What publisher and subscriber descriptions share: our transport, the client's, header extensions, data channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meetings.signaling.media.schema import HeaderExtensions
from meetings.signaling.negotiation.grammar import Extension, SdpError, Section

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
DEPENDENCY = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

EXTENSION_NAMES = {
    MID: "mid",
    RID: "rid",
    REPAIRED_RID: "repaired_rid",
    AUDIO_LEVEL: "audio_level",
    TRANSPORT_CC: "transport_cc",
    ABS_SEND_TIME: "abs_send_time",
    DEPENDENCY: "dependency",
}
SCTP_PORT = 5000
MAX_MESSAGE_SIZE = 65_535
_PASSIVE = 4  # the direction's preference of a host candidate that waits to be connected to


@dataclass(frozen=True)
class LocalTransport:
    """Our end of a transport as it stands in descriptions."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint_algorithm: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]
    tcp_candidates: tuple[tuple[str, int], ...] = ()

    def lines(self, setup: str, *, candidates: bool = True) -> list[str]:
        """The attributes of an m-section that belong to its transport. Those of one bundle share their candidates."""
        return [
            f"a=ice-ufrag:{self.ice_ufrag}",
            f"a=ice-pwd:{self.ice_pwd}",
            f"a=fingerprint:{self.fingerprint_algorithm} {self.fingerprint}",
            f"a=setup:{setup}",
            *(self._candidate_lines() if candidates else ()),
        ]

    def _candidate_lines(self) -> list[str]:
        """Host candidates, best first; those over TCP (RFC 6544 section 4.5), where the client connects, after all."""
        lines = []
        for index, (address, port) in enumerate(self.candidates):
            priority = (126 << 24) | ((65_535 - index) << 8) | 255  # RFC 8445 section 5.1.2.1
            lines.append(f"a=candidate:{index + 1} 1 udp {priority} {address} {port} typ host")
        for index, (address, port) in enumerate(self.tcp_candidates):
            priority = (90 << 24) | (_PASSIVE << 13 | 8191 - index) << 8 | 255  # RFC 6544 section 4.2
            number = len(self.candidates) + index + 1
            lines.append(f"a=candidate:{number} 1 tcp {priority} {address} {port} typ host tcptype passive")
        return [*lines, "a=end-of-candidates"]


@dataclass(frozen=True)
class RemoteTransport:
    """The client's end of a transport, from its description."""

    ice_ufrag: str
    fingerprint_algorithm: str
    fingerprint: str
    sctp_port: int = 0
    max_message_size: int = MAX_MESSAGE_SIZE
    dtls_passive: bool = False  # it answered our `actpass` by waiting for us, as Go clients do


def remote_transport(sections: tuple[Section, ...]) -> RemoteTransport:
    """The one bundled transport of a description. Raises SdpError when it cannot be connected to."""
    carrier = next((one for one in sections if one.value("ice-ufrag") and one.value("fingerprint")), None)
    if carrier is None:
        raise SdpError("the description names no ICE credentials and fingerprint")
    algorithm, _, fingerprint = carrier.value("fingerprint").partition(" ")
    if len(fingerprint) > 200 or len(carrier.value("ice-ufrag")) > 256:
        raise SdpError("the ICE credentials or the fingerprint are malformed")
    data = next((one for one in sections if one.kind == "application" and not one.stopped), None)
    port = data.value("sctp-port") if data else ""
    return RemoteTransport(
        carrier.value("ice-ufrag"),
        algorithm.lower(),
        fingerprint.strip().upper(),
        (int(port) if port.isdecimal() and len(port) <= 5 else SCTP_PORT) if data else 0,
        dtls_passive=carrier.value("setup") == "passive",
    )


def header_extensions(extensions: Iterable[Extension]) -> HeaderExtensions:
    """The ids under which the known ones arrive, or are sent."""
    return HeaderExtensions(
        **{EXTENSION_NAMES[one.uri]: one.number for one in extensions if one.uri in EXTENSION_NAMES}
    )


def head(version: int, bundled: str) -> list[str]:
    return [
        "v=0",
        f"o=- 1 {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {bundled}",
        "a=msid-semantic:WMS *",
        "a=ice-lite",
        "a=extmap-allow-mixed",
    ]


def application_lines(mid: str, transport: list[str]) -> list[str]:
    """The section that carries data channels (RFC 8841)."""
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        *transport,
        f"a=sctp-port:{SCTP_PORT}",
        f"a=max-message-size:{MAX_MESSAGE_SIZE}",
    ]
