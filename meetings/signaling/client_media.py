"""A participant's subscriber side: offers in, answers and packets out, feedback back.

Knows nothing of rooms: tracks are named by the ids the server's offers give them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Protocol

from meetings.signaling.client_receive import IncomingStats, RtpPacket, ntp_seconds
from meetings.signaling.client_sdp import IncomingTrack, RemoteCandidate, answer_offer
from meetings.signaling.client_transport import ClientTransport
from meetings.signaling.media import rtcp, rtp
from meetings.signaling.media.sctp import MAX_MESSAGE, DataChannels
from meetings.signaling.media.wire import Malformed

NACK_TICK = 0.02
REPORT_EVERY = 1.0
KEYFRAME_THROTTLE = 0.4
BANDWIDTH = 200_000_000  # a recorder is never thinned
MAX_SOURCES = 1024
SCTP_PORT = 5000


class PacketListener(Protocol):
    """Where packets go."""

    def packet(self, track_sid: str, packet: RtpPacket) -> None: ...
    def sender_report(self, track_sid: str, ntp: float, timestamp: int, arrival: float) -> None: ...


class Subscriber:
    """The subscriber peer connection. `allowed` holds the track ids whose packets are handed on."""

    def __init__(self, listener: PacketListener, lost: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.allowed: set[str] = set()
        self.unusable: dict[str, str] = {}  # tracks of the last offer that were declined, with their codec
        self._listener = listener
        self._lost = lost
        self._clock = clock
        self._transport = ClientTransport(self, clock)
        self._data = DataChannels("client", self._transport.send_application, self)
        self._ssrc = random.getrandbits(32)
        self._version = 0
        self._by_mid: dict[str, IncomingTrack] = {}
        self._by_ssrc: dict[int, tuple[IncomingTrack, bool]] = {}
        self._stats: dict[int, IncomingStats] = {}
        self._asked: dict[str, float] = {}
        self._ticker: asyncio.Task[None] | None = None

    def offer(self, text: str, mid_to_track: Mapping[str, str]) -> str:
        """Take the server's offer, give our answer. Raises SdpError."""
        self._version += 1
        answered = answer_offer(text, self._transport.local, self._version, mid_to_track)
        self.unusable = {one.track_sid: one.codec for one in answered.unusable}
        self._by_mid = {track.mid: track for track in answered.tracks}
        self._by_ssrc = {}
        for track in answered.tracks:
            self._by_ssrc |= dict.fromkeys(track.ssrcs, (track, False)) | dict.fromkeys(track.rtx_ssrcs, (track, True))
        self._stats = {ssrc: stats for ssrc, stats in self._stats.items() if ssrc in self._by_ssrc}
        self._transport.connect(answered.remote)
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick())
        return answered.answer

    def tracks(self) -> dict[str, IncomingTrack]:
        """The tracks of the last offer."""
        return {track.track_sid: track for track in self._by_mid.values()}

    def add_candidate(self, candidate: RemoteCandidate) -> None:
        """Another address of the server."""
        self._transport.add_candidate(candidate)

    def request_keyframe(self, track_sid: str) -> None:
        """Send a picture loss indication, at most one in 0.4 s for a track."""
        now = self._clock()
        if now - self._asked.get(track_sid, -1.0) < KEYFRAME_THROTTLE:
            return
        for ssrc, (track, is_rtx) in self._by_ssrc.items():
            if track.track_sid == track_sid and not is_rtx:
                self._asked[track_sid] = now
                self._transport.send_reports(self._compound(rtcp.pli(self._ssrc, ssrc)))

    async def close(self) -> None:
        """Stop and free the socket."""
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)
        self._data.close()
        await self._transport.close()

    # ------------------------------------------------------------------------- called by the transport

    def connected(self) -> None:
        """Keys are there: every picture begins with a keyframe."""
        self._data.start(SCTP_PORT, MAX_MESSAGE)  # servers wait for it before they send media
        for track in self._by_mid.values():
            if track.kind == "video":
                self.request_keyframe(track.track_sid)

    def lost(self, reason: str) -> None:
        """The transport is dead."""
        self._lost(reason)

    def application(self, data: bytes) -> None:
        """An SCTP packet."""
        self._data.receive(data)

    def channel_open(self, label: str) -> None:
        """A data channel is open; what comes over it is not used: events are the coordinator's business."""

    def message(self, label: str, payload: bytes) -> None:
        """Not used, see `channel_open`."""

    def media(self, packet: bytes, arrival: float) -> None:
        """One RTP packet."""
        try:
            header = rtp.parse(packet)
        except Malformed:
            return
        found = self._by_ssrc.get(header.ssrc) or self._learn(header)
        if found is None or found[0].track_sid not in self.allowed:
            return
        track, is_rtx = found
        if is_rtx:
            self._resent(track, packet, header, arrival)
            return
        if header.payload_type not in track.codecs:
            return
        self._stats_of(header.ssrc, track).arrived(header.sequence, header.timestamp, arrival)
        self._hand_on(track, packet, header, arrival)

    def reports(self, packet: bytes, arrival: float) -> None:
        """One compound RTCP packet."""
        try:
            parsed = rtcp.parse(packet)
        except Malformed:
            return
        for one in parsed:
            found = self._by_ssrc.get(one.ssrc) if isinstance(one, rtcp.SenderReport) else None
            if found is not None and isinstance(one, rtcp.SenderReport) and not found[1]:
                self._stats_of(one.ssrc, found[0]).reported(one, arrival)
                self._listener.sender_report(found[0].track_sid, ntp_seconds(one), one.timestamp, arrival)

    # ------------------------------------------------------------------------------------------ packets

    def _learn(self, header: rtp.Header) -> tuple[IncomingTrack, bool] | None:
        """A source the offer did not list is known by its MID (RFC 8843 section 9.2)."""
        for track in self._by_mid.values():
            mid = header.extensions.get(track.mid_extension)
            if mid is not None and mid == track.mid.encode() and len(self._by_ssrc) < MAX_SOURCES:
                found = track, header.payload_type in track.rtx
                self._by_ssrc[header.ssrc] = found
                return found
        return None

    def _resent(self, track: IncomingTrack, packet: bytes, header: rtp.Header, arrival: float) -> None:
        original = next((ssrc for ssrc, (one, rtx) in self._by_ssrc.items() if one is track and not rtx), None)
        payload_type = track.rtx.get(header.payload_type)
        if original is None or payload_type is None:
            return
        restored = rtp.restore_from_rtx(packet, header, original, payload_type)
        if restored is not None:
            found = rtp.parse(restored)
            self._stats_of(original, track).repaired(found.sequence)
            self._hand_on(track, restored, found, arrival)

    def _hand_on(self, track: IncomingTrack, packet: bytes, header: rtp.Header, arrival: float) -> None:
        payload = packet[header.payload_start : header.payload_end]
        codec = track.codecs[header.payload_type]
        self._listener.packet(
            track.track_sid, RtpPacket(header.sequence, header.timestamp, header.marker, payload, arrival, codec)
        )

    def _stats_of(self, ssrc: int, track: IncomingTrack) -> IncomingStats:
        if ssrc not in self._stats:
            self._stats[ssrc] = IncomingStats(ssrc, track.clock_rate)
        return self._stats[ssrc]

    # ------------------------------------------------------------------------------------------ feedback

    async def _tick(self) -> None:
        report_at = self._clock()
        while True:
            await asyncio.sleep(NACK_TICK)
            now = self._clock()
            for ssrc, stats in self._stats.items():
                self._ask_again(ssrc, stats, now)
            if now >= report_at:
                report_at = now + REPORT_EVERY
                self._report(now)

    def _ask_again(self, ssrc: int, stats: IncomingStats, now: float) -> None:
        missing = stats.to_ask(now)
        if missing:
            self._transport.send_reports(self._compound(rtcp.nack(self._ssrc, ssrc, missing)))
        if stats.overrun:
            stats.overrun = False
            found = self._by_ssrc.get(ssrc)
            if found is not None and found[0].kind == "video":
                self.request_keyframe(found[0].track_sid)

    def _report(self, now: float) -> None:
        blocks = [block for stats in self._stats.values() if (block := stats.block(now)) is not None]
        for start in range(0, len(blocks), 31):
            report = rtcp.ReceiverReport(self._ssrc, tuple(blocks[start : start + 31]))
            self._transport.send_reports(rtcp.receiver_report(report))
        pictures = [
            ssrc
            for ssrc, (track, rtx) in self._by_ssrc.items()
            if track.kind == "video" and not rtx and ssrc in self._stats
        ]
        if pictures:
            self._transport.send_reports(self._compound(rtcp.remb(self._ssrc, BANDWIDTH, pictures[:255])))

    def _compound(self, feedback: bytes) -> bytes:
        """Feedback after an empty receiver report: servers that read only whole compounds (RFC 3550 6.1) exist."""
        return rtcp.receiver_report(rtcp.ReceiverReport(self._ssrc)) + feedback
