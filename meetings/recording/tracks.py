"""One track on its way from packets to its file: order, frames, time, and when to beg for a keyframe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meetings.recording.clocks import SenderClock, TrackClock
from meetings.recording.depacketize import Assembler, Frame, Lost, OpusAssembler, Reorder, Vp8Assembler
from meetings.recording.depacketize import RtpPacket as Packet
from meetings.recording.formats import TrackFormat
from meetings.recording.h264 import H264Assembler
from meetings.recording.tape import OpenFile, Tape
from meetings.recording.vp9 import Vp9Assembler
from meetings.signaling.client import RemoteTrack

KEYFRAME_SECONDS = 30.0  # a place to seek to at least this often
BEG_SECONDS = 1.0
ASSEMBLERS: dict[str, Callable[[], Assembler]] = {
    "opus": OpusAssembler,
    "vp8": Vp8Assembler,
    "vp9": Vp9Assembler,
    "h264": H264Assembler,
}
GAP_MS = 200  # sound: less is mended by the listener's decoder and not worth a line


class TrackRecorder:
    """Call `packet` for every packet, `tick` a few times a second, `close` at the end."""

    def __init__(
        self, tape: Tape, track: RemoteTrack, rate: int, sender: SenderClock, beg: Callable[[str], None]
    ) -> None:
        self.track = track
        self._tape = tape
        self._beg = beg
        self._reorder = Reorder()
        self._codec = "vp8" if track.kind == "video" else "opus"
        self._assembler = ASSEMBLERS[self._codec]()
        self._clock = TrackClock(rate, sender)
        self._file: OpenFile | None = None
        self._size = (0, 0)
        self._begged = 0.0
        self._keyframe_at = 0.0
        self._lost = 0
        self._lost_from: int | None = None
        self._last_ms = 0

    def packet(self, packet: Packet) -> None:
        """One packet of the track, in any order."""
        self._take(self._reorder.push(packet))

    def report(self, ntp: float, timestamp: int, arrival: float) -> None:
        """What the sender said about its clock."""
        self._clock.report(ntp, timestamp)

    def tick(self, now: float) -> None:
        """Give up on old holes, and beg for a keyframe where one is due."""
        self._take(self._reorder.tick(now))
        waiting = self._assembler.needs_keyframe
        due = self.track.kind == "video" and self._file is not None and now - self._keyframe_at > KEYFRAME_SECONDS
        if (waiting or due) and not self.track.muted and now - self._begged > BEG_SECONDS:
            self._begged = now
            self._beg(self.track.sid)

    def close(self) -> None:
        """The track has ended: write what is held and seal the file."""
        self._take(self._reorder.drain())
        self._seal()

    def _seal(self) -> None:
        if self._file is not None:
            self._tape.close(self._file)
            self._file = None

    def _take(self, items: Sequence[Lost | Packet]) -> None:
        for item in items:
            if isinstance(item, Lost):
                self._note_loss(item)
            elif item.codec != self._codec and item.codec in ASSEMBLERS:
                self._change(item.codec)
            for frame in self._assembler.push(item):
                self._write(frame)

    def _change(self, codec: str) -> None:
        """A sender may go over to another codec within a track: that is another file."""
        self._seal()
        self._codec, self._assembler, self._size = codec, ASSEMBLERS[codec](), (0, 0)

    def _note_loss(self, lost: Lost) -> None:
        self._lost += lost.count
        if self._lost_from is None:
            self._lost_from = self._last_ms

    def _write(self, frame: Frame) -> None:
        at = self._tape.t(self._clock.time_of(frame.timestamp, frame.arrival))
        if self._file is None:
            self._file = self._tape.open(self.track, at, self._format(frame))
        if self.track.kind == "video" and frame.keyframe:
            self._keyframe_at = frame.arrival
            self._note_size(frame, at)
        self._declare_gap(at)
        self._last_ms = at + frame.duration_ms
        relative = at - self._file.starts_ms
        self._file.writer.write(frame.data, relative, keyframe=frame.keyframe, duration_ms=frame.duration_ms)

    def _format(self, frame: Frame) -> TrackFormat:
        kind, title = self.track.kind, self.track.participant_name
        return TrackFormat(kind, frame.width, frame.height, title, self._codec, frame.private)

    def _note_size(self, frame: Frame, at: int) -> None:
        assert self._file is not None
        if (frame.width, frame.height) != self._size:
            self._size = (frame.width, frame.height)
            self._tape.note("layer", at, file=self._file.name, width=frame.width, height=frame.height)

    def _declare_gap(self, at: int) -> None:
        if self._lost_from is not None and self._file is not None and at - self._lost_from > GAP_MS:
            self._tape.note(
                "gap", self._lost_from, until=at, file=self._file.name, packets=self._lost, reason="packets lost"
            )
        self._lost_from, self._lost = None, 0
