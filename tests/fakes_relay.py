"""Stand-ins around the relay: a media worker without media, a client's connection without a socket, SDP of a client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from livekit.protocol import rtc

from meetings.signaling.media import schema
from meetings.signaling.media.process import OnEvent, OnExit

T = TypeVar("T")
FINGERPRINT = ":".join(["AB"] * 32)


class FakeWorker:
    """Takes every command and says Ready; what else a worker reports, the test says through `emit`."""

    def __init__(self) -> None:
        self.commands: list[schema.Command] = []
        self.starts = 0
        self.closed = False
        self.frozen = False  # then heartbeats are not answered
        self.memory = 0
        self.starts_again = True  # else a start hangs
        self._on_event: OnEvent | None = None
        self._on_exit: OnExit | None = None

    async def start(self, on_event: OnEvent, on_exit: OnExit) -> schema.Ready:
        self.starts += 1
        if not self.starts_again:
            await asyncio.Event().wait()
        self._on_event, self._on_exit = on_event, on_exit
        return schema.Ready([("192.0.2.1", 7882), ("127.0.0.1", 7882)], "sha-256", FINGERPRINT)

    def send(self, command: schema.Command) -> None:
        self.commands.append(schema.decode_command(schema.encode(command)))
        if isinstance(command, schema.Ping) and not self.frozen:
            self.emit(schema.Pong(command.number, 0.0, 0, 0, self.memory))

    def kill(self) -> None:
        self.end("killed")

    async def close(self) -> None:
        self.closed = True

    def emit(self, event: schema.Event) -> None:
        assert self._on_event is not None
        self._on_event(schema.decode_event(schema.encode(event)))

    def end(self, reason: str) -> None:
        assert self._on_exit is not None
        self._on_exit(reason)

    def sent(self, kind: type[T]) -> list[T]:
        return [command for command in self.commands if isinstance(command, kind)]


class FakeConnection:
    """A client's connection that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[rtc.SignalResponse] = []
        self.closed = False

    def send(self, message: rtc.SignalResponse) -> None:
        assert not self.closed, "sent after close"
        self.messages.append(rtc.SignalResponse.FromString(message.SerializeToString()))

    def close(self) -> None:
        self.closed = True

    def kinds(self) -> list[str]:
        return [message.WhichOneof("message") or "" for message in self.messages]

    def of(self, kind: str) -> list[rtc.SignalResponse]:
        return [message for message in self.messages if message.WhichOneof("message") == kind]


def offer_sdp(sections: Sequence[str], *, ufrag: str = "abcd", origin: str = "- 1 1 IN IP4 127.0.0.1") -> str:
    """A client's offer of these m-sections, with a data section first."""
    transport = [
        f"a=ice-ufrag:{ufrag}",
        "a=ice-pwd:" + "p" * 24,
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
    ]
    mids = " ".join(str(number) for number in range(len(sections) + 1))
    lines = ["v=0", f"o={origin}", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0", *transport]
    lines += ["a=sctp-port:5000", "a=max-message-size:262144"]
    for number, section in enumerate(sections, start=1):
        lines += [*section.strip().splitlines(), f"a=mid:{number}", *transport]
    return "\r\n".join(lines) + "\r\n"


def audio(cid: str, direction: str = "sendonly") -> str:
    return f"""m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=rtcp-mux
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a={direction}
a=msid:- {cid}"""


def video(cid: str, rids: str = "q;h;f", direction: str = "sendonly") -> str:
    layers = "\n".join(f"a=rid:{rid} send" for rid in rids.split(";") if rid)
    simulcast = f"\n{layers}\na=simulcast:send {rids}" if rids else ""
    return f"""m=video 9 UDP/TLS/RTP/SAVPF 98 96 97
c=IN IP4 0.0.0.0
a=rtcp-mux
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=extmap:13 urn:3gpp:video-orientation
a=rtpmap:98 VP9/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a={direction}
a=msid:- {cid}{simulcast}"""


def answer_to(offer: str, *, ufrag: str = "wxyz") -> str:
    """A client's answer that accepts every section of one of our offers."""
    lines = []
    for line in offer.replace("\r", "").splitlines():
        if line.startswith(("a=candidate", "a=end-of", "a=ice-lite", "a=ssrc", "a=msid")):
            continue
        line = {"a=sendonly": "a=recvonly", "a=setup:actpass": "a=setup:active"}.get(line, line)
        lines.append(f"a=ice-ufrag:{ufrag}" if line.startswith("a=ice-ufrag") else line)
    return "\r\n".join(lines) + "\r\n"
